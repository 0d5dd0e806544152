"""The two sides the demo looks at: what the vendors saw (simulator), and what Talkbridge says of a call (gateway)."""

from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2 as httpx

from cli.demo.errors import DemoFailed
from cli.demo.house import House

Document = dict[str, Any]


class World:
    """Clients of both: an async context manager. Every refusal but a 404 raises `DemoFailed`."""

    def __init__(self, house: House) -> None:
        """Only remember where they are."""
        bearer = {"Authorization": f"Bearer {house.keys.ops_token}"}
        self._webhook = {"webhook_url": f"{house.addresses.gateway}/webhooks/calls", "secret": house.keys.webhook}
        self._simulator = httpx.AsyncClient(base_url=f"{house.addresses.simulator}/_sim", timeout=10, trust_env=False)
        self._gateway = httpx.AsyncClient(base_url=house.addresses.gateway, timeout=10, trust_env=False, headers=bearer)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._simulator.aclose()
        await self._gateway.aclose()

    async def play(self, script: str, call_id: str, customer: Mapping[str, str], **more: object) -> list[str]:
        """Let telephony place calls; their ids."""
        script_and_more = {"script": script, "call_id": call_id, "customer": dict(customer), **more}
        answer = await self._ask("POST", "/calls", {**self._webhook, **script_and_more})
        return [str(each) for each in answer["call_ids"]]

    async def know_customer(self, customer: Mapping[str, str], properties: Mapping[str, str]) -> None:
        """Put a record into the CRM."""
        keys = {"email": customer.get("email"), "phone": customer.get("phone_number")}
        await self._ask("PUT", "/customers", {**keys, "properties": dict(properties)})

    async def open_ticket(self, customer: Mapping[str, str], subject: str, age_s: float) -> int:
        """A ticket that the customer has had for a while; its id."""
        requester = {"name": customer["name"], "email": customer["email"], "phone": customer["phone_number"]}
        ticket = {"requester": requester, "subject": subject, "age_s": age_s}
        return int((await self._ask("POST", "/tickets", ticket))["ticket"]["id"])

    async def search_lags(self, seconds: float) -> None:
        """The search index sees what is this old."""
        await self._ask("PATCH", "/settings", {"search_lag_s": seconds})

    async def revoke_tokens(self) -> None:
        """End every living access token."""
        await self._ask("POST", "/tokens/revoke")

    async def slow_down(self, kind: str, *, when: str, skip: int, delay_ms: float) -> None:
        """One request of this kind whose text has `when` in it takes longer; `skip` of them do not."""
        fault = {"kind": kind, "fault": "delay", "when": when, "skip": skip, "delay_ms": delay_ms}
        await self._ask("POST", "/faults", fault)

    async def refuse(self, kind: str, *, when: str, times: int) -> None:
        """So many requests of this kind whose text has `when` in it are answered 422: a field is missing."""
        body = {"error": "RecordInvalid", "description": "Reason for contact is required"}
        fault = {"kind": kind, "fault": "status", "status": 422, "body": body, "when": when, "times": times}
        await self._ask("POST", "/faults", fault)

    async def books(self) -> Document:
        """Tickets, calls and counts, as the vendors have them."""
        return await self._ask("GET", "/books")

    async def requests(self, call_id: str) -> list[Document]:
        """What was sent for this call, in the order of arrival: our request ids begin with the call's."""
        mine = f"{call_id}."
        return [each for each in await self.journal() if (each["request_id"] or "").startswith(mine)]

    async def journal(self) -> list[Document]:
        """Every request that the vendors got."""
        requests: list[Document] = (await self._ask("GET", "/journal"))["requests"]
        return requests

    async def call(self, call_id: str) -> Document | None:
        """Talkbridge's own account; None while there is none."""
        try:
            response = await self._gateway.get(f"/calls/{quote(call_id, safe='')}")
        except httpx.TransportError as error:
            raise DemoFailed(f"The gateway does not answer ({type(error).__name__}).") from error
        # 503: the call exists, but its worker has just been killed.
        if response.status_code in (404, 503):
            return None
        if not response.is_success:
            raise DemoFailed(f"GET /calls/{call_id} was answered {response.status_code}: {response.text[:200]}")
        told: Document = response.json()
        return told

    async def _ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Document:
        try:
            response = await self._simulator.request(method, path, json=body)
        except httpx.TransportError as error:
            raise DemoFailed(f"The simulator does not answer ({type(error).__name__}).") from error
        if not response.is_success:
            raise DemoFailed(f"The simulator refused {method} {path} ({response.status_code}): {response.text[:200]}")
        answer: Document = response.json()
        return answer


def counted(requests: list[Document]) -> Counter[str]:
    """How many requests of each kind."""
    return Counter(str(each["kind"]) for each in requests)
