"""The port `Ledger` on PostgreSQL: which call has which ticket, and who waits for whom."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError, RPCStatusCode

from activities.postgres.calls import Calls, Earlier, KeptMend, Look, NewCall, SavedCall
from activities.postgres.database import Database
from activities.postgres.identity import Decrypt, Identity, IdentityKey
from activities.reaching import reaching_ledger
from activities.records import memory_from, standing, to_json
from workflows.domain.call import CallPolicy
from workflows.domain.customer import Customer, mask_text
from workflows.domain.errors import Failure
from workflows.domain.status import SearchAttribute
from workflows.domain.ticket import call_label
from workflows.ports import (
    CallOpened,
    FindTicket,
    KeepMend,
    Ledger,
    OpenCall,
    SaveCall,
    TicketOfOthers,
    call_workflow_id,
)

LOCAL_LIMIT_S = 0.25
"""A local activity that takes longer holds back its workflow task; a regular one follows instead."""
ASK_AFTER = timedelta(seconds=30)
PATIENCE = timedelta(minutes=10)
FIRST_DELAY_S = 0.2
MOST_REASON = 500
LONGEST_DELAY_S = 1.0
ASK_TIMEOUT = timedelta(seconds=2)

_NEEDS_ATTENTION = SearchAttributeKey.for_bool(SearchAttribute.NEEDS_ATTENTION)

log = logging.getLogger(__name__)


class PostgresLedger(Ledger):
    """Raises `ApplicationError` of type `LedgerUnavailable` when PostgreSQL does not do what it is asked for.

    `policy` is what every call starts with. `client` is asked about calls that keep others waiting.
    `local_limit_s` bounds a step that runs as a local activity.
    """

    def __init__(
        self,
        database: Database,
        *,
        decrypt: Decrypt,
        policy: CallPolicy,
        client: Client,
        local_limit_s: float = LOCAL_LIMIT_S,
    ) -> None:
        self._calls = Calls(database)
        self._identity_key = IdentityKey(database, decrypt=decrypt)
        self._policy = policy
        self._client = client
        self._local_limit_s = local_limit_s

    @activity.defn
    async def call_policy(self) -> CallPolicy:
        """The settings that shape a call; touches no database."""
        return self._policy

    @activity.defn
    async def open_call(self, command: OpenCall) -> CallOpened:
        """Enter the call; tell what is known of it."""
        async with self._reaching():
            opened = await self._calls.open(
                NewCall(
                    call_id=command.call_id,
                    workflow_id=call_workflow_id(command.call_id),
                    run_id=command.run_id,
                    identity=await self._identity(command.customer),
                    occurred_at=command.occurred_at,
                    max_duration_s=self._policy.max_duration_s,
                    status=to_json(command.status),
                ),
                window_s=self._policy.recent_ticket_window_s,
            )
        known = opened.memory is not None
        log.info("call opened", extra={"action": "call_opened", **standing(command.status)})
        return CallOpened(
            generation=opened.generation,
            policy=self._policy,
            memory=memory_from(opened.memory) if opened.memory is not None else None,
            version=opened.version,
            others=None if known or opened.look is None else _first_answer(opened.look),
            ticket_id=opened.ticket_id,
            create_unknown=opened.create_unknown,
            ended=opened.ended,
        )

    @activity.defn
    async def find_ticket(self, command: FindTicket) -> TicketOfOthers:
        """The ticket of a matching call that is active or was used within the window."""
        async with self._reaching():
            look = await self._look(command)
        return _first_answer(look)

    @activity.defn
    async def await_ticket(self, command: FindTicket) -> TicketOfOthers:
        """The same, retried until no earlier matching call is pending (or it gives way)."""
        async with self._reaching():
            look = await self._look(command)
            blocking = _blocking(look)
            waited = activity.info().started_time - activity.info().scheduled_time
            if blocking and waited < PATIENCE:
                if waited < ASK_AFTER or not await self._calls.may_ask(command.call_id, command.generation):
                    raise _still_pending(len(blocking))
                await self._ask_for_way(blocking)
        return _answer(look, look.earlier)

    @activity.defn
    async def save_call(self, command: SaveCall) -> None:
        """Write the call as it stands; an older version than the one written changes nothing."""
        ticket = command.memory.ticket
        async with self._reaching():
            await self._calls.save(
                SavedCall(
                    call_id=command.call_id,
                    generation=command.generation,
                    version=command.version,
                    workflow_id=call_workflow_id(command.call_id),
                    run_id=command.status.run_id,
                    identity=await self._identity(command.customer),
                    ticket_id=ticket.id if ticket else None,
                    excluded=command.memory.excluded,
                    left=command.memory.left,
                    pending=command.pending,
                    active=command.active,
                    max_duration_s=command.max_duration_s,
                    status=to_json(command.status),
                    memory=to_json(command.memory),
                )
            )
        log.info("call saved", extra={"action": "call_saved", **standing(command.status)})

    @activity.defn
    async def keep_mend(self, command: KeepMend) -> None:
        """Write down what a person did, once."""
        mend = command.mend
        async with self._reaching():
            await self._calls.keep_mend(
                KeptMend(
                    call_id=command.call_id,
                    generation=command.generation,
                    mend_id=_storable(mend.id),
                    action=mend.action,
                    step=_storable(mend.step) if mend.step else None,
                    ticket_id=mend.ticket_id,
                    asked_by=_storable(mask_text(mend.by)),
                    reason=_storable(mask_text(mend.reason, MOST_REASON)),
                    result=command.mended.result,
                    text=command.mended.text,
                    mended_at=command.at,
                )
            )
        fields = {"action": "mend_kept", "mend": mend.action, "mend_id": mend.id, "result": command.mended.result}
        log.info("call mended", extra={**fields, "call_id": command.call_id})

    async def _look(self, command: FindTicket) -> Look:
        return await self._calls.look(
            command.call_id,
            command.generation,
            identity=await self._identity(command.customer),
            excluded=command.excluded,
            window_s=command.window_s,
        )

    async def _identity(self, customer: Customer) -> Identity:
        if not customer.known:
            return Identity()
        return (await self._identity_key.hasher()).identity(email=customer.email, phone=customer.phone)

    async def _ask_for_way(self, blocking: Sequence[Earlier]) -> None:
        """Raise unless all of them give way: closed, or in need of a person."""
        closed = []
        for earlier in blocking:
            way = await self._gives_way(earlier.workflow_id)
            if way is None:
                raise _still_pending(len(blocking))
            if way == "closed":
                closed.append(earlier.id)
            fields = {"action": "earlier_call_gave_way", "earlier_call_id": earlier.call_id}
            log.warning("an earlier call of the same customer gave way", extra=fields)
        if closed:
            await self._calls.gave_way(closed)

    async def _gives_way(self, workflow_id: str) -> str | None:
        """Why it does: `closed`, `attention`; None when it does not, or Temporal cannot tell."""
        try:
            about = await self._client.get_workflow_handle(workflow_id).describe(rpc_timeout=ASK_TIMEOUT)
        except RPCError as error:
            return "closed" if error.status == RPCStatusCode.NOT_FOUND else None
        if about.status != WorkflowExecutionStatus.RUNNING:
            return "closed"
        return "attention" if about.typed_search_attributes.get(_NEEDS_ATTENTION) else None

    @asynccontextmanager
    async def _reaching(self) -> AsyncIterator[None]:
        """Bound the step when it is local, and say in the port's words what went wrong."""
        with reaching_ledger():
            async with asyncio.timeout(self._local_limit_s if activity.info().is_local else None):
                yield


def _blocking(look: Look) -> list[Earlier]:
    """Whom to wait for; one that needs a person keeps nobody waiting."""
    return [] if look.ticket_id is not None else [each for each in look.earlier if not each.needs_attention]


def _first_answer(look: Look) -> TicketOfOthers:
    return TicketOfOthers(wait=True) if _blocking(look) else _answer(look, look.earlier)


def _answer(look: Look, given_way: Sequence[Earlier]) -> TicketOfOthers:
    """The ticket, or leave to go on; what those who gave way may have created is to be looked for first."""
    if look.ticket_id is not None:
        return TicketOfOthers(ticket_id=look.ticket_id, attempts=activity.info().attempt)
    unsettled = [call_label(each.call_id, each.generation) for each in given_way if each.create_unknown]
    return TicketOfOthers(lookup_external_ids=unsettled, attempts=activity.info().attempt)


def _storable(text: str) -> str:
    """PostgreSQL takes no NUL; a mend that was accepted with one must be kept all the same, or is tried for ever."""
    return text.replace("\x00", "�")


def _still_pending(others: int) -> ApplicationError:
    delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 1.5 ** min(activity.info().attempt - 1, 10))
    return ApplicationError(
        f"{others} earlier calls of the same customer still look for their ticket",
        type=Failure.TICKET_PENDING,
        category=ApplicationErrorCategory.BENIGN,
        next_retry_delay=timedelta(seconds=delay),
    )
