"""The gateway while Temporal or PostgreSQL is away: it serves, says so, and recovers by itself."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest

from api.ledger import PostgresLedger
from api.reading import LedgerUnreadable
from cli.servers.child import free_port
from cli.servers.temporal import TemporalServer
from tests.integration.gateway.kit import Serve, Served, refused


@pytest.fixture
def fragile_temporal(tmp_path: Path) -> Iterator[TemporalServer]:
    """A server that a test may kill; what it acknowledged is in a file."""
    with TemporalServer(own=True, db_filename=tmp_path / "temporal.db") as server:
        yield server


async def accepted_within(served: Served, call_id: str, limit_s: float) -> None:
    """Repeat the webhook, as a telephony platform does, until it is accepted."""
    deadline = time.monotonic() + limit_s
    while (answer := await served.sender.event("call.started", call_id)).status_code != 202:
        refused(answer, 503, "temporal-unavailable")
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_webhooks_are_accepted_without_postgresql(
    serve: Serve, own_temporal: TemporalServer, task_queue_prefix: str
) -> None:
    """The webhook path speaks to Temporal only; readiness says so."""
    served = await serve(own_temporal.address)
    assert (await served.sender.event("call.started", f"{task_queue_prefix}-1")).status_code == 202
    ready = await served.http.get("/readyz")
    assert (ready.status_code, ready.json()["postgresql"]) == (200, "unreachable")


async def test_temporal_killed_is_503_within_three_seconds_and_mends_itself(
    serve: Serve, fragile_temporal: TemporalServer
) -> None:
    """The sender is told when to come back; nothing acknowledged is lost; then all is as before."""
    served = await serve(fragile_temporal.address)
    await accepted_within(served, "c-before", 10)
    await asyncio.to_thread(fragile_temporal.kill)
    began = time.monotonic()
    answer = await served.sender.event("call.started", "c-during")
    assert time.monotonic() - began < 3
    refused(answer, 503, "temporal-unavailable")
    assert answer.headers["retry-after"] == "5"
    refused(await served.http.get("/readyz"), 503, "not-ready")
    assert (await served.http.get("/healthz")).status_code == 200
    redelivered = await served.sender.event("call.started", "c-before")
    assert redelivered.json()["status"] == "already_processed"
    await asyncio.to_thread(fragile_temporal.start)
    await accepted_within(served, "c-during", 20)
    before = await served.temporal.get_workflow_handle("call-c-before").fetch_history()
    assert len(before.events) > 1


async def test_a_burst_while_temporal_hangs_is_answered_in_time(serve: Serve) -> None:
    """Something that takes connections and never speaks costs each sender three seconds at most, however many wait."""
    # The kernel completes the connection; nobody ever reads from it.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        served = await serve(f"127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        answers = await asyncio.gather(*(served.sender.event("call.started", f"c-{number}") for number in range(20)))
        assert time.monotonic() - began < 4
    for answer in answers:
        refused(answer, 503, "temporal-unavailable")


async def test_a_gateway_that_started_before_temporal_finds_it(serve: Serve) -> None:
    """The first connection failed; the next webhook after Temporal's start gets through."""
    port = free_port()
    served = await serve(f"127.0.0.1:{port}")
    refused(await served.sender.event("call.started", "c-1"), 503, "temporal-unavailable")
    async with TemporalServer(own=True, port=port):
        await accepted_within(served, "c-1", 20)


async def test_forged_requests_reach_neither_server(serve: Serve) -> None:
    """With both servers away a forged webhook is refused as fast as ever: nobody was asked."""
    served = await serve(f"127.0.0.1:{free_port()}")
    began = time.monotonic()
    for number in range(20):
        forged = await served.sender.raw(b'{"event":"call.started","data":{"id":1}}', secret=f"guess {number}")
        refused(forged, 401, "signature-refused")
    assert time.monotonic() - began < 2


async def test_a_postgresql_that_falls_silent_costs_two_seconds(served: Served, database_url: str) -> None:
    """Connections stand, and nothing more comes through them: each page says so as soon as with the server gone."""
    async with Tap(database_url) as tap:
        ledger = PostgresLedger(tap.url, served.gateway.settings.keyring)
        await ledger.open()
        try:
            await ledger.ping()
            tap.flows.clear()
            began = time.monotonic()
            with pytest.raises(LedgerUnreadable):
                await ledger.ping()
            assert time.monotonic() - began < 3
        finally:
            tap.flows.set()
            await ledger.close()


class Tap:
    """A way to PostgreSQL that can hold everything back: open while `flows` is set."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self.flows = asyncio.Event()
        self.flows.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        account, _, _ = self._parts.netloc.rpartition("@")
        self.url = self._parts._replace(netloc=f"{account}@127.0.0.1:{port}").geturl()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self.flows.wait()
                writer.write(data)
            writer.close()
