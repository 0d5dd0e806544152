"""The ports over scenes: what `activities/` does with HTTP and SQL, done with a desk and a gate in memory."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from temporalio import activity

from tests.reliability.sequences.faults import SLOWLY_S, Fault, failure
from tests.reliability.sequences.scene import Refused, Scene, Scenes
from tests.reliability.sequences.vendor import BadKey, Conflict, Gone, Unprocessable
from workflows.domain.call import CallPolicy
from workflows.domain.errors import Failure
from workflows.domain.ticket import TicketView
from workflows.domain.token import Alert, TokenExchanged
from workflows.ports import (
    CallOpened,
    CallPatched,
    CallRef,
    CommentsListed,
    CreateResult,
    CreateTicket,
    Credentials,
    Crm,
    CustomerFetched,
    ExchangeToken,
    FetchCustomer,
    FindByExternalId,
    FindTicket,
    HelpDesk,
    KeepMend,
    Ledger,
    ListComments,
    OpenCall,
    PatchCall,
    ReadTicket,
    SaveCall,
    SearchTickets,
    TicketCreated,
    TicketFound,
    TicketOfOthers,
    TicketUpdated,
    UpdateResult,
    UpdateTicket,
)

_ASK_AFTER_S, _PATIENCE_S = 30, 600


class SceneHelpDesk(HelpDesk):
    """One activity, one request."""

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes

    @activity.defn
    async def search_tickets(self, command: SearchTickets) -> TicketFound:
        scene = self._scenes.current()
        return await _found(
            scene, command.ref, lambda: scene.desk.search(command.customer, command.excluded, scene.now)
        )

    @activity.defn
    async def read_ticket(self, command: ReadTicket) -> TicketFound:
        scene = self._scenes.current()
        look = partial(scene.desk.read, command.ticket_id)
        return await _found(scene, command.ref, look, must=command.ours)

    @activity.defn
    async def find_by_external_id(self, command: FindByExternalId) -> TicketFound:
        scene = self._scenes.current()
        look = partial(scene.desk.by_external_id, command.external_id, command.excluded)
        return await _found(scene, command.ref, look, must=True)

    @activity.defn
    async def list_comments(self, command: ListComments) -> CommentsListed:
        scene, number = self._scenes.current(), activity.info().attempt
        fault = await scene.turn("list_comments", command.ref)
        scene.ledger()
        try:
            marks = scene.send(
                fault, "list_comments", scene.gate.begin(command.ref), lambda: scene.desk.marks(command.ticket_id)
            )
        except Refused:
            return CommentsListed(found=[], complete=False, attempts=number)
        return CommentsListed(found=[m for m in command.marks if m in marks], complete=True, attempts=number)

    @activity.defn
    async def create_ticket(self, command: CreateTicket) -> TicketCreated:
        scene, number = self._scenes.current(), activity.info().attempt
        fault = await scene.turn("create_ticket", command.ref)
        scene.ledger()
        key = f"talkbridge-{command.ref.call_id}-{command.key_number}"
        permit = scene.gate.begin_create(command, key)
        if permit.joined is not None:
            return TicketCreated(result=CreateResult.JOINED, ticket=TicketView(id=permit.joined), attempts=number)
        if permit.attempt is None:
            unknown = CreateResult.OUTCOME_UNKNOWN
            return TicketCreated(result=unknown, unknown_until=permit.unknown_until, attempts=number)
        attempt = permit.attempt

        def act() -> TicketView:
            made = scene.desk.create(key, command.ticket, scene.now)
            if fault == Fault.DIED:
                # One statement writes the outcome and whose ticket it is.
                scene.gate.end_create(attempt, made.id)
            return made

        try:
            made = scene.send(fault, "create_ticket", attempt, act)
        except (Refused, BadKey) as refusal:
            refused = isinstance(refusal, Refused) and refusal.fault == Fault.REFUSED
            attempt.outcome = "Unprocessable" if refused else "BadRequest"
            result = CreateResult.REFUSED if refused else CreateResult.KEY_CONFLICT
            return TicketCreated(result=result, attempts=number, detail="refused by the desk")
        scene.gate.end_create(attempt, made.id)
        return TicketCreated(result=CreateResult.CREATED, ticket=made, attempts=number)

    @activity.defn
    async def update_ticket(self, command: UpdateTicket) -> TicketUpdated:
        scene, number, change = self._scenes.current(), activity.info().attempt, command.change
        fault = await scene.turn("update_ticket", command.ref)
        scene.ledger()
        permit = scene.gate.begin_update(command)
        if permit.attempt is None:
            unknown = UpdateResult.OUTCOME_UNKNOWN
            return TicketUpdated(result=unknown, unknown_until=permit.unknown_until, attempts=number)
        attempt = permit.attempt

        def act() -> TicketView:
            view = scene.desk.update(command.ticket_id, change, with_status=permit.send_status)
            if command.final:
                scene.told_at.setdefault(command.ref.call_id, scene.now)
            return view

        try:
            view = scene.send(fault, "update_ticket", attempt, act)
        except (Refused, Unprocessable):
            attempt.outcome = "Unprocessable"
            return TicketUpdated(result=UpdateResult.REFUSED, attempts=number, detail="refused by the desk")
        except Gone:
            attempt.outcome = "NotFound"
            return TicketUpdated(result=UpdateResult.GONE, attempts=number)
        except Conflict:
            attempt.outcome = "Conflict"
            return TicketUpdated(result=UpdateResult.CONFLICT, attempts=number)
        with_status = permit.send_status and change.status is not None
        return TicketUpdated(result=UpdateResult.UPDATED, ticket=view, with_status=with_status, attempts=number)

    @activity.defn
    async def patch_call(self, command: PatchCall) -> CallPatched:
        scene, number, call_id = self._scenes.current(), activity.info().attempt, command.ref.call_id
        fault = await scene.turn("patch_call", command.ref)
        try:
            scene.send(fault, "patch_call", None, lambda: scene.desk.patch(call_id, command.ref.step))
        except Refused as refusal:
            fallback = refusal.fault == Fault.REFUSED
            return CallPatched(shown_at=None, refused=True, fallback=fallback, attempts=number, detail="refused")
        return CallPatched(shown_at=activity.info().started_time, attempts=number)


async def _found(
    scene: Scene, ref: CallRef, look: Callable[[], TicketView | None], *, must: bool = False
) -> TicketFound:
    """`must`: a refusal is no answer."""
    name, number = activity.info().activity_type, activity.info().attempt
    fault = await scene.turn(name, ref)
    scene.ledger()
    try:
        (ticket,) = scene.send(fault, name, scene.gate.begin(ref), lambda: (look(),))
    except Refused:
        if must:
            raise failure(Failure.MISCONFIGURED, f"{name}: refused by the desk", SLOWLY_S) from None
        return TicketFound(ticket=None, attempts=number, detail="refused by the desk")
    return TicketFound(ticket=ticket, attempts=number)


class SceneCrm(Crm):
    """Knows the scene's caller, or nobody."""

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes

    @activity.defn
    async def fetch_customer(self, command: FetchCustomer) -> CustomerFetched:
        scene = self._scenes.current()
        fault = await scene.turn("fetch_customer", command.ref)
        try:
            (record,) = scene.send(fault, "fetch_customer", None, lambda: (scene.record,))
        except Refused:
            raise failure(Failure.UNAVAILABLE, "the CRM refuses") from None
        return CustomerFetched(record=record, attempts=activity.info().attempt)


class SceneLedger(Ledger):
    """The gate's other half. `is_open` is asked about calls that keep others waiting."""

    def __init__(self, scenes: Scenes, is_open: Callable[[str], Awaitable[bool]]) -> None:
        self._scenes = scenes
        self._is_open = is_open

    @activity.defn
    async def call_policy(self) -> CallPolicy:
        return self._scenes.current().policy

    @activity.defn
    async def open_call(self, command: OpenCall) -> CallOpened:
        scene = self._scenes.current()
        scene.ledger()
        row = scene.gate.open(command)
        opened = CallOpened(
            generation=1,
            policy=scene.policy,
            ticket_id=row.ticket_id,
            create_unknown=scene.gate.create_unknown(row.call_id),
            ended=not row.active,
        )
        if row.saved is not None:
            return replace(opened, memory=row.saved.memory, version=row.saved.version)
        find = FindTicket(
            call_id=row.call_id,
            generation=1,
            customer=command.customer,
            excluded=[],
            window_s=scene.policy.recent_ticket_window_s,
        )
        return replace(opened, others=_first_answer(scene, find))

    @activity.defn
    async def find_ticket(self, command: FindTicket) -> TicketOfOthers:
        scene = self._scenes.current()
        scene.ledger()
        return _first_answer(scene, command)

    @activity.defn
    async def await_ticket(self, command: FindTicket) -> TicketOfOthers:
        scene, info = self._scenes.current(), activity.info()
        scene.ledger()
        ticket_id, earlier = scene.gate.look(command)
        blocking = [] if ticket_id is not None else [row for row in earlier if not _needs_attention(scene, row.call_id)]
        waited_s = (info.started_time - info.scheduled_time).total_seconds()
        if blocking and waited_s < _PATIENCE_S:
            pending = failure(Failure.TICKET_PENDING, "an earlier call still looks", min(1.0, 0.2 * 1.5**info.attempt))
            if waited_s < _ASK_AFTER_S:
                raise pending
            if any([await self._is_open(row.call_id) for row in blocking]):
                raise pending
            scene.gate.gave_way(blocking)
        return scene.gate.answer(ticket_id, earlier, info.attempt)

    @activity.defn
    async def save_call(self, command: SaveCall) -> None:
        scene = self._scenes.current()
        scene.ledger()
        scene.gate.save(command)
        if command.memory.ticket is not None:
            scene.first_ticket_at.setdefault(command.call_id, scene.now)

    @activity.defn
    async def keep_mend(self, command: KeepMend) -> None:
        self._scenes.current().ledger()


def _first_answer(scene: Scene, command: FindTicket) -> TicketOfOthers:
    ticket_id, earlier = scene.gate.look(command)
    if ticket_id is None and any(not _needs_attention(scene, row.call_id) for row in earlier):
        return TicketOfOthers(wait=True)
    return scene.gate.answer(ticket_id, earlier)


def _needs_attention(scene: Scene, call_id: str) -> bool:
    saved = scene.gate.rows[call_id].saved
    return saved is not None and saved.status.needs_attention


class SceneCredentials(Credentials):
    """Alerts are taken; tokens are another proof's business."""

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes

    @activity.defn
    async def exchange_token(self, command: ExchangeToken) -> TokenExchanged:
        raise failure(Failure.UNEXPECTED, "no token workflow here")

    @activity.defn
    async def post_alert(self, alert: Alert) -> bool:
        self._scenes.current().met["alert"] += 1
        return True
