"""What is killed where: each request of a worker at each of its points, and how a call comes to it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.e2e.kills import Caller
from tests.reliability.kills.points import Point

EVENTS = ("started", "answered", "completed")
LEFT_ALONE_S = 600
"""The age of a ticket seeded: stamps have whole seconds, and one of this very second would not tell who wrote."""

WHOLE_CALL = ("fetch_customer", "search", "create_ticket", "patch_call", "update_ticket")
NAMED_TICKET = ("fetch_customer", "read_ticket", "update_ticket", "patch_call", "update_ticket")

GATED = (
    Point.BEFORE_ROW,
    Point.BEFORE_SENDING,
    Point.ANSWERED,
    Point.OUTCOME_WRITTEN,
    Point.UNREPORTED,
    Point.UNDECIDED,
)
UNGATED = (
    Point.BEFORE_SENDING,
    Point.ANSWERED,
    Point.UNRECORDED,
    Point.RECORDED,
    Point.UNREPORTED,
    Point.UNDECIDED,
)
TOKEN = (*GATED[:4], Point.BEFORE_COMMIT, Point.AFTER_COMMIT, *GATED[4:])
OWN = (Point.BEGUN, Point.UNREPORTED)
AFTER_REPORT = (Point.UNRECORDED, Point.RECORDED)
NOT_LOST = (Point.BEFORE_ROW, Point.BEFORE_SENDING, Point.UNDECIDED, Point.BEGUN, Point.NEVER)
"""Killed here nothing had been asked of the vendor, or its answer was safe: nothing is asked twice."""


def _starts(caller: Caller) -> None:
    caller.starts()


def _starts_with_a_ticket(caller: Caller) -> int:
    ticket_id = seed(caller)
    caller.starts(ticket_id)
    return ticket_id


def _starts_with_a_used_key(caller: Caller) -> None:
    # Zendesk's word for a key that was used with another body: the ticket may be there already.
    caller.fault("create_ticket", "status", status=400)
    caller.starts()


def _is_answered(caller: Caller) -> None:
    caller.starts()
    caller.is_ready()
    caller.is_answered()


def _ends(caller: Caller) -> None:
    caller.starts()
    caller.is_shown()
    caller.ends()


def _ends_without_an_answer(caller: Caller) -> None:
    caller.starts()
    caller.is_shown()
    caller.fault("update_ticket", "drop_after")
    caller.ends()


def _ends_with_a_dead_token(caller: Caller) -> None:
    caller.starts()
    caller.is_shown()
    caller.stack.sim("POST", "/tokens/revoke")
    caller.ends()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One step of a call, its kind at the vendor, how a call comes to it, and all the requests of such a call."""

    step: str
    kind: str
    lead: Callable[[Caller], int | None]
    points: tuple[Point, ...] = GATED
    requests: tuple[str, ...] = WHOLE_CALL
    note: bool = False

    @property
    def is_token(self) -> bool:
        """Whether it is the token workflow's."""
        return self.step == "exchange_token"

    @property
    def row_first(self) -> bool:
        """Whether its row is written before it is sent."""
        return self.points in (GATED, TOKEN)


REQUESTS = (
    Request(step="exchange_token", kind="token", lead=_ends_with_a_dead_token, points=TOKEN),
    Request(step="search_tickets", kind="search", lead=_starts),
    Request(step="read_ticket", kind="read_ticket", lead=_starts_with_a_ticket, requests=NAMED_TICKET),
    Request(
        step="find_by_external_id",
        kind="find_by_external_id",
        lead=_starts_with_a_used_key,
        requests=(*WHOLE_CALL, "create_ticket", "find_by_external_id"),
    ),
    Request(
        step="list_comments",
        kind="list_comments",
        lead=_ends_without_an_answer,
        requests=(*WHOLE_CALL, "read_ticket", "list_comments"),
    ),
    Request(step="create_ticket", kind="create_ticket", lead=_starts),
    Request(step="update_ticket-in_call", kind="update_ticket", lead=_starts_with_a_ticket, requests=NAMED_TICKET),
    Request(step="update_ticket-final", kind="update_ticket", lead=_ends, note=True),
    Request(step="patch_call", kind="patch_call", lead=_is_answered, points=UNGATED),
    Request(step="fetch_customer", kind="fetch_customer", lead=_starts, points=UNGATED),
    Request(step="open_call", kind="", lead=_starts, points=OWN),
    Request(step="save_call", kind="", lead=_starts, points=OWN),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One request, one point, and how many workers in a row are to die there."""

    request: Request
    point: Point
    times: int = 1

    def __str__(self) -> str:
        return f"{self.request.step}: {self.point}" + (" (twice)" if self.times > 1 else "")

    @property
    def kills(self) -> int:
        """How many workers die: the second passes the point only if it has to do the same again."""
        if self.point in AFTER_REPORT:
            return 1
        if self.request.note and self.point in (Point.ANSWERED, Point.OUTCOME_WRITTEN):
            return 1  # whoever takes over looks first, finds the note, and never sends
        if self.request.is_token and self.point == Point.AFTER_COMMIT:
            return 1  # whoever takes over finds the token
        return self.times

    def more(self) -> Counter[str]:
        """The requests that each kill costs beyond those of an undisturbed call."""
        if self.point in AFTER_REPORT or not self.request.kind:
            return Counter()
        if self.request.note and self.point not in (Point.BEFORE_ROW, Point.UNDECIDED, Point.NEVER):
            # The permission has been given: the note may be there, so it is looked for.
            return Counter(["read_ticket", "list_comments"])
        if self.request.is_token and self.point in (Point.AFTER_COMMIT, Point.UNREPORTED):
            return Counter()
        return Counter() if self.point in NOT_LOST else Counter([self.request.kind])

    def expected(self) -> Counter[str]:
        """Every request of the call, by kind; tokens are counted apart."""
        counted = Counter(self.request.requests)
        looks_once = self.request.note and self.point == Point.UNREPORTED
        for _ in range(1 if looks_once else self.kills):
            counted += self.more()
        if self.request.step == "update_ticket-in_call" and self.more():
            # The stamp of the ticket is ours by now, but nobody knows: 409, a look, and once more.
            counted += Counter(["read_ticket", "update_ticket"])
        counted.pop("token", None)
        return counted

    @property
    def tokens(self) -> int:
        """How many tokens are asked for."""
        return (1 + self.kills * self.more()["token"]) if self.request.is_token else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event at whose delivery so many gateways die, one after the other. `again`: the sender sends it again."""

    event: str
    point: Point
    times: int = 1
    again: bool = True

    def __str__(self) -> str:
        return f"call.{self.event}: {self.point}" + (" (twice)" if self.times > 1 else "")


def seed(caller: Caller) -> int:
    """An open ticket of this customer's that nobody has touched for a while."""
    requester = {"name": "Somebody", "email": caller.customer["email"]}
    given = {"subject": "earlier", "requester": requester, "age_s": LEFT_ALONE_S}
    return int(caller.stack.sim("POST", "/tickets", given)["ticket"]["id"])


def controls() -> list[Scene]:
    """Each way to play a call, once without a kill: what the others are compared with holds."""
    return [Scene(request=request, point=Point.NEVER, times=0) for request in REQUESTS if request.kind]


def singles() -> list[Scene]:
    """Every point of every request."""
    return [Scene(request=request, point=point) for request in REQUESTS for point in request.points]


def doubles() -> list[Scene]:
    """The same, with whoever takes over killed there as well."""
    return [replace(scene, times=2) for scene in singles() if scene.point not in AFTER_REPORT]


def deliveries() -> list[Delivery]:
    """Each event at each point, with one death and with two."""
    points = (Point.BEFORE_SIGNAL, Point.BEFORE_ANSWER)
    return [Delivery(event=e, point=p, times=times) for e in EVENTS for p in points for times in (1, 2)]
