"""Who is let in: tokens, scopes, request ids and the rate limit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Client


def test_the_token_answer_has_the_shape_of_the_contract(stranger: Client) -> None:
    """A token answer holds the token, its life, its type and its scopes, and nothing else."""
    answer = stranger.token_request()
    assert answer.status == 200
    assert set(answer.body) == {"access_token", "expires_in", "token_type", "scope"}
    assert (answer.body["expires_in"], answer.body["token_type"]) == (3600, "Bearer")
    assert answer.body["scope"] == "talk:read_all tickets:read_all tickets:write"


def test_only_granted_scopes_are_given(stranger: Client) -> None:
    """The answer's scope is what was both asked for and granted."""
    stranger.world.settings = replace(stranger.world.settings, granted_scopes=("talk:read_all", "tickets:write"))
    assert stranger.token_request(scope="tickets:read_all talk:read_all").body["scope"] == "talk:read_all"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"client_secret": "wrong"}, 401),
        ({"client_id": "wrong"}, 401),
        ({"grant_type": "password"}, 400),
        ({"audience": "x"}, 422),
    ],
)
def test_a_wrong_token_request_is_refused(stranger: Client, changes: dict[str, str], status: int) -> None:
    """A wrong client is 401, another grant 400, an unknown field 422; none issues a token."""
    assert stranger.token_request(**changes).status == status
    assert stranger.world.tokens.issued == 0


def test_no_token_no_answer(stranger: Client) -> None:
    """A request without a living token is 401 in Zendesk's words."""
    answer = stranger.create()
    assert (answer.status, answer.body["error"]) == (401, "invalid_token")


def test_a_token_dies_of_age(client: Client) -> None:
    """A token is refused from the second its life is over."""
    client.now += 3599
    assert client.create().status == 201
    client.now += 1
    assert client.create("k-2").status == 401


def test_a_token_dies_by_revocation(client: Client) -> None:
    """A revoked token is refused at once."""
    assert client.world.tokens.revoke_all() == 1
    assert client.create().status == 401


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("tickets:read_all", "GET", "/api/v2/search/query.json"),
        ("tickets:read_all", "GET", "/api/v2/tickets"),
        ("tickets:read_all", "GET", "/api/v2/tickets/1001"),
        ("tickets:read_all", "GET", "/api/v2/tickets/1001/comments"),
        ("tickets:write", "POST", "/api/v2/tickets"),
        ("tickets:write", "PUT", "/api/v2/tickets/1001"),
        ("talk:read_all", "PATCH", "/api/v2/talk/calls/c-1.json"),
    ],
)
def test_every_endpoint_wants_its_scope(stranger: Client, scope: str, method: str, path: str) -> None:
    """A token with every scope but the endpoint's is refused with 403; with that one alone it is not."""
    every = {"talk:read_all", "tickets:read_all", "tickets:write"}
    stranger.sign_in(" ".join(every - {scope}))
    assert stranger.ask(method, path, {}).status == 403
    stranger.sign_in(scope)
    assert stranger.ask(method, path, {}).status != 403


def test_narrowed_scopes_bind_living_tokens(client: Client) -> None:
    """A scope the administrator takes away is refused with 403 although the token was issued with it."""
    client.world.settings = replace(client.world.settings, granted_scopes=("tickets:read_all",))
    assert client.create().status == 403


@pytest.mark.parametrize("path", ["/api/v2/oauth/token", "/api/v2/tickets", "/crm/customers"])
def test_every_request_needs_an_id_of_its_own(client: Client, path: str) -> None:
    """A request without X-Request-ID, or with one used before, is 400."""
    assert client.ask("GET", path, headers={"x-request-id": ""}).status == 400
    client.ask("GET", path, headers={"x-request-id": "same"})
    answer = client.ask("GET", path, headers={"x-request-id": "same"})
    assert (answer.status, answer.body["error"]) == (400, "RepeatedRequestId")


def test_the_rate_limit_says_when_to_come_back(client: Client) -> None:
    """Above so many requests a minute comes 429 with the seconds until the oldest is a minute ago."""
    client.world.settings = replace(client.world.settings, requests_per_minute=2)
    assert [client.pop({"a": 1}).status for _ in range(2)] == [200, 200]
    client.now += 20
    answer = client.pop({"a": 1})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "40")
    client.now += 40
    assert client.pop({"a": 1}).status == 200


def test_the_crm_has_a_token_of_its_own(client: Client) -> None:
    """The CRM answers its own bearer token only, by email or else by phone, and 404 for a stranger."""
    client.world.crm.put("User@example.com", "+15550100", {"account_status": "Premium"})
    own = {"authorization": "Bearer crm-secret"}
    assert client.ask("GET", "/crm/customers", query="email=user@example.com").status == 401
    by_email = client.ask("GET", "/crm/customers", query="email=user@example.com", headers=own)
    assert by_email.body == {"customer": {"account_status": "Premium"}}
    by_phone = client.ask("GET", "/crm/customers", query="email=x@example.com&phone=%2B15550100", headers=own)
    assert by_phone.body == by_email.body
    assert client.ask("GET", "/crm/customers", query="phone=%2B1", headers=own).status == 404
    assert client.ask("GET", "/crm/customers", headers=own).status == 400
