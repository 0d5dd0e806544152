"""The replay window: which timestamps are in time, to the microsecond, and what a request sent again is answered."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from api.signature import Verdict, verify
from tests.e2e.stack import SECRET
from tests.reliability.abuse.case import ACCEPTED, REFUSED, TOLERANCE_S, body_of, event, sign, signed, stamp
from tests.reliability.abuse.wire import Connection, request

AGAIN = frozenset({"200 already_processed"})
_MICROSECOND = 1e-6
_LATER = frozenset({"503 temporal-unavailable"})
"""On a machine too busy for Temporal to acknowledge in time; that says nothing of the window."""
EDGES = tuple(
    (sign_ * (TOLERANCE_S + beyond), beyond <= 0)
    for sign_ in (-1, 1)
    for beyond in (-1.0, -_MICROSECOND, 0.0, _MICROSECOND, 1.0)
)
"""Seconds from now, and whether that is in time."""
_CLOSE_BY = ((-TOLERANCE_S - 1, REFUSED), (-TOLERANCE_S + 30, ACCEPTED), (TOLERANCE_S, ACCEPTED))
"""As far as a clock that runs on can tell: at exactly the tolerance ago the time is over when it is read."""


@dataclass(kw_only=True)
class Window:
    """What was asked and what was wrong."""

    asked: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Questions asked."""
        return self.asked.total()


async def edges(port: int, *, rounds: int, seed: int) -> Window:
    """Every edge with the clock held still, then over the wire, then each request twice and once more."""
    found, rng = Window(), Random(f"window {seed}")
    for _ in range(rounds):
        _held_still(found, rng)
        async with Connection(port) as connection:
            await _over_the_wire(found, rng, connection)
            await _again(found, rng, connection)
    return found


def _held_still(found: Window, rng: Random) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.uniform(0, 1e8))
    for away_s, in_time in EDGES:
        at = (now + timedelta(seconds=away_s)).isoformat(timespec="microseconds").encode()
        verdict = verify(
            [SECRET.encode()],
            signature=sign(SECRET, at, b"{}"),
            timestamp=at,
            body=b"{}",
            now=now,
            tolerance_s=TOLERANCE_S,
        )
        found.asked["clock held still"] += 1
        if verdict is not (Verdict.GENUINE if in_time else Verdict.TOO_OLD):
            found.wrong.append(f"{away_s} s from now is {verdict}")


async def _over_the_wire(found: Window, rng: Random, connection: Connection) -> None:
    for away_s, expected in _CLOSE_BY:
        body = body_of(event(rng))
        answer = await connection.ask(request(body, signed(body, at=stamp(ahead_s=away_s))))
        found.asked["over the wire"] += 1
        if answer is None or answer.label not in expected | _LATER:
            found.wrong.append(f"{away_s} s from now is answered {answer.label if answer else 'nothing'}")


async def _again(found: Window, rng: Random, connection: Connection) -> None:
    body = body_of(event(rng))
    raw = request(body, signed(body))
    answers = [await connection.ask(raw) for _ in range(3)]
    found.asked["the same once more"] += len(answers)
    labels = [answer.label if answer else "closed" for answer in answers]
    if _LATER.isdisjoint(labels) and labels != [*ACCEPTED, *AGAIN, *AGAIN]:
        found.wrong.append(f"the same request three times is answered {', '.join(labels)}")
