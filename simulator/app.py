"""The ASGI application: the control interface, the page, and the vendors at every other address."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from simulator.asgi import Message, Receive, Scope, Send
from simulator.control import control
from simulator.page import page
from simulator.settings import Settings
from simulator.state import State
from simulator.telephony import Telephony
from simulator.vendor import ABORT, serve
from simulator.world import World


class _Simulator(FastAPI):
    """Leaves each request a way to cut its own connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[ABORT] = _abort(send)
            # An answer tells of what happened, so that has to be kept before; records of control requests, too.
            send = _after(self.state.world.commit, send)
        await super().__call__(scope, receive, send)


def create_app(settings: Settings | None = None, state: State | None = None) -> FastAPI:
    """A world and its application; the world is at `app.state.world`."""
    world = World(settings, state=state)
    # A reset gives the world new calls, so they are asked for each time.
    telephony = Telephony(lambda: world.calls, world.clock)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await telephony.close()

    app = _Simulator(title="Simulator", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.world = world
    app.include_router(control(world, telephony))

    @app.get("/")
    async def look() -> HTMLResponse:
        return HTMLResponse(page(world))

    async def vendor(request: Request) -> Response:
        return await serve(world, request)

    app.add_route("/{path:path}", vendor, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    return app


def _after(first: Callable[[], None], send: Send) -> Send:
    async def send_after(message: Message) -> None:
        first()
        await send(message)

    return send_after


def _abort(send: Send) -> Callable[[], None] | None:
    # ASGI knows no way to close a connection without an answer. Under uvicorn `send` is a method of the object that
    # holds the transport; elsewhere there is no connection to close.
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    return None if transport is None else partial(_reset, transport)


def _reset(transport: asyncio.Transport) -> None:
    """Close a connection with a reset, as a host does that fell over: an orderly end would be a mild fault."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
