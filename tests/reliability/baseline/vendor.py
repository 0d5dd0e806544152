"""Zendesk and the CRM: a cached token, time-outs, and retries with back-off."""

import asyncio
import logging
import secrets
from typing import Any

import httpx2 as httpx

from tests.reliability.baseline.events import Call, Json
from tests.reliability.baseline.settings import Settings

ATTEMPTS = 7
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0
_RETRIED = (408, 429, 500, 502, 503, 504)
log = logging.getLogger("baseline")


class GaveUpError(Exception):
    """The last attempt failed, too."""


class Vendors:
    """One client for both."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http = httpx.AsyncClient(timeout=settings.http_timeout_s)
        self._token: str | None = None
        self._refreshing = asyncio.Lock()

    async def read(self, call: Call, ticket_id: int) -> Json | None:
        """A ticket, None when it is gone."""
        answer = await self._zendesk(call, "read_ticket", "GET", f"/api/v2/tickets/{ticket_id}")
        return None if answer.status_code == 404 else _ticket(answer)

    async def search(self, call: Call) -> Json | None:
        """The customer's open ticket that was updated last."""
        field, value = ("customer_email", call.email) if call.email else ("customer_phone", call.phone)
        query = f'type:ticket status:open {field}:"{value}"'
        answer = await self._zendesk(call, "search", "GET", "/api/v2/search/query.json", params={"query": query})
        found: list[Json] = answer.json()["results"]
        return max(found, key=lambda ticket: str(ticket["updated_at"]), default=None)

    async def create(self, call: Call, ticket: Json) -> Json:
        """A new ticket, one a call."""
        headers = {"Idempotency-Key": f"call-{call.call_id}"}
        body = {"ticket": ticket}
        return _ticket(await self._zendesk(call, "create", "POST", "/api/v2/tickets", json=body, headers=headers))

    async def update(self, call: Call, ticket_id: int, change: Json) -> None:
        """Changes and a note."""
        path = f"/api/v2/tickets/{ticket_id}"
        _ticket(await self._zendesk(call, "update", "PUT", path, json={"ticket": change}))

    async def pop(self, call: Call, properties: Json) -> None:
        """Shows the agent who calls."""
        body = {"call": {"custom_properties": properties}}
        await self._zendesk(call, "pop", "PATCH", f"/api/v2/talk/calls/{call.call_id}.json", json=body)

    async def customer(self, call: Call) -> Json:
        """The CRM's record; empty when there is none, or no CRM."""
        given = {"email": call.email, "phone": call.phone}
        params = {name: value for name, value in given.items() if value}
        if not params:
            return {}
        headers = {"Authorization": f"Bearer {self._settings.crm_token}", "X-Request-ID": _request_id(call, "crm", 1)}
        try:
            answer = await self._http.get(f"{self._settings.crm_url}/customers", params=params, headers=headers)
            record: Json = answer.json()["customer"] if answer.status_code == 200 else {}
        except (httpx.HTTPError, ValueError, KeyError):
            return {}
        return record

    async def _zendesk(self, call: Call, step: str, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401
        """One request, tried again until it works. Raises `GaveUpError`, or `HTTPStatusError` for a refusal."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = await self._once(_request_id(call, step, attempt), method, path, **request)
            except (httpx.HTTPError, ValueError, KeyError) as error:
                log.warning("%s of %s failed: %r", step, call.call_id, error)
                pause_s = FIRST_PAUSE_S * 2 ** (attempt - 1)
            else:
                if answer.status_code == 404 and step == "read_ticket":
                    return answer
                if answer.status_code not in (401, *_RETRIED):
                    return answer.raise_for_status()
                pause_s = float(answer.headers.get("Retry-After", FIRST_PAUSE_S * 2 ** (attempt - 1)))
            await asyncio.sleep(min(pause_s, LONGEST_PAUSE_S))
        raise GaveUpError(f"{step} of {call.call_id} failed {ATTEMPTS} times")

    async def _once(self, request_id: str, method: str, path: str, **request: Any) -> httpx.Response:  # noqa: ANN401
        headers = {**request.pop("headers", {}), "X-Request-ID": request_id}
        token = headers["Authorization"] = f"Bearer {await self._bearer()}"
        answer = await self._http.request(method, f"{self._settings.zendesk_url}{path}", headers=headers, **request)
        if answer.status_code == 401 and token == f"Bearer {self._token}":
            self._token = None
        if answer.is_success:
            answer.json()
        return answer

    async def _bearer(self) -> str:
        async with self._refreshing:
            if self._token is None:
                settings = self._settings
                body = {
                    "grant_type": "client_credentials",
                    "client_id": settings.client_id,
                    "client_secret": settings.client_secret,
                    "scope": settings.scopes,
                }
                headers = {"X-Request-ID": f"token.exchange.1.{secrets.token_hex(4)}"}
                url = f"{settings.zendesk_url}/api/v2/oauth/token"
                answer = (await self._http.post(url, json=body, headers=headers)).raise_for_status()
                self._token = str(answer.json()["access_token"])
            return self._token


def _request_id(call: Call, step: str, attempt: int) -> str:
    return f"{call.call_id}.{step}.{attempt}.{secrets.token_hex(4)}"


def _ticket(answer: httpx.Response) -> Json:
    ticket: Json = answer.json()["ticket"]
    return ticket
