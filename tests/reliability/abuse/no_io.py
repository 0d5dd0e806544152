"""A forged request costs no I/O: what passes between the gateway and its servers is counted, byte by byte."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Self
from urllib.parse import urlsplit

from tests.e2e.stack import OPS_TOKEN, Stack
from tests.reliability.abuse import bodies, forged
from tests.reliability.abuse.wire import Connection, request

_QUIET_S = 0.5
_SETTLE_S = 30.0
_PING_BYTES = 17


class Meter:
    """A TCP proxy that counts connections and bytes, whichever way they go.

    HTTP/2's pings, by which an idle connection to Temporal is kept, are counted apart.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._tasks: set[asyncio.Task[None]] = set()
        self.connections = self.bytes = self.pings = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def counted(self) -> tuple[int, int]:
        """Connections and bytes so far."""
        return self.connections, self.bytes

    async def quiet(self) -> tuple[int, int]:
        """The count, once nothing has passed for a moment. Raises `TimeoutError` when that does not come."""
        async with asyncio.timeout(_SETTLE_S):
            while True:
                before = self.counted
                await asyncio.sleep(_QUIET_S)
                if self.counted == before:
                    return before

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            there, onward = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        for source, sink in ((reader, onward), (there, writer)):
            task = asyncio.create_task(self._pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while chunk := await source.read(65_536):
                if _is_pings(chunk):
                    self.pings += len(chunk) // _PING_BYTES
                else:
                    self.bytes += len(chunk)
                sink.write(chunk)
                await sink.drain()
        except OSError:
            pass
        finally:
            sink.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Connections and bytes that passed to a server because of some requests."""

    connections: int
    bytes: int


@dataclass(kw_only=True)
class Cost:
    """What requests cost: by what was asked and which server."""

    forged: int = 0
    passed: dict[tuple[str, str], Passed] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


async def weigh(stack: Stack, *, n: int, seed: int) -> Cost:
    """Send forged webhooks to a gateway whose servers are metered, then a genuine one and a question as a control."""
    async with AsyncExitStack() as meters:
        address, database = stack.temporal.address.split(":"), urlsplit(stack.postgres.url)
        temporal = await meters.enter_async_context(Meter(address[0], int(address[1])))
        postgres = await meters.enter_async_context(Meter(database.hostname or "", database.port or 5432))
        through = database._replace(netloc=f"{database.netloc.rpartition('@')[0]}@127.0.0.1:{postgres.port}")
        started = await asyncio.to_thread(
            stack.start_gateway, TEMPORAL_ADDRESS=f"127.0.0.1:{temporal.port}", DATABASE_URL=through.geturl()
        )
        try:
            return await _weigh(stack.gateway_port, {"Temporal": temporal, "PostgreSQL": postgres}, n=n, seed=seed)
        finally:
            await asyncio.to_thread(started.stop)


async def _weigh(port: int, meters: dict[str, Meter], *, n: int, seed: int) -> Cost:
    cost, rng = Cost(), Random(f"no I/O {seed}")
    makers = (forged.wrong_signature, forged.misplaced_signature, forged.wrong_time, forged.tampered)
    attacks = (rng.choice(makers)(rng).raw for _ in range(n))
    genuine = bodies.good(rng).raw
    question = request(b"", [(b"Authorization", b"Bearer " + OPS_TOKEN.encode())], method=b"GET", target=b"/calls")
    await _ask(port, [genuine, question])
    await _measure(cost, "forged", port, attacks, meters)
    await _measure(cost, "genuine", port, [bodies.good(rng).raw], meters)
    await _measure(cost, "question", port, [question], meters)
    cost.forged = n
    for server in meters:
        seen = cost.passed["forged", server]
        if seen.bytes or seen.connections:
            cost.wrong.append(f"forged requests caused {seen.bytes} bytes to and from {server}")
    if not cost.passed["genuine", "Temporal"].bytes or not cost.passed["question", "PostgreSQL"].bytes:
        cost.wrong.append("the meters do not see what must be there")
    if cost.passed["genuine", "PostgreSQL"].bytes:
        cost.wrong.append("a genuine webhook touched PostgreSQL")
    return cost


async def _measure(cost: Cost, what: str, port: int, raws: Iterable[bytes], meters: dict[str, Meter]) -> None:
    before = {name: await meter.quiet() for name, meter in meters.items()}
    await _ask(port, raws)
    for name, meter in meters.items():
        connections, size = await meter.quiet()
        cost.passed[what, name] = Passed(connections=connections - before[name][0], bytes=size - before[name][1])


async def _ask(port: int, raws: Iterable[bytes]) -> None:
    async with Connection(port) as connection:
        for raw in raws:
            await connection.ask(raw)


def _is_pings(chunk: bytes) -> bool:
    """Whether a chunk holds whole HTTP/2 ping frames and nothing else (RFC 9113, section 6.7)."""
    frames = [chunk[at : at + _PING_BYTES] for at in range(0, len(chunk), _PING_BYTES)]
    return all(len(frame) == _PING_BYTES and frame[:4] == b"\0\0\x08\x06" for frame in frames)
