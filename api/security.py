"""Who may look at calls: whoever shows the ops token, or a session cookie signed with a key derived from it."""

import base64
import hashlib
import hmac

from fastapi import Request

COOKIE = "talkbridge_ops"
SESSION_S = 12 * 3600
_PURPOSE = b"talkbridge ops session 1"


class Doorkeeper:
    """Checks the ops token and hands out sessions. Another token ends every session."""

    def __init__(self, ops_token: str) -> None:
        self._token = ops_token.encode()
        self._key = hmac.digest(self._token, _PURPOSE, hashlib.sha256)

    def admits(self, request: Request, now: float) -> bool:
        """Whether the request shows the token or a living session; a cookie counts beside a foreign bearer token."""
        return self._bearer(request) or self._session(request, now)

    def is_token(self, offered: bytes) -> bool:
        """Whether this is the ops token, in constant time, on bytes."""
        return hmac.compare_digest(offered, self._token)

    def new_session(self, now: float) -> str:
        """A cookie's value, good for twelve hours from `now` (seconds since 1970)."""
        expires = str(int(now) + SESSION_S)
        return f"{expires}.{self._sign(expires)}"

    def _bearer(self, request: Request) -> bool:
        header = next((value for name, value in request.scope["headers"] if name == b"authorization"), b"")
        scheme, _, offered = header.partition(b" ")
        return scheme.lower() == b"bearer" and self.is_token(offered.strip())

    def _session(self, request: Request, now: float) -> bool:
        expires, _, signature = _cookie(request).partition(".")
        genuine = hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(expires).encode())
        return genuine and expires.isdecimal() and int(expires) > now

    def _sign(self, expires: str) -> str:
        digest = hmac.digest(self._key, expires.encode("utf-8", "replace"), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _cookie(request: Request) -> str:
    # Other programs on this host set cookies, too; one that cannot be read must not hide ours.
    for part in request.headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return ""
