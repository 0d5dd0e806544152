"""What a test asks of the simulated Zendesk and CRM: faults, settings, and the account of what they were asked."""

from collections import Counter
from dataclasses import dataclass, field

import httpx2 as httpx

from tests.e2e.webhooks import Json


@dataclass(kw_only=True)
class Vendor:
    """The simulator's control interface."""

    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10))
    simulator_url: str = ""

    def sim(self, method: str, path: str, body: Json | None = None) -> Json:
        """A control request."""
        answer = self.http.request(method, f"{self.simulator_url}/_sim{path}", json=body)
        assert answer.is_success, answer.text
        found: Json = answer.json() if answer.content else {}
        return found

    def fault(self, kind: str, fault: str, **more: object) -> int:
        """What the next request of a kind meets; the fault's id, to end it by."""
        return int(self.sim("POST", "/faults", {"kind": kind, "fault": fault, **more})["id"])

    def end_fault(self, fault_id: int) -> None:
        """From now on requests meet it no more."""
        self.sim("DELETE", f"/faults/{fault_id}")

    def journal(self, call_id: str | None = None, kind: str | None = None) -> list[Json]:
        """Every request served, or those of one call by their request id, or of one kind."""
        requests: list[Json] = self.sim("GET", "/journal")["requests"]
        return [
            r
            for r in requests
            if (call_id is None or (r["request_id"] or "").startswith(f"{call_id}."))
            and (kind is None or r["kind"] == kind)
        ]

    def counts(self, call_id: str | None = None) -> Counter[str]:
        """Requests by kind."""
        return Counter(request["kind"] for request in self.journal(call_id))

    def books(self) -> Json:
        """Tickets, calls and counts."""
        return self.sim("GET", "/books")

    def ticket(self, ticket_id: int) -> Json:
        """One ticket with its comments."""
        found: Json = self.sim("GET", f"/tickets/{ticket_id}")["ticket"]
        return found
