"""The proxy does to connections what it says, and passes them whole otherwise."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.reliability.chaos.proxy import Proxy, Trouble

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that says everything back, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""
        self._news = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        try:
            while data := await reader.read(1000):
                self.heard += data
                self._news.set()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.close()

    async def hears(self, words: bytes) -> None:
        """Wait until it has heard this, from its beginning."""
        while self.heard != words:
            self._news.clear()
            await self._news.wait()


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[Proxy, Echo]]:
    """A proxy before an echo."""
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    address: tuple[str, int] = server.sockets[0].getsockname()
    async with leading_to(address) as proxy:
        yield proxy, echo
    server.close()


@asynccontextmanager
async def leading_to(address: tuple[str, int]) -> AsyncIterator[Proxy]:
    """A proxy, and an end to every connection made through it."""
    proxy = Proxy(lambda: address)
    await proxy.start()
    try:
        yield proxy
    finally:
        while clients:
            clients.pop().close()
        await proxy.stop()


clients: list[asyncio.StreamWriter] = []


async def connected(proxy: Proxy) -> Pair:
    """A connection through it."""
    pair = await asyncio.open_connection("127.0.0.1", proxy.port)
    clients.append(pair[1])
    return pair


async def said(pair: Pair, words: bytes, limit_s: float = 5) -> bytes:
    """What comes back; raises `TimeoutError` when nothing does."""
    reader, writer = pair
    writer.write(words)
    return await asyncio.wait_for(reader.read(1000), limit_s)


async def until_cut(pair: Pair, words: bytes) -> None:
    """Say it again and again until nothing comes back."""
    while await said(pair, words):
        pass


async def test_a_healthy_link_passes_everything() -> None:
    """Bytes arrive in both directions, and an end as an end."""
    async with proxied() as (proxy, echo):
        pair = await connected(proxy)
        assert await said(pair, b"one") == b"one"
        pair[1].write_eof()
        assert await pair[0].read() == b""
        assert echo.heard == b"one"


async def test_latency_is_added_in_both_directions() -> None:
    """A question takes twice as long as a word, and arrives."""
    async with proxied() as (proxy, _):
        pair = await connected(proxy)
        proxy.harm(Trouble.LATENCY, latency_s=0.1)
        began = time.monotonic()
        assert await said(pair, b"one") == b"one"
        assert time.monotonic() - began >= 0.2


async def test_a_reset_ends_open_connections_and_refuses_new_ones_until_healed() -> None:
    """The client sees RST, not an orderly end."""
    async with proxied() as (proxy, _):
        pair = await connected(proxy)
        assert await said(pair, b"one") == b"one"
        proxy.harm(Trouble.RESET)
        with pytest.raises(ConnectionResetError):
            await pair[0].read()
        with pytest.raises(ConnectionResetError):
            await said(await connected(proxy), b"two")
        proxy.heal()
        assert await said(await connected(proxy), b"three") == b"three"


async def test_after_a_half_close_words_arrive_and_no_answer_comes() -> None:
    """The vendor acts on what it was asked, and we are never told."""
    async with proxied() as (proxy, echo):
        pair = await connected(proxy)
        assert await said(pair, b"one") == b"one"
        proxy.harm(Trouble.HALF_CLOSE)
        assert await said(pair, b"two") == b""
        await asyncio.wait_for(echo.hears(b"onetwo"), 5)


async def test_a_black_hole_holds_everything_back_until_healed() -> None:
    """Nothing is refused and nothing answers; after it what was said arrives."""
    async with proxied() as (proxy, echo):
        old = await connected(proxy)
        assert await said(old, b"one") == b"one"
        proxy.harm(Trouble.BLACK_HOLE)
        new = await connected(proxy)
        for pair in (old, new):
            with pytest.raises(TimeoutError):
                await said(pair, b"two", limit_s=0.1)
        assert echo.heard == b"one"
        proxy.heal()
        for pair in (old, new):
            assert await asyncio.wait_for(pair[0].read(1000), 5) == b"two"


async def test_a_connection_is_cut_after_so_many_bytes() -> None:
    """What came before is there, then RST; the next connection is cut as well."""
    async with proxied() as (proxy, echo):
        pair = await connected(proxy)
        proxy.harm(Trouble.CUT_AFTER, after_bytes=10)
        assert await said(pair, b"1234") == b"1234"
        with pytest.raises(ConnectionResetError):
            await until_cut(pair, b"5678")
        assert b"1234567812".startswith(echo.heard)
        with pytest.raises(ConnectionResetError):
            await until_cut(await connected(proxy), b"x" * 20)


async def test_a_server_that_is_gone_is_refused_as_such() -> None:
    """The client's connection is dropped at once."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address: tuple[str, int] = nobody.getsockname()
        async with leading_to(address) as proxy:
            with pytest.raises(ConnectionResetError):
                await said(await connected(proxy), b"one")
