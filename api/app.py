"""The gateway's application: routes, who may use them, and what every answer has in common."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Annotated

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.security import HTTPBearer
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.client import Client
from temporalio.service import RPCError

from api import calls, codec, health, mending, ops, problems, webhooks
from api.body import SenderGone
from api.codec import CodecCors
from api.gateway import Gateway, gateway_of
from api.metrics import Metrics
from api.problems import Problem
from api.reading import Reading
from api.security import Doorkeeper, Session, from_another_site
from api.settings import GatewaySettings

log = structlog.stdlib.get_logger("api.app")

_NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""What a browser may load for an answer that is no page; a page says for itself."""

# For the button in /docs; `_reader`, `_operator` and `_actor` decide.
_documented = HTTPBearer(
    auto_error=False, scheme_name="ops token", description="OPS_TOKEN, OPS_TOKEN_READONLY, or the cookie of /ops."
)


def create_app(settings: GatewaySettings, temporal: Client, ledger: Reading) -> FastAPI:
    """The application around a client that may still be unconnected. Whoever made the ledger opens and closes it."""
    doorkeeper = Doorkeeper(settings.ops_token.get_secret_value(), settings.readonly_token)
    gateway = Gateway(settings=settings, temporal=temporal, ledger=ledger, doorkeeper=doorkeeper)
    app = FastAPI(
        title="Talkbridge gateway",
        summary="Takes telephony webhooks and tells what became of each call.",
        version="0.1.0",
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        # It would send whole addresses and what failed; `api.tracing` sends what may leave.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        lifespan=_lifespan,
    )
    app.state.gateway = gateway
    app.include_router(webhooks.router)
    app.include_router(health.router)
    ops.install(app)
    for router, required in ((mending.router, _actor), (calls.router, _reader), (codec.router, _operator)):
        app.include_router(router, dependencies=[Depends(_documented), Depends(required)])
    problems.install(app)
    app.add_exception_handler(SenderGone, _unheard)
    app.add_middleware(CodecCors, origin=settings.temporal_ui_origin)
    app.add_middleware(Observed, metrics=gateway.metrics)
    return app


async def _reader(request: Request) -> Session:
    """Whoever may look at calls. Raises `Problem`."""
    gateway = gateway_of(request)
    session = gateway.doorkeeper.admit(request, gateway.now().timestamp())
    if session is None:
        if "authorization" in request.headers:
            gateway.guesses.tell("bearer", gateway.steady())
        raise Problem(problems.SIGN_IN, headers={"WWW-Authenticate": 'Bearer realm="talkbridge"'})
    return session


async def _operator(session: Annotated[Session, Depends(_reader)]) -> Session:
    """Whoever may also read what is stored encrypted. Raises `Problem`."""
    if not session.may_act:
        raise Problem(problems.READ_ONLY, "OPS_TOKEN is needed; OPS_TOKEN_READONLY is for looking only.")
    return session


async def _actor(request: Request, session: Annotated[Session, Depends(_operator)]) -> None:
    """Whoever may change something; with a cookie only from our own pages. Raises `Problem`."""
    if session.csrf is not None and from_another_site(request):
        raise Problem(problems.ANOTHER_SITE)


async def _unheard(_request: Request, _error: Exception) -> Response:
    """Nobody hears it: to hang up is no fault of ours, and not worth a line in the log."""
    return Response(status_code=400)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Begin to connect to Temporal, so that the first webhook need not, and to check the keys; serve in any case."""
    gateway = app.state.gateway
    beside = [
        asyncio.create_task(_connect(gateway.temporal)),
        asyncio.create_task(gateway.keys.watch(gateway.ledger)),
    ]
    yield
    await gateway.watching.close()
    for task in beside:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _connect(client: Client) -> None:
    try:
        await client.service_client.check_health(timeout=timedelta(seconds=webhooks.ACKNOWLEDGE_S))
    except (RPCError, RuntimeError):
        log.warning("temporal_unreachable", hint="webhooks are answered 503 until it is there")


class Observed:
    """Outermost: counts every request, keeps answers out of caches, and turns a fault of ours into a problem document.

    Standing outside the framework's own error page, it also keeps exception texts, which may quote a customer, from
    being logged raw.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
                if not headers.get("Content-Type", "").startswith("text/html"):
                    headers.setdefault("Content-Security-Policy", _NOTHING)
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        except Exception as error:
            log.exception("request_failed", route=_route(scope), error_type=type(error).__name__)
            if status:
                raise
            await Problem(problems.INTERNAL).response()(scope, receive, observed_send)
        finally:
            self._metrics.request(scope["method"], _route(scope), status)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", None) or "none"
