"""What whoever is refused can do about it, a sentence for each kind of problem; a test misses none."""

from api.problems import KINDS, Kind

MENDS = {
    "not-http": "Send HTTP/1.1 with one length and no control signs in its headers. The connection is closed.",
    "not-json": "Send a JSON text in UTF-8; the detail says what could not be read.",
    "signature-refused": "Sign time stamp and raw body with one of `WEBHOOK_SECRETS`; look at both clocks. One answer "
    "for all three, so that nobody can feel their way.",
    "ops-token": "Show `OPS_TOKEN` as a bearer token, or sign in at `/ops`.",
    "read-only": "Show `OPS_TOKEN`: `OPS_TOKEN_READONLY` is for looking only.",
    "another-site": "Use a token: a session is good for the gateway's own pages only. Nothing was done.",
    "unknown-call": "Look at the id, and percent-encode it. A call is known from its first webhook on.",
    "head-too-slow": "Send request line and headers within 10 s.",
    "body-too-slow": "Send the body within 10 s of its head.",
    "call-closed": "Nothing: the call is over for Talkbridge, and what it did stands in the ledger.",
    "body-too-large": "Send less; the detail names the limit.",
    "media-type": "Send `Content-Type: application/json`.",
    "not-a-call-event": "Look at the field the detail names; `event` and `data.id` are all that is needed. The same "
    "body will be refused again.",
    "invalid-request": "Look at `errors`: each names a field and what is the matter with it, never its value.",
    "head-too-large": "Send fewer or shorter headers: 64 KiB at most.",
    "internal": "Send it again; the gateway's log has a line `request_failed`.",
    "temporal-unavailable": "Send it again after `Retry-After`: nothing was lost.",
    "ledger-unavailable": "Ask again: PostgreSQL cannot be read just now. Webhooks and calls go on.",
    "call-unreadable": "Ask again after `Retry-After`; the detail says who is silent. Does a worker run?",
    "not-ready": "Send it again after `Retry-After`. For whoever operates it: the detail says whether Temporal is "
    "out of reach or `ENCRYPTION_KEYS` are not those of the database.",
}

_BY_TITLE = {kind.title: kind for kind in KINDS}


def kinds_of(description: str) -> list[Kind]:
    """The problems that an answer's description in the document stands for; none for one that is no refusal."""
    return [_BY_TITLE[title] for title in description.split(" · ") if title in _BY_TITLE]
