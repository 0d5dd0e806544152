"""A sample of the kill points, that they are where the product has its boundaries, and that the harness can fail."""

import pytest

from simulator.settings import KINDS
from tests.reliability.kills.play import Played
from tests.reliability.kills.points import CONNECT, GATEWAY, WORKER, Patch, Point, around
from tests.reliability.kills.run import AnyScene, defective, play_all
from tests.reliability.kills.scenes import REQUESTS, controls, deliveries, doubles, singles
from workflows.ports import Crm, HelpDesk

SAMPLE = (
    "call.completed: before the signal RPC",
    "call.started: signalled, not answered",
    "create_ticket: answered, no outcome written",
    "create_ticket: completion reported, next decision not",
    "update_ticket-in_call: outcome written",
    "update_ticket-final: before sending",
    "update_ticket-final: answered, no outcome written",
    "patch_call: answered, no outcome written",
)
"""Both processes, each kind of boundary, and everything that must not be done twice."""


@pytest.fixture(scope="module")
def results() -> dict[str, Played]:
    """What came of the sample, played on two sets of servers at the same time."""
    scenes: list[AnyScene] = [*singles(), *deliveries()]
    sample = sorted((scene for scene in scenes if str(scene) in SAMPLE), key=lambda scene: SAMPLE.index(str(scene)))
    played = play_all(sample, lanes=2, crew=2, tell=lambda _: None)
    return {str(each.scene): each for each in played}


@pytest.mark.parametrize("name", SAMPLE)
def test_a_process_killed_at_a_named_point(results: dict[str, Played], name: str) -> None:
    """It died there, others went on, and the call is as if nothing had happened."""
    assert [f"{finding.harm}: {finding.text}" for finding in results[name].findings] == []
    assert results[name].kills == 1


def test_the_harness_finds_planted_defects() -> None:
    """A gate that forgets, keys that change, a sender that does not send again: each is seen for what it is."""
    for what, harm, played in defective():
        assert harm in {finding.harm for finding in played.findings}, (what, played)


@pytest.mark.parametrize("patch", [*WORKER, *GATEWAY, CONNECT], ids=lambda patch: patch.target)
def test_the_product_still_has_what_the_points_lie_around(patch: Patch) -> None:
    """A function renamed or moved would leave its points to be passed by nobody."""
    holder, name = patch.place
    assert callable(getattr(holder, name))


def test_a_function_that_is_gone_is_noticed() -> None:
    """The guard above can fail."""
    with pytest.raises(LookupError, match="is no more"):
        Patch(target="activities.postgres.attempts:Attempts.begin_nothing").place  # noqa: B018


def test_every_point_is_played_and_every_request_has_points() -> None:
    """No point without a scene, no scene without a point in the code, and every activity of a call among them."""
    scenes = [*controls(), *singles(), *doubles()]
    points = {scene.point for scene in scenes} | {delivery.point for delivery in deliveries()}
    assert points == set(Point) == around()
    assert len({str(scene) for scene in scenes}) == len(scenes)
    assert {request.kind for request in REQUESTS if request.kind} == set(KINDS)
    vendors = {name for port in (HelpDesk, Crm) for name in vars(port) if not name.startswith("_")}
    assert vendors <= {request.step.partition("-")[0] for request in REQUESTS}
