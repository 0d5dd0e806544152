"""Schemathesis against the gateway's own OpenAPI document: every answer as it is documented, whatever is asked.

https://schemathesis.readthedocs.io/
"""

import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from tests.e2e.stack import OPS_TOKEN, SECRET
from tests.reliability.abuse.case import SIGNATURE, TIMESTAMP, sign, stamp


class _Signed(AuthBase):
    """Signs whatever body goes out, so that what lies behind the signature is reached."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """The request with the headers of a genuine webhook."""
        body = request.body or b""
        assert isinstance(body, str | bytes)
        at = stamp()
        signature = sign(SECRET, at, body.encode() if isinstance(body, str) else body)
        request.headers.update({SIGNATURE.decode(): signature.decode(), TIMESTAMP.decode(): at.decode()})
        return request


class _Ops(AuthBase):
    """Shows the ops token."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """The request with the token."""
        request.headers["Authorization"] = f"Bearer {OPS_TOKEN}"
        return request


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


def check(url: str, *, each: int, seed: int) -> Contract:
    """So many requests at most to each operation, half of them as documented and half not, with the ops token."""
    found = Contract()
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for result in schema.get_all_operations():
        operation: Any = result.ok() if isinstance(result, Ok) else None
        assert operation is not None, "the document is not one"
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            with warnings.catch_warnings():
                # An operation without parameters has nothing to be wrong about.
                warnings.simplefilter("ignore")
                cases = operation.as_strategy(generation_mode=mode)
                _explore(found, cases, operation.label, url=url, n=each // 2, seed=seed)
    return found


def _explore(found: Contract, cases: SearchStrategy[Any], label: str, *, url: str, n: int, seed: int) -> None:
    auth = _Signed() if "/webhooks/" in label else _Ops()

    @seeded(seed)
    @settings(
        max_examples=n,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @given(case=cases)
    def ask(case: Any) -> None:  # noqa: ANN401 - its type has three parameters, of no use here
        answer = case.call(base_url=url, auth=auth)
        found.asked[label] += 1
        found.statuses[answer.status_code] += 1
        try:
            case.validate_response(answer, transport_kwargs={"auth": auth, "base_url": url})
        except FailureGroup as group:
            for failure in group.exceptions:
                found.note(label, answer.status_code, failure)

    with suppress(Unsatisfiable):
        # There is no wrong request to an operation that takes anything.
        ask()
