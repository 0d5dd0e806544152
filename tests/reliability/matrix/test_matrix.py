"""A few of the matrix's cells on real processes, and a planted defect that they have to find."""

from collections.abc import Iterable, Iterator

import psycopg
import pytest

from tests.reliability.matrix import alerts
from tests.reliability.matrix.cell import Cell
from tests.reliability.matrix.expectations import EXPECTED, ORDINARY, cells
from tests.reliability.matrix.faults import EVERYWHERE
from tests.reliability.matrix.ground import Played, runner
from tests.reliability.matrix.run import Runner
from tests.reliability.matrix.scenes import SCENES
from tests.reliability.matrix.section import section

CELLS = {cell.name: cell for cell in cells()}
TOGETHER = (
    "search x malformed JSON",
    "search x 422",
    "read ticket x 404",
    "find by external id x hang",
    "list comments x 5 MB answer",
    "list comments x 404",
    "create ticket x acted, then reset",
    "create ticket x acted, then hang",
    "create ticket x wrong shape",
    "create ticket x 400",
    "create ticket x 422 for ever",
    "update: In-Call x 403",
    "update: In-Call x 404",
    "update: In-Call x acted, then reset",
    "update: final x 500 three times",
    "update: final x acted, then reset",
    "update: final x acted, then hang",
    "update: final x reset",
    "update: final x 404",
    "update: final x 409",
    "update: final x 422",
    "screen pop x 403",
    "screen pop x 422 for ever",
    "CRM x redirect",
)
IN_TURN = ("token x malformed JSON", "create ticket x 401", "update: final x connection refused")

# An attempt whose answer was lost looks like one that was refused: the gate lets the same note through again.
_FORGET_WHAT_IS_UNKNOWN = """
CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN NEW.http_status := 409; NEW.outcome := ''Conflict''; RETURN NEW; END';
CREATE TRIGGER forget BEFORE UPDATE ON attempts FOR EACH ROW WHEN (NEW.outcome = 'ConnectionLost')
EXECUTE FUNCTION forget()
"""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """One stack for all."""
    with runner(tmp_path_factory.mktemp("matrix"), lambda _: None) as ready:
        yield ready


def test_every_request_has_a_word_for_every_fault() -> None:
    """No cell is left out, and no expectation belongs to none."""
    named = {(cell.scene.name, cell.fault.name) for cell in cells()}
    assert {(scene, fault.name) for scene in SCENES for fault in EVERYWHERE} <= named
    assert {(scene, fault) for scene, own in EXPECTED.items() for fault in own} <= named
    assert {fault for _, fault in named} >= set(ORDINARY) - {"reset three times"}


def test_requests_that_meet_faults(ground: Runner) -> None:
    """Each call ends as the contract says, with exactly its effects, and operations read why it took longer."""
    outcomes = [*ground.together(_cells(TOGETHER), at_once=24), *ground.in_turn(_cells(IN_TURN))]
    wrong = {outcome.cell.name: outcome.mismatches() for outcome in outcomes}
    assert {name: found for name, found in wrong.items() if found} == {}
    assert alerts.mismatches(outcomes, ground.alerts) == []
    text = section(Played(outcomes=outcomes, alerts=ground.alerts), seconds=60).text
    assert f"**{len(TOGETHER) + len(IN_TURN)} cells" in text
    assert "✗" not in text


def test_a_planted_defect_is_found(ground: Runner) -> None:
    """A ledger that takes a lost answer for a refusal has the note written twice, and the matrix says so."""
    with psycopg.connect(ground.stack.postgres.url, autocommit=True) as connection:
        connection.execute(_FORGET_WHAT_IS_UNKNOWN)
        try:
            (outcome,) = ground.in_turn(_cells(["update: final x acted, then reset"]))
        finally:
            connection.execute("DROP TRIGGER forget ON attempts; DROP FUNCTION forget()")
    assert "notes: 2 instead of 1" in outcome.mismatches()
    assert "✗" in section(Played(outcomes=[outcome]), seconds=1).text


def _cells(names: Iterable[str]) -> list[Cell]:
    return [CELLS[name] for name in names]
