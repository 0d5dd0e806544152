"""One Zendesk account: ordinary requests on at most eight connections, screen pops on connections of their own."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from activities.zendesk import guide
from activities.zendesk.message import Answer, Request
from activities.zendesk.wire import Wire

POP_TIMEOUT_S = 2.0
POPS_IN_FLIGHT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where the account is and who we are there."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)


class ZendeskClient:
    """Sends requests of the `guide` dialect, once each. Raises `VendorError`. One per process; close it at the end."""

    def __init__(self, account: Account, *, timeout_s: float = 10.0) -> None:
        self._account = account
        self._ordinary = Wire(account.url, timeout_s=timeout_s)
        self._pops = Wire(account.url, timeout_s=POP_TIMEOUT_S, in_flight=POPS_IN_FLIGHT)

    @property
    def timeout_s(self) -> float:
        """How long an ordinary request may take."""
        return self._ordinary.timeout_s

    def slot(self) -> AbstractAsyncContextManager[None]:
        """Room for one ordinary request, to be held around `send`. Raises `NotSent`."""
        return self._ordinary.slot()

    def pop_slot(self) -> AbstractAsyncContextManager[None]:
        """Room for one screen pop, to be held around `pop`. Raises `NotSent`."""
        return self._pops.slot()

    async def send(
        self, request: Request, *, bearer: str, request_id: str, timeout_s: float, before_send: Callable[[], None]
    ) -> Answer:
        """One ordinary request, within `timeout_s` when that is less than ours."""
        headers = {"Authorization": f"Bearer {bearer}", "X-Request-ID": request_id}
        return await self._ordinary.send(request, headers, timeout_s=timeout_s, before_send=before_send)

    async def pop(self, request: Request, *, bearer: str, request_id: str, before_send: Callable[[], None]) -> Answer:
        """One screen pop, within two seconds."""
        headers = {"Authorization": f"Bearer {bearer}", "X-Request-ID": request_id}
        return await self._pops.send(request, headers, before_send=before_send)

    async def exchange(self, scopes: Sequence[str], request_id: str) -> guide.TokenAnswer:
        """A token for these scopes. `Unauthorized` or `BadRequest`: the client is refused."""
        request = guide.exchange(self._account.client_id, self._account.client_secret, scopes)
        async with self._ordinary.slot():
            answer = await self._ordinary.send(request, {"X-Request-ID": request_id})
        return guide.token(answer, scopes)

    async def close(self) -> None:
        """Close every connection."""
        await self._ordinary.close()
        await self._pops.close()
