"""Rows that nobody waits for."""

import logging

import pytest

from activities.background import Background
from activities.postgres.errors import LedgerUnavailable, StatementRefused
from tests.twins.calls import until


class Rows:
    """A ledger that fails its first writes."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tries = 0
        self.written = 0

    async def write(self) -> None:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.written += 1


async def test_a_row_is_written_once_the_ledger_is_back(caplog: pytest.LogCaptureFixture) -> None:
    """What was sent while it was out of reach is in the audit all the same, and nothing is said to be lost."""
    rows, background = Rows(LedgerUnavailable(), TimeoutError()), Background()
    background.start(rows.write)
    await until(lambda: rows.written)
    await background.close()
    assert (rows.tries, rows.written, caplog.records) == (3, 1, [])


async def test_a_row_that_is_refused_is_said_to_be_lost(caplog: pytest.LogCaptureFixture) -> None:
    """Trying again would not help; the log names the request."""
    rows, background = Rows(StatementRefused("CheckViolation", "23514")), Background()
    with caplog.at_level(logging.ERROR):
        background.start(rows.write, request_id="c-1.patch_call.1.0badcafe")
        await background.close()
    assert (rows.tries, rows.written) == (1, 0)
    assert [vars(record)["request_id"] for record in caplog.records] == ["c-1.patch_call.1.0badcafe"]
