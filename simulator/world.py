"""Everything the simulator remembers, and the one place where a request is carried out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from simulator.calls import Calls
from simulator.crm import Crm
from simulator.exchange import Answer, Asked, RefusedError, not_found
from simulator.faults import Faults
from simulator.idempotency import IdempotencyKeys
from simulator.journal import Journal
from simulator.rate import RateLimit
from simulator.settings import Settings
from simulator.state import State
from simulator.tickets import Tickets
from simulator.tokens import Tokens
from simulator.zendesk import Zendesk

Handler = Callable[[Asked, Settings], Answer]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address, the kind of request it serves, and the scope that takes."""

    kind: str
    method: str
    path: re.Pattern[str]
    scope: str | None = None


ENDPOINTS = (
    Endpoint("token", "POST", re.compile(r"/api/v2/oauth/token")),
    Endpoint("search", "GET", re.compile(r"/api/v2/search/query\.json"), "tickets:read_all"),
    Endpoint("find_by_external_id", "GET", re.compile(r"/api/v2/tickets"), "tickets:read_all"),
    Endpoint("create_ticket", "POST", re.compile(r"/api/v2/tickets"), "tickets:write"),
    Endpoint("read_ticket", "GET", re.compile(r"/api/v2/tickets/([^/]+)"), "tickets:read_all"),
    Endpoint("update_ticket", "PUT", re.compile(r"/api/v2/tickets/([^/]+)"), "tickets:write"),
    Endpoint("list_comments", "GET", re.compile(r"/api/v2/tickets/([^/]+)/comments"), "tickets:read_all"),
    Endpoint("patch_call", "PATCH", re.compile(r"/api/v2/talk/calls/([^/]+)\.json"), "talk:read_all"),
    Endpoint("fetch_customer", "GET", re.compile(r"/crm/customers")),
)
_SCOPES = {endpoint.kind: endpoint.scope for endpoint in ENDPOINTS}


def recognise(method: str, raw_path: str) -> tuple[str, tuple[str, ...]]:
    """The kind of a request and its path's variable parts; `unknown` for what is not served."""
    for endpoint in ENDPOINTS:
        match = endpoint.path.fullmatch(raw_path)
        if match is not None and endpoint.method == method:
            return endpoint.kind, tuple(unquote(part) for part in match.groups())
    return "unknown", ()


class World:
    """One Zendesk account, one CRM and one telephony platform; with a state, that of the process before goes on."""

    def __init__(
        self,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.time,
        state: State | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.clock = clock
        # What is read back is not to be written again.
        self._state: State | None = None
        self._begin()
        if state is not None:
            for part, change, given in state.changes():
                getattr(self._parts[part], change)(*given)
        self._state = state

    def reset(self) -> None:
        """Forgets everything but the settings."""
        self._begin()
        if self._state is not None:
            self._state.clear()
        self.put_settings(self.settings)

    def put_settings(self, settings: Settings) -> None:
        """From now on these hold."""
        self.settings = settings
        self._note("world", "put_settings", settings)

    def commit(self) -> None:
        """What happened up to now survives the process; to be called before anybody is told of it."""
        if self._state is not None:
            self._state.commit()

    def _begin(self) -> None:
        self.tokens = Tokens(self.clock, partial(self._note, "tokens"))
        self.tickets = Tickets(self.clock, partial(self._note, "tickets"))
        self.crm = Crm(partial(self._note, "crm"))
        self.calls = Calls(self.clock, partial(self._note, "calls"))
        self.faults = Faults()
        self.journal = Journal(self.clock, partial(self._note, "journal"))
        self._rate = RateLimit(self.clock)
        keys = IdempotencyKeys(self.clock, partial(self._note, "keys"))
        self._parts: dict[str, object] = {
            "world": self,
            "tokens": self.tokens,
            "tickets": self.tickets,
            "crm": self.crm,
            "calls": self.calls,
            "journal": self.journal,
            "keys": keys,
        }
        zendesk = Zendesk(self.tickets, keys)
        self._handlers: dict[str, Handler] = {
            "token": self.tokens.issue,
            "search": zendesk.search,
            "read_ticket": zendesk.read,
            "find_by_external_id": zendesk.find_by_external_id,
            "list_comments": zendesk.comments,
            "create_ticket": zendesk.create,
            "update_ticket": zendesk.update,
            "patch_call": self.calls.patch,
            "fetch_customer": self.crm.fetch,
        }

    def check_request_id(self, asked: Asked) -> Answer | None:
        """A refusal when a request does not carry an id of its own."""
        request_id = asked.request_id
        if not request_id:
            return RefusedError(400, "MissingRequestId", "every request needs an X-Request-ID").answer()
        if not self.journal.is_new(request_id):
            return RefusedError(400, "RepeatedRequestId", "this X-Request-ID was used before").answer()
        return None

    def carry_out(self, asked: Asked) -> Answer:
        """Serves one request at once, or refuses it as the vendor would."""
        handler = self._handlers.get(asked.kind)
        try:
            if handler is None:
                raise not_found()
            self._admit(asked)
            return handler(asked, self.settings)
        except RefusedError as refused:
            return refused.answer()

    def _note(self, part: str, change: str, *given: object) -> None:
        if self._state is not None:
            self._state.note(part, change, *given)

    def _admit(self, asked: Asked) -> None:
        scope = _SCOPES[asked.kind]
        if scope is not None:
            self.tokens.check(asked.headers.get("authorization"), scope, self.settings)
            self._rate.check(self.settings.requests_per_minute)
