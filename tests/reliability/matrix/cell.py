"""What is to be said of a cell: a request, a fault, and what has to come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.reliability.matrix.effects import Effects
from tests.reliability.matrix.faults import Fault
from tests.reliability.matrix.scenes import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What comes of one cell.

    `sent`: how often the vendor was asked, `more`: or more often; `apart_s`: at least so long from one to the next;
    `meanwhile`: the step's state while it is not through, None when it is through at once; `state`: its state at the
    end; `says`: a part of what `last_error` or `attention` says in between or at the end; `attention`: whether a person
    is asked to look; `lasts`: every such request of this call meets the fault, `lifted`: until it was seen to wait;
    `waits`: whether the call waits for the step; `effects`: those of the scene, but for these.
    """

    sent: int = 2
    more: bool = False
    apart_s: float = 0.0
    meanwhile: str | None = "retrying"
    state: str = "done"
    says: str = ""
    attention: bool = False
    pop: str = "shown"
    lasts: bool = False
    lifted: bool = False
    waits: bool = True
    effects: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A request, a fault, and what has to come of it."""

    scene: Scene
    fault: Fault
    expected: Expected

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.scene.name} x {self.fault.name}"

    @property
    def alone(self) -> bool:
        """Whether every call of the worker would meet the fault, not this one only."""
        refused = self.fault.status == 401 and self.scene.kind != "fetch_customer"
        return refused or self.fault.refuses or self.scene.kind == "token"

    @property
    def effects(self) -> Effects:
        """What the vendor's books have to say at the end."""
        return replace(self.scene.effects, **self.expected.effects)
