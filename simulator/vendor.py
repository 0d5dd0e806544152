"""From the wire to the vendors and back: journal, latency, faults, and connections that break."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import unquote

from fastapi import Request, Response

from simulator.asgi import Receive, Scope, Send
from simulator.exchange import Answer, Asked
from simulator.journal import Entry
from simulator.world import World, recognise

HANG_LIMIT_S = 120.0
ABORT = "simulator.abort"
"""The name in the request's scope under which the server leaves a way to cut the connection."""


class Silence(Response):
    """No answer: the connection is cut, after so many seconds of hanging."""

    def __init__(self, hang_s: float) -> None:
        super().__init__()
        self._hang_s = hang_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI gives it
        """Waits for the client to give up or the time to pass, then cuts."""
        if await _client_gone(receive, self._hang_s):
            return
        abort = scope.get(ABORT)
        if abort is None:
            raise ConnectionResetError("the simulator dropped this connection")
        abort()
        # The server answers 500 for us unless it has noticed that nobody is there any more.
        await _client_gone(receive, 5.0)


async def serve(world: World, request: Request) -> Response:
    """One request, from journal to answer."""
    asked = await _read(request)
    entry = world.journal.open(asked)
    refusal = world.check_request_id(asked)
    world.commit()
    if refusal is not None:
        return _answered(world, entry, refusal)
    fault = world.faults.take(asked)
    await asyncio.sleep(world.settings.latency_s(asked.kind) + (fault.delay_ms / 1000 if fault else 0))
    if fault is None:
        return _answered(world, entry, world.carry_out(asked))
    entry.fault = fault.fault
    answer = world.carry_out(asked) if fault.acts else None
    if fault.drops or fault.hangs:
        entry.acted = answer is not None and answer.acted
        world.journal.put(entry)
        world.commit()
        return Silence(HANG_LIMIT_S if fault.hangs else 0)
    return _answered(world, entry, fault.spoil(answer))


async def _read(request: Request) -> Asked:
    raw_path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii", "replace").partition("?")[0]
    kind, ids = recognise(request.method, raw_path)
    return Asked(
        kind=kind,
        method=request.method,
        path=unquote(raw_path),
        ids=ids,
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=await request.body(),
    )


def _answered(world: World, entry: Entry, answer: Answer) -> Response:
    entry.acted = answer.acted
    world.journal.close(entry, answer.status)
    world.commit()
    # A text is a body a test wrote down itself, to be sent as it is.
    content = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, ensure_ascii=False)
    return Response(content, answer.status, dict(answer.headers), media_type="application/json; charset=utf-8")


async def _client_gone(receive: Receive, within_s: float) -> bool:
    try:
        async with asyncio.timeout(within_s):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
