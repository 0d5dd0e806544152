"""The section of docs/reliability.md that tells of the matrix."""

from collections.abc import Iterable, Sequence

from tests.reliability.matrix.effects import Effects
from tests.reliability.matrix.expectations import EXPECTED
from tests.reliability.matrix.faults import FAULTS
from tests.reliability.matrix.ground import Played
from tests.reliability.matrix.judge import Outcome
from tests.reliability.report import Section, table, zero

_LEGEND = """\
Every request to a vendor (columns) meets every fault (rows), each cell with a call and a customer of its own on one set
of real processes: gateway, workers, Temporal, PostgreSQL, simulated vendors. What has to come of it (effects, state of
the step, what operations read, pauses) is written down by hand from the contract in
[`tests/reliability/matrix/expectations.py`](../tests/reliability/matrix/expectations.py); the effects are
counted in the simulator's books after the last call of a group has ended.

`✓ 4×: 1 ticket, 1 note, 1 pop`: the vendor was asked four times for this; at the end the customer has one ticket with
the final note once, and the agent was shown one screen pop. `⚑`: a person is asked to look. Faults that last
("for ever", and 400, 403, 404 and redirects where they are no answer) were lifted once operations saw the step wait;
the request went out again no sooner than a minute after the one before."""


def section(played: Played, *, seconds: float) -> Section:
    """From the run it tells of."""
    outcomes = played.outcomes
    wrong = [outcome for outcome in outcomes if outcome.mismatches()]
    found = zero(len(wrong), len(outcomes))
    text = f"""
{_LEGEND}

**{len(outcomes)} cells in {seconds / 60:.1f} minutes; not as the contract wants them: {found}.**

{_cells(outcomes)}

{_mismatches(wrong, played.wrong_alerts)}
Administrators were told, once a kind on each of the three sets of processes: {_kinds(played)}. Alerts missing,
repeated, not called for, or about the CRM: {zero(len(played.wrong_alerts), len(outcomes))} cells.

What operations read of it (`last_error` of the step, or `attention`), the step's name left out:

{_words(outcomes)}
"""
    return Section(name="matrix", command="make matrix", text=text)


def _cells(outcomes: Sequence[Outcome]) -> str:
    played = {(o.cell.scene.name, o.cell.fault.name): o for o in outcomes}
    scenes = [name for name in EXPECTED if any(scene == name for scene, _ in played)]
    faults = [name for name in FAULTS if any(fault == name for _, fault in played)]
    rows = ([f"**{fault}**", *(_cell(played.get((scene, fault))) for scene in scenes)] for fault in faults)
    return table(["", *scenes], rows)


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    if outcome.failed is not None:
        return "✗ not played to its end"
    mark = "✗" if outcome.mismatches() else "✓"
    flag = " ⚑" if outcome.play.last["needs_attention"] else ""
    return f"{mark} {len(outcome.asked)}×: {_shown(outcome.effects)}{flag}"


def _shown(effects: Effects) -> str:
    counted = (("ticket", effects.tickets), ("note", effects.notes), ("pop", effects.pops))
    return ", ".join(f"{number} {name}{'' if number == 1 else 's'}" for name, number in counted)


def _mismatches(wrong: Iterable[Outcome], wrong_alerts: Iterable[str]) -> str:
    lines = [f"{outcome.cell.name}: {'; '.join(outcome.mismatches())}" for outcome in wrong]
    return "".join(f"- {line}\n" for line in [*lines, *wrong_alerts])


def _kinds(played: Played) -> str:
    return ", ".join(f"`{kind}`" for kind in sorted({alert["kind"] for alert in played.alerts})) or "nothing"


def _words(outcomes: Iterable[Outcome]) -> str:
    """Each text once, with the requests of which it was said."""
    said: dict[tuple[str, str], list[str]] = {}
    order = {name: number for number, name in enumerate(FAULTS)}
    for outcome in sorted(outcomes, key=lambda o: order[o.cell.fault.name]):
        for words in outcome.words()[:1]:
            if words:
                said.setdefault((outcome.cell.fault.name, _plain(words, outcome)), []).append(outcome.cell.scene.name)
    rows = ([fault, f"`{words}`", ", ".join(_all_or(scenes))] for (fault, words), scenes in said.items())
    return table(["fault", "what it says", "request"], rows)


def _plain(words: str, outcome: Outcome) -> str:
    """Without what differs from request to request."""
    ticket = str(outcome.play.last.get("ticket_id"))
    return (
        words.replace(f"{outcome.cell.scene.step}: ", "…: ")
        .replace(ticket, "1234")
        .removesuffix(": Fault: asked for by a test")
    )


def _all_or(scenes: list[str]) -> list[str]:
    return ["all"] if len(scenes) == len(EXPECTED) else scenes
