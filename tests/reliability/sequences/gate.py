"""The strict twin of the ledger: calls and whose ticket they may join, and the gate before every request."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from workflows.domain.call import CallPolicy
from workflows.domain.customer import Customer
from workflows.ports import CallRef, CreateTicket, FindTicket, OpenCall, SaveCall, TicketOfOthers, UpdateTicket

KEY_LIFE = timedelta(minutes=100)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class Row:
    """One call; the columns of the table `calls` that decide anything."""

    call_id: str
    run_id: str
    arrival: int
    customer: Customer
    active_until: datetime
    pending: bool = True
    active: bool = True
    ticket_id: int | None = None
    last_used: datetime | None = None
    excluded: set[int] = field(default_factory=set)
    saved: SaveCall | None = None


@dataclass
class Attempt:
    """One request that was about to be sent; `outcome` None is unknown."""

    id: int
    call_id: str
    step: str
    at: datetime
    key: str | None = None
    ticket_id: int | None = None
    outcome: str | None = None


@dataclass(frozen=True)
class Permit:
    """May the request be sent? `attempt` None: no, and why."""

    attempt: Attempt | None
    joined: int | None = None
    unknown_until: int = 0
    send_status: bool = True


class Gate:
    """A ledger in memory; every method is one statement of the real one. `now` is the server's clock, pushed on.

    `forgets` plants a defect: attempts of unknown outcome are not returned.
    """

    def __init__(self, policy: CallPolicy, now: datetime) -> None:
        self.policy = policy
        self.now = now
        self.rows: dict[str, Row] = {}
        self.attempts: list[Attempt] = []
        self.holders: dict[int, dict[str, datetime]] = {}
        self.dropped: set[int] = set()
        self.forgets = False
        self._arrivals = 0

    def open(self, command: OpenCall) -> Row:
        """Enter the call, or take over what is there."""
        row = self.rows.get(command.call_id)
        if row is None:
            until = self.now + timedelta(seconds=self.policy.max_duration_s)
            row = Row(command.call_id, command.run_id, self._arrival(), command.customer, until)
            self.rows[command.call_id] = row
            return row
        row.run_id = command.run_id
        self._learn(row, command.customer)
        return row

    def create_unknown(self, call_id: str) -> bool:
        """Whether the call may have created a ticket that no later attempt brought back."""
        done = [a for a in self.attempts if a.outcome == "done"]
        unknown = self._unknown_creates(call_id)
        return any(not any(later.key == a.key and later.id > a.id for later in done) for a in unknown)

    def look(self, command: FindTicket) -> tuple[int | None, list[Row]]:
        """The ticket the call may join, and the earlier matching calls that are pending."""
        row, excluded = self.rows[command.call_id], set(command.excluded)
        self._learn(row, command.customer)
        lost = row.ticket_id in excluded
        if not excluded <= row.excluded or (not row.pending and (row.ticket_id is None or lost)):
            row.excluded |= excluded
            row.ticket_id, row.pending, row.arrival = None if lost else row.ticket_id, True, self._arrival()
        for ticket_id in excluded:
            self.dropped.add(ticket_id)
            self.holders[ticket_id] = {}
        earlier = [other for other in self._others(row) if other.pending and other.arrival < row.arrival]
        return self._usable(row, excluded), sorted(earlier, key=lambda other: other.arrival)

    def answer(self, ticket_id: int | None, given_way: list[Row], attempts: int = 1) -> TicketOfOthers:
        """The ticket, or leave to go on, with what those who gave way may have created."""
        if ticket_id is not None:
            return TicketOfOthers(ticket_id=ticket_id, attempts=attempts)
        unsettled = [row.call_id for row in given_way if self._unknown_creates(row.call_id)]
        return TicketOfOthers(lookup_external_ids=unsettled, attempts=attempts)

    def save(self, command: SaveCall) -> None:
        """Write the call as it stands, unless a later version of the same run is there."""
        row, ticket = self.rows.get(command.call_id), command.memory.ticket
        assert row is not None, "a call is opened before it is saved"
        if row.saved is not None and row.saved.version > command.version and row.run_id == command.status.run_id:
            return
        self._learn(row, command.customer)
        row.run_id, row.saved = command.status.run_id, command
        if (ticket is not None and ticket.id != row.ticket_id) or (row.active and not command.active):
            row.last_used = self.now
        own = None if row.ticket_id in command.memory.excluded else row.ticket_id
        row.ticket_id = ticket.id if ticket is not None else own
        row.pending = command.pending and row.ticket_id is None
        row.active = row.active and command.active
        if row.ticket_id is not None and row.ticket_id not in self.dropped:
            holders = self.holders.setdefault(row.ticket_id, {})
            if row.active:
                holders.setdefault(row.call_id, row.active_until)
            else:
                holders.pop(row.call_id, None)

    def begin(self, ref: CallRef) -> Attempt:
        """Write down a request that needs no decision."""
        return self._attempt(ref)

    def begin_create(self, command: CreateTicket, key: str) -> Permit:
        """The gate of a create."""
        row, excluded = self.rows[command.ref.call_id], set(command.excluded) | self.rows[command.ref.call_id].excluded
        sent = [a for a in self.attempts if a.key and a.outcome != "not_sent"]
        old = {a.key for a in sent if a.at < self.now - KEY_LIFE}
        unknown = [
            a.id
            for a in self._unknown_creates(command.ref.call_id)
            if a.id > command.looked_until
            and (a.key != key or a.key in old)
            and not any(later.key == a.key and later.id > a.id and later.outcome == "done" for later in sent)
        ]
        if unknown and not self.forgets:
            return Permit(None, unknown_until=max(unknown))
        brings_it_back = key not in old and any(a.key == key for a in sent)
        own = None if row.ticket_id in excluded or brings_it_back else row.ticket_id
        joined = own if own is not None else self._usable(row, excluded)
        if joined is not None:
            return Permit(None, joined=joined)
        return Permit(self._attempt(command.ref, key=key))

    def begin_update(self, command: UpdateTicket) -> Permit:
        """The gate of an update; a final one ends the call and its hold on the ticket."""
        note, row = command.change.note is not None, self.rows.get(command.ref.call_id)
        unknown = [
            a.id
            for a in self.attempts
            if (a.call_id, a.step) == (command.ref.call_id, command.ref.step)
            and a.outcome in (None, "done")
            and a.id > command.looked_until
        ]
        if note and unknown and not self.forgets:
            return Permit(None, unknown_until=max(unknown))
        attempt = self._attempt(command.ref, ticket_id=command.ticket_id)
        assert row is not None, "a call is opened before it updates"
        row.active = row.active and not command.final
        row.ticket_id, row.pending, row.last_used = command.ticket_id, False, self.now
        holders = self.holders.setdefault(command.ticket_id, {})
        holders.pop(row.call_id, None)
        if row.active:
            holders[row.call_id] = row.active_until
        others = [label for label, until in holders.items() if label != row.call_id and until > self.now]
        return Permit(attempt, send_status=not (command.final and others))

    def end_create(self, attempt: Attempt, ticket_id: int) -> None:
        """A create worked: the call has its ticket, and holds it while its end is unknown."""
        row, attempt.outcome = self.rows[attempt.call_id], "done"
        row.ticket_id, row.pending, row.last_used = ticket_id, False, self.now
        if row.active:
            self.holders.setdefault(ticket_id, {})[row.call_id] = row.active_until

    def gave_way(self, rows: list[Row]) -> None:
        """Nobody waits for them any more."""
        for row in rows:
            row.pending = False

    def _arrival(self) -> int:
        self._arrivals += 1
        return self._arrivals

    def _attempt(self, ref: CallRef, *, key: str | None = None, ticket_id: int | None = None) -> Attempt:
        number = len(self.attempts) + 1
        attempt = Attempt(id=number, call_id=ref.call_id, step=ref.step, at=self.now, key=key, ticket_id=ticket_id)
        self.attempts.append(attempt)
        return attempt

    def _unknown_creates(self, call_id: str) -> list[Attempt]:
        return [a for a in self.attempts if a.call_id == call_id and a.key and a.outcome is None]

    def _learn(self, row: Row, customer: Customer) -> None:
        known = Customer(email=customer.email or row.customer.email, phone=customer.phone or row.customer.phone)
        if (known.email, known.phone) != (row.customer.email, row.customer.phone) and row.pending:
            row.arrival = self._arrival()
        row.customer = known

    def _others(self, row: Row) -> list[Row]:
        return [other for other in self.rows.values() if other is not row and _match(row, other)]

    def _usable(self, row: Row, excluded: set[int]) -> int | None:
        recent = self.now - timedelta(seconds=self.policy.recent_ticket_window_s)
        usable = [
            other
            for other in self._others(row)
            if other.ticket_id is not None
            and other.ticket_id not in excluded | row.excluded | self.dropped
            and ((other.active and other.active_until > self.now) or (other.last_used or _LONG_AGO) > recent)
        ]
        latest = max(usable, key=lambda other: (other.last_used or _LONG_AGO, other.arrival), default=None)
        return latest.ticket_id if latest else None


def _match(one: Row, other: Row) -> bool:
    mine, theirs = one.customer, other.customer
    if mine.email is not None and mine.email == theirs.email:
        return True
    same_phone = mine.phone is not None and mine.phone == theirs.phone
    return (same_phone and (mine.email is None or theirs.email is None)) or bool(one.excluded & other.excluded)
