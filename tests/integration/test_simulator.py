"""The simulator as a process, on a real socket."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2 as httpx
import pytest

from simulator.server import listen, running
from simulator.settings import Settings

TOKEN = {
    "grant_type": "client_credentials",
    "client_id": "talkbridge",
    "client_secret": "simulator-secret",
    "scope": "talk:read_all",
}


def ask_token(client: httpx.Client, number: int) -> httpx.Response:
    """One token request."""
    return client.post("/api/v2/oauth/token", json=TOKEN, headers={"X-Request-ID": f"t.{number}"})


def eventually(wanted: Callable[[], bool]) -> None:
    """Waits up to ten seconds for something to be so."""
    deadline = time.monotonic() + 10
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_process_says_where_it_listens_and_drops_connections() -> None:
    """The process prints its address as JSON; dropped requests end in a closed connection, never in an answer."""
    command = [sys.executable, "-m", "simulator", "--port", "0", "--token-lifetime-s", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
                assert ask_token(client, 1).json()["expires_in"] == 60
                for fault in ("drop_before", "drop_after"):
                    client.post("/_sim/faults", json={"kind": "token", "fault": fault})
                with pytest.raises(httpx.TransportError):
                    ask_token(client, 2)
                with pytest.raises(httpx.TransportError):
                    ask_token(client, 3)
                assert ask_token(client, 4).status_code == 200
                entries = client.get("/_sim/journal").json()["requests"]
                counts = client.get("/_sim/books").json()["counts"]
            assert [entry["status"] for entry in entries] == [200, None, None, 200]
            assert [entry["acted"] for entry in entries] == [True, False, True, True]
            assert counts["tokens_issued"] == 3
        finally:
            process.terminate()


@pytest.mark.parametrize(("fault", "issued"), [("hang", 0), ("hang_after", 1)])
def test_a_hanging_request_lasts_until_the_client_gives_up(fault: str, issued: int) -> None:
    """A hanging request times out at the client; only hang_after has acted; the simulator ends in time all the same."""
    with running() as sim, httpx.Client(base_url=sim.url, timeout=0.3, trust_env=False) as client:
        client.post("/_sim/faults", json={"kind": "token", "fault": fault}, timeout=10)
        with pytest.raises(httpx.ReadTimeout):
            ask_token(client, 1)
        assert sim.world.tokens.issued == issued
        assert sim.world.journal.entries[0].status is None


def test_latency_and_delay_hold_up_an_answer() -> None:
    """A kind's latency and a fault's delay add up, and the request is carried out."""
    with (
        running(Settings(latencies={"token": 50})) as sim,
        httpx.Client(base_url=sim.url, timeout=10, trust_env=False) as client,
    ):
        client.post("/_sim/faults", json={"kind": "token", "fault": "delay", "delay_ms": 100})
        assert ask_token(client, 1).status_code == 200
        entry = sim.world.journal.entries[0]
        assert entry.answered_at is not None
        # Two clocks: the one that is read may run a little slower than the one that waits.
        assert entry.answered_at - entry.at >= 0.14


def test_an_occupied_port_is_said_in_a_sentence() -> None:
    """A port that is taken ends the process with a sentence and a code."""
    bound, url = listen("127.0.0.1", 0)
    with bound:
        bound.listen()
        command = [sys.executable, "-m", "simulator", "--port", url.rpartition(":")[2]]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("cannot listen on 127.0.0.1:")


class Gateway:
    """A receiver of webhooks that answers what a test wants, one status after another."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.received: list[tuple[dict[str, str], Any]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.received.append((dict(self.headers.items()), json.loads(body)))
                self.send_response(gateway.statuses.pop(0) if gateway.statuses else 202)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
                """Keeps the test's output quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/calls"


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A gateway that listens."""
    receiver = Gateway()
    thread = Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


def test_webhooks_are_repeated_until_accepted(gateway: Gateway) -> None:
    """A webhook answered 503 is sent again; one answered 401 is not, and that is recorded."""
    gateway.statuses = [503, 401]
    with running() as sim, httpx.Client(base_url=sim.url, timeout=10, trust_env=False) as client:
        play = {"script": "out_of_order", "order": ["started", "completed"], "webhook_url": gateway.url, "secret": "s"}
        assert client.post("/_sim/calls", json={**play, "call_id": "c-1"}).json() == {"call_ids": ["c-1"]}
        eventually(lambda: client.get("/_sim/calls/c-1").json()["call"]["finished"])
        call = client.get("/_sim/calls/c-1").json()["call"]
    sent = [(each["event"], each["attempt"], each["status"]) for each in call["deliveries"]]
    assert sent == [("call.started", 1, 503), ("call.started", 2, 401), ("call.completed", 1, 202)]
    assert call["gave_up"] == ["call.started"]
    assert [payload["event"] for _, payload in gateway.received] == ["call.started", "call.started", "call.completed"]
    assert all("X-Zendesk-Webhook-Signature" in headers for headers, _ in gateway.received)


def test_a_gateway_that_is_down_gets_its_webhooks_later(gateway: Gateway) -> None:
    """Nobody listening is worth another try; a reset ends the play."""
    bound, url = listen("127.0.0.1", 0)
    bound.close()
    with running() as sim, httpx.Client(base_url=sim.url, timeout=10, trust_env=False) as client:
        client.post("/_sim/calls", json={"webhook_url": url, "secret": "s", "call_id": "c-1", "ring_s": 60})
        eventually(lambda: len(sim.world.calls.obtain("c-1").deliveries) >= 2)
        assert sim.world.calls.obtain("c-1").deliveries[0].error == "ConnectError"
        client.post("/_sim/reset")
        assert client.get("/_sim/calls").json() == {"calls": []}


def test_duplicates_arrive_three_times(gateway: Gateway) -> None:
    """The script `duplicates` sends every event three times with one and the same event id."""
    with running() as sim, httpx.Client(base_url=sim.url, timeout=10, trust_env=False) as client:
        play = {"script": "duplicates", "webhook_url": gateway.url, "secret": "s", "ring_s": 0, "talk_s": 0}
        [call_id] = client.post("/_sim/calls", json={**play, "event_ids": True}).json()["call_ids"]
        eventually(lambda: sim.world.calls.obtain(call_id).finished)
    ids = [payload["id"] for _, payload in gateway.received]
    assert len(ids) == 9
    assert len(set(ids)) == 3
