"""A world whose clock stands still until it is moved, and a vendor's client that behaves."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl

import pytest

from simulator.exchange import Answer, Asked
from simulator.world import World, recognise


class Client:
    """Sends requests straight into the world, with everything a request needs unless told otherwise."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.25
        self.world = World(clock=lambda: self.now)
        self.token = ""
        self._numbers = itertools.count(1)

    def ask(
        self, method: str, path: str, body: object = None, *, query: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request, one answer."""
        kind, ids = recognise(method, path)
        sent = {"x-request-id": f"test.{next(self._numbers)}", "authorization": f"Bearer {self.token}"}
        if body is not None:
            sent["content-type"] = "application/json"
        asked = Asked(
            kind=kind,
            method=method,
            path=path,
            ids=ids,
            query=dict(parse_qsl(query)),
            headers={**sent, **(headers or {})},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        return self.world.check_request_id(asked) or self.world.carry_out(asked)

    def token_request(self, **changes: str) -> Answer:
        """Asks for a token with all scopes."""
        body = {
            "grant_type": "client_credentials",
            "client_id": "talkbridge",
            "client_secret": "simulator-secret",
            "scope": "talk:read_all tickets:read_all tickets:write",
        }
        return self.ask("POST", "/api/v2/oauth/token", {**body, **changes})

    def sign_in(self, scope: str = "talk:read_all tickets:read_all tickets:write") -> None:
        """Uses a fresh token from now on."""
        self.token = self.token_request(scope=scope).body["access_token"]

    def create(self, key: str = "k-1", **changes: object) -> Answer:
        """Creates a ticket."""
        ticket = {
            "subject": "Call from user@example.com",
            "comment": {"body": "Incoming call [call c-1 · started]", "public": False},
            "requester": {"name": "Someone", "email": "user@example.com", "phone": "+15550100"},
            "external_id": "c-1",
            "status": "open",
            "custom_status": "In-Call",
        }
        return self.ask("POST", "/api/v2/tickets", {"ticket": {**ticket, **changes}}, headers={"idempotency-key": key})

    def update(self, ticket_id: int, **fields: object) -> Answer:
        """Updates a ticket."""
        return self.ask("PUT", f"/api/v2/tickets/{ticket_id}", {"ticket": fields})

    def search(self, query: str) -> Answer:
        """Searches."""
        return self.ask("GET", "/api/v2/search/query.json", query=f"query={query}")

    def pop(self, properties: object, call_id: str = "c-1") -> Answer:
        """Shows properties to the agent."""
        return self.ask("PATCH", f"/api/v2/talk/calls/{call_id}.json", {"call": {"custom_properties": properties}})


@pytest.fixture
def stranger() -> Client:
    """A client without a token."""
    return Client()


@pytest.fixture
def client() -> Client:
    """A client with a token for everything."""
    signed_in = Client()
    signed_in.sign_in()
    return signed_in
