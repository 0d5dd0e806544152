"""The tickets themselves and the search index that sees them late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from simulator.exchange import Document
from simulator.state import Note, forget

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
FOUND_AS_OPEN = ("new", "open", "pending", "hold")

_PLAIN = ("status", "custom_status", "external_id", "subject", "requester", "tags", "metadata")


def stamp(at: float) -> str:
    """A time as Zendesk writes it: UTC, whole seconds."""
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True, kw_only=True)
class Ticket:
    """One ticket, with every comment and every change made to it."""

    id: int
    created_at: str
    updated_at: str
    status: str = "new"
    custom_status: str | None = None
    external_id: str | None = None
    subject: str | None = None
    requester: Document = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    metadata: Document = field(default_factory=dict)
    via_followup_source_id: int | None = None
    comments: list[Document] = field(default_factory=list)
    changes: list[Document] = field(default_factory=list)

    def document(self) -> Document:
        """What the API answers; comments have an address of their own."""
        shown = {name: getattr(self, name) for name in ("id", *_PLAIN, "created_at", "updated_at")}
        return {**shown, "via_followup_source_id": self.via_followup_source_id}

    def whole(self) -> Document:
        """The ticket with its comments and changes, for whoever checks the books."""
        return {**self.document(), "comments": self.comments, "changes": self.changes}


class Tickets:
    """All tickets of the account; `search` answers from a lagging copy."""

    def __init__(self, clock: Callable[[], float], note: Note = forget) -> None:
        self._clock = clock
        self._note = note
        self._last_id = 1000
        self._last_comment_id = 500_000
        self._tickets: dict[int, Ticket] = {}
        self._by_external_id: dict[str, list[int]] = {}
        self._versions: dict[int, list[tuple[float, Document | None]]] = {}

    def add(self, fields: Mapping[str, Any], comment: Mapping[str, Any] | None, age_s: float = 0) -> Ticket:
        """A new ticket with its first comment; one with an age was made, and indexed, that long ago."""
        now = self._clock() - age_s
        ticket = Ticket(id=self._last_id + 1, created_at=stamp(now), updated_at=stamp(now), **fields)
        self._comment(ticket, comment)
        self.put(ticket, now)
        return ticket

    def put(self, ticket: Ticket, at: float) -> None:
        """Stores a ticket that is new or has changed; the index sees it as of that moment."""
        if ticket.external_id is not None and ticket.id not in self._tickets:
            self._by_external_id.setdefault(ticket.external_id, []).append(ticket.id)
        self._tickets[ticket.id] = ticket
        self._last_id = max(self._last_id, ticket.id)
        self._last_comment_id = max(self._last_comment_id, *(each["id"] for each in ticket.comments), 0)
        self._versions.setdefault(ticket.id, []).append((at, ticket.document()))
        self._note("put", ticket, at)

    def change(self, ticket: Ticket, fields: Mapping[str, Any], comment: Mapping[str, Any] | None, by: str) -> bool:
        """Applies what differs; whether anything did."""
        different = {name: value for name, value in fields.items() if getattr(ticket, name) != value}
        if not different and comment is None:
            return False
        for name, value in different.items():
            setattr(ticket, name, value)
        self._comment(ticket, comment)
        ticket.updated_at = stamp(self._clock())
        noted = None if comment is None else ticket.comments[-1]["id"]
        ticket.changes.append({"at": self._clock(), "by": by, "fields": different, "comment_id": noted})
        self.put(ticket, self._clock())
        return True

    def delete(self, ticket_id: int) -> bool:
        """Forgets a ticket; the index notices later."""
        if ticket_id not in self._tickets:
            return False
        self.drop(ticket_id, self._clock())
        return True

    def drop(self, ticket_id: int, at: float) -> None:
        """Takes a ticket out; the index sees it gone as of that moment."""
        del self._tickets[ticket_id]
        self._versions[ticket_id].append((at, None))
        self._note("drop", ticket_id, at)

    def get(self, ticket_id: int) -> Ticket | None:
        """The ticket as it is now."""
        return self._tickets.get(ticket_id)

    def all(self) -> list[Ticket]:
        """Every ticket, oldest first."""
        return list(self._tickets.values())

    def with_external_id(self, external_id: str) -> list[Ticket]:
        """The tickets with this external id as they are now."""
        ids = self._by_external_id.get(external_id, [])
        return [self._tickets[each] for each in ids if each in self._tickets]

    def search(self, field_name: str, value: str, lag_s: float) -> list[Document]:
        """Open tickets of one requester as the index knew them `lag_s` ago."""
        horizon = self._clock() - lag_s
        seen = (_version_at(versions, horizon) for versions in self._versions.values())
        wanted = value.casefold()
        return [
            ticket
            for ticket in seen
            if ticket is not None
            and ticket["status"] in FOUND_AS_OPEN
            and (ticket["requester"].get(field_name) or "").casefold() == wanted
        ]

    def _comment(self, ticket: Ticket, comment: Mapping[str, Any] | None) -> None:
        if comment is not None:
            # Zendesk's comments are public unless the request says otherwise.
            public = comment.get("public", True)
            self._last_comment_id += 1
            ticket.comments.append({"id": self._last_comment_id, "body": comment["body"], "public": public})


def _version_at(versions: list[tuple[float, Document | None]], horizon: float) -> Document | None:
    for at, version in reversed(versions):
        if at <= horizon:
            return version
    return None
