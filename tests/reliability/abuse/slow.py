"""Senders that are slow, endless, or gone: each is ended in time, and nobody else notices."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.reliability.abuse.bodies import good
from tests.reliability.abuse.bulk import rss_mib
from tests.reliability.abuse.case import SIGNATURE, body_of, event, judge, signed
from tests.reliability.abuse.wire import Answer, Connection, request

END_WITHIN_S = 14.0
"""The gateway gives a head and a body ten seconds each; the rest is for a busy machine."""
MEMORY_MIB = 16.0
"""What all of them together may cost while they last."""
_LINE = b"X-A: " + b"x" * 8000 + b"\r\n"
_HEAD = b"POST /webhooks/calls HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One kind of slow sender: what it sends, how long it pauses in between, and how it may be ended."""

    name: str
    pieces: Callable[[Random], Iterable[bytes]]
    pause_s: float
    ended: frozenset[str]


@dataclass(kw_only=True)
class Slow:
    """What became of them, and of the webhooks that came meanwhile."""

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By sender and answer."""
    longest_s: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    taken_meanwhile: int = 0
    memory_mib: tuple[float, float] = (0.0, 0.0)
    """Before, and the most while it went on."""

    @property
    def total(self) -> int:
        """Slow senders."""
        return self.ends.total()


def _whole(rng: Random) -> bytes:
    body = body_of(event(rng))
    return request(body, signed(body))


def _split(rng: Random) -> tuple[bytes, bytes]:
    head, _, body = _whole(rng).partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", body


def _bytes_of(text: bytes) -> Iterator[bytes]:
    return (bytes([byte]) for byte in text)


def _slow_body(rng: Random) -> Iterator[bytes]:
    head, body = _split(rng)
    return itertools.chain([head], _bytes_of(body))


def _slow_chunks(rng: Random) -> Iterator[bytes]:
    body = body_of(event(rng))
    head = request(b"", signed(body), chunks=[]).removesuffix(b"0\r\n\r\n")
    return itertools.chain([head], (b"1\r\n%c\r\n" % byte for byte in body))


def _stalled(rng: Random) -> Iterator[bytes]:
    head, body = _split(rng)
    return itertools.chain([head + body[:20]], itertools.repeat(b"", 100))


SENDERS = (
    Sender(name="sends nothing", pieces=lambda _: itertools.repeat(b"", 100), pause_s=0.5, ended=frozenset({"closed"})),
    Sender(
        name="a head, byte by byte",
        pieces=lambda rng: _bytes_of(_whole(rng)),
        pause_s=0.3,
        ended=frozenset({"408 head-too-slow"}),
    ),
    Sender(
        name="a header without end",
        pieces=lambda _: itertools.chain([_HEAD + SIGNATURE + b": "], itertools.repeat(b"A" * 8000, 20_000)),
        pause_s=0.0,
        ended=frozenset({"431 head-too-large", "closed"}),
    ),
    Sender(
        name="headers without end",
        pieces=lambda _: itertools.chain([_HEAD], itertools.repeat(_LINE, 20_000)),
        pause_s=0.0,
        ended=frozenset({"431 head-too-large", "closed"}),
    ),
    Sender(
        name="an address without end",
        pieces=lambda _: itertools.chain([b"POST /"], itertools.repeat(b"a" * 8000, 20_000)),
        pause_s=0.0,
        ended=frozenset({"431 head-too-large", "closed"}),
    ),
    Sender(
        name="empty lines without end",
        pieces=lambda _: itertools.repeat(b"\r\n", 1000),
        pause_s=0.3,
        ended=frozenset({"408 head-too-slow", "closed"}),
    ),
    Sender(name="a body, byte by byte", pieces=_slow_body, pause_s=0.3, ended=frozenset({"408 body-too-slow"})),
    Sender(name="chunks, byte by byte", pieces=_slow_chunks, pause_s=0.3, ended=frozenset({"408 body-too-slow"})),
    Sender(name="a body that stops", pieces=_stalled, pause_s=0.5, ended=frozenset({"408 body-too-slow"})),
)


async def endure(port: int, *, each: int, seed: int, pid: int) -> Slow:
    """So many of each slow sender at the same time, and ordinary webhooks among them."""
    found = Slow(memory_mib=(before := rss_mib(pid), before))
    rng = Random(f"slow {seed}")
    slow = [asyncio.create_task(_one(found, port, sender, Random(rng.random()))) for sender in SENDERS * each]
    async with Connection(port) as connection:
        while not all(task.done() for task in slow):
            one = good(rng)
            found.wrong += [f"a webhook meanwhile: {problem}" for problem in judge(one, await connection.ask(one.raw))]
            found.taken_meanwhile += 1
            found.memory_mib = before, max(found.memory_mib[1], rss_mib(pid))
            await asyncio.sleep(0.1)
    await asyncio.gather(*slow)
    if found.memory_mib[1] - before > MEMORY_MIB:
        found.wrong.append(f"the gateway grew from {before:.1f} to {found.memory_mib[1]:.1f} MiB")
    return found


async def hang_up(port: int, *, n: int, seed: int) -> None:
    """Senders that are gone before their body is whole, at every endpoint that reads one."""
    rng = Random(f"slow {seed}")
    for number in range(n):
        target = (b"/webhooks/calls", b"/ops/sign-in")[number % 2]
        raw = request(b"", signed(b""), target=target, length=b"%d" % rng.randrange(1, 60_000))
        async with Connection(port) as connection:
            await connection.ask(raw + b"x" * rng.randrange(2), ends=True)


async def _one(found: Slow, port: int, sender: Sender, rng: Random) -> None:
    began = time.monotonic()
    try:
        answer = await Connection(port).send_slowly(sender.pieces(rng), sender.pause_s)
    except TimeoutError:
        found.wrong.append(f"{sender.name}: not ended within a minute")
        return
    took, label = time.monotonic() - began, answer.label if answer else "closed"
    found.ends[sender.name, label] += 1
    found.longest_s[sender.name] = max(took, found.longest_s.get(sender.name, 0.0))
    found.wrong += [f"{sender.name}: {problem}" for problem in _problems(sender, answer, label, took)]


def _problems(sender: Sender, answer: Answer | None, label: str, took: float) -> Iterator[str]:
    if label not in sender.ended:
        yield f"answered {label}, expected {' or '.join(sorted(sender.ended))}"
    if answer is not None and not answer.is_problem:
        yield "the answer is no problem document"
    if took > END_WITHIN_S:
        yield f"ended after {took:.1f} s"
