"""What has to come of every request that meets a fault: the contract with the vendors as a table, written by hand."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.reliability.matrix.cell import Cell, Expected
from tests.reliability.matrix.faults import EVERYWHERE, RETRY_AFTER_S, SOMEWHERE
from tests.reliability.matrix.scenes import SCENES

MINUTE_S = 60.0


def _again(says: str, **more: Any) -> Expected:  # noqa: ANN401  # fields of Expected
    """It is tried again until it works."""
    return Expected(says=says, **more)


def _slowly(says: str, **more: Any) -> Expected:  # noqa: ANN401  # fields of Expected
    """An administrator has to mend something: a minute apart, until it works."""
    return Expected(**{"says": says, "apart_s": MINUTE_S, "lasts": True, "lifted": True, **more})


def _at_once(says: str = "", **more: Any) -> Expected:  # noqa: ANN401  # fields of Expected
    """There is nothing to be seen in between: as a rule the answer is final, the same request is not sent again."""
    return Expected(**{"sent": 1, "meanwhile": None, "says": says, **more})


ORDINARY: dict[str, Expected] = {
    "500 three times": _again("Unavailable: {step}: answered 500", sent=4),
    "503 three times": _again("Unavailable: {step}: answered 503", sent=4),
    "429 with seconds": _again("RateLimited: {step}: answered 429", meanwhile="waiting", apart_s=RETRY_AFTER_S),
    "429 with a date": _again("RateLimited: {step}: answered 429", meanwhile="waiting"),
    "401": _again("CredentialRefused: {step}: answered 401", meanwhile="waiting"),
    "403": _slowly("Forbidden: {step}: answered 403"),
    "404": _slowly("Misconfigured: {step}: answered 404"),
    "409": _again("Unavailable: {step}: answered 409"),
    "400": _slowly("Misconfigured: {step}: answered 400"),
    "hang": _again("Unavailable: {step}: no answer in time"),
    "connection refused": _again("Unavailable: {step}: no connection could be made", sent=1),
    "reset": _again("Unavailable: {step}: the connection broke before the answer"),
    "acted, then reset": _again("Unavailable: {step}: the connection broke before the answer"),
    "acted, then hang": _again("Unavailable: {step}: no answer in time"),
    "malformed JSON": _again("Unavailable: {step}: the answer is not a JSON object"),
    "wrong shape": _again("Unavailable: {step}: the answer"),
    "5 MB answer": _again("Unavailable: {step}: the answer is over 1 MiB"),
    "redirect": _slowly("Misconfigured: {step}: answered 302"),
    "500, acted": _again("Unavailable: {step}: answered 500"),
    "redirect, acted": _slowly("Misconfigured: {step}: answered 303"),
    "reset three times": _again("Unavailable: {step}: the connection broke before the answer", sent=4),
}
"""A request that has to work, whatever it is. What follows says where the contract wants something else."""

ACTED = ("acted, then reset", "acted, then hang", "malformed JSON", "wrong shape", "5 MB answer", "500, acted")
NEW_TICKET = {"tickets": 2, "started": 1, "updates": 1}
NO_TICKET = {"tickets": 0, "started": 0, "notes": 0, "updates": 0, "left": "none"}
NO_POP = {"pops": 0, "customer_shown": False}

TOKEN = {
    # The token in use was revoked: until there is another, the step waits for it, whatever the endpoint says.
    **{
        name: _again("CredentialRefused", meanwhile="waiting", sent=each.sent, apart_s=each.apart_s)
        for name, each in ORDINARY.items()
        if name not in ("400", "401") and not each.lasts
    },
    **dict.fromkeys(("403", "404", "422", "redirect"), _again("CredentialRefused", meanwhile="waiting")),
    # The client is refused: a try each minute.
    **dict.fromkeys(("400", "401"), _slowly("CredentialRefused", meanwhile="waiting")),
}

# 422: as if nothing was found, so a ticket is made beside the one that was there.
SEARCH = {"422": _at_once("answered 422", effects=NEW_TICKET)}

READ = {
    # The ticket named is gone, or as good as gone, so nothing that follows uses it.
    "404": _at_once("answered 404", effects=NEW_TICKET),
    "422": _at_once("answered 422", effects=NEW_TICKET),
}

# What a create may have made is looked for: "refused" is no "none", and a second ticket would come of it.
FIND = {"422": _slowly("Misconfigured: {step}: answered 422")}

COMMENTS = {
    # The note is there. Who cannot see that must not write it again.
    "404": _at_once("cannot be read whole", attention=True),
    "422": _at_once("cannot be read whole", attention=True),
    "reset three times": ORDINARY["reset three times"],
}

_NO_FALLBACK_LEFT: dict[str, Any] = {
    "sent": 2,
    "lasts": True,
    "state": "refused",
    "attention": True,
    "effects": NO_TICKET,
}
CREATE = {
    # Zendesk's word for a key it knows with another body: looked for, not found, so it counts as 422.
    "400": _at_once("answered 400", sent=2),
    "400 for ever": _at_once("refuses to create a ticket", **_NO_FALLBACK_LEFT),
    # Once more with the least that makes a ticket.
    "422": _at_once("answered 422", sent=2),
    "422 for ever": _at_once("refuses to create a ticket", **_NO_FALLBACK_LEFT),
    "500, acted": ORDINARY["500, acted"],
    "redirect, acted": ORDINARY["redirect, acted"],
}

_NOT_NEEDED: dict[str, Any] = {"lifted": False, "waits": False, "state": "skipped", "effects": {"updates": 1}}
_CONFLICT = "update_ticket: answered 409"

IN_CALL = {
    # It is of no use any more when the call has ended: the final update does not wait for it.
    **{
        name: _slowly(f"{kind}: {{step}}: answered {status}", sent=1, **_NOT_NEEDED)
        for name, kind, status in (
            ("403", "Forbidden", 403),
            ("400", "Misconfigured", 400),
            ("redirect", "Misconfigured", 302),
        )
    },
    "409 for ever": _again(_CONFLICT, sent=3, more=True, lasts=True, **_NOT_NEEDED),
    "404": _at_once("answered 404", effects=NEW_TICKET),
    # Somebody wrote: the ticket is read, and it is sent again by what is there now.
    "409": _again(_CONFLICT, meanwhile=None),
    "422": _at_once("answered 422", state="refused", effects={"updates": 1}),
    # The stamp has moved, by us: it is read, and set once more, which changes nothing.
    **{name: replace(ORDINARY[name], sent=3) for name in ACTED},
}

# A note whose fate is not known is looked for, and sent again only if it is not there.
_FOUND = {"sent": 1}
FINAL = {
    "acted, then reset": _again("the connection broke before the answer", **_FOUND),
    "acted, then hang": _again("no answer in time", **_FOUND),
    "malformed JSON": _again("the answer is not a JSON object", **_FOUND),
    "wrong shape": _again("the answer does not hold the ticket", **_FOUND),
    "5 MB answer": _again("the answer is over 1 MiB", **_FOUND),
    "500, acted": _again("answered 500", **_FOUND),
    "redirect, acted": _slowly("answered 303", **_FOUND),
    "reset three times": ORDINARY["reset three times"],
    # Another ticket is found or made; nothing was written to the one that is gone.
    "404": _at_once("answered 404", sent=2, effects={"tickets": 2, "started": 2}),
    "409": _again(_CONFLICT, meanwhile=None),
    "409 for ever": _again(_CONFLICT, sent=4, more=True, lasts=True, lifted=True),
    # Once more with note and metadata alone; the status stays, and somebody has to know.
    "422": _at_once("it may still say In-Call", sent=2, attention=True, effects={"left": "In-Call"}),
    "422 for ever": _at_once(
        "refuses to update ticket",
        sent=2,
        lasts=True,
        state="refused",
        attention=True,
        effects={"notes": 0, "updates": 0, "left": "In-Call"},
    ),
}

_REFUSED: dict[str, Any] = {"state": "refused", "pop": "refused", "effects": NO_POP}
_MISSED: dict[str, Any] = {
    "sent": 3,
    "more": True,
    "lasts": True,
    "state": "missed",
    "pop": "missed",
    "effects": NO_POP,
}
_TWICE = {"effects": {"pops": 2}}
POP = {
    # Of use until its deadline: nothing is waited for longer, nothing endangers the call.
    "403": _again("Forbidden: {step}: answered 403"),
    "403 for ever": _at_once("{step}: answered 403", **_MISSED),
    "500 for ever": _at_once("{step}: answered 500", **_MISSED),
    "404": _at_once("answered 404", **_REFUSED),
    "400": _at_once("answered 400", **_REFUSED),
    "redirect": _at_once("answered 302", **_REFUSED),
    # Once with the first of the CRM's properties alone.
    "422": _at_once("answered 422", sent=2),
    "422 for ever": _at_once("answered 422", sent=2, lasts=True, **_REFUSED),
    # Properties that are shown twice are the same properties.
    "acted, then reset": _again("the connection broke before the answer", **_TWICE),
    "acted, then hang": _again("no answer in time", **_TWICE),
    "malformed JSON": _again("the answer is not a JSON object", **_TWICE),
    "5 MB answer": _again("the answer is over 1 MiB", **_TWICE),
    # There is nothing in the answer that we need.
    "wrong shape": _at_once(),
}

_ABANDONED: dict[str, Any] = {
    "more": True,
    "lasts": True,
    "waits": False,
    "state": "skipped",
    "effects": {"customer_shown": False},
}
CRM = {
    # Whatever it answers, it never holds up a call.
    **{
        name: _again(f"Unavailable: {{step}}: answered {status}")
        for name, status in (("401", 401), ("403", 403), ("422", 422), ("400", 400), ("redirect", 302))
    },
    "404": _at_once(effects={"customer_shown": False}),
    "500 for ever": _again("Unavailable: {step}: answered 500", sent=3, **_ABANDONED),
    "403 for ever": _again("Unavailable: {step}: answered 403", sent=3, **_ABANDONED),
}

EXPECTED: dict[str, dict[str, Expected]] = {
    "token": TOKEN,
    "search": SEARCH,
    "read ticket": READ,
    "find by external id": FIND,
    "list comments": COMMENTS,
    "create ticket": CREATE,
    "update: In-Call": IN_CALL,
    "update: final": FINAL,
    "screen pop": POP,
    "CRM": CRM,
}


def cells() -> Iterator[Cell]:
    """Every request with every fault, and with the others where the contract makes a difference of them."""
    for name, own in EXPECTED.items():
        for fault in EVERYWHERE:
            expected = own.get(fault.name) or ORDINARY[fault.name]
            yield Cell(scene=SCENES[name], fault=fault, expected=expected)
        for fault in SOMEWHERE:
            if fault.name in own:
                yield Cell(scene=SCENES[name], fault=fault, expected=own[fault.name])
