"""What the sender did and heard: one record a delivery, and what of it was promised."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.reliability.chaos.scripts import Script


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook sent once; times in seconds since 1970. `status` is None when no answer came, `answer` says why."""

    call_id: str
    key: str
    kind: str
    attempt: int
    sent_at: float
    answered_at: float
    status: int | None
    answer: str = ""
    to: str = ""
    retry_after_s: float = 0.0

    @property
    def acknowledged(self) -> bool:
        """Whether the sender may forget the event."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What became of one call's deliveries.

    An event is promised once acknowledged. One that was sent and never acknowledged may be known all the same: the
    answer was lost, or was a refusal after the deed. So what must hold is said of sets between the two.
    """

    script: Script
    deliveries: Sequence[Delivery] = field(default_factory=tuple)

    @property
    def promised(self) -> frozenset[str]:
        """Keys of the events that were acknowledged."""
        return frozenset(delivery.key for delivery in self.deliveries if delivery.acknowledged)

    @property
    def possible(self) -> frozenset[str]:
        """Keys of the events that may have arrived."""
        return frozenset(delivery.key for delivery in self.deliveries)

    def promised_kind(self, kind: str) -> bool:
        """Whether any event of a kind was acknowledged."""
        return any(event.key in self.promised for event in self.script.of(kind))

    def possible_kind(self, kind: str) -> bool:
        """Whether any event of a kind may have arrived."""
        return any(event.key in self.possible for event in self.script.of(kind))

    def first_sent(self, kind: str | None = None) -> float:
        """When the first delivery (of a kind) was sent; infinity when there was none."""
        return min((d.sent_at for d in self.deliveries if kind in (None, d.kind)), default=float("inf"))

    def first_acknowledged(self, kind: str | None = None) -> float:
        """When the first delivery (of a kind) was acknowledged; infinity when none was."""
        moments = (d.answered_at for d in self.deliveries if d.acknowledged and kind in (None, d.kind))
        return min(moments, default=float("inf"))

    @property
    def outcomes(self) -> frozenset[str]:
        """What the ticket may say in the end."""
        answered = {self.promised_kind("answered"), self.possible_kind("answered")}
        completed = {self.promised_kind("completed"), self.possible_kind("completed")}
        ended = {"completed" if each else "missed" for each in answered}
        return frozenset(
            (ended if True in completed else set()) | ({"end_not_reported"} if False in completed else set())
        )

    @property
    def agents(self) -> frozenset[str]:
        """Agents who must be known to the system in the end."""
        answers = (event for event in self.script.of("answered") if event.key in self.promised)
        return frozenset(event.agent for event in answers if event.agent)


def heard(scripts: Iterable[Script], deliveries: Iterable[Delivery]) -> dict[str, Heard]:
    """The deliveries sorted by call."""
    sorted_: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        sorted_.setdefault(delivery.call_id, []).append(delivery)
    return {script.call_id: Heard(script=script, deliveries=sorted_.get(script.call_id, [])) for script in scripts}
