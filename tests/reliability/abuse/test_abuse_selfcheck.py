"""The harness can fail: a gateway that believes everybody, one that breaks, and one that asks first are caught."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import Random

import pytest

from tests.reliability.abuse.bulk import Bulk, abuse
from tests.reliability.abuse.case import body_of, is_genuine, judge, signed, stamp
from tests.reliability.abuse.forged import wrong_signature
from tests.reliability.abuse.no_io import Meter
from tests.reliability.abuse.wire import Answer, Connection

N = 300


@asynccontextmanager
async def always(answer: bytes) -> AsyncIterator[int]:
    """A server that answers everything the same; its port."""
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        while await reader.read(1_000_000):
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    await asyncio.gather(*(task for task in serving if task is not None))


def http(status: str, body: bytes, kind: bytes = b"application/json") -> bytes:
    """One answer."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nContent-Type: ".encode() + kind + b"\r\n\r\n" + body


async def abused(answer: bytes) -> Bulk:
    """What the harness says of such a server."""
    async with always(answer) as port:
        return await abuse(port, n=N, seed=7)


async def test_a_gateway_that_accepts_everything_is_caught() -> None:
    """Every forged request is counted as accepted, and every answer that should have been a refusal as wrong."""
    found = await abused(http("202 Accepted", b'{"status":"accepted","call_id":"a"}'))
    # What is never sent whole, the harness ends by itself.
    assert found.forged_accepted > 0.9 * found.forged > N / 3
    assert any("FORGED AND ACCEPTED" in what for what in found.wrong)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (http("500 Internal Server Error", b"Internal Server Error", b"text/plain"), "5xx: 500"),
        (http("401 Unauthorized", b'{"title":"no","status":401}'), "401 is no problem document"),
        (http("418 I'm a teapot", b"{}"), "a status that is not documented: 418"),
        (http("200 OK", b'{"status":"ignored","email":"planted.person@abuse.example"}'), "repeats a secret"),
    ],
)
async def test_wrong_answers_are_caught(answer: bytes, said: str) -> None:
    """A fault, a refusal of another form, another status, and one that tells whose call it was."""
    assert any(said in what for what in (await abused(answer)).wrong)


def test_silence_is_caught() -> None:
    """A request that deserves an answer and gets none."""
    assert list(judge(wrong_signature(Random(1)), None)) == ["no answer, expected 401 signature-refused"]
    refusal = b'{"type":"urn:talkbridge:problem:signature-refused","title":"t","status":401}'
    answer = Answer(status=401, headers={"content-type": "application/problem+json"}, body=refusal)
    assert list(judge(wrong_signature(Random(1)), answer)) == []


def test_the_harness_knows_a_forgery_by_itself() -> None:
    """Only what the secret signed, lately and unchanged, is genuine."""
    now, body = datetime.now(UTC), body_of({"a": 1})
    assert is_genuine(signed(body), body, now)
    assert not is_genuine(signed(body), body + b" ", now)
    assert not is_genuine(signed(body, secret="another"), body, now)
    assert not is_genuine(signed(body, at=stamp(ahead_s=-400)), body, now)
    assert not is_genuine([], body, now)


async def test_the_meter_counts_what_passes() -> None:
    """Bytes of both ways and connections; pings alone count apart."""
    async with always(http("200 OK", b"{}")) as port, Meter("127.0.0.1", port) as meter:
        async with Connection(meter.port) as connection:
            await connection.ask(b"GET / HTTP/1.1\r\n\r\n")
        connections, size = await meter.quiet()
        assert (connections, size > 60) == (1, True)
        reader, writer = await asyncio.open_connection("127.0.0.1", meter.port)
        writer.write(b"\0\0\x08\x06\0\0\0\0\0" + bytes(8))
        await writer.drain()
        await reader.read(10)
        writer.close()
        await writer.wait_closed()
        assert meter.pings == 1
