"""Server-sent events: an answer that goes on for as long as somebody reads it, and not a moment longer.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

SEND_S = 5.0
"""A reader that takes no bytes for so long is gone; shorter than the gateway's patience when it is asked to stop."""
HEARTBEAT = ": still here\n\n"


def message(text: str, event: str | None = None) -> str:
    """A text as a message; htmx puts one without a name into the page."""
    head = f"event: {event}\n" if event else ""
    return head + "".join(f"data: {line}\n" for line in text.splitlines() or [""]) + "\n"


class EventStream(Response):
    """Sends messages until there are no more, or until the reader is gone; then `leave` is called, once."""

    media_type = "text/event-stream"

    def __init__(self, messages: AsyncIterator[str], leave: Callable[[], None]) -> None:
        # A proxy that collects the answer would hold back every message.
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._messages = messages
        self._leave = leave

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Serve it."""
        tasks = [asyncio.create_task(self._send(send)), asyncio.create_task(_gone(receive))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._leave()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not tasks[0].cancelled() and (error := tasks[0].exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with suppress(TimeoutError):
            async for text in self._messages:
                async with asyncio.timeout(SEND_S):
                    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
