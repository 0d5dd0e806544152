"""A small TCP proxy between two parts, by which their connection is slowed, cut, or left without a word."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

_CHUNK = 64 * 1024
# Lingering for no time at all makes the kernel send RST instead of FIN.
_RST = struct.pack("ii", 1, 0)


class Trouble(StrEnum):
    """What can be wrong with a link."""

    LATENCY = "latency"
    RESET = "reset"
    HALF_CLOSE = "half-close"
    BLACK_HOLE = "black hole"
    CUT_AFTER = "cut after bytes"


@dataclass(eq=False, slots=True)
class _Connection:
    """One client, and the server it was led to."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    passed: int = 0
    deaf: bool = False

    def reset(self) -> None:
        for writer in (self.client, self.server):
            _reset(writer)

    def half_close(self) -> None:
        """What the client says still arrives; no answer ever comes back."""
        self.deaf = True
        with contextlib.suppress(OSError, RuntimeError):
            self.client.write_eof()


@dataclass(eq=False, slots=True)
class Proxy:
    """Listens on a loopback port and leads to `target()`, asked anew for each connection: `host, port`.

    Set trouble and end it from the loop that started it.
    """

    target: Callable[[], tuple[str, int]]
    trouble: Trouble | None = None
    latency_s: float = 0.0
    after_bytes: int = 0
    _server: asyncio.Server | None = None
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: set[_Connection] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def port(self) -> int:
        """Where it listens. Only there once started."""
        assert self._server is not None, "start() comes first"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def address(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; connections pass until there is trouble."""
        self._open.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        self.heal()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def harm(self, trouble: Trouble, *, latency_s: float = 0.2, after_bytes: int = 2000) -> None:
        """From now on, until `heal`, this is what connections meet; open ones at once."""
        self.heal()
        self.trouble, self.latency_s, self.after_bytes = trouble, latency_s, after_bytes
        if trouble == Trouble.BLACK_HOLE:
            self._open.clear()
        for connection in list(self._connections):
            connection.passed = 0
            self._meet(connection)

    def heal(self) -> None:
        """Connections pass again; what a black hole held back arrives late, as after a healed partition."""
        self.trouble = None
        self._open.set()

    def _meet(self, connection: _Connection) -> None:
        if self.trouble == Trouble.RESET:
            connection.reset()
        elif self.trouble == Trouble.HALF_CLOSE:
            connection.half_close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            _reset(writer)
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.trouble == Trouble.RESET:
            _reset(writer)
            return
        # Nobody gets through a black hole to a server that does not know of them.
        await self._open.wait()
        from_server, to_server = await asyncio.open_connection(*self.target())
        connection = _Connection(writer, to_server)
        self._connections.add(connection)
        self._meet(connection)
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, to_server, connection))
                pumps.create_task(self._pump(from_server, writer, connection, back=True))
        except* OSError:
            connection.reset()
        finally:
            self._connections.discard(connection)
            for end in (writer, to_server):
                end.close()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, connection: _Connection, *, back: bool = False
    ) -> None:
        while data := await source.read(_CHUNK):
            if self.trouble == Trouble.LATENCY:
                await asyncio.sleep(self.latency_s)
            await self._open.wait()
            if back and connection.deaf:
                continue
            sink.write(self._cut(data, connection))
            await sink.drain()
            if self.trouble == Trouble.CUT_AFTER and connection.passed > self.after_bytes:
                connection.reset()
                return
        if not sink.is_closing() and not (back and connection.deaf):
            sink.write_eof()

    def _cut(self, data: bytes, connection: _Connection) -> bytes:
        if self.trouble != Trouble.CUT_AFTER:
            return data
        rest = max(0, self.after_bytes - connection.passed)
        connection.passed += len(data)
        return data[:rest]


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
    writer.transport.abort()
