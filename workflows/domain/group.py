"""One mend for many calls that are stuck for the same cause: what is asked for, and how far it has come."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workflows.domain.customer import mask_text
from workflows.domain.mend import Mended, MendResult

MOST_CALLS = 200
"""In one group: what a history holds well, and what a person can look through afterwards."""
MOST_PER_SECOND = 20


class GroupEnd(StrEnum):
    """How a call of the group ended: as a mend does, or without a word."""

    DONE = "done"
    NOT_NEEDED = "not_needed"
    REFUSED = "refused"
    FAILED = "failed"
    """Its workflow did not say what came of it: it may or may not have been done."""


assert set(map(str, MendResult)) < set(map(str, GroupEnd))


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCall:
    """A call of the group; `step` is the entry of its `causes`."""

    call_id: str
    step: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMend:
    """The wish. `cause` and `step` say what the calls have in common; `calls` are at most 200, each once.

    Begun at `per_second` calls a second, so that the vendor is not asked for everything at once.
    """

    id: str
    action: str
    cause: str
    step: str
    by: str
    reason: str
    calls: list[GroupCall]
    per_second: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A call that was not mended, and why."""

    call_id: str
    end: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupProgress:
    """How far it has come; no customer data. `left`: calls that were not begun. `started_at`: ISO 8601, UTC."""

    id: str
    action: str
    cause: str
    step: str
    by: str
    reason: str
    per_second: int
    started_at: str
    total: int
    done: int = 0
    not_needed: int = 0
    refused: int = 0
    failed: int = 0
    under_way: int = 0
    left: int = 0
    stopped: bool = False
    finished: bool = False
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def ended(self) -> int:
        """Calls of which it is known what came of them, or that nothing is known."""
        return self.done + self.not_needed + self.refused + self.failed


def mend_id(group_id: str, call_id: str) -> str:
    """The name of one call's mend: the same however often it is sent."""
    return f"{group_id}:{call_id}"


def progress(
    group: GroupMend, ended: Mapping[str, Mended], under_way: Collection[str], *, started_at: str, stopped: bool
) -> GroupProgress:
    """Where the group stands. `ended`: what came of each call, in the order in which it did."""
    counts = {end: sum(mended.result == end for mended in ended.values()) for end in GroupEnd}
    left = len(group.calls) - len(ended) - len(under_way)
    return GroupProgress(
        id=group.id,
        action=group.action,
        cause=group.cause,
        step=group.step,
        by=mask_text(group.by),
        reason=mask_text(group.reason, 500),
        per_second=group.per_second,
        started_at=started_at,
        total=len(group.calls),
        done=counts[GroupEnd.DONE],
        not_needed=counts[GroupEnd.NOT_NEEDED],
        refused=counts[GroupEnd.REFUSED],
        failed=counts[GroupEnd.FAILED],
        under_way=len(under_way),
        left=left,
        stopped=stopped,
        finished=not under_way and (stopped or not left),
        troubles=[
            Trouble(call_id=call_id, end=mended.result, text=mended.text)
            for call_id, mended in ended.items()
            if mended.result in (GroupEnd.REFUSED, GroupEnd.FAILED)
        ],
    )
