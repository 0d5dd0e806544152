"""The wire, against servers that misbehave byte by byte."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import httpx2 as httpx
import pytest

from activities.zendesk import errors
from activities.zendesk.message import Request
from activities.zendesk.wire import LARGEST_ANSWER, Wire, translated

GET = Request(method="GET", path="/")
PUT = Request(method="PUT", path="/", body={"a": "é"})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Answers each request with the next of `answers`; an empty one closes the connection instead."""

    def __init__(self, *answers: bytes, pause_s: float = 0) -> None:
        self._answers = list(answers)
        self._pause_s = pause_s
        self.requests: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self._answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
                self.requests.append(head + await reader.readexactly(length))
                answer = self._answers.pop(0)
                if not answer:
                    break
                for part in answer.split(b"|"):
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(self._pause_s)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(*answers: bytes, pause_s: float = 0, timeout_s: float = 2) -> AsyncIterator[tuple[Server, Wire]]:
    """A server and a wire to it."""
    server = Server(*answers, pause_s=pause_s)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    wire = Wire(server.url, timeout_s=timeout_s)
    try:
        yield server, wire
    finally:
        await wire.close()
        listening.close()


async def test_a_dropped_kept_alive_connection_is_not_asked_again() -> None:
    """A connection that dies under the second request loses it: it is not sent a second time."""
    async with serving(OK, b"", OK) as (server, wire):
        assert (await wire.send(PUT, {})).content == b"{}"
        with pytest.raises(errors.ConnectionLost) as caught:
            await wire.send(PUT, {})
        assert caught.value.sent
        assert (len(server.requests), server.connections) == (2, 1)


async def test_an_answer_that_drips_is_left_after_the_time_out() -> None:
    """The time-out bounds the request as a whole, not each byte."""
    dripping = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + b"|x" * 50
    async with serving(dripping, pause_s=0.1, timeout_s=0.5) as (_, wire):
        began = time.monotonic()
        with pytest.raises(errors.NoAnswer):
            await wire.send(GET, {})
        assert time.monotonic() - began < 1


async def test_an_endless_answer_is_cut_while_reading() -> None:
    """Not much more than 1 MiB is ever held."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    async with serving(head + chunk * 64) as (_, wire):
        with pytest.raises(errors.MalformedAnswer, match="over 1 MiB"):
            await wire.send(GET, {})
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGEST_ANSWER + b"x" * LARGEST_ANSWER
    async with serving(whole) as (_, wire):
        assert len((await wire.send(GET, {})).content) == LARGEST_ANSWER


async def test_a_compressed_answer_is_not_unpacked() -> None:
    """Compression is not asked for and not taken: a small answer could be huge."""
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx") as (server, wire):
        with pytest.raises(errors.MalformedAnswer, match="compressed"):
            await wire.send(GET, {})
        assert b"accept-encoding: identity" in server.requests[0].lower()


async def test_redirects_and_cookies_go_nowhere() -> None:
    """A redirect is an answer, and a cookie is not sent back."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    async with serving(moved, OK) as (server, wire):
        assert (await wire.send(GET, {})).status == 302
        await wire.send(GET, {})
        assert len(server.requests) == 2
        assert b"cookie" not in server.requests[1].lower()


async def test_headers_and_body_go_out_as_given() -> None:
    """JSON with its content type; a request without a body has none."""
    async with serving(OK, OK) as (server, wire):
        await wire.send(PUT, {"X-Request-ID": "c.s.1.00000000"})
        await wire.send(GET, {})
        first, second = server.requests
        assert b"x-request-id: c.s.1.00000000" in first.lower()
        assert b"content-type: application/json\r\n" in first.lower()
        assert first.endswith(b'{"a":"\\u00e9"}')
        assert b"content-type" not in second.lower()


async def test_an_answer_knows_the_secrets_of_its_request() -> None:
    """So that they can be left out of what is shown of it; the value as text does not show them."""
    request = Request(method="POST", path="/", body={"client_secret": "s"})
    async with serving(OK) as (_, wire):
        answer = await wire.send(request, {"Authorization": "Bearer t"})
    assert answer.secrets == ("t", "s")
    assert "secrets" not in repr(answer)


async def test_the_last_check_stops_the_first_byte() -> None:
    """What `before_send` raises keeps the request from going out, though the connection was made."""

    def too_late() -> None:
        raise errors.NotSent("too late")

    async with serving(OK) as (server, wire):
        with pytest.raises(errors.NotSent):
            await wire.send(PUT, {}, before_send=too_late)
        await wire.send(GET, {})
        assert [request[:3] for request in server.requests] == [b"GET"]


async def test_a_request_that_cannot_be_sent_is_our_fault() -> None:
    """A header with a line break, an address without a scheme."""
    async with serving(OK) as (_, wire):
        with pytest.raises(errors.Misconfigured):
            await wire.send(GET, {"X-Request-ID": "a\r\nb: c"})
    wire = Wire("ftp://127.0.0.1", timeout_s=1)
    with pytest.raises(errors.Misconfigured):
        await wire.send(GET, {})
    await wire.close()


async def test_a_slot_is_waited_for_and_given_back() -> None:
    """A free place is taken within the patience, or the request is not sent; a place is given back after an error."""
    wire = Wire("http://127.0.0.1:9", timeout_s=1, in_flight=1, patience_s=0.2)
    async with wire.slot():
        with pytest.raises(errors.NotSent):
            async with wire.slot():
                pass
    with pytest.raises(errors.Unreachable):
        async with wire.slot():
            await wire.send(GET, {})
    async with wire.slot():
        pass
    await wire.close()


def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
    """Every class below."""
    for each in kind.__subclasses__():
        yield each
        yield from leaves(each)


FOREIGN: list[type[Exception]] = [
    *sorted({*leaves(httpx.HTTPError), httpx.InvalidURL, *leaves(httpx.StreamError)}, key=lambda each: each.__name__),
    TimeoutError,
    ConnectionResetError,
]


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("sent", [True, False])
def test_no_foreign_error_is_forgotten(kind: type[Exception], *, sent: bool) -> None:
    """Each error of the library is one of ours; where nothing was sent ours says so, or that it cannot be sent."""
    make: Callable[..., Exception] = kind
    foreign = (
        kind.__new__(kind) if issubclass(kind, httpx.StreamError | httpx.HTTPStatusError) else make("to +15550100")
    )
    error = translated(foreign, sent=sent)
    assert type(error).__subclasses__() == []
    assert "+15550100" not in str(error)
    if not sent:
        assert not error.sent or isinstance(error, errors.Misconfigured | errors.MalformedAnswer)
