"""The token endpoint and the check of bearer tokens, with revocation and scopes an administrator can narrow."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from simulator import shapes
from simulator.exchange import Answer, Asked, RefusedError, json_body
from simulator.settings import Settings
from simulator.state import Note, forget

_BODY = shapes.record(
    {name: shapes.text(blank=True) for name in ("grant_type", "client_id", "client_secret", "scope")},
    required=("grant_type", "client_id", "client_secret", "scope"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    scopes: frozenset[str]
    expires_at: float


class Tokens:
    """Every token issued and not revoked."""

    def __init__(self, clock: Callable[[], float], note: Note = forget) -> None:
        self._clock = clock
        self._note = note
        self._live: dict[str, _Token] = {}
        self.issued = 0

    def issue(self, asked: Asked, settings: Settings) -> Answer:
        """Client credentials for a token, in the shape of the contract."""
        body = shapes.require(_BODY, json_body(asked))
        if body["grant_type"] != "client_credentials":
            raise RefusedError(400, "unsupported_grant_type", "the grant type must be client_credentials")
        if (body["client_id"], body["client_secret"]) != (settings.client_id, settings.client_secret):
            raise RefusedError(401, "invalid_client", "client authentication failed")
        scopes = [scope for scope in dict.fromkeys(body["scope"].split()) if scope in settings.granted_scopes]
        value = secrets.token_hex(32)
        self.put(value, _Token(scopes=frozenset(scopes), expires_at=self._clock() + settings.token_lifetime_s))
        answer = {
            "access_token": value,
            "expires_in": int(settings.token_lifetime_s),
            "token_type": "Bearer",
            "scope": " ".join(scopes),
        }
        return Answer(status=200, body=answer, acted=True)

    def put(self, value: str, token: _Token) -> None:
        """Stores a token that was issued."""
        self._live[value] = token
        self.issued += 1
        self._note("put", value, token)

    def check(self, authorization: str | None, scope: str, settings: Settings) -> None:
        """Refuses a dead token with 401 and a scope it lacks with 403."""
        scheme, _, value = (authorization or "").partition(" ")
        token = self._live.get(value)
        if scheme != "Bearer" or token is None or token.expires_at <= self._clock():
            raise RefusedError(
                401,
                "invalid_token",
                "The access token provided is expired, revoked, malformed or invalid for other reasons.",
                headers={"WWW-Authenticate": 'Bearer realm="OAuth API", error="invalid_token"'},
            )
        # An administrator who narrows the client's scopes narrows its living tokens too.
        if scope not in token.scopes or scope not in settings.granted_scopes:
            raise RefusedError(403, "Forbidden", f"You do not have access to this page: the scope {scope} is missing.")

    def revoke_all(self) -> int:
        """Ends every living token; how many there were."""
        count = sum(token.expires_at > self._clock() for token in self._live.values())
        self._live.clear()
        self._note("revoke_all")
        return count
