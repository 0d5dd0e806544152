"""Faults a test asks for: which requests they meet, how often, and what becomes of the answer."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from simulator.exchange import Answer, Asked, Document
from simulator.settings import KINDS

ACTS = {
    "status": False,
    "hang": False,
    "hang_after": True,
    "delay": True,
    "drop_before": False,
    "drop_after": True,
    "malformed": True,
    "wrong_shape": True,
    "huge": True,
    "redirect": False,
}
"""The faults there are, and whether the request is carried out all the same."""

_HUGE = 5 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault; `times` null means for ever, `act` overrides whether the request is carried out."""

    kind: str
    fault: str
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_ms: float = 0
    body: Any = None
    when: str | None = None
    act: bool | None = None
    id: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.kind not in (*KINDS, "*"):
            raise ValueError(f"kind must be * or one of {', '.join(KINDS)}")
        if self.fault not in ACTS:
            raise ValueError(f"fault must be one of {', '.join(ACTS)}")

    @property
    def acts(self) -> bool:
        """Whether the vendor carries the request out before the fault shows."""
        return ACTS[self.fault] if self.act is None else self.act

    @property
    def drops(self) -> bool:
        """Whether the connection is closed instead of an answer."""
        return self.fault in ("drop_before", "drop_after")

    @property
    def hangs(self) -> bool:
        """Whether no answer ever comes."""
        return self.fault in ("hang", "hang_after")

    def document(self) -> Document:
        """The fault as the control interface shows it."""
        return asdict(self)

    def spoil(self, answer: Answer | None) -> Answer:
        """The answer that goes out instead of the true one."""
        true = answer or Answer(status=200, body={})
        acted = true.acted
        headers = {**true.headers, **self.headers}
        if self.fault == "status":
            body = self.body if self.body is not None else {"error": "Fault", "description": "asked for by a test"}
            return Answer(status=self.status or 503, body=body, headers=self.headers, acted=acted)
        if self.fault == "redirect":
            elsewhere = {"Location": "/elsewhere", **self.headers}
            return Answer(status=self.status or 302, body=self.body or "", headers=elsewhere, acted=acted)
        body = true.body
        if self.fault == "malformed":
            body = '{"ticket": {"id": 1, "stat'
        elif self.fault == "wrong_shape":
            body = {"unexpected": ["shape"]}
        elif self.fault == "huge":
            body = {**(true.body if isinstance(true.body, dict) else {}), "padding": "x" * _HUGE}
        return Answer(
            status=self.status or true.status,
            body=body if self.body is None else self.body,
            headers=headers,
            acted=acted,
        )


class Faults:
    """The faults in force; the oldest that matches a request takes it."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._faults: dict[int, Fault] = {}

    def add(self, fault: Fault) -> int:
        """Puts a fault in force."""
        fault.id = next(self._ids)
        self._faults[fault.id] = fault
        return fault.id

    def remove(self, fault_id: int) -> bool:
        """Ends one fault."""
        return self._faults.pop(fault_id, None) is not None

    def clear(self) -> None:
        """Ends all faults."""
        self._faults.clear()

    def all(self) -> list[Fault]:
        """Every fault, spent ones too."""
        return list(self._faults.values())

    def take(self, asked: Asked) -> Fault | None:
        """The fault this request meets, counted as spent."""
        for fault in self._faults.values():
            if fault.times == 0 or not _matches(fault, asked):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            fault.hits += 1
            return fault
        return None


def _matches(fault: Fault, asked: Asked) -> bool:
    return fault.kind in (asked.kind, "*") and (fault.when is None or fault.when in asked.text())
