"""What a stranger can do to a connection of the gateway, as it is started in earnest, ends soon and quietly."""

import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.servers.child import environment_without, free_port
from tests.e2e.process import Process
from tests.e2e.waiting import eventually
from tests.integration.gateway.kit import NOWHERE, OPS_TOKEN, SECRET

ROOT = Path(__file__).parents[3]
HEAD = b"POST /webhooks/calls HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def gateway(keys: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A gateway process whose servers are away: its port and its log."""
    folder, port = tmp_path_factory.mktemp("intake"), free_port()
    environment = {
        **environment_without("TEMPORAL_", "API_"),
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": NOWHERE,
        "ENCRYPTION_KEYS": keys,
        "WEBHOOK_SECRETS": SECRET,
        "OPS_TOKEN": OPS_TOKEN,
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "API_PORT": str(port),
    }
    process = Process([sys.executable, "-m", "api"], log=folder / "log", env=environment, cwd=folder)
    try:
        eventually(lambda: "Application startup complete" in (folder / "log").read_text())
        yield port, folder / "log"
    finally:
        process.kill()


def ask(port: int, raw: bytes) -> bytes:
    """Whatever comes back until the server ends the connection."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=15)) as connection:
        connection.sendall(raw)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def endless(port: int, first: bytes, more: bytes, *, mib: int) -> int:
    """How many bytes of it go out before the server ends the connection, or all."""
    sent = 0
    with closing(socket.create_connection(("127.0.0.1", port), timeout=15)) as connection:
        try:
            connection.sendall(first)
            while sent < mib * 1024 * 1024:
                sent += connection.send(more * (65_536 // len(more)))
        except OSError:
            pass
    return sent


@pytest.mark.parametrize(
    ("first", "more"),
    [(HEAD + b"X-A: ", b"a"), (HEAD, b"X-A: aaaa\r\n"), (b"POST /", b"a")],
    ids=["a header", "headers", "an address"],
)
def test_a_head_without_end_is_not_kept(gateway: tuple[int, Path], first: bytes, more: bytes) -> None:
    """It is cut off; what was taken by then lay in the sockets' buffers."""
    # Kernels buffer some MiB on loopback, so that the sender notices late.
    assert endless(gateway[0], first, more, mib=64) < 32 * 1024 * 1024


def test_what_is_no_http_is_a_problem_document(gateway: tuple[int, Path]) -> None:
    """Like every other refusal."""
    answer = ask(gateway[0], b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head
    assert b"urn:talkbridge:problem:not-http" in body


def test_strangers_cannot_fill_the_log(gateway: tuple[int, Path]) -> None:
    """Nonsense is logged once in ten seconds, a sender that hangs up not at all."""
    port, log = gateway
    before = len(log.read_text())
    for _ in range(20):
        ask(port, b"nonsense\r\n\r\n")
        with closing(socket.create_connection(("127.0.0.1", port))) as connection:
            connection.sendall(b"POST /ops/sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    ask(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    said = [line for line in log.read_text()[before:].splitlines() if "temporal" not in line and "keys" not in line]
    assert len(said) <= 1, said
