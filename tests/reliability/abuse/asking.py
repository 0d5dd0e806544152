"""`python -m tests.reliability.abuse.asking URL EACH SEED`: Schemathesis against a gateway; prints a `Contract`.

No test imports this module: see `contract.check`.
"""

import sys
import warnings
from contextlib import suppress
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
from tests.reliability.abuse.contract import Contract


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


def ask_all(url: str, *, each: int, seed: int) -> Contract:
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


def main() -> None:
    """One run, as JSON on standard output."""
    url, each, seed = sys.argv[1:]
    sys.stdout.write(ask_all(url, each=int(each), seed=int(seed)).to_json())


if __name__ == "__main__":
    main()
