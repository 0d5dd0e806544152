"""Webhooks from the command line: signed as published, and the same when curl sends them."""

import json
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from cli.webhook import Webhook, rfc3339, webhook

SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
AT = datetime(2021, 3, 25, 5, 9, 27, tzinfo=UTC)
SIGNATURE = "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM="


def test_the_signature_is_that_of_the_published_vector() -> None:
    """Secret, timestamp and body of the vector give its signature and headers."""
    headers = Webhook(event="ticket.updated", body=b'{"event":"ticket.updated","id":123}').headers(SECRET, AT)
    assert headers == {
        "Content-Type": "application/json",
        "X-Zendesk-Webhook-Signature": SIGNATURE,
        "X-Zendesk-Webhook-Signature-Timestamp": "2021-03-25T05:09:27Z",
    }


def test_timestamps_are_in_whole_seconds_and_utc() -> None:
    """The signed text is what RFC 3339 writes, with `Z`."""
    assert rfc3339(AT.replace(microsecond=999_999)) == "2021-03-25T05:09:27Z"


def test_the_body_is_ascii_and_one_line() -> None:
    """Nothing in it can be changed by a shell or a terminal on its way."""
    body = webhook("call.started", AT, {"id": "c-1", "customer": {"name": "Zoë\n$HOME"}}, "e-1").body
    assert body.isascii()
    assert b"\n" not in body
    assert json.loads(body) == {
        "id": "e-1",
        "event": "call.started",
        "timestamp": 1616648967000,
        "data": {"id": "c-1", "customer": {"name": "Zoë\n$HOME"}},
    }


def test_curl_has_the_headers_and_the_body_word_by_word() -> None:
    """A shell takes the command apart into exactly what was signed."""
    each = webhook("call.started", AT, {"id": "c-1", "customer": {"name": "O'Brien `$(id)`"}})
    words = shlex.split(each.as_curl("http://127.0.0.1:8080", SECRET, AT).replace("\\\n", ""))
    assert words[0] == "curl"
    assert "http://127.0.0.1:8080/webhooks/calls" in words
    assert words[words.index("--data-binary") + 1].encode() == each.body
    sent = [words[place + 1] for place, word in enumerate(words) if word == "--header"]
    assert sent == [f"{name}: {value}" for name, value in each.headers(SECRET, AT).items()]


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
def test_the_shell_sends_what_was_signed() -> None:
    """Run by a real shell and curl, the command delivers the signed bytes."""
    got: list[tuple[bytes, str | None]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((body, self.headers["X-Zendesk-Webhook-Signature"]))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    each = webhook("call.started", AT, {"id": "c-1", "customer": {"name": "O'Brien $(id) é"}})
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.handle_request, daemon=True).start()
        command = each.as_curl(f"http://127.0.0.1:{server.server_port}", SECRET, AT)
        direct = command.replace("curl ", "curl --noproxy '*' ", 1)
        subprocess.run(["sh", "-c", direct], capture_output=True, check=True, timeout=20)
    assert got == [(each.body, each.headers(SECRET, AT)["X-Zendesk-Webhook-Signature"])]
