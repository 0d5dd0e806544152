"""Abuse of the gateway, in small: nothing forged is accepted, nothing breaks, and every answer is the contract's."""

import pytest

from tests.reliability.abuse.run import Report, run_small
from tests.reliability.abuse.slow import SENDERS
from tests.reliability.abuse.telling import section

N = 2000


@pytest.fixture(scope="module")
def report() -> Report:
    """One run of everything."""
    return run_small(N)


def test_nothing_is_found(report: Report) -> None:
    """No forged request accepted, no 5xx, no answer that is not documented, no memory kept, no I/O, no data shown."""
    assert report.findings == []


def test_everything_was_tried(report: Report) -> None:
    """What was found nothing in was there: forged and genuine requests, every slow sender, role, and operation."""
    assert report.bulk.total == N
    assert min(report.bulk.forged, report.bulk.genuine) > N // 4
    assert len({family for family, _ in report.bulk.asked}) >= 9
    assert {name for name, _ in report.slow.ends} == {sender.name for sender in SENDERS}
    assert report.slow.taken_meanwhile > 10
    assert len({(stage, secret) for stage, secret, _ in report.rotation.answers}) == 12
    assert report.rotation.restarts == 6
    assert report.matrix.total > 1500
    assert len(report.contract.asked) == 9


def test_the_section_tells_what_was_run(report: Report) -> None:
    """Its figures are those of the run."""
    text = section(report).text
    assert f"0 of {report.bulk.forged:,} (rate <" in text
    assert f"**{N:,} mutated requests**" in text
