"""Who may look at calls and who may act: whoever shows a token, or a session cookie signed with a key made of it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from fastapi import Request

COOKIE = "talkbridge_ops"
SESSION_S = 12 * 3600
_CSRF = b"talkbridge ops form 1 "


class Role(StrEnum):
    """What a token is good for."""

    READER = "reader"
    """`OPS_TOKEN_READONLY`: looks."""
    OPERATOR = "operator"
    """`OPS_TOKEN`: looks and acts."""


# A role of its own purpose: a token that changes its role takes no session along.
_PURPOSES = {Role.OPERATOR: b"talkbridge ops session 1", Role.READER: b"talkbridge ops reading session 1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who was let in. `csrf` is what forms of this session carry; `ends_at` in seconds since 1970.

    A bearer token has neither: no browser sends one by itself, and it never ends.
    """

    role: Role
    csrf: str | None = None
    ends_at: float | None = None

    @property
    def may_act(self) -> bool:
        """Whether it may change anything."""
        return self.role is Role.OPERATOR

    def has_form_token(self, offered: str) -> bool:
        """Whether a form with this token came from a page of this session."""
        return self.csrf is None or hmac.compare_digest(offered.encode("utf-8", "replace"), self.csrf.encode())


class Doorkeeper:
    """Checks the tokens and hands out sessions. Another token ends every session of its role."""

    def __init__(self, ops_token: str, readonly_token: str | None = None) -> None:
        given = {Role.OPERATOR: ops_token, Role.READER: readonly_token}
        self._tokens = {role: token.encode() for role, token in given.items() if token is not None}
        self._keys = {role: hmac.digest(token, _PURPOSES[role], hashlib.sha256) for role, token in self._tokens.items()}

    def admit(self, request: Request, now: float) -> Session | None:
        """Who asks, by token or living session; a cookie counts beside a foreign bearer token. None: nobody we know."""
        role = self._bearer(request)
        return Session(role=role) if role else self._session(_cookie(request), now)

    def role_of(self, offered: bytes) -> Role | None:
        """The role of the token, found in constant time, on bytes."""
        return _only(role for role, token in self._tokens.items() if hmac.compare_digest(offered, token))

    def new_session(self, now: float, role: Role = Role.OPERATOR) -> str:
        """A cookie's value, good for twelve hours from `now` (seconds since 1970)."""
        # The rest makes it this session, and not another of the same second.
        content = f"{int(now) + SESSION_S}.{secrets.token_urlsafe(9)}"
        return f"{content}.{self._sign(role, content.encode())}"

    def _bearer(self, request: Request) -> Role | None:
        header = next((value for name, value in request.scope["headers"] if name == b"authorization"), b"")
        scheme, _, offered = header.partition(b" ")
        return self.role_of(offered.strip()) if scheme.lower() == b"bearer" else None

    def _session(self, cookie: str, now: float) -> Session | None:
        content, _, signature = cookie.rpartition(".")
        signed, offered = content.encode("utf-8", "replace"), signature.encode("utf-8", "replace")
        role = _only(r for r in self._keys if hmac.compare_digest(offered, self._sign(r, signed).encode()))
        ends = content.partition(".")[0]
        if role is None or not ends.isdecimal() or int(ends) <= now:
            return None
        return Session(role=role, csrf=self._sign(role, _CSRF + signed), ends_at=float(ends))

    def _sign(self, role: Role, content: bytes) -> str:
        return base64.urlsafe_b64encode(hmac.digest(self._keys[role], content, hashlib.sha256)).decode().rstrip("=")


def from_another_site(request: Request) -> bool:
    """Whether a browser says that the request comes from elsewhere; who says nothing is none that could be misled."""
    headers = request.headers
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in ("same-origin", "none")
    # A proxy may put its own name into Host. Another site's page cannot set any of these.
    hosts = {host for name in ("host", "x-forwarded-host") if (host := headers.get(name))}
    return (origin := headers.get("origin")) is not None and _host(origin) not in hosts


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        # Square brackets with no address in them.
        return ""


def _only(roles: Iterable[Role]) -> Role | None:
    # A list: every token is compared, whichever fits.
    return next(iter([*roles]), None)


def _cookie(request: Request) -> str:
    # Other programs on this host set cookies, too; one that cannot be read must not hide ours.
    for part in request.headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""
