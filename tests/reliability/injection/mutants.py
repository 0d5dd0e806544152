"""JSON answers of every wrong shape, given to the functions that read them: an error of ours, or a value in bounds."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from activities.crm import cut
from activities.ticket_shapes import first, last_line
from activities.zendesk import guide
from activities.zendesk.errors import RateLimited, VendorError
from activities.zendesk.message import LONGEST_RETRY_AFTER_S, Answer, document, error_of
from tests.reliability.injection.texts import TEXTS
from workflows.domain.limits import MAX_JSON_BYTES, pop_content

_RAW = (
    *("null", "true", "[]", "{}", '""', "0", "-1", "1", "1.5", "-0.0", "1e400", "-1e400", "NaN", "-Infinity", "1e-400"),
    *("9" * 19, "9" * 30, "9" * 4000, "9" * 5000, '"1"', '"-5"', '"١"', '"\\u0000"', '"\\ud800"', '"\\r\\nX: 1"'),
    *("[" * 400 + "]" * 400, "[" * 2000 + "]" * 2000, '{"a":' * 600 + "1" + "}" * 600, '"' + "x" * 70_000 + '"'),
    *('"0001-01-01"', '"9999-12-31T23:59:59-23:59"', '"yesterday"', '"2026-99-99T00:00:00Z"', '"closed\\n"'),
)
_GOOD: dict[str, Any] = {
    "ticket": {
        "id": 1,
        "status": "open",
        "custom_status": None,
        "external_id": "c",
        "updated_at": "2026-01-01T00:00:00Z",
    },
    "results": [{"id": 1, "status": "open", "updated_at": "2026-01-01T00:00:00Z"}],
    "tickets": [{"id": 2, "external_id": "c"}],
    "comments": [{"id": 1, "body": "a", "public": False}],
    "next_page": "https://x/y?page=2",
    "customer": {"crm_customer_id": "a", "account_status": "b", "last_ticket_date": "c"},
    "access_token": "t",
    "expires_in": 3600,
    "token_type": "Bearer",
    "scope": "a b",
    "error": "RecordInvalid",
    "description": "no",
    "details": {"status": [{"description": "no"}]},
}
_PROPERTIES = ["crm_customer_id", "account_status", "last_ticket_date"]


@dataclass(kw_only=True)
class Mutants:
    """What became of them: errors of ours, values, and what is neither."""

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Answers read."""
        return self.outcomes.total()


def read_all(*, n: int, seed: int) -> Mutants:
    """So many answers, each mutated in one or more places, each read in every way there is."""
    found, rng = Mutants(), Random(f"mutants {seed}")
    for _ in range(n):
        name = rng.choice(list(READERS))
        content, status, headers = _mutant(rng), rng.choice([200, 200, 200, 201, 400, 422, 429, 500]), _headers(rng)
        try:
            READERS[name](Answer(status=status, headers=headers, content=content))
        except VendorError as error:
            found.outcomes[type(error).__name__] += 1
            if isinstance(error, RateLimited) and not 0 <= (error.retry_after_s or 0) <= LONGEST_RETRY_AFTER_S:
                found.wrong.append(f"{name}: a wait of {error.retry_after_s} s")
            if not error.vendor_text.isprintable():
                found.wrong.append(f"{name}: a vendor's text that is not in one printable line")
        except Exception as error:  # noqa: BLE001 - anything else is what is looked for
            found.outcomes["ESCAPED"] += 1
            found.wrong.append(f"{name}: {type(error).__name__}: {error}: {content[:200]!r}")
        else:
            found.outcomes["read"] += 1
    return found


def _mutant(rng: Random) -> bytes:
    marks: dict[str, str] = {}
    document_ = json.loads(json.dumps(_GOOD))
    for number in range(rng.randrange(1, 4)):
        marks[f"@@{number}@@"] = (
            rng.choice(_RAW) if rng.random() < 0.7 else json.dumps(rng.choice(list(TEXTS.values())))
        )
        _put(rng, document_, f"@@{number}@@")
    text = json.dumps(document_)
    for mark, raw in marks.items():
        text = text.replace(f'"{mark}"', raw)
    content = text.encode()
    return content if rng.random() < 0.9 else content[: rng.randrange(len(content))]


def _put(rng: Random, value: Any, mark: str) -> None:  # noqa: ANN401 - any JSON
    """The mark somewhere in the document, at any depth."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = rng.choice(keys)
    if isinstance(value[key], dict | list) and value[key] and rng.random() < 0.8:
        _put(rng, value[key], mark)
    else:
        value[key] = mark


def _headers(rng: Random) -> dict[str, str]:
    letters = "0123456789-+.,:eENaGMT \x00é²"
    waits = ("1", "-1", "9" * 500, "1e9", "NaN", "", "Wed, 21 Oct 2099 07:28:00 GMT", "Wed, 21 Oct 1999 07:28:00 +9999")
    wait = rng.choice(waits) if rng.random() < 0.5 else "".join(rng.choices(letters, k=rng.randrange(30)))
    return {"retry-after": wait, "date": rng.choice(waits)}


def _expect(right: object, what: str) -> None:
    if not right:
        raise AssertionError(what)


def _ticket(ticket: guide.Ticket) -> None:
    _expect(type(ticket.id) is int and 0 < ticket.id <= guide.LARGEST_ID, f"a ticket with id {ticket.id!r}")
    for text in (ticket.status, ticket.custom_status, ticket.external_id, ticket.updated_at):
        _expect(text is None or (text.isprintable() and len(text) <= guide.LONGEST_TEXT), f"a ticket with {text!r}")


def _found(name: str) -> Callable[[Answer], None]:
    def read(answer: Answer) -> None:
        tickets = guide.found(answer, name)
        for ticket in tickets:
            _ticket(ticket)
        first(tickets, [1])

    return read


def _one(answer: Answer) -> None:
    _ticket(guide.one_ticket(answer))


def _comments(answer: Answer) -> None:
    listed = guide.comments(answer, 1)
    _expect(listed.next_page in (None, 2), f"a next page {listed.next_page!r}")
    for body in listed.bodies:
        last_line(body)


def _token(answer: Answer) -> None:
    token = guide.token(answer, ["a"])
    _expect(token.access_token.isascii() and token.access_token.isprintable(), "a token that is no header")
    _expect(0 < token.expires_in < float("inf"), f"a life of {token.expires_in!r}")


def _customer(answer: Answer) -> None:
    record = document(answer).get("customer")
    if isinstance(record, dict):
        taken = cut(record, _PROPERTIES)
        content = pop_content(1, taken, _PROPERTIES).properties
        sent = guide.patch_call("c", content).content() or b""
        _expect(len(sent) <= MAX_JSON_BYTES, f"a pop of {len(sent)} bytes")
        json.loads(sent, parse_constant=lambda name: _expect(None, f"a pop with {name}"))


def _error(answer: Answer) -> None:
    error = error_of(answer, datetime.now(UTC))
    if error is not None:
        raise error


READERS: dict[str, Callable[[Answer], None]] = {
    "one ticket": _one,
    "search": _found("results"),
    "by external id": _found("tickets"),
    "comments": _comments,
    "token": _token,
    "customer": _customer,
    "pop": guide.shown,
    "error": _error,
}
