"""Spans of requests to the gateway, where tracing is wanted."""

from collections.abc import Mapping

from pydantic_settings import DotEnvSettingsSource
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.settings import DOT_ENV, GatewaySettings
from workflows.tracing import Tracing

_WATCHING = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked for every few seconds, for ever."""


def tracing_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """OpenTelemetry's standard variables (`OTEL_*`), from `.env` and, first, the environment given."""
    source = DotEnvSettingsSource(GatewaySettings, env_file=DOT_ENV, case_sensitive=True, env_ignore_empty=True)
    both = {**source.env_vars, **environment}
    return {name: value for name, value in both.items() if name.startswith("OTEL_") and value}


class Traced:
    """Outside of everything: one span a request, named by its route; no address, no header, no body."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._closing(send))
        elif scope["type"] != "http" or scope["path"] in _WATCHING:
            await self._app(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._tracing.request(scope["method"]) as answered:

            async def traced_send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answered(getattr(scope.get("route"), "path", None) or "none", message["status"])
                await send(message)

            await self._app(scope, receive, traced_send)

    def _closing(self, send: Send) -> Send:
        async def closing_send(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown"):
                # Later is too late: once uvicorn has ended, the signal that ended it ends the process.
                await self._tracing.close()
            await send(message)

        return closing_send
