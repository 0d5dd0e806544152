"""What a dropped connection looks like on the wire."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest

from simulator.server import running

_REQUEST = b"PATCH /api/v2/talk/calls/c-1.json HTTP/1.1\r\nHost: simulator\r\nX-Request-ID: c-1.reset\r\n\r\n"


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_drop_is_a_reset(fault: str) -> None:
    """The client's socket is reset: no answer, and no orderly end either."""
    with running() as sim:
        httpx.post(f"{sim.url}/_sim/faults", json={"kind": "patch_call", "fault": fault})
        address = urlsplit(sim.url)
        with socket.create_connection((address.hostname, address.port), timeout=10) as client:
            client.sendall(_REQUEST)
            with pytest.raises(ConnectionResetError):
                client.recv(1024)
