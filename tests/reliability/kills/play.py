"""One scene: play a call up to the point, let the worker die there, see who goes on and what the call becomes."""

import itertools
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.e2e.kills import Caller
from tests.e2e.stack import Json, Stack, is_told
from tests.reliability.kills.evidence import Mark, misplaced
from tests.reliability.kills.ground import LIMIT_S, Ground
from tests.reliability.kills.scenes import AFTER_REPORT, Delivery, Scene
from tests.reliability.kills.verdict import Finding, Harm, differing, findings, unrecorded


@dataclass(kw_only=True)
class Played:
    """What came of a scene. `recovery_s`: from the last kill to the call's next request, or else to its end."""

    scene: Scene | Delivery
    kills: int = 0
    findings: list[Finding] = field(default_factory=list)
    recovery_s: float | None = None
    settled_s: float = 0.0
    unrecorded: int = 0


class Sender(Caller):
    """A caller who remembers which events were acknowledged: to send one again would hide that it was lost."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(stack)
        self.sent: set[str] = set()

    def starts(self, ticket_id: int | None = None) -> None:
        """The phone rings."""
        super().starts(ticket_id)
        self.sent.add("started")

    def is_answered(self) -> None:
        """An agent answers."""
        super().is_answered()
        self.sent.add("answered")

    def ends(self) -> None:
        """The call is over."""
        super().ends()
        self.sent.add("completed")


def play(ground: Ground, scene: Scene) -> Played:
    """Play a scene with a worker that dies; the workers lost are made up for before the next."""
    ground.sim("DELETE", "/faults")
    ground.man()
    caller, played, since = Sender(ground), Played(scene=scene), Mark.of(ground)
    workflow_id = caller.token_workflow_id if scene.request.is_token else caller.workflow_id
    armed = ground.arm(scene.point, workflow_id, scene.request.step, scene.times)
    seeded = scene.request.lead(caller)
    killed_at = time.time()
    if scene.kills:
        armed.until_held()
        played.findings += misplaced(caller, scene, since)
        armed.go()
        killed_at = armed.until_killed(scene.kills)
    status = ended(caller, played)
    played.settled_s, played.kills = time.time() - killed_at, armed.kills
    armed.disarm()
    if scene.kills and scene.point not in AFTER_REPORT:
        played.recovery_s = _next_request(caller, killed_at) or played.settled_s
    played.findings += findings(caller, status, seeded=seeded)
    played.findings += _miscounted(ground, caller, scene, since)
    played.unrecorded, untrue = unrecorded(caller, ground.postgres.url)
    played.findings += untrue
    if played.kills != scene.kills:
        played.findings.append(Finding(harm=Harm.KILL, text=f"{played.kills} kills, not {scene.kills}"))
    return played


def ended(caller: Sender, played: Played, limit_s: float = LIMIT_S) -> Json:
    """The call's status once it is over; when it never is, that is a finding."""
    try:
        return _plays_on(caller, limit_s)
    except AssertionError as error:
        played.findings.append(Finding(harm=Harm.LOST, text=f"the call does not end: {error}"))
        return caller.stack.call(caller.call_id)


def _plays_on(caller: Sender, limit_s: float) -> Json:
    """Send what has not been sent of the three events, each when the one before has had its effect; the end.

    Only the workflow's own word counts: after a kill the ledger may know what the workflow has yet to learn again.
    """

    def until(what: Callable[[Json], object]) -> Json:
        return caller.stack.until(caller.call_id, lambda s: s["source"] == "workflow" and what(s), limit_s)

    until(lambda s: s["ticket_id"] and _is_done(s, "fetch_customer"))
    if "answered" not in caller.sent:
        until(lambda s: not _under_way(s))
        caller.is_answered()
    until(lambda s: s["screen_pops"] and s["screen_pops"][0]["state"] != "pending")
    if "completed" not in caller.sent:
        caller.ends()
    return until(lambda s: is_told(s) and not _under_way(s))


def _is_done(status: Json, name: str) -> bool:
    return any(step["name"] == name and step["state"] == "done" for step in status["steps"])


def _under_way(status: Json) -> bool:
    return any(step["state"] in ("running", "retrying", "waiting") for step in status["steps"])


def _next_request(caller: Sender, killed_at: float) -> float | None:
    """Until the next request that was of use: one with a token that is refused is not."""
    later = [r["at"] for r in caller.since(0) if r["at"] > killed_at and r["status"] != 401]
    return min(later) - killed_at if later else None


def _miscounted(ground: Ground, caller: Sender, scene: Scene, since: Mark) -> list[Finding]:
    """Requests of the call by kind, and tokens. What a dead token was refused did nothing and is not counted."""
    requests = [r for r in caller.since(since.request) if r["status"] != 401]
    found = Counter(request["kind"] for request in requests)
    tokens, version = found.pop("token", 0), ground.token_version() - since.version
    wrong = differing(found, scene.expected())
    if scene.request.is_token:
        wrong += differing(Counter(token=tokens, version=version), Counter(token=scene.tokens, version=1))
    if scene.request.is_token and _overlapping([r for r in requests if r["kind"] == "token"]):
        wrong.append(Finding(harm=Harm.TWICE, text="two token requests at a time"))
    return wrong


def _overlapping(requests: list[Json]) -> bool:
    return any(b["at"] < (a["answered_at"] or b["at"]) for a, b in itertools.pairwise(requests))
