"""HTTP/1.1 in bytes: requests that no client library would send, and their answers."""

import asyncio
import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

Headers = list[tuple[bytes, bytes]]

_LARGEST_ANSWER = 8 * 1024 * 1024
PROBLEM = "application/problem+json"
_TYPE_PREFIX = "urn:talkbridge:problem:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer as it came."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def closes(self) -> bool:
        """Whether the server ends the connection after it."""
        return self.headers.get("connection", "").lower() == "close"

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in it; empty where there is none."""
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def label(self) -> str:
        """Status and kind in a few words: `202 accepted`, `401 signature-refused`."""
        said = self.document.get("type" if self.status >= 400 else "status", "")
        return f"{self.status} {str(said).removeprefix(_TYPE_PREFIX)}".strip()

    @property
    def is_problem(self) -> bool:
        """Whether it is an RFC 9457 document of its own status."""
        document = self.document
        typed = self.headers.get("content-type") == PROBLEM
        return typed and document.get("status") == self.status and isinstance(document.get("title"), str)


def request(
    body: bytes,
    headers: Headers,
    *,
    method: bytes = b"POST",
    target: bytes = b"/webhooks/calls",
    version: bytes = b"HTTP/1.1",
    length: bytes | None = b"",
    chunks: Sequence[bytes] | None = None,
) -> bytes:
    """A request; `length` empty states the body's own, None states none, and `chunks` sends those instead."""
    lines = [method + b" " + target + b" " + version, b"Host: 127.0.0.1"]
    lines += [name + b": " + value for name, value in headers]
    if chunks is not None:
        lines.append(b"Transfer-Encoding: chunked")
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk) + b"0\r\n\r\n"
    elif length is not None:
        lines.append(b"Content-Length: " + (length or b"%d" % len(body)))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


class Connection:
    """One connection to a gateway, made anew when the server has ended it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ask(
        self, raw: bytes, *, limit_s: float = 20.0, head_only: bool = False, ends: bool = False
    ) -> Answer | None:
        """Send bytes and read one answer; None when the server closed without one. `ends`: we stop writing then.

        Raises `TimeoutError` when nothing comes within the limit.
        """
        async with asyncio.timeout(limit_s):
            return await self._ask(raw, head_only=head_only, ends=ends)

    async def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def send_slowly(self, pieces: Iterable[bytes], pause_s: float, *, limit_s: float = 60.0) -> Answer | None:
        """Send piece by piece until the server answers or closes."""
        reader, writer = await self._open()
        async with asyncio.timeout(limit_s):
            reading = asyncio.create_task(_read(reader, head_only=False))
            for piece in pieces:
                if reading.done():
                    break
                with contextlib.suppress(OSError):
                    writer.write(piece)
                    await writer.drain()
                await asyncio.wait([reading], timeout=pause_s)
            answer = await reading
        await self.close()
        return answer

    async def _ask(self, raw: bytes, *, head_only: bool, ends: bool) -> Answer | None:
        fresh = self._streams is None
        reader, writer = await self._open()
        with contextlib.suppress(OSError):
            writer.write(raw)
            if ends:
                writer.write_eof()
            await writer.drain()
        answer = await _read(reader, head_only=head_only)
        if answer is None or answer.closes or ends:
            await self.close()
        if answer is None and not fresh and not ends:
            # The server may have ended an idle connection before it saw our request: that says nothing of the request.
            return await self._ask(raw, head_only=head_only, ends=ends)
        return answer

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=_LARGEST_ANSWER)
        return self._streams


async def _read(reader: asyncio.StreamReader, *, head_only: bool) -> Answer | None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            answer = _parsed(head)
            # 100 Continue comes before the answer proper.
            if answer.status >= 200:
                break
        size = 0 if head_only else int(answer.headers.get("content-length", "0"))
        return Answer(status=answer.status, headers=answer.headers, body=await reader.readexactly(size))
    except (OSError, asyncio.IncompleteReadError):
        return None


def _parsed(head: bytes) -> Answer:
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
    return Answer(status=int(first.split(" ", 2)[1]), headers=headers)
