"""Where alerts are posted to: an administrator's chat, on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Chat(ThreadingHTTPServer):
    """Takes every POST of JSON; `posted` is what came, in order."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posted: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """For `ALERT_WEBHOOK_URL`."""
        return f"http://127.0.0.1:{self.server_port}/alerts"

    @property
    def kinds(self) -> list[str]:
        """Kinds of alert, in order."""
        return [alert["kind"] for alert in self.posted]


class _Handler(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        """Keep it. The base class finds this by its name."""
        self.server.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent: the base class would write to the test's output."""


@contextmanager
def chat() -> Iterator[Chat]:
    """One that listens."""
    with Chat() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
