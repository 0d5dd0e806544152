"""The `guide` dialect, sans I/O: each request the contract names, and what its answer says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from activities.zendesk.errors import MalformedAnswer
from activities.zendesk.message import Answer, Document, Request, document

LARGEST_ID = 2**63 - 1
LONGEST_TEXT = 255
_NOT_SEARCHABLE = frozenset('"\\*')
"""What could end the quoted value, or stand for more than itself."""


class Unsearchable(ValueError):
    """A value that cannot be put into a search query without becoming something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket cut to what we use; `updated_at` is the vendor's text, which is its stamp."""

    id: int
    status: str | None = None
    custom_status: str | None = None
    external_id: str | None = None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comments:
    """The comments on one page that may be ours; `next_page` is a number, None at the end.

    `whole` is False when there are more comments and it is not clear where.
    """

    bodies: tuple[str, ...] = field(repr=False)
    next_page: int | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who the ticket is for."""

    name: str
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAnswer:
    """A bearer token, its life in seconds and the scopes granted; `status` as it was answered."""

    access_token: str = field(repr=False)
    expires_in: float
    scopes: tuple[str, ...]
    status: int = 200


# --- requests ------------------------------------------------------------------------------------------------------


def exchange(client_id: str, client_secret: str, scopes: Sequence[str]) -> Request:
    """Client credentials for a token."""
    credentials = {"client_id": client_id, "client_secret": client_secret, "scope": " ".join(scopes)}
    return Request(method="POST", path="/api/v2/oauth/token", body={"grant_type": "client_credentials", **credentials})


def search(*, email: str | None, phone: str | None) -> Request:
    """Open tickets by email when there is one, else by phone. Raises `Unsearchable`."""
    name, value = ("customer_email", email) if email else ("customer_phone", phone or "")
    if not value or not value.isprintable() or _NOT_SEARCHABLE.intersection(value):
        raise Unsearchable(f"the {name.removeprefix('customer_')} cannot be searched for")
    return Request(
        method="GET", path="/api/v2/search/query.json", query={"query": f'type:ticket status:open {name}:"{value}"'}
    )


def read(ticket_id: int) -> Request:
    """One ticket."""
    return Request(method="GET", path=f"/api/v2/tickets/{ticket_id}")


def find_by_external_id(external_id: str) -> Request:
    """Tickets with that external id."""
    return Request(method="GET", path="/api/v2/tickets", query={"external_id": external_id})


def list_comments(ticket_id: int, page: int = 1) -> Request:
    """One page of a ticket's comments; the first is asked for without a number."""
    query = {"page": str(page)} if page > 1 else {}
    return Request(method="GET", path=f"/api/v2/tickets/{ticket_id}/comments", query=query)


def create(
    *,
    key: str,
    subject: str,
    comment: str,
    requester: Requester,
    external_id: str,
    status: str | None = None,
    custom_status: str | None = None,
    tags: Sequence[str] = (),
    follows: int | None = None,
) -> Request:
    """A new ticket with a private comment, once per `key`; what is None or empty is left out."""
    given = {
        "subject": subject,
        "comment": _private(comment),
        "requester": _present(name=requester.name, email=requester.email, phone=requester.phone),
        "external_id": external_id,
        **_present(status=status, custom_status=custom_status, tags=list(tags) or None, via_followup_source_id=follows),
    }
    return Request(method="POST", path="/api/v2/tickets", body={"ticket": given}, headers={"Idempotency-Key": key})


def update(
    ticket_id: int,
    *,
    status: str | None = None,
    custom_status: str | None = None,
    comment: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    stamp: str | None = None,
) -> Request:
    """A change of a ticket: `custom_status`, null or not, goes with `status` only; with `stamp` it is optimistic."""
    given: Document = {} if status is None else {"status": status, "custom_status": custom_status}
    if comment is not None:
        given["comment"] = _private(comment)
    if metadata is not None:
        given["metadata"] = {"call": _present(**metadata)}
    if stamp is not None:
        given |= {"safe_update": True, "updated_stamp": stamp}
    return Request(method="PUT", path=f"/api/v2/tickets/{ticket_id}", body={"ticket": given})


def patch_call(call_id: str, properties: Mapping[str, Any]) -> Request:
    """Custom properties of a live call."""
    path = f"/api/v2/talk/calls/{quote(call_id, safe='')}.json"
    return Request(method="PATCH", path=path, body={"call": {"custom_properties": dict(properties)}})


# --- answers -------------------------------------------------------------------------------------------------------


def token(answer: Answer, asked: Sequence[str]) -> TokenAnswer:
    """The token. A scope that is not named is the one asked for (RFC 6749, section 5.1)."""
    given = document(answer)
    value, life, scope = given.get("access_token"), given.get("expires_in", 0), given.get("scope", " ".join(asked))
    usable = isinstance(value, str) and value.isascii() and value.isprintable() and value.strip() == value != ""
    lives = isinstance(life, int | float) and not isinstance(life, bool) and 0 < life < float("inf")
    if not usable or not lives or not isinstance(scope, str):
        raise MalformedAnswer("the answer holds no usable token", status=answer.status)
    if str(given.get("token_type", "bearer")).lower() != "bearer":
        raise MalformedAnswer("the token is not a bearer token", status=answer.status)
    scopes = tuple(dict.fromkeys(scope.split()))
    return TokenAnswer(access_token=str(value), expires_in=life, scopes=scopes, status=answer.status)


def one_ticket(answer: Answer, expected: int | None = None) -> Ticket:
    """`{"ticket": {…}}`; another id than `expected` is no answer to our question."""
    ticket = _ticket(document(answer).get("ticket"))
    if ticket is None or expected not in (None, ticket.id):
        raise MalformedAnswer("the answer does not hold the ticket", status=answer.status)
    return ticket


def found(answer: Answer, name: str) -> list[Ticket]:
    """The tickets of a list (`results` or `tickets`), most recently updated first."""
    entries = document(answer).get(name)
    tickets = [_ticket(entry) for entry in entries] if isinstance(entries, list) else [None]
    if any(ticket is None for ticket in tickets):
        raise MalformedAnswer(f"the answer holds no list of {name}", status=answer.status)
    return sorted((t for t in tickets if t is not None), key=lambda t: (_moment(t.updated_at), t.id), reverse=True)


def comments(answer: Answer, page: int) -> Comments:
    """A page of comments. The address of the next one is not followed, only its number is read from it."""
    given = document(answer)
    entries = given.get("comments")
    if not isinstance(entries, list) or not all(_is_comment(entry) for entry in entries):
        raise MalformedAnswer("the answer holds no list of comments", status=answer.status)
    # Ours are private. A customer may write whatever looks like ours, and their comments are public.
    bodies = tuple(entry["body"] for entry in entries if entry.get("public") is not True)
    more = given.get("next_page")
    if more is None:
        return Comments(bodies=bodies)
    follows = isinstance(more, str) and f"page={page + 1}" in more.partition("?")[2].split("&")
    return Comments(bodies=bodies, next_page=page + 1 if follows else None, whole=follows)


def shown(answer: Answer) -> None:
    """A screen pop that worked; an empty body will do. Raises `VendorError`."""
    if answer.content.strip() or not answer.ok:
        document(answer)


def _private(body: str) -> Document:
    return {"body": body, "public": False}


def _present(**fields: Any) -> Document:  # noqa: ANN401  # JSON
    return {name: value for name, value in fields.items() if value is not None}


def _ticket(entry: object) -> Ticket | None:
    number = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(number, int) or isinstance(number, bool):
        return None
    if not 0 < number <= LARGEST_ID:
        return None
    return Ticket(
        id=number,
        status=_text(entry.get("status")),
        custom_status=_text(entry.get("custom_status")),
        external_id=_text(entry.get("external_id")),
        updated_at=_text(entry.get("updated_at")),
    )


def _text(value: object) -> str | None:
    # A text that cannot be stored or is absurdly long is as good as none.
    return value if isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_TEXT else None


def _is_comment(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("body"), str)


def _moment(text: str | None) -> float:
    try:
        return datetime.fromisoformat(text or "").timestamp()
    except (ValueError, OverflowError):
        return float("-inf")
