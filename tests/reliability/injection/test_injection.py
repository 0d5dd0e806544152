"""Hostile data and hostile vendors, in small: data stays data, and limits hold."""

import pytest

from tests.reliability.injection.hostile import ANSWERS
from tests.reliability.injection.mutants import READERS
from tests.reliability.injection.run import Report, run
from tests.reliability.injection.telling import section

N = 24


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One run of everything."""
    return run(tmp_path_factory.mktemp("injection"), n=N, seed=1)


def test_nothing_is_found(report: Report) -> None:
    """No other search, no forged line, mark or tag, no error that escapes, no address from data visited."""
    assert report.findings == []


def test_everything_was_tried(report: Report) -> None:
    """Searches, forged marks, every page, every answer and every reader were there."""
    assert report.searches > N / 2
    assert report.stuck == 3
    assert report.pages == N + report.stuck + len(("Live", "Needs attention"))
    assert any(call.forged_mark for call in report.calls)
    assert {name for name, _ in report.vendors.outcomes} == set(ANSWERS)
    assert report.mutants.total == N * 100
    assert len(READERS) == 8
    assert f"0 of {N} (rate <" in section(report).text
