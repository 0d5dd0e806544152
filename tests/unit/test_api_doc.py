"""`docs/api.md` is what the gateway's OpenAPI document says today, with nothing left unexplained."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from api import answers, examples, problems
from api.codec import Payloads
from api.reference.__main__ import document
from api.reference.mending import MENDS, kinds_of
from api.reference.page import Endpoint, page, users

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
DOCUMENT = document()
ENDPOINTS = [
    Endpoint(method=method, path=path, told=told)
    for path, operations in DOCUMENT["paths"].items()
    for method, told in operations.items()
]


def test_the_page_is_up_to_date() -> None:
    """It is what `python -m api.reference` prints."""
    assert PAGE.read_text() == page(DOCUMENT)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)
def test_every_refusal_is_of_a_known_kind(endpoint: Endpoint) -> None:
    """Each answer from 400 on stands for at least one kind of problem, with that status."""
    for status, answer in endpoint.told["responses"].items():
        if int(status) >= 400:
            assert {str(kind.status) for kind in kinds_of(answer["description"])} == {status}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)
def test_everything_given_is_explained(endpoint: Endpoint) -> None:
    """Endpoints have a summary and a sentence, parameters and fields of bodies a meaning."""
    assert endpoint.told["summary"]
    assert endpoint.told["description"]
    given = [each for place in ("path", "query", "header") for each in endpoint.parameters(place)]
    assert [each["name"] for each in given if not each.get("description")] == []


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: each.name)
def test_who_needs_a_token_is_told(endpoint: Endpoint) -> None:
    """Where the document asks for the ops token the page does, and nowhere else."""
    assert ("OPS_TOKEN" in users(endpoint)) == ("security" in endpoint.told)


def test_only_three_endpoints_and_the_signed_one_ask_for_no_token() -> None:
    """Whoever watches may look, whoever signs may send."""
    open_to_all = {each.name for each in ENDPOINTS if users(each) == "anybody"}
    assert open_to_all == {"GET /healthz", "GET /readyz", "GET /metrics"}
    assert [each.name for each in ENDPOINTS if "signs" in users(each)] == ["POST /webhooks/calls"]


@pytest.mark.parametrize("kind", problems.KINDS, ids=lambda kind: kind.name)
def test_every_problem_has_its_mend(kind: problems.Kind) -> None:
    """A sentence tells what to do, and no two kinds share the title by which the document names them."""
    assert MENDS[kind.name].endswith((".", "?"))
    assert kinds_of(kind.title) == [kind]


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (answers.Call, examples.CALL),
        (answers.Calls, examples.CALLS),
        (answers.Mend, examples.MEND),
        (answers.Mended, examples.MENDED),
        (answers.Search, examples.SEARCH),
        (Payloads, examples.PAYLOADS),
        (Payloads, examples.ENCRYPTED),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_examples_are_true_to_their_models(model: type[BaseModel], example: dict[str, object]) -> None:
    """Each is read by its model, and holds no field the model does not know."""
    read = model.model_validate(example)
    assert set(example) == set(read.model_dump(exclude_unset=True))
