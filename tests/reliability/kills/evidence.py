"""What ledger and vendor know of a step while a process stands at a point: proof that the point is where it says."""

from dataclasses import dataclass

from tests.e2e.kills import Caller
from tests.e2e.stack import Json, eventually
from tests.reliability.kills.ground import LIMIT_S, Ground
from tests.reliability.kills.points import Point
from tests.reliability.kills.scenes import AFTER_REPORT, Scene
from tests.reliability.kills.verdict import Finding, Harm

_BUSY = ("running", "retrying", "waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Three counts of the step: rows, rows whose outcome is known, requests that reached the vendor."""

    rows: int
    known: int
    asked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far ledger, vendor and token were before a scene began."""

    row: int
    request: int
    version: int

    @classmethod
    def of(cls, ground: Ground) -> "Mark":
        """As of now."""
        last = max((request["n"] for request in ground.journal()), default=0)
        return cls(row=ground.last_row(), request=last, version=ground.token_version())


def expected_at(scene: Scene) -> Evidence | None:
    """What a process that stands at the scene's point has done; None for our own steps, which ask no vendor."""
    if not scene.request.kind:
        return None
    row = scene.request.row_first
    match scene.point:
        case Point.BEFORE_ROW:
            return Evidence(rows=0, known=0, asked=0)
        case Point.BEFORE_SENDING:
            return Evidence(rows=int(row), known=0, asked=0)
        case Point.ANSWERED:
            return Evidence(rows=int(row), known=0, asked=1)
        case Point.UNRECORDED:
            return Evidence(rows=0, known=0, asked=1)
        case _:
            return Evidence(rows=1, known=1, asked=1)


def misplaced(caller: Caller, scene: Scene, since: Mark) -> list[Finding]:
    """Wait until everything of the call but the held step rests; then what is not as it has to be at this point."""
    expected = expected_at(scene)
    if expected is None:
        return []
    ground, token = caller.stack, scene.request.is_token
    assert isinstance(ground, Ground)
    if not token:
        eventually(lambda: _rests(scene, ground.call(caller.call_id)), lambda: ground.call(caller.call_id), LIMIT_S)
    name, step = ("token", "exchange") if token else (caller.call_id, scene.request.step)
    rows, known = ground.rows(name, step, since.row)
    asked = sum(r["request_id"].startswith(f"{name}.{step}.") for r in caller.since(since.request))
    seen = Evidence(rows=rows, known=known, asked=asked)
    return [] if seen == expected else [Finding(harm=Harm.KILL, text=f"{seen}, not {expected}")]


def _rests(scene: Scene, status: Json) -> bool:
    """Whether nothing else of the call is under way, neither at the vendor nor at the CRM."""
    if not status:
        return False
    own = scene.request.step.partition("-")[0]
    held = set() if scene.point in AFTER_REPORT else {own}
    busy = {step["name"] for step in status["steps"] if step["state"] in _BUSY}
    if own == "list_comments":
        # The update whose note is looked for waits for the answer.
        busy.discard("update_ticket")
    fetched = any(step["name"] == "fetch_customer" and step["state"] == "done" for step in status["steps"])
    return busy == held and (bool(status["ticket_id"]) if own == "fetch_customer" and held else fetched)
