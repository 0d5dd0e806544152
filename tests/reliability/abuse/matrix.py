"""OWASP's API list, as far as it applies: every role at every address with every method, odd paths and parameters.

https://owasp.org/API-Security/editions/2023/en/0x11-t10/
"""

import base64
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

import psycopg
from psycopg.types.json import Jsonb

from tests.e2e.stack import OPS_TOKEN, SECRET
from tests.reliability.abuse.wire import Answer, Connection, Headers, request

GUARDED = {"/calls": "GET", "/calls/search": "POST", "/calls/planted-call": "GET", "/codec/decode": "POST"}
OPEN = {"/healthz": "GET", "/readyz": "GET", "/metrics": "GET", "/openapi.json": "GET", "/docs": "GET"}
FORMS = {"/ops/sign-in": ("GET", "POST"), "/ops/sign-out": ("POST",)}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH")
PLANTED = ("planted-call", "Planted Agent", "p•••@abuse.example")
"""Of a call in the ledger: only whoever shows the ops token may see it."""

_TRAVERSALS = (
    *("/calls/..", "/calls/../calls", "/calls/%2e%2e/%2e%2e/etc/passwd", "/calls/..%2f..%2fmetrics", "/calls/%00"),
    *("//calls", "/./calls", "/ops/../calls", "/healthz/../calls", "/calls/", "/calls//planted-call", "/CALLS"),
    *("/calls;x=1", "/calls/planted-call/", "/calls/planted-call%00", "/calls/planted%2Dcall", "/calls/a%2Fb%2F..%2Fc"),
    *(
        "/calls/%c0%ae%c0%ae/",
        "/calls/%zz",
        "/calls/%",
        "/calls/%f0%9f%98%80",
        "/calls/%e2%80%ae",
        "/calls/" + "a" * 129,
    ),
    *("/calls/" + "%2F" * 500, "/calls/" + "a" * 20_000, "/calls/planted-call?token=ops-token", "/calls?ops_token=x"),
    *("/webhooks/calls/../../calls", "/webhooks/calls/", "/metrics/..%2fcalls", "/docs/oauth2-redirect", "/redoc"),
    *("/codec/decode/", "/codec", "/.env", "/.git/config", "/ops/", "/ops/%2e%2e/calls", "/static/../calls", "/*", "*"),
)
_PARAMETERS = (
    *(
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=" + "9" * 30,
        "limit=NaN",
        "limit=1e3",
        "limit=1&limit=2",
        "limit=%00",
    ),
    *("ticket_id=" + "9" * 5000, "ticket_id=-1", "ticket_id=0x10", "ticket_id=1.5", "ticket_id[]=1", "ticket_id=٣"),
    *("cursor=" + "9" * 18, "cursor=" + "9" * 512, "cursor=" + "a" * 10_000, "cursor=%00", "cursor=-1", "cursor=٣"),
    *("cursor=1;DROP TABLE calls", "agent_id=%00", "agent_id=%ff", "agent_id=' OR 1=1--", "agent_id=%ed%a0%80"),
    *("agent_id=" + "a" * 257, "state=ringing&state=missed", "state=%00", "state=__proto__", "needs_attention=maybe"),
    *("needs_attention=1", "&" * 5000, "=" * 5000, "a=1&" * 5000, "%" * 999, "unknown=1", "limit", "?" * 99),
)
_SEARCHES = (
    *(b"", b"null", b"[]", b"{}", b"[" * 4000, b'{"email": "x"}', b'{"email": []}', b'{"phone": "anonymous"}'),
    *(
        b'{"email": "\\ud800@x.example"}',
        b'{"phone": "+15550100", "limit": 1e400}',
        b'{"phone": "+15550100", "limit": 0}',
    ),
    *(
        b'{"phone": "+15550100", "cursor": "\\u0000"}',
        b'{"email": "a@example.com\' OR 1=1--"}',
        b"\xff\xfe",
        b"x" * 5000,
    ),
    *(b'{"phone": "' + b"9" * 255 + b'"}', b'{"email": "' + b"a" * 319 + b'"}', b'{"phone": {"$ne": null}}'),
)


@dataclass(kw_only=True)
class Matrix:
    """What was asked and what was wrong."""

    asked: Counter[str] = field(default_factory=Counter)
    """By part: roles, methods, paths, parameters."""
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Requests asked."""
        return self.asked.total()


def strangers() -> dict[str, Headers]:
    """Everybody who must see nothing, and what they show."""
    old = _cookie(int(time.time()) - 1)
    forever = base64.b64encode(hmac.digest(b"guess", b"9999999999", hashlib.sha256))
    return {
        "nobody": [],
        "a wrong token": [(b"Authorization", b"Bearer wrong")],
        "half a token": [(b"Authorization", b"Bearer " + OPS_TOKEN[:-1].encode())],
        "the token and more": [(b"Authorization", b"Bearer " + OPS_TOKEN.encode() + b"x")],
        "another scheme": [(b"Authorization", b"Basic " + base64.b64encode(OPS_TOKEN.encode()))],
        "an empty token": [(b"Authorization", b"Bearer ")],
        "bytes that are no text": [(b"Authorization", b"Bearer \xff\xfe")],
        "the webhook's secret": [(b"Authorization", b"Bearer " + SECRET.encode())],
        "a session that is over": [(b"Cookie", old)],
        "a session made up": [(b"Cookie", b"talkbridge_ops=9999999999." + forever)],
        "a session of thousands of digits": [(b"Cookie", b"talkbridge_ops=" + b"9" * 5000 + b".x")],
    }


def enter_planted(database_url: str) -> None:
    """A call in the ledger, as a worker leaves it."""
    status = {
        "call_id": "planted-call",
        "state": "completed",
        "needs_attention": False,
        "attention": None,
        "warnings": [],
        "ticket_id": 4711,
        "ticket_origin": "created",
        "agent": {"id": "a-9", "name": "Planted Agent"},
        "customer": {"email": "p•••@abuse.example", "phone": None},
        "events": [],
        "steps": [],
        "screen_pops": [],
        "workflow_id": "call-planted-call",
        "run_id": "r-1",
    }
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO calls (call_id, generation, arrival, ticket_id, pending, active, active_until, state,"
            " agent_id, needs_attention, workflow_id, run_id, status) VALUES ('planted-call', 1, 1, 4711, false,"
            " false, now(), 'completed', 'a-9', false, 'call-planted-call', 'r-1', %s)",
            [Jsonb(status)],
        )


async def explore(port: int, *, seed: int) -> Matrix:
    """Ask everything, in an order drawn from the seed."""
    found = Matrix()
    asks = list(_asks())
    Random(f"matrix {seed}").shuffle(asks)
    async with Connection(port) as connection:
        for part, who, method, target, headers, body in asks:
            raw = request(body, headers, method=method.encode(), target=target.encode())
            answer = await connection.ask(raw, head_only=method == "HEAD")
            found.asked[part] += 1
            shown = f"{part}: {who}: {method} {target[:80]}"
            found.wrong += [f"{shown}: {problem}" for problem in _problems(who, method, target, answer)]
    return found


_Ask = tuple[str, str, str, str, Headers, bytes]


def _asks() -> Iterator[_Ask]:
    ops: dict[str, Headers] = {"ops": [(b"Authorization", b"Bearer " + OPS_TOKEN.encode())]}
    paths = [*GUARDED, *OPEN, *FORMS, "/ops", "/webhooks/calls", "/nothing"]
    for who, headers in {**strangers(), **ops}.items():
        for path in paths:
            for method in METHODS:
                body = b"{}" if method in ("POST", "PUT", "PATCH") else b""
                yield "roles and methods", who, method, path, headers, body
    for who, headers in {"nobody": [], **ops}.items():
        for path in _TRAVERSALS:
            yield "paths", who, "GET", path, headers, b""
        for query in _PARAMETERS:
            yield "parameters", who, "GET", f"/calls?{query}".replace(" ", "%20"), headers, b""
        for search in _SEARCHES:
            yield "parameters", who, "POST", "/calls/search", headers, search


def _problems(who: str, method: str, target: str, answer: Answer | None) -> Iterator[str]:
    if answer is None:
        yield "no answer"
        return
    text = answer.body.decode("utf-8", "replace")
    if answer.status >= 500:
        yield f"5xx: {answer.label}"
    if answer.status >= 400 and method != "HEAD" and not answer.is_problem and "/ops/sign-in" not in target:
        yield f"{answer.status} is no problem document"
    if who != "ops" and any(planted in text for planted in PLANTED):
        yield "DATA FOR A STRANGER"
    if method == "HEAD" and answer.body:
        yield "a body for HEAD"
    if target in GUARDED:
        yield from _of_guarded(who, method, target, answer)
    elif target in OPEN and (answer.status == 200) != (method in _allowed(target)):
        yield f"answered {answer.status}"


def _of_guarded(who: str, method: str, target: str, answer: Answer) -> Iterator[str]:
    if method != GUARDED[target]:
        # `/calls/search` is an address of `/calls/{call_id}` as well.
        also = target == "/calls/search" and method == "GET"
        expected = {401, 404} if also else {405}
    else:
        expected = {200, 404, 413, 422} if who == "ops" else {401}
    if answer.status not in expected:
        yield f"answered {answer.status}"
    if answer.status == 401 and "www-authenticate" not in answer.headers:
        yield "401 without a challenge"


def _allowed(path: str) -> tuple[str, ...]:
    """FastAPI's own pages answer HEAD as well."""
    return ("GET", "HEAD") if path in ("/openapi.json", "/docs") else (OPEN[path],)


def _cookie(expires: int) -> bytes:
    """A session as the gateway signs them, by our own reading of it."""
    key = hmac.digest(OPS_TOKEN.encode(), b"talkbridge ops session 1", hashlib.sha256)
    signature = base64.urlsafe_b64encode(hmac.digest(key, str(expires).encode(), hashlib.sha256)).rstrip(b"=")
    return b"talkbridge_ops=%d." % expires + signature
