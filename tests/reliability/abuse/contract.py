"""The gateway's own OpenAPI document put to the test: every answer as it is documented, whatever is asked.

Schemathesis (https://schemathesis.readthedocs.io/) asks, in a process of its own: see `asking`.
"""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[3]

EXCUSED = (
    # Nothing but `event` and `data.id` refuses a call: what else is unusable counts as absent.
    ("AcceptedNegativeData", "/webhooks/calls"),
    # We sign and show the token, so a request that lacks the header has it nevertheless.
    ("AcceptedNegativeData", "in header"),
    ("AcceptedNegativeData", "- header"),
    # A body over the limit is refused as such; Schemathesis does not count 413 among the refusals.
    ("AcceptedNegativeData", "[413]"),
    # Which texts are addresses, numbers and ciphertexts of ours no schema can say.
    ("RejectedPositiveData", "/calls/search"),
    ("RejectedPositiveData", "/codec/decode"),
)
"""Complaints that are none: the failure, and a part of what it says."""


@dataclass(kw_only=True)
class Contract:
    """Requests by operation, and what was wrong."""

    asked: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    excused: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Requests made."""
        return self.asked.total()

    def note(self, label: str, status: int, failure: BaseException) -> None:
        """Keep a complaint about an answer of that status, or count it as none."""
        name, told = type(failure).__name__, f"[{status}] {' '.join(str(failure).split())}"
        if any(name == kind and part in f"{label} {told}" for kind, part in EXCUSED):
            self.excused[f"{label}: {name}"] += 1
        else:
            self.wrong.append(f"{label}: {name}: {told[:1000]}")

    def to_json(self) -> str:
        """Everything, for another process."""
        return json.dumps(vars(self))

    @classmethod
    def from_json(cls, text: str) -> "Contract":
        """What `to_json` made."""
        found: dict[str, Any] = json.loads(text)
        return cls(
            asked=Counter(found["asked"]),
            statuses=Counter({int(status): count for status, count in found["statuses"].items()}),
            wrong=found["wrong"],
            excused=Counter(found["excused"]),
        )


def check(url: str, *, each: int, seed: int) -> Contract:
    """So many requests at most to each operation, half of them as documented and half not, with the ops token.

    Raises `RuntimeError` with the last words of a process that failed.
    """
    # pytest rewrites what its process imports of Schemathesis, and CPython 3.11 cannot always parse that deep within
    # imports: "AST constructor recursion depth mismatch".
    asking = [sys.executable, "-m", "tests.reliability.abuse.asking", url, str(each), str(seed)]
    done = subprocess.run(asking, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(asking[1:])} ended with {done.returncode}: {done.stderr[-3000:]}")
    return Contract.from_json(done.stdout)
