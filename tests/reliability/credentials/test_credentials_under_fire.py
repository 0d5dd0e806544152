"""Two quick scenes of the credential under fire, and the proof that the judges see what they are there to see."""

from pathlib import Path
from typing import Any

import pytest

from tests.reliability.credentials import clocks, laws, scenes
from tests.reliability.credentials.clock import MOVED, wall_clocks
from tests.reliability.credentials.laws import Distance, Number, a_minute, doubling
from tests.reliability.credentials.stage import Scene, Stage, play

ROOT = Path(__file__).parents[3]
SHORT = next(scene for scene in scenes.SCENES if scene.name == "expiry-4")
FASTER_AND_SLOWER = next(scene for scene in clocks.SCENES if scene.name == f"workers+300-300-{clocks.SHORT_LIFE_S}")


def request(at: float, took: float | None = 0.3) -> dict[str, Any]:
    """A token request of the journal."""
    return {"at": at, "answered_at": None if took is None else at + took}


def ticket(call_id: str = "c-1", marks: tuple[str, ...] = ("completed",), **fields: object) -> dict[str, Any]:
    """A ticket of the books, as it should stand."""
    return {
        "external_id": call_id,
        "status": "open",
        "custom_status": None,
        "comments": [{"body": f"words\n[call {call_id} · {mark}]"} for mark in marks],
        "metadata": {"call": {"id": call_id, "outcome": "completed"}},
        **fields,
    }


@pytest.mark.parametrize("scene", [SHORT, FASTER_AND_SLOWER], ids=lambda scene: scene.name)
async def test_a_scene(scene: Scene, tmp_path: Path) -> None:
    """No call is lost, nothing comes twice, no two token requests are in flight, none comes too soon."""
    account = await play(scene, tmp_path, n=12, seconds=6, seed=1)
    assert account.verdict.everything == []
    assert account.calls == 12
    assert account.tokens > 1


def two_exchangers(stage: Stage) -> None:
    """The second worker takes the vendor's other address for another account: nobody holds the two apart."""
    stage.sim(token_lifetime_s=4, latencies={"token": 1500})
    stage.start(1)
    stage.stack.start_worker(ZENDESK_URL=stage.stack.simulator_url.replace("127.0.0.1", "localhost"))
    stage.laws.append(Number(at_most=1))
    with stage.load():
        stage.stack.until_log("worker-2", "worker serves")


async def test_a_second_exchanger_is_found(tmp_path: Path) -> None:
    """Two processes that exchange for the same client are seen in the journal, and so are too many requests."""
    planted = Scene(name="planted", title="two exchangers", play=two_exchangers, alerts=("scopes_missing",))
    account = await play(planted, tmp_path, n=3, seconds=8, seed=1)
    assert "2 token requests in flight at once" in account.verdict.exchanges
    assert any(sentence.endswith("instead of 1 at most") for sentence in account.verdict.exchanges)
    assert account.verdict.alerts == ["scopes_missing was not posted"]


def test_what_flies_together_is_counted() -> None:
    """Intervals that touch are not together, those that overlap are; one without an answer counts where it came."""
    assert laws.most_at_once([]) == 0
    assert laws.most_at_once([request(0), request(0.3), request(0.6)]) == 1
    assert laws.most_at_once([request(0, 5), request(1), request(1.2), request(2)]) == 3
    assert laws.most_at_once([request(0, 5), request(1, None)]) == 2


def test_what_comes_too_soon_is_found() -> None:
    """Distances grow by the attempt and are judged between their moments only."""
    grown = [request(at) for at in (0, 5, 6, 8, 12, 20)]
    law = Distance(began=5, ended=100, at_least=doubling)
    assert law.broken(grown) == []
    assert law.broken([*grown, request(21)]) == ["token requests 1.00 s apart instead of 16"]
    assert len(Distance(began=5, ended=100, at_least=a_minute).broken(grown)) == 4
    assert [doubling(attempt) for attempt in (0, 1, 5, 6, 100)] == [1, 2, 32, 60, 60]


def test_what_is_lost_or_came_twice_is_found() -> None:
    """Each way to lose a call, and to repeat an effect, has its sentence."""
    for broken, why in (
        (ticket("c-2"), "no ticket"),
        (ticket(marks=("started",)), "not told how it ended"),
        (ticket(custom_status="In-Call"), "stands at open, In-Call"),
        (ticket(metadata=None), "lacks the metadata"),
    ):
        (sentence,) = laws.lost(["c-1"], {"tickets": [broken]})
        assert why in sentence
    assert laws.lost(["c-1"], {"tickets": [ticket()]}) == []
    counts = {"tickets_by_external_id": {"c-1": 2}, "notes_by_mark": {"[call c-1 · completed]": 2, "[call c-2]": 1}}
    assert laws.twice({"counts": counts}) == ["c-1: 2 tickets", "[call c-1 · completed]: 2 times"]
    assert laws.alerts(["a", "a", "b"], ["a", "c"]) == [
        "a was posted 2 times",
        "c was not posted",
        "b was posted without reason",
    ]


def test_no_wall_clock_is_left_unmoved() -> None:
    """The product looks at the wall clock through `datetime.now`, where the launcher moves it, and for a span's end."""
    files = [ROOT / "worker.py", *(file for name in (*MOVED, "workflows") for file in (ROOT / name).rglob("*.py"))]
    found = {(file.relative_to(ROOT).parts[0], name) for file in files for name in wall_clocks(file.read_text())}
    assert found == {("activities", "datetime.now"), ("api", "datetime.now"), ("workflows", "time.time_ns")}
    assert list(wall_clocks("import time\nx = time.time() + date.today()")) == ["time.time", "date.today"]
