"""What a call needs of the world: abstract activities, their commands and results.

Adapters in `activities/` subclass these classes; workflows call the methods by reference. One activity of
`HelpDesk` or `Crm` is one vendor request. Every command names its call, so that the ledger's row can.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from temporalio import activity

from workflows.domain.call import CallPolicy, Told
from workflows.domain.customer import Customer
from workflows.domain.mend import Mend, Mended
from workflows.domain.status import CallStatus
from workflows.domain.ticket import NewTicket, Ticket, TicketChange, TicketView
from workflows.domain.token import Alert, TokenExchanged

CALLS_QUEUE = "calls"
HELP_DESK_QUEUE = "zendesk"
CRM_QUEUE = "crm"
TOKEN_QUEUE = "token"  # noqa: S105 - a queue's name

_CALL_WORKFLOW_PREFIX = "call-"


def call_workflow_id(call_id: str) -> str:
    """The workflow id of a call."""
    return _CALL_WORKFLOW_PREFIX + call_id


def call_id_of(workflow_id: str) -> str:
    """The inverse of `call_workflow_id`."""
    return workflow_id.removeprefix(_CALL_WORKFLOW_PREFIX)


def group_workflow_id(group_id: str) -> str:
    """The workflow id of a group's mend."""
    return f"group-{group_id}"


def token_workflow_id(account: str) -> str:
    """The workflow id of an account's token."""
    return f"token-{account}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStart:
    """The argument of `CallWorkflow.run`; what happened comes by the signal `event`, a `CallEvent`."""

    call_id: str


CALL_WORKFLOW = "CallWorkflow"
CALL_EVENT_SIGNAL = "event"
CALL_STATUS_QUERY = "status"
CALL_MEND_UPDATE = "mend"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRef:
    """Whose step it is: call id and generation, and the step's name within the call (stable over resets)."""

    call_id: str
    generation: int
    step: str


# --- the help desk -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTickets:
    """One search: by email when there is one, else by phone. Tickets in `excluded` do not count."""

    ref: CallRef
    customer: Customer
    excluded: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTicket:
    """Read one ticket. `ours`: it is the call's already, so only 404 says that it is gone, and 422 is tried again."""

    ref: CallRef
    ticket_id: int
    ours: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindByExternalId:
    """Look for the ticket that a create of unknown outcome may have made."""

    ref: CallRef
    external_id: str
    excluded: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketFound:
    """The ticket, or None when there is none (404, an empty list, a search refused with 422)."""

    ticket: TicketView | None
    attempts: int = 1
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListComments:
    """Ask which of `marks` end a comment of the ticket."""

    ref: CallRef
    ticket_id: int
    marks: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentsListed:
    """`complete` is False when not every comment could be read: absence of a mark then proves nothing.

    `gone`: there are no comments at that address; the ticket may be gone.
    """

    found: list[str]
    complete: bool
    gone: bool = False
    attempts: int = 1


class CreateResult(StrEnum):
    """How a create ended."""

    CREATED = "created"
    JOINED = "joined"
    """Nothing was sent: a matching call has a ticket by now."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Nothing was sent: an earlier attempt may have worked and its key is past its life."""
    KEY_CONFLICT = "key_conflict"
    """400: the vendor knows the key with another body, or refuses this one."""
    REFUSED = "refused"
    """422."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTicket:
    """Create a ticket unless a matching call has one. `key_number` counts the bodies: each new body has the next key.

    `looked_until`: attempts up to this ledger row have been looked for by external id and are settled.
    """

    ref: CallRef
    ticket: NewTicket
    key_number: int = 1
    excluded: list[int] = field(default_factory=list)
    looked_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketCreated:
    """`ticket` for created and joined; `unknown_until` for an unknown outcome."""

    result: str
    ticket: TicketView | None = None
    unknown_until: int = 0
    attempts: int = 1
    detail: str | None = None


class UpdateResult(StrEnum):
    """How an update ended."""

    UPDATED = "updated"
    CONFLICT = "conflict"
    """409: somebody wrote since our stamp."""
    GONE = "gone"
    """404."""
    REFUSED = "refused"
    """422; the ticket has to be read to know why."""
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Nothing was sent: an earlier attempt may have written the note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateTicket:
    """Update a ticket. `final` ends this call's hold on it; its status goes out only if no active call holds it."""

    ref: CallRef
    ticket_id: int
    change: TicketChange
    final: bool = False
    looked_until: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketUpdated:
    """`with_status`: whether the status was sent."""

    result: str
    ticket: TicketView | None = None
    with_status: bool = False
    unknown_until: int = 0
    attempts: int = 1
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchCall:
    """Show `properties` to the agent on the live call."""

    ref: CallRef
    properties: dict[str, str | int | float | bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPatched:
    """`refused`: 422, 400, 404, 405 or a redirect. `fallback` is due when 422: the first property alone."""

    shown_at: datetime | None
    refused: bool = False
    fallback: bool = False
    attempts: int = 1
    detail: str | None = None


class HelpDesk(ABC):
    """The ticket system and the live call it shows. Queue `zendesk`."""

    @activity.defn
    @abstractmethod
    async def search_tickets(self, command: SearchTickets) -> TicketFound:
        """The most recently updated open ticket of the customer."""

    @activity.defn
    @abstractmethod
    async def read_ticket(self, command: ReadTicket) -> TicketFound:
        """The ticket as it stands."""

    @activity.defn
    @abstractmethod
    async def find_by_external_id(self, command: FindByExternalId) -> TicketFound:
        """The ticket with that external id."""

    @activity.defn
    @abstractmethod
    async def list_comments(self, command: ListComments) -> CommentsListed:
        """Which marks of ours stand on the ticket."""

    @activity.defn
    @abstractmethod
    async def create_ticket(self, command: CreateTicket) -> TicketCreated:
        """Create a ticket, once per key."""

    @activity.defn
    @abstractmethod
    async def update_ticket(self, command: UpdateTicket) -> TicketUpdated:
        """Update a ticket, its note once."""

    @activity.defn
    @abstractmethod
    async def patch_call(self, command: PatchCall) -> CallPatched:
        """Push the screen pop."""


# --- the CRM -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchCustomer:
    """Fetch the caller's record, cut to `properties`."""

    ref: CallRef
    customer: Customer
    properties: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFetched:
    """`record` is None for an unknown caller."""

    record: dict[str, str | int | float | bool] | None
    attempts: int = 1


class Crm(ABC):
    """The customer database. Queue `crm`."""

    @activity.defn
    @abstractmethod
    async def fetch_customer(self, command: FetchCustomer) -> CustomerFetched:
        """The caller's record."""


# --- our own ledger ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a new run of a known call takes over, so that nothing is repeated. Holds no customer data."""

    ticket: Ticket | None = None
    excluded: list[int] = field(default_factory=list)
    follows: int | None = None
    in_call_done: bool = False
    told: Told | None = None
    told_at: datetime | None = None
    corrections: int = 0
    key_number: int = 0
    popped_agents: list[str] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """Enter the call in the ledger. `occurred_at` decides whether a known id is a new generation."""

    call_id: str
    run_id: str
    customer: Customer
    occurred_at: datetime
    status: CallStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class FindTicket:
    """Which ticket may the call join? Also drops `excluded` tickets from the ledger and marks the call pending.

    `customer` as known by now: what was learned since the call was entered is matched by as well.
    """

    call_id: str
    generation: int
    customer: Customer
    excluded: list[int]
    window_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketOfOthers:
    """`ticket_id` of a matching call; else `wait` when an earlier matching call is still finding its own."""

    ticket_id: int | None = None
    wait: bool = False
    lookup_external_ids: list[str] = field(default_factory=list)
    attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOpened:
    """The call's policy and place in the ledger.

    `memory` is what an earlier run of this call had finished, None for a new call; `version` its last save.
    `others` is the answer of `find_ticket` for a new call, so that it costs no step of its own.
    `ticket_id`: the call's ticket as the gate knows it, which a run that was lost may not have had the time to save.
    `create_unknown`: such a run may have created a ticket that nobody has heard of.
    `ended`: such a run knew the end, and may have told the ticket.
    """

    generation: int
    policy: CallPolicy
    memory: Memory | None = None
    version: int = 0
    others: TicketOfOthers | None = None
    ticket_id: int | None = None
    create_unknown: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveCall:
    """The call as it stands, for lists, for other calls, and for a run after this one. `version` only grows."""

    call_id: str
    generation: int
    version: int
    status: CallStatus
    memory: Memory
    customer: Customer
    pending: bool
    active: bool
    max_duration_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepMend:
    """What a person did to a call, for the audit: who, when, why, and what came of it."""

    call_id: str
    generation: int
    mend: Mend
    mended: Mended
    at: datetime


class Ledger(ABC):
    """Call ↔ ticket, in PostgreSQL. Queue `calls`; local activities with a regular one to fall back on."""

    @activity.defn
    @abstractmethod
    async def call_policy(self) -> CallPolicy:
        """The settings that shape a call; touches no database."""

    @activity.defn
    @abstractmethod
    async def open_call(self, command: OpenCall) -> CallOpened:
        """Enter the call; tell what is known of it."""

    @activity.defn
    @abstractmethod
    async def find_ticket(self, command: FindTicket) -> TicketOfOthers:
        """The ticket of a matching call that is active or was used within the window."""

    @activity.defn
    @abstractmethod
    async def await_ticket(self, command: FindTicket) -> TicketOfOthers:
        """The same, retried until no earlier matching call is pending (or it gives way)."""

    @activity.defn
    @abstractmethod
    async def save_call(self, command: SaveCall) -> None:
        """Write the call as it stands; an older version than the one written changes nothing."""

    @activity.defn
    @abstractmethod
    async def keep_mend(self, command: KeepMend) -> None:
        """Write down what a person did, once."""


# --- one mend for many calls ---------------------------------------------------------------------------------------

GROUP_MEND_WORKFLOW = "GroupMendWorkflow"
"""Its argument is a `GroupMend`."""
GROUP_PROGRESS_QUERY = "progress"
GROUP_STOP_SIGNAL = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class MendCall:
    """Have this call's workflow do it. The wish's id makes a second time do nothing."""

    call_id: str
    wish: Mend


class Mender(ABC):
    """The calls themselves. Queue `calls`."""

    @activity.defn
    @abstractmethod
    async def mend_call(self, command: MendCall) -> Mended:
        """What came of the wish; a call that is over, or not there, needs none."""


# --- the credential ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeToken:
    """Get a token for `scopes`, unless a version newer than `known_version` is stored already."""

    account: str
    scopes: list[str]
    known_version: int


class Credentials(ABC):
    """The token and the alerts about it. Queue `token`."""

    @activity.defn
    @abstractmethod
    async def exchange_token(self, command: ExchangeToken) -> TokenExchanged:
        """One exchange; the token is written encrypted to PostgreSQL."""

    @activity.defn
    @abstractmethod
    async def post_alert(self, alert: Alert) -> bool:
        """Log, count and POST the alert; False when one of its kind went out within the hour."""


# --- the token workflow's messages ---------------------------------------------------------------------------------

TOKEN_WORKFLOW = "TokenWorkflow"  # noqa: S105 - a workflow's name


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsureToken:
    """The argument of the update `ensure`: a worker that starts asks for these scopes.

    `queue` is one that it alone serves: an exchange there tells of its own client id and secret, not of another's.
    """

    scopes: list[str]
    margin_s: int
    queue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRefused:
    """The argument of the signals `refused` (401), `forbidden` (403) and `confirmed` (a request worked after a 401)."""

    version: int
