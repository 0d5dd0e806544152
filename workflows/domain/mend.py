"""What a person may do to a call that is stuck, what each will do before it does it, and what came of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category

from workflows.domain.call import Call, Step, StepKind


class MendAction(StrEnum):
    """What can be asked for."""

    RETRY = "retry"
    """Try at once what waits or was refused."""
    USE_TICKET = "use_ticket"
    """Write to another ticket instead."""
    SKIP = "skip"
    """Go on without this step."""
    END = "end"
    """Treat the call as over."""


class MendResult(StrEnum):
    """How a mend ended."""

    DONE = "done"
    NOT_NEEDED = "not_needed"
    """Somebody else, or the call itself, was quicker: nothing was done."""
    REFUSED = "refused"
    """It cannot be done to this call; `text` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mend:
    """A person's wish. `id` is its own name: the same one again does nothing more and has the same answer.

    `by` and `reason` are kept in the ledger. `step` is the entry of the call's `causes` it is meant for, None for the
    call as it stands; `ticket_id` is for `use_ticket`.
    """

    id: str
    action: str
    by: str
    reason: str
    step: str | None = None
    ticket_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What came of it, in words. `hurry`: a request of the call may sit out a back-off that is to be cut short."""

    result: str
    text: str
    hurry: bool = False


def unusable(*texts: str | None) -> bool:
    """Whether one holds a control character other than a tab or the end of a line: a ledger cannot keep all of them."""
    return any(category(sign) == "Cc" and sign not in "\t\r\n" for text in texts if text for sign in text)


_SKIPPABLE = {
    StepKind.SET_IN_CALL: "The ticket is not shown as In-Call. Everything else goes on.",
    StepKind.FINAL_UPDATE: "The ticket gets no note and no metadata of this call, and keeps its status.",
    StepKind.CORRECT: "The ticket keeps what it was told first.",
}


def foretold(call: Call, due: Step | None) -> Iterator[tuple[MendAction, str]]:
    """Which actions make sense now, each with what it will do. `due`: the ticket's next step."""
    if due is not None:
        yield MendAction.RETRY, f"Tries at once. {_writes(call, due)}"
        if call.told is None:
            yield MendAction.USE_TICKET, "Writes this call to the ticket you name, and no longer to any other."
        if due.kind in _SKIPPABLE:
            yield MendAction.SKIP, _SKIPPABLE[due.kind]
    elif call.attention:
        yield MendAction.SKIP, "Takes the call off this list. Nothing is sent."
    if call.told is None:
        yield MendAction.END, _ending(call)


def _writes(call: Call, due: Step) -> str:
    if call.ticket is not None:
        return f"Will update ticket {call.ticket.id}. Will not create another."
    if due.kind == StepKind.CORRELATE:
        return "Will find the caller's ticket, or create one if there is none."
    return "Will write only what was not written."


def _ending(call: Call) -> str:
    if call.facts.completed is not None:
        return "Gives up what is left to do. Nothing more is sent to Zendesk for this call."
    where = f"ticket {call.ticket.id}" if call.ticket is not None else "the call's ticket"
    return f"Treats the call as over: {where} is told that its end was not reported."
