"""The line that says how far a long audit has come."""

import io
import sys
from datetime import UTC, datetime, timedelta

import pytest

from cli.audit import progress
from cli.audit.progress import Progress

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


class Screen(io.StringIO):
    """A stream that is, or is not, a terminal."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def _run(monkeypatch: pytest.MonkeyPatch, *, out: bool, err: bool) -> str:
    watched = Screen(terminal=err)
    monkeypatch.setattr(sys, "stdout", Screen(terminal=out))
    monkeypatch.setattr(sys, "stderr", watched)
    monkeypatch.setattr(progress, "_EVERY_S", 0)
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0)
    told = Progress(SINCE, SINCE + timedelta(days=10))
    for _ in range(100):
        told.came_to(SINCE + timedelta(days=4))
    told.end()
    return watched.getvalue()


def test_a_terminal_sees_one_line_that_rewrites_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many, how far, and how much of the time asked for; at the end the line is gone."""
    told = _run(monkeypatch, out=False, err=True)
    assert "audit: 100 entries, up to 2026-01-05T00:00:00.000Z (40% of the time asked for)" in told
    assert told.endswith("\r\x1b[Kaudit: 100 entries, done\n")


def test_a_log_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sign that moves a cursor."""
    assert "\x1b" not in _run(monkeypatch, out=False, err=False)


def test_nothing_is_said_between_the_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the entries themselves scroll by, that is progress enough."""
    assert _run(monkeypatch, out=True, err=True) == ""
