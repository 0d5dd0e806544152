"""The section of the page: which points of which requests, what each kill cost, and what was found."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from tests.reliability.kills.play import Played
from tests.reliability.kills.points import Point
from tests.reliability.kills.scenes import AFTER_REPORT, EVENTS, REQUESTS, Delivery, Scene
from tests.reliability.kills.verdict import Finding, Harm, counted
from tests.reliability.report import Section, table, zero

Planted = Sequence[tuple[str, Harm, Played]]

_INTRODUCTION = """
A worker's or gateway's process ends itself by `kill -9` when it passes a named point of its code for one step of one
call; others take over. Before it dies, ledger and vendor are asked whether it stands where the point says (rows
written, outcomes known, requests received), and that it ended by signal 9 is checked. A cell tells the seconds from the
kill to the call's next request (without one, to its end) and how many vendor requests more than undisturbed the whole
call took; `✗` marks a finding. Most of the seconds are the attempt's start-to-close time-out, here with
`HTTP_TIMEOUT_S=2` 7 s (a screen pop's 3 s, a token exchange's 20 s), or the 5 s of a workflow task.
"""


def section(results: Sequence[Played], planted: Planted, *, rounds: int, seed: int) -> Section:
    """Everything of a run."""
    return Section(
        name="kills",
        command="make kills" + (f" N={rounds}" if rounds > 1 else "") + (f" SEED={seed}" if seed > 1 else ""),
        text="\n\n".join(_parts(results, planted, rounds=rounds, seed=seed)),
    )


def _parts(results: Sequence[Played], planted: Planted, *, rounds: int, seed: int) -> Iterable[str]:
    yield _INTRODUCTION.strip()
    kills = sum(played.kills for played in results)
    yield f"{len(results)} calls, {kills} processes killed (rounds: {rounds}, order by seed {seed}):"
    yield "\n".join(f"- {harm}: {zero(counted(_all(results), harm), len(results))}" for harm in Harm)
    yield from _workers(results)
    yield "The gateway, around its one request to Temporal; the sender, unanswered, sends again to the next gateway:"
    yield _gateways(results)
    yield from _unrecorded(results)
    yield "The same harness finds what is planted: " + "; ".join(_found(*each) for each in planted) + "."
    if found := [f"- {played.scene}: {each.harm}: {each.text}" for played in results for each in played.findings]:
        yield "Found:\n\n" + "\n".join(found)


def _workers(results: Sequence[Played]) -> Iterable[str]:
    cells: dict[tuple[str, Point, int], list[Played]] = defaultdict(list)
    for played in results:
        if isinstance(played.scene, Scene):
            cells[played.scene.request.step, played.scene.point, played.scene.times].append(played)
    points = [point for point in Point if any((r.step, point, 1) in cells for r in REQUESTS)]
    yield "One worker killed:"
    yield _grid(points, lambda step, point: _cell(cells[step, point, 1]))
    yield (
        "Whoever takes over killed at the same point as well (seconds from the second kill). `once`: the second does "
        "not come there, because it finds what the first had done:"
    )
    again = [point for point in points if point not in AFTER_REPORT]
    yield _grid(again, lambda step, point: _cell(cells[step, point, 2], times=2))


def _grid(points: Sequence[Point], cell: Callable[[str, Point], str]) -> str:
    rows = [[request.step, *(cell(request.step, point) for point in points)] for request in REQUESTS]
    return table(["Killed", *points], rows)


def _cell(played: Sequence[Played], times: int = 1) -> str:
    if not played:
        return ""
    if any(each.findings for each in played):
        return "✗"
    scene = played[0].scene
    more = sum(scene.expected().values()) - len(scene.request.requests) if isinstance(scene, Scene) else 0
    more += max(0, scene.tokens - 1) if isinstance(scene, Scene) else 0
    once = ", once" if played[0].kills < times else ""
    return _seconds(played) + (f", +{more}" if more else "") + once


def _seconds(played: Sequence[Played]) -> str:
    longest = max((each.recovery_s for each in played if each.recovery_s is not None), default=None)
    return "nothing to do" if longest is None else f"{longest:.1f} s"


def _gateways(results: Sequence[Played]) -> str:
    cells: dict[tuple[str, Point, int], list[Played]] = defaultdict(list)
    for played in results:
        if isinstance(played.scene, Delivery):
            cells[played.scene.event, played.scene.point, played.scene.times].append(played)
    columns = sorted({(point, times) for _, point, times in cells}, key=lambda each: (each[1], each[0]))
    heads = [f"{point}{', twice' if times > 1 else ''}" for point, times in columns]
    rows = [[f"call.{event}", *(_cell(cells[event, *column]) for column in columns)] for event in EVENTS]
    return table(["Event", *heads], rows)


def _unrecorded(results: Sequence[Played]) -> Iterable[str]:
    missing = [played for played in results if played.unrecorded]
    if missing:
        yield (
            f"{sum(played.unrecorded for played in missing)} requests have no row in the ledger: screen pops and CRM "
            "reads do not wait for it, and their process died between the answer and the row. The request reached the "
            "vendor, and the call knows its result or asked again; only the audit lacks it. "
            f"({', '.join(sorted({str(played.scene) for played in missing}))})"
        )


def _found(what: str, harm: Harm, played: Played) -> str:
    texts = [finding.text for finding in played.findings if finding.harm == harm]
    return f"{what} ({harm}: {texts[0].splitlines()[0][:60]})" if texts else f"**{what}: not found**"


def _all(results: Sequence[Played]) -> list[Finding]:
    return [finding for played in results for finding in played.findings]
