"""Vendors that answer with ill will, in bytes: sizes, times, encodings and addresses no client should put up with."""

import asyncio
import gzip
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from activities.zendesk.errors import VendorError
from activities.zendesk.message import Answer, Request, document
from activities.zendesk.wire import LARGEST_ANSWER, Wire

TIMEOUT_S = 1.0
"""For vendors that make us wait; the others answer as fast as they can."""
PATIENCE_S = 8.0
SLACK_S = 4.0
"""What a busy machine may add to the time-out."""
SENT_AT_MOST = LARGEST_ANSWER + 12 * 1024 * 1024
"""What a vendor can get rid of before it is cut off: our limit, and what lies in the buffers of two sockets."""

_CHUNK = b"x" * 65_536
_BOMB = gzip.compress(bytes(20_000_000), 1)
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

Bytes = Callable[[Random, str], Iterable[bytes]]
"""From randomness and an address never to be visited to what the vendor sends, piece by piece."""


def _with(body: bytes, *headers: bytes, first: bytes = _OK) -> list[bytes]:
    lines = b"".join(header + b"\r\n" for header in headers)
    return [first + lines + b"Content-Length: %d\r\n\r\n" % len(body), body]


def _redirect(rng: Random, trap: str) -> list[bytes]:
    code = rng.choice([300, 301, 302, 303, 305, 307, 308])
    return _with(b"", b"Location: " + trap.encode() + b"/elsewhere", first=b"HTTP/1.1 %d Moved\r\n" % code)


ANSWERS: dict[str, Bytes] = {
    "as it should be": lambda *_: _with(b'{"ticket": {"id": 1}}'),
    "5 MB": lambda *_: [_OK + b"Content-Length: 5000000\r\n\r\n", *itertools.repeat(_CHUNK, 77)],
    "without end": lambda *_: itertools.chain([_OK + b"\r\n"], itertools.repeat(_CHUNK, 2000)),
    "chunks without end": lambda *_: itertools.chain(
        [_OK + b"Transfer-Encoding: chunked\r\n\r\n"], itertools.repeat(b"10000\r\n" + _CHUNK + b"\r\n", 2000)
    ),
    "headers without end": lambda *_: itertools.chain(
        [_OK], itertools.repeat(b"X-A: " + b"x" * 8000 + b"\r\n", 20_000)
    ),
    "a header without end": lambda *_: itertools.chain([_OK + b"X-A: "], itertools.repeat(_CHUNK, 2000)),
    "a thousand headers": lambda *_: _with(b"{}", *(b"X-%d: a" % number for number in range(1000))),
    "drop by drop": lambda *_: itertools.chain([_OK + b"Content-Length: 1000\r\n\r\n"], itertools.repeat(b"", 1000)),
    "a head drop by drop": lambda *_: itertools.chain([b"HTTP/1.1 200 OK\r\nX-A: "], itertools.repeat(b"a", 1000)),
    "silence": lambda *_: itertools.repeat(b"", 1000),
    "a hundred continues": lambda *_: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 1000),
    "a gzip bomb": lambda *_: _with(_BOMB, b"Content-Encoding: gzip"),
    "a bomb in two layers": lambda *_: _with(gzip.compress(_BOMB), b"Content-Encoding: gzip, gzip"),
    "an unknown encoding": lambda rng, _: _with(
        rng.randbytes(99), b"Content-Encoding: " + rng.choice([b"br", b"zstd", b"x"])
    ),
    "a redirect": _redirect,
    "a refresh": lambda _, trap: _with(b"{}", b"Refresh: 0; url=" + trap.encode(), b"Link: <" + trap.encode() + b">"),
    "less than said": lambda *_: [_OK + b"Content-Length: 100\r\n\r\n{"],
    "more than said": lambda *_: [_OK + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n\r\n"],
    "a negative length": lambda *_: [_OK + b"Content-Length: -1\r\n\r\n{}"],
    "a huge length": lambda *_: [_OK + b"Content-Length: " + b"9" * 4000 + b"\r\n\r\n{}"],
    "two lengths": lambda *_: [_OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"],
    "an odd status": lambda rng, _: _with(
        b"{}", first=b"HTTP/1.1 " + rng.choice([b"999", b"099", b"-1", b"2OO"]) + b" x\r\n"
    ),
    "another protocol": lambda rng, _: [rng.choice([b"SSH-2.0-x\r\n", b"\x16\x03\x01\x00\x05", b"220 ftp\r\n"])],
    "an upgrade": lambda *_: [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", b"{}"],
    "204 with a body": lambda *_: [b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}"],
    "random bytes": lambda rng, _: [rng.randbytes(2000)],
    "nested without end": lambda *_: _with(b'{"ticket":' + b"[" * 500_000),
    "a number without end": lambda *_: _with(b'{"ticket": {"id": ' + b"9" * 900_000 + b"}}"),
    "UTF-16": lambda *_: _with('{"ticket": {"id": 1}}'.encode("utf-16")),
    "another content type": lambda rng, _: _with(
        b"<html>", b"Content-Type: " + rng.choice([b"text/html", b"application/xml", b"", b"\xff", b"x" * 4000])
    ),
    "headers of other bytes": lambda rng, _: _with(b"{}", b"X-A: " + bytes(rng.choices(range(0x80, 0x100), k=99))),
    "a cookie": lambda *_: _with(b"{}", b"Set-Cookie: owned=1; Path=/; Domain=127.0.0.1"),
    "a wait of nonsense": lambda rng, _: _with(
        b"{}",
        b"Retry-After: " + rng.choice([b"-1", b"9" * 400, b"soon", b"Mon, 99 Foo 0000", b"1e400", b"\xb2", b""]),
        first=b"HTTP/1.1 429 Slow\r\n",
    ),
}
_DRIPS = frozenset({"drop by drop", "a head drop by drop", "silence", "a hundred continues"})


@dataclass(kw_only=True)
class Vendors:
    """What became of the requests, and what was wrong."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By answer and what we made of it."""
    wrong: list[str] = field(default_factory=list)
    longest_s: float = 0.0
    most_bytes: int = 0

    @property
    def total(self) -> int:
        """Requests asked."""
        return self.outcomes.total()


async def ask_all(*, rounds: int, seed: int, trap_url: str) -> Vendors:
    """Every answer so many times, each to a request of the product's own client."""
    found, rng = Vendors(), Random(f"vendors {seed}")
    names = [name for name in ANSWERS for _ in range(rounds)]
    rng.shuffle(names)
    for start in range(0, len(names), 4):
        batch = names[start : start + 4]
        await asyncio.gather(*(_ask(found, name, Random(rng.random()), trap_url) for name in batch))
    return found


async def _ask(found: Vendors, name: str, rng: Random, trap_url: str) -> None:
    async with _vendor(name, rng, trap_url) as (port, seen):
        wire = Wire(f"http://127.0.0.1:{port}", timeout_s=TIMEOUT_S if name in _DRIPS else PATIENCE_S)
        began = time.monotonic()
        try:
            outcome = await _outcome(wire)
            took = time.monotonic() - began
            if name == "a cookie":
                await _outcome(wire)
        except Exception as error:  # noqa: BLE001 - anything that is not our own error is what is looked for
            outcome, took = f"ESCAPED {type(error).__name__}: {error}", time.monotonic() - began
            found.wrong.append(f"{name}: {outcome}")
        finally:
            await wire.close()
    found.outcomes[name, outcome] += 1
    found.longest_s, found.most_bytes = max(found.longest_s, took), max(found.most_bytes, seen.sent)
    if took > (TIMEOUT_S if name in _DRIPS else PATIENCE_S) + SLACK_S:
        found.wrong.append(f"{name}: took {took:.1f} s")
    if seen.sent > SENT_AT_MOST:
        found.wrong.append(f"{name}: {seen.sent:,} bytes were taken")
    if b"owned" in seen.asked:
        found.wrong.append(f"{name}: a cookie came back")
    if outcome == "read" and name not in _HARMLESS:
        found.wrong.append(f"{name}: was read as if nothing were wrong")
    if name == "as it should be" and outcome != "read":
        found.wrong.append(f"{name}: became {outcome}")


_HARMLESS = frozenset({"as it should be", "a refresh", "more than said", "a cookie", "headers of other bytes"}) | {
    *("a thousand headers", "UTF-16")
}
"""Odd, and still the JSON that was asked for."""


async def _outcome(wire: Wire) -> str:
    try:
        async with wire.slot():
            answer: Answer = await wire.send(Request(method="GET", path="/api/v2/tickets/1"), {})
        document(answer)
    except VendorError as error:
        return type(error).__name__
    return "read"


@dataclass
class _Seen:
    sent: int = 0
    asked: bytes = b""


@asynccontextmanager
async def _vendor(name: str, rng: Random, trap_url: str) -> AsyncIterator[tuple[int, _Seen]]:
    """A server that answers like this; its port, and what passed."""
    seen, serving = _Seen(), set[asyncio.Task[None] | None]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                seen.asked += head
                for piece in ANSWERS[name](rng, trap_url):
                    writer.write(piece)
                    await writer.drain()
                    seen.sent += len(piece)
                    if name in _DRIPS:
                        await asyncio.sleep(0.05)
                        if writer.is_closing() or reader.at_eof():
                            return
                if name not in _HARMLESS:
                    return
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen
    await asyncio.gather(*(task for task in serving if task is not None))
