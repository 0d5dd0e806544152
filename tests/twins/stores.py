"""The in-memory twins of the CRM, the ledger and the credential store."""

from dataclasses import replace
from datetime import timedelta

from temporalio import activity

from tests.twins.world import World
from workflows.domain.call import CallPolicy
from workflows.domain.token import Alert, ExchangeResult, TokenExchanged
from workflows.ports import (
    CallOpened,
    Credentials,
    Crm,
    CustomerFetched,
    ExchangeToken,
    FetchCustomer,
    FindTicket,
    KeepMend,
    Ledger,
    OpenCall,
    SaveCall,
    TicketOfOthers,
)


class TwinCrm(Crm):
    """A customer database in memory, by email or phone."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn
    async def fetch_customer(self, command: FetchCustomer) -> CustomerFetched:
        await self._world.asked("fetch_customer", command.ref)
        record = self._world.records.get(command.customer.email or command.customer.phone or "")
        return CustomerFetched(record=record)


class TwinLedger(Ledger):
    """A ledger in memory that knows one call at a time; matching is the real ledger's business."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn
    async def call_policy(self) -> CallPolicy:
        return self._world.policy

    @activity.defn
    async def open_call(self, command: OpenCall) -> CallOpened:
        await self._world.meet("open_call")
        known = self._world.saved.get((command.call_id, 1))
        return CallOpened(
            generation=1,
            policy=self._world.policy,
            memory=known.memory if known else None,
            version=known.version if known else 0,
            others=None if known else self._world.recent,
        )

    @activity.defn
    async def find_ticket(self, command: FindTicket) -> TicketOfOthers:
        await self._world.meet("find_ticket")
        gone = self._world.recent.ticket_id in command.excluded
        return TicketOfOthers() if gone else self._world.recent

    @activity.defn
    async def await_ticket(self, command: FindTicket) -> TicketOfOthers:
        return TicketOfOthers()

    @activity.defn
    async def save_call(self, command: SaveCall) -> None:
        await self._world.meet("save_call")
        key = (command.call_id, command.generation)
        if key not in self._world.saved or self._world.saved[key].version < command.version:
            self._world.saved[key] = command

    @activity.defn
    async def keep_mend(self, command: KeepMend) -> None:
        await self._world.meet("keep_mend")
        self._world.mends.setdefault(command.mend.id, command)


class TwinCredentials(Credentials):
    """A credential store in memory."""

    def __init__(self, world: World) -> None:
        self._world = world

    @activity.defn
    async def exchange_token(self, command: ExchangeToken) -> TokenExchanged:
        world = self._world
        if world.token is not None and world.token.version > command.known_version:
            return world.token
        now = activity.info().current_attempt_scheduled_time
        world.exchanged_at.append(now)
        answer = await world.asked("exchange_token")
        if answer is not None:
            return TokenExchanged(result=answer, detail="scripted")
        world.token = TokenExchanged(
            result=ExchangeResult.STORED,
            version=command.known_version + 1,
            obtained_at=now,
            expires_at=now + timedelta(seconds=world.token_life_s),
            scopes=[scope for scope in command.scopes if scope in world.granted],
        )
        return replace(world.token)

    @activity.defn
    async def post_alert(self, alert: Alert) -> bool:
        await self._world.meet("post_alert")
        now, world = activity.info().current_attempt_scheduled_time, self._world
        if alert.kind in world.alerted_at and now - world.alerted_at[alert.kind] < timedelta(hours=1):
            return False
        world.alerted_at[alert.kind] = now
        world.alerts.append(alert)
        return True
