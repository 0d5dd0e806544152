"""The requests to vendors, and how a call comes to each of them."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.reliability.matrix.effects import Effects
from tests.reliability.matrix.play import Play

SLOW_MS = 1500
"""How long the answer before a refused connection takes: the door is shut meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One row of the contract's requests.

    `kind` is the simulator's name for the request, `step` the call's. `prepare` plays up to the moment before it,
    `begin` does what leads to it, `aim` finds it among other calls' requests, `before` is the request just before it
    if there is one, found by `before_aim` (None: it is slow already); `effects` are those of the call without a fault.
    """

    name: str
    kind: str
    step: str
    prepare: Callable[[Play], None]
    begin: Callable[[Play], None]
    aim: Callable[[Play], str | None]
    effects: Effects
    before: str | None = None
    before_aim: Callable[[Play], str] | None = None
    request_step: str = ""
    """How the step's name in a request id begins, when that makes a difference."""
    first: bool = False
    """Of several lines with the step's name in the call's account, the first is meant."""


def _nothing(_: Play) -> None:
    """The call begins with the request."""


def _seeded(play: Play) -> None:
    play.seed()


def _starts(play: Play) -> None:
    play.event("started")


def _starts_on_ticket(play: Play) -> None:
    play.event("started", ticket_id=play.seeded)


def _key_is_used(play: Play) -> None:
    # Zendesk's word for a key that was used with another body; here the ticket was made all the same.
    aim = f'"external_id":"{play.call_id}"'
    play.stack.fault("create_ticket", "status", status=400, act=True, delay_ms=SLOW_MS, when=aim)


def _ready(play: Play) -> None:
    play.event("started")
    play.is_ready()


def _talking(play: Play) -> None:
    _ready(play)
    play.is_shown()


def _answer_is_lost(play: Play) -> None:
    _talking(play)
    # The note was written, and nobody was told.
    play.stack.fault("update_ticket", "drop_after", when=f"/tickets/{play.last['ticket_id']}?")


def _is_answered(play: Play) -> None:
    play.event("answered")


def _ends(play: Play) -> None:
    play.event("completed")


def _token_is_revoked(play: Play) -> None:
    _talking(play)
    play.stack.sim("POST", "/tokens/revoke")


SCENES = {
    scene.name: scene
    for scene in (
        Scene(
            name="token",
            kind="token",
            step="update_ticket",
            prepare=_token_is_revoked,
            begin=_ends,
            aim=lambda _: None,
            before="update_ticket",
            before_aim=lambda play: f"PUT /api/v2/tickets/{play.last['ticket_id']}?",
            effects=Effects(),
        ),
        Scene(
            name="search",
            kind="search",
            step="search_tickets",
            prepare=_seeded,
            begin=_starts,
            aim=lambda play: play.email,
            effects=Effects(started=0, updates=2),
        ),
        Scene(
            name="read ticket",
            kind="read_ticket",
            step="read_ticket",
            prepare=_seeded,
            begin=_starts_on_ticket,
            aim=lambda play: f"/tickets/{play.seeded}?",
            effects=Effects(started=0, updates=2),
        ),
        Scene(
            name="find by external id",
            kind="find_by_external_id",
            step="find_by_external_id",
            prepare=_key_is_used,
            begin=_starts,
            aim=lambda play: f"external_id={play.call_id}",
            before="create_ticket",
            effects=Effects(),
        ),
        Scene(
            name="list comments",
            kind="list_comments",
            step="list_comments",
            prepare=_answer_is_lost,
            begin=_ends,
            aim=lambda play: f"/tickets/{play.last['ticket_id']}/comments",
            before="read_ticket",
            before_aim=lambda play: f"GET /api/v2/tickets/{play.last['ticket_id']}?",
            effects=Effects(),
        ),
        Scene(
            name="create ticket",
            kind="create_ticket",
            step="create_ticket",
            prepare=_nothing,
            begin=_starts,
            aim=lambda play: f'"external_id":"{play.call_id}"',
            before="search",
            before_aim=lambda play: play.email,
            effects=Effects(),
        ),
        Scene(
            name="update: In-Call",
            kind="update_ticket",
            step="update_ticket",
            request_step="update_ticket-in_call",
            first=True,
            prepare=_seeded,
            begin=_starts_on_ticket,
            # The final update carries another custom status.
            aim=lambda play: f'PUT /api/v2/tickets/{play.seeded}?\n{{"ticket":{{"status":"open","custom_status":"In-',
            before="read_ticket",
            before_aim=lambda play: f"GET /api/v2/tickets/{play.seeded}?",
            effects=Effects(started=0, updates=2),
        ),
        Scene(
            name="update: final",
            kind="update_ticket",
            step="update_ticket",
            request_step="update_ticket-final",
            prepare=_talking,
            begin=_ends,
            aim=lambda play: f"/tickets/{play.last['ticket_id']}?",
            effects=Effects(),
        ),
        Scene(
            name="screen pop",
            kind="patch_call",
            step="patch_call",
            prepare=_ready,
            begin=_is_answered,
            aim=lambda play: f"/calls/{play.call_id}.json",
            effects=Effects(),
        ),
        Scene(
            name="CRM",
            kind="fetch_customer",
            step="fetch_customer",
            prepare=_nothing,
            begin=_starts,
            aim=lambda play: play.email,
            effects=Effects(),
        ),
    )
}
