"""One request to abuse the gateway with: what it may be answered, whether it is forged, and the judgement."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from tests.e2e.stack import OPS_TOKEN, SECRET
from tests.e2e.webhooks import Json
from tests.reliability.abuse.wire import Answer, Headers, request

SIGNATURE, TIMESTAMP = b"X-Zendesk-Webhook-Signature", b"X-Zendesk-Webhook-Signature-Timestamp"
JSON_TYPE = (b"Content-Type", b"application/json")
TOLERANCE_S = 300
EMAIL, PHONE = "planted.person@abuse.example", "+15557654321"
"""In every body; no answer may repeat them."""

ACCEPTED = frozenset({"202 accepted"})
REFUSED = frozenset({"401 signature-refused"})
NOT_JSON = frozenset({"400 not-json"})
NOT_A_CALL = frozenset({"422 not-a-call-event"})
NOT_HTTP = frozenset({"400 not-http"})
TOO_LARGE = frozenset({"413 body-too-large"})
MEDIA_TYPE = frozenset({"415 media-type"})
CLOSED = frozenset({"closed"})
"""The server may end the connection without a word."""

_SECRETS = (SECRET, OPS_TOKEN, EMAIL, PHONE)
_DOCUMENTED = frozenset({200, 202, 400, 401, 408, 413, 415, 422, 431})
_RFC_3339 = re.compile(rb"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request. `expected`: the answers that are right (`Answer.label`, or `closed`); `genuine`: rightly signed."""

    family: str
    name: str
    raw: bytes
    expected: frozenset[str]
    genuine: bool
    ends: bool = False
    """We stop writing after it and read what comes."""
    breaks: bool = False
    """What follows it on the connection cannot be understood."""


def sign(secret: str, *parts: bytes) -> bytes:
    """base64(HMAC-SHA256) of the parts in a row; ours, not the product's."""
    return base64.b64encode(hmac.new(secret.encode(), b"".join(parts), hashlib.sha256).digest())


def stamp(*, ahead_s: float = 0.0) -> bytes:
    """A timestamp of now or later, in whole seconds."""
    moment = datetime.now(UTC) + timedelta(seconds=ahead_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def signed(body: bytes, *, secret: str = SECRET, at: bytes | None = None) -> Headers:
    """The headers of a rightly signed webhook."""
    moment = at or stamp()
    return [JSON_TYPE, (SIGNATURE, sign(secret, moment, body)), (TIMESTAMP, moment)]


def event(rng: Random, **data: object) -> Json:
    """A call event of a call nobody else has; `data` replaces or adds fields of `data`."""
    customer = {"email": EMAIL, "phone_number": PHONE}
    call_id = f"a-{rng.getrandbits(64):016x}"
    return {"event": "call.started", "data": {"id": call_id, "customer": customer, **data}}


def body_of(document: object) -> bytes:
    """The document as JSON; ASCII, so that lone surrogates pass."""
    return json.dumps(document).encode()


def case(
    family: str,
    name: str,
    body: bytes,
    headers: Headers,
    expected: frozenset[str],
    *,
    raw: bytes | None = None,
    sent: bytes | None = None,
    ends: bool = False,
    breaks: bool = False,
) -> Case:
    """A case from its parts. `sent`: the body as it arrives when that is not `body`; `raw`: the bytes on the wire."""
    return Case(
        family=family,
        name=name,
        raw=request(body, headers) if raw is None else raw,
        expected=expected,
        genuine=is_genuine(headers, body if sent is None else sent, datetime.now(UTC)),
        ends=ends,
        breaks=breaks,
    )


def is_genuine(headers: Headers, body: bytes, now: datetime, secret: str = SECRET) -> bool:
    """Whether whoever made this knew the secret, and lately: by our own reading of the contract, not the product's."""
    first = {name.lower(): value.strip(b" \t") for name, value in reversed(headers)}
    signature, moment = first.get(SIGNATURE.lower(), b""), first.get(TIMESTAMP.lower(), b"")
    if signature != sign(secret, moment, body) or not _RFC_3339.fullmatch(moment):
        return False
    try:
        signed_at = datetime.fromisoformat(moment.decode().upper())
    except ValueError:
        return False
    # Two seconds for the way: whether a timestamp at the very edge is in time is decided where it is read.
    return abs((now - signed_at).total_seconds()) <= TOLERANCE_S + 2


def is_unacknowledged(one: Case, answer: Answer | None) -> bool:
    """Whether a genuine call was told to come again because Temporal was too slow: a right answer, too."""
    if answer is None or answer.label != "503 temporal-unavailable" or answer.headers.get("retry-after") != "5":
        return False
    return one.genuine and one.expected >= ACCEPTED


def judge(one: Case, answer: Answer | None) -> Iterator[str]:
    """What is wrong with an answer, in a few words each."""
    label = answer.label if answer is not None else "closed"
    if answer is None:
        if label not in one.expected:
            yield f"no answer, expected {_any(one.expected)}"
        return
    if is_unacknowledged(one, answer):
        return
    if answer.status == 202 and not one.genuine:
        yield "FORGED AND ACCEPTED"
    if answer.status >= 500:
        yield f"5xx: {label}"
    if answer.status not in _DOCUMENTED:
        yield f"a status that is not documented: {answer.status}"
    if answer.status >= 400 and not answer.is_problem:
        yield f"{answer.status} is no problem document"
    if label not in one.expected:
        yield f"answered {label}, expected {_any(one.expected)}"
    text = answer.body.decode("utf-8", "replace") + str(answer.headers)
    if any(secret in text for secret in _SECRETS):
        yield "the answer repeats a secret or customer data"


def _any(expected: frozenset[str]) -> str:
    return " or ".join(sorted(expected))
