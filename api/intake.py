"""A connection to the gateway: how large a request's head may be and how long it may take, and what is no HTTP.

uvicorn bounds neither: a stranger's endless header would fill the memory, a head that never ends hold its connection.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.problems import HEAD_TOO_LARGE, HEAD_TOO_SLOW, NOT_HTTP, Kind, Problem

MAX_HEAD_BYTES = 64 * 1024
"""A head that is over it and not whole yet is refused; a read or two more may come through."""
HEAD_TIMEOUT_S = 10.0


class Intake(HttpToolsProtocol):
    """uvicorn's protocol with both bounds; its own refusals are problem documents like all others."""

    _in_head = False
    _head_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """A connection must begin to ask."""
        super().connection_made(transport)
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes: of a head, of a body, or of several requests."""
        was_in_head = self._in_head
        super().data_received(data)
        if self.transport.is_closing():
            return
        # Of the read in which a head begins, an unknown part belongs to the request before.
        self._head_bytes += len(data) if was_in_head and self._in_head else 0
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(HEAD_TOO_LARGE)
        elif self._timer is None and (self._in_head or self._idle):
            self._set_timer()

    def on_message_begin(self) -> None:
        """The first byte of a head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is whole: from here on the application watches time and size."""
        self._in_head, self._head_bytes = False, 0
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it says no more than the problem's title
        """What cannot be understood as HTTP."""
        self._refuse(NOT_HTTP)

    @property
    def _idle(self) -> bool:
        """Whether no request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _set_timer(self) -> None:
        self._timer = self.loop.call_later(HEAD_TIMEOUT_S, self._too_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if not self._idle:
            # The next head of somebody who does not wait for the answer.
            self._set_timer()
        elif self._in_head:
            self._refuse(HEAD_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, kind: Kind) -> None:
        if self.transport.is_closing():
            return
        answer: Any = Problem(kind, headers={"Connection": "close", "Cache-Control": "no-store"}).response()
        head = [f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}".encode()]
        head += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + answer.body)
        self.transport.close()
