"""What a starting worker does while something it needs is out of reach."""

import logging

import pytest

from workflows import starting
from workflows.starting import CannotStart, reach


async def test_what_comes_back_in_time_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is a moment late delays the start and no more."""
    monkeypatch.setattr(starting, "_PAUSE_S", 0.01)
    tries = []

    async def attempt() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("connection refused")
        return "there"

    assert await reach("Temporal", attempt, (RuntimeError,)) == "there"


async def test_what_stays_away_ends_the_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After its limit the worker gives up with one sentence that names the thing; it says once that it waits."""
    monkeypatch.setattr(starting, "_PAUSE_S", 0.01)
    monkeypatch.setattr(starting, "OUT_OF_REACH_LIMIT_S", 0.05)

    async def attempt() -> None:
        raise RuntimeError("connection refused")

    with caplog.at_level(logging.WARNING), pytest.raises(CannotStart, match=r"PostgreSQL .* out of reach .* refused"):
        await reach("PostgreSQL (DATABASE_URL)", attempt, (RuntimeError,))
    assert len(caplog.records) == 1


async def test_the_limit_is_a_minute() -> None:
    """Sixty seconds, as documented."""
    assert starting.OUT_OF_REACH_LIMIT_S == 60


async def test_any_other_error_ends_the_start_at_once() -> None:
    """Only being out of reach is waited for."""

    async def attempt() -> None:
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        await reach("Temporal", attempt, (RuntimeError,))
