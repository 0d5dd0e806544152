"""Every request served, in the order of arrival."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from simulator.exchange import Asked, Document
from simulator.state import Note, forget


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request; `status` stays null while it is unanswered and for ever when it was dropped."""

    n: int
    at: float
    kind: str
    method: str
    path: str
    query: Document
    body: Any
    request_id: str | None
    idempotency_key: str | None
    status: int | None = None
    answered_at: float | None = None
    acted: bool = False
    fault: str | None = None

    def document(self) -> Document:
        """The entry as the control interface shows it."""
        return asdict(self)


class Journal:
    """The list of entries, and the request ids ever seen."""

    def __init__(self, clock: Callable[[], float], note: Note = forget) -> None:
        self._clock = clock
        self._note = note
        self._next = 1
        self._request_ids: set[str] = set()
        self.entries: list[Entry] = []

    def open(self, asked: Asked) -> Entry:
        """Enters a request on arrival."""
        entry = Entry(
            n=self._next,
            at=self._clock(),
            kind=asked.kind,
            method=asked.method,
            path=asked.path,
            query=dict(asked.query),
            body=asked.journal_body(),
            request_id=asked.request_id,
            idempotency_key=asked.idempotency_key,
        )
        self.put(entry)
        return entry

    def put(self, entry: Entry) -> None:
        """Stores an entry that is new or has changed."""
        if entry.n >= self._next:
            self._next = entry.n + 1
            self.entries.append(entry)
        elif (index := self._index(entry.n)) is not None:
            self.entries[index] = entry
        self._note("put", entry)

    def close(self, entry: Entry, status: int) -> None:
        """Enters the answer."""
        entry.status = status
        entry.answered_at = self._clock()
        self.put(entry)

    def is_new(self, request_id: str) -> bool:
        """Whether this id has never been used; it is used from now on."""
        if request_id in self._request_ids:
            return False
        self.use(request_id)
        return True

    def use(self, request_id: str) -> None:
        """From now on this id is no new one."""
        self._request_ids.add(request_id)
        self._note("use", request_id)

    def of_kind(self, kind: str | None) -> list[Entry]:
        """The entries of one kind, or all."""
        return [entry for entry in self.entries if kind is None or entry.kind == kind]

    def counts(self) -> dict[str, int]:
        """How many requests of each kind."""
        return dict(Counter(entry.kind for entry in self.entries))

    def clear(self) -> None:
        """Forgets the entries; request ids stay used."""
        self.entries.clear()
        self._note("clear")

    def _index(self, n: int) -> int | None:
        # Entries are numbered without a gap, from wherever the journal was cleared last.
        index = n - self.entries[0].n if self.entries else -1
        return index if index >= 0 else None
