"""The one place that speaks HTTP: each request once, in a bounded time, on a bounded number of connections."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

# The maintained continuation of httpx; the reason is in docs/decisions/.
import httpx2 as httpx

from activities.zendesk.errors import (
    ConnectionLost,
    MalformedAnswer,
    Misconfigured,
    NoAnswer,
    NotSent,
    Unreachable,
    VendorError,
)
from activities.zendesk.message import Answer, Request

LARGEST_ANSWER = 1024 * 1024
IN_FLIGHT = 8
PATIENCE_S = 1.0

_WRITING = ".send_request_headers.started"
"""How the name of the event ends after which bytes leave this process."""


def translated(error: Exception, *, sent: bool) -> VendorError:
    """An error of the HTTP library in our words. The texts name no address: it may hold customer data."""
    match error:
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.LocalProtocolError() | httpx.TooManyRedirects():
            return Misconfigured(
                f"cannot be asked like this ({type(error).__name__}); check the address in the settings"
            )
        case httpx.DecodingError():
            return MalformedAnswer("the answer cannot be decoded")
        case httpx.PoolTimeout():
            return NotSent("no connection was free")
        case _ if not sent:
            return Unreachable(f"no connection could be made ({type(error).__name__})")
        case httpx.TimeoutException() | TimeoutError():
            return NoAnswer("no answer in time")
        case _:
            return ConnectionLost(f"the connection broke before the answer ({type(error).__name__})")


class Wire:
    """Connections to one vendor host, whose address is `base`. Never resends, redirects, or keeps cookies.

    `timeout_s` bounds a request as a whole, and each of its parts; at most `in_flight` requests run at a time.
    """

    def __init__(
        self, base: str, *, timeout_s: float, in_flight: int = IN_FLIGHT, patience_s: float = PATIENCE_S
    ) -> None:
        self.timeout_s = timeout_s
        self._base = base
        self._patience_s = patience_s
        self._slots = asyncio.Semaphore(in_flight)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(connect=timeout_s, read=timeout_s, write=timeout_s, pool=patience_s),
            limits=httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight, keepalive_expiry=30),
            follow_redirects=False,
            # A session cookie would tie later requests to an earlier one.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            # A compressed answer could be small on the wire and huge in memory.
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "talkbridge"},
        )

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Room for one request. Raises `NotSent` when there is none within the patience."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._slots.acquire()
        except TimeoutError:
            raise NotSent("no connection was free") from None
        try:
            yield
        finally:
            self._slots.release()

    async def send(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        timeout_s: float | None = None,
        before_send: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Send once and read the whole answer, within `timeout_s` when that is less than the wire's own.

        `before_send` runs just before the first byte leaves and may raise.

        Raises `VendorError`; an answer of any status is no error here.
        """
        sent = False

        async def watch(event: str, _: Mapping[str, Any]) -> None:
            nonlocal sent
            if event.endswith(_WRITING):
                before_send()
                sent = True

        try:
            async with asyncio.timeout(self.timeout_s if timeout_s is None else min(timeout_s, self.timeout_s)):
                return await self._once(request, headers, watch)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError, OSError) as error:
            raise translated(error, sent=sent) from None

    async def _once(self, request: Request, headers: Mapping[str, str], watch: Any) -> Answer:  # noqa: ANN401  # the library's hook has no public type
        content = request.content()
        kind = {} if content is None else {"Content-Type": "application/json"}
        sending = self._client.build_request(
            request.method,
            request.url(self._base),
            content=content,
            headers={**kind, **request.headers, **headers},
            extensions={"trace": watch},
        )
        answer = await self._client.send(sending, stream=True)
        try:
            return Answer(
                status=answer.status_code,
                headers=dict(answer.headers),
                content=await _read(answer),
                secrets=_secrets(request, headers),
            )
        finally:
            await answer.aclose()

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


def _secrets(request: Request, headers: Mapping[str, str]) -> tuple[str, ...]:
    """What of a request must not be shown when the vendor repeats it: bearer token, client secret."""
    sent = (headers.get("Authorization", "").removeprefix("Bearer "), (request.body or {}).get("client_secret"))
    return tuple(secret for secret in sent if secret)


async def _read(answer: httpx.Response) -> bytes:
    if answer.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise MalformedAnswer("the answer is compressed although that was not asked for", status=answer.status_code)
    content = bytearray()
    async for chunk in answer.aiter_raw():
        content += chunk
        if len(content) > LARGEST_ANSWER:
            raise MalformedAnswer("the answer is over 1 MiB", status=answer.status_code)
    return bytes(content)
