"""The life of one account's token: exchanged in time, once for the whole fleet, and watched."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from workflows.domain import token as rules
    from workflows.domain.token import Alert, ExchangeResult, TokenExchanged, TokenState
    from workflows.ports import TOKEN_QUEUE, TOKEN_WORKFLOW, Credentials, EnsureToken, ExchangeToken, TokenRefused

_EXCHANGE_LIMIT = timedelta(seconds=20)
_ASKER_LIMIT = timedelta(seconds=5)
_ALERT_LIMIT = timedelta(seconds=15)
_ONCE = RetryPolicy(maximum_attempts=1)
_ALERT_BACK_OFF = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
_MAX_PENDING_ALERTS = 50


@workflow.defn(name=TOKEN_WORKFLOW)
class TokenWorkflow:
    """One account's token, id `token-<account>`. Knows the token's version, life and scopes, never the token."""

    @workflow.init
    def __init__(self, state: TokenState) -> None:
        self._state = state
        self._exchanging = False
        self._asker: str | None = None
        self._posting: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, state: TokenState) -> None:  # noqa: ARG002 - `__init__` took it
        """For ever: exchange when it is due, alert when somebody must know, continue as new when history grows."""
        while not self._may_continue_as_new():
            # Beside the loop: whoever takes the alerts may be slow, and no token waits for that.
            if self._state.pending_alerts and self._posting is None:
                self._posting = asyncio.create_task(self._post_next_alert())
            if self._due():
                await self._exchange()
            else:
                await self._wait()
        workflow.continue_as_new(self._state)

    @workflow.update
    async def ensure(self, wanted: EnsureToken) -> TokenState:
        """A starting worker's question: is there a token for these scopes? Answers after at most one exchange.

        Exchanges unless the last exchange for these scopes is under a minute old. `problem` says what is wrong.
        """
        # One that is under way may be for fewer scopes: it is no answer to this question.
        await workflow.wait_condition(lambda: not self._exchanging)
        state = self._state
        required = list(dict.fromkeys([*wanted.scopes, *state.required_scopes]))
        same = set(required) == set(state.required_scopes)
        self._state = replace(state, required_scopes=required, margin_s=wanted.margin_s)
        if not (same and rules.is_fresh(state.last_exchange_at, workflow.now()) and state.problem is None):
            exchanges, self._asker = self._state.exchanges, wanted.queue
            self._state = replace(self._state, next_exchange_at=workflow.now())
            # Another worker's question may start the exchange first: its answer serves both.
            await workflow.wait_condition(lambda: self._state.exchanges > exchanges and not self._exchanging)
        return self._state

    @workflow.signal
    def refused(self, refusal: TokenRefused) -> None:
        """A request with this version was answered 401: exchange, unless there is a newer one already."""
        state = self._state
        if refusal.version >= state.version and not self._exchanging:
            due = rules.after_refusal(state.last_exchange_at, state.refusals, workflow.now())
            if state.failures and state.next_exchange_at is not None:
                # However many requests are refused, an endpoint that gives no token is not hurried.
                due = max(due, state.next_exchange_at)
            self._state = replace(state, refused_version=state.version, next_exchange_at=due)

    @workflow.signal
    def forbidden(self, refusal: TokenRefused) -> None:
        """A request was answered 403."""
        self._state = rules.after_forbidden(self._state, refusal.version, workflow.now())

    @workflow.signal
    def confirmed(self, confirmation: TokenRefused) -> None:
        """A request worked after a 401: the next refusal is met at once again."""
        if confirmation.version >= self._state.version:
            self._state = replace(self._state, refusals=0)

    @workflow.signal
    def alert(self, alert: Alert) -> None:
        """Somebody else found something an administrator must know."""
        if len(self._state.pending_alerts) < _MAX_PENDING_ALERTS and alert not in self._state.pending_alerts:
            self._state = replace(self._state, pending_alerts=[*self._state.pending_alerts, alert])

    @workflow.query
    def state(self) -> TokenState:
        """Version, life and scopes of the token, and what is wrong with it."""
        return self._state

    # --- private steps -----------------------------------------------------------------------------------------

    def _due(self) -> bool:
        due = self._state.next_exchange_at
        return due is not None and workflow.now() >= due

    def _may_continue_as_new(self) -> bool:
        info = workflow.info()
        grown = info.is_continue_as_new_suggested() or info.get_current_history_length() > 5_000
        # A handler that waits for an exchange needs this run, and so does an alert on its way.
        return grown and self._posting is None and workflow.all_handlers_finished()

    async def _wait(self) -> None:
        """Until the next exchange is due, or a message changes what is due."""
        before = self._state
        due = before.next_exchange_at
        timeout = None if due is None else max(due - workflow.now(), timedelta(milliseconds=1))
        try:
            await workflow.wait_condition(lambda: self._state is not before, timeout=timeout)
        except TimeoutError:
            return

    async def _exchange(self) -> None:
        state, asker = self._state, self._asker
        self._exchanging, self._asker = True, None
        command = ExchangeToken(account=state.account, scopes=state.required_scopes, known_version=state.version)
        try:
            answer = await workflow.execute_activity_method(
                Credentials.exchange_token,
                command,
                task_queue=asker or TOKEN_QUEUE,
                start_to_close_timeout=_EXCHANGE_LIMIT,
                # Whoever asked may be gone; the next try is anybody's.
                schedule_to_start_timeout=_ASKER_LIMIT if asker else None,
                retry_policy=_ONCE,
            )
        except ActivityError as error:
            # A worker that died, or a database out of reach: neither says anything about the token.
            answer = TokenExchanged(result=ExchangeResult.UNAVAILABLE, detail=str(error.cause or error)[:200])
        # Signals and updates may have changed the state meanwhile: fold into what is there now.
        self._exchanging = False
        self._state = rules.fold(self._state, answer, workflow.now())
        self._count(answer)

    async def _post_next_alert(self) -> None:
        alert = self._state.pending_alerts[0]
        try:
            await workflow.execute_activity_method(
                Credentials.post_alert,
                alert,
                task_queue=TOKEN_QUEUE,
                start_to_close_timeout=_ALERT_LIMIT,
                schedule_to_close_timeout=timedelta(minutes=1),
                retry_policy=_ALERT_BACK_OFF,
            )
        except ActivityError:
            workflow.logger.error("alert could not be posted", extra={"kind": alert.kind})
        rest = [other for other in self._state.pending_alerts if other != alert]
        self._posting = None
        self._state = replace(self._state, pending_alerts=rest)

    def _count(self, answer: TokenExchanged) -> None:
        counter = workflow.metric_meter().create_counter("talkbridge_token_exchanges", "Token exchanges by result")
        counter.add(1, {"result": str(answer.result)})
