"""What the command line tells of a gateway that does not answer as hoped: one sentence each, whatever was asked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from cli import call, mend
from cli.calls.asking import Pages
from cli.errors import CliError

URL = "http://gateway"
Answer = Callable[[httpx.Request], httpx.Response]
Asking = Callable[[Answer], object]


def gateway(answer: Answer) -> httpx.Client:
    """A client of a gateway that answers so."""
    return httpx.Client(base_url=URL, transport=httpx.MockTransport(answer))


def unreachable(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def problem(status: int, title: str, detail: str | None = None) -> Answer:
    """A gateway that refuses."""
    return lambda _request: httpx.Response(status, json={"title": title, "status": status, "detail": detail})


@pytest.fixture
def ask(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asking:
    """One of the three commands that ask the gateway, named by the test's parameter."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPS_TOKEN", "ops-token")

    def asked(answer: Answer) -> object:
        for module in (call, mend):
            monkeypatch.setattr(module, "client", lambda _url, **_given: gateway(answer))
        if request.param == "calls":
            return list(Pages(gateway(answer), "ops-token", {}, limit=1, cursor=None))
        if request.param == "call":
            return call.show("c-1", url=URL)
        # What it shows first is answered; the mend itself is what is refused.
        told = {"call_id": "c-1", "mends": {"retry": "Will try at once."}}
        monkeypatch.setattr(mend, "fetch", lambda *_: told)
        return mend.retry("c-1", reason="it is time", by="Ann", url=URL, yes=True)

    return asked


every = pytest.mark.parametrize("ask", ["calls", "call", "mend"], indirect=True)
of_one_call = pytest.mark.parametrize("ask", ["call", "mend"], indirect=True)


@every
def test_a_wrong_token_is_named(ask: Asking) -> None:
    """A 401 names the setting that is not the gateway's."""
    with pytest.raises(CliError, match=r"^http://gateway refused the ops token \(401\): OPS_TOKEN here is not"):
        ask(problem(401, "The ops token is missing or wrong"))


@every
def test_a_gateway_out_of_reach_says_how_to_start_it(ask: Asking) -> None:
    """No connection is told with the command that starts one."""
    with pytest.raises(CliError, match=r"^Nothing answers at http://gateway \(ConnectError\): start it with"):
        ask(unreachable)


@every
def test_any_other_refusal_is_told_in_the_gateways_words(ask: Asking) -> None:
    """Status, title and detail of the problem document; none of its JSON."""
    with pytest.raises(CliError, match=r"^http://gateway answered 503: The ledger cannot be read; try later$"):
        ask(problem(503, "The ledger cannot be read", "try later"))


@of_one_call
def test_an_unknown_call_is_named(ask: Asking) -> None:
    """A 404 tells the id that was typed."""
    with pytest.raises(CliError, match=r"^No call c-1 is known at http://gateway\.$"):
        ask(problem(404, "No such call"))


@pytest.mark.parametrize("ask", ["mend"], indirect=True)
def test_a_call_that_is_over_takes_no_mend(ask: Asking) -> None:
    """A 409 is told in the gateway's words."""
    with pytest.raises(CliError, match=r"^http://gateway answered 409: The call is over and takes no mend$"):
        ask(problem(409, "The call is over and takes no mend"))


@pytest.mark.parametrize("ask", ["mend"], indirect=True)
def test_a_mend_is_sent_as_it_was_typed(ask: Asking, capsys: pytest.CaptureFixture[str]) -> None:
    """Action, name and reason in the body, the token beside it; what came of it is printed."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"id": "m", "result": "done", "text": "It is tried at once."})

    ask(answer)
    (request,) = sent
    body: dict[str, Any] = json.loads(request.content)
    assert (request.method, request.url.path) == ("POST", "/calls/c-1/mends")
    assert request.headers["Authorization"] == "Bearer ops-token"
    assert request.headers["Content-Type"] == "application/json"
    assert (body["action"], body["by"], body["reason"], body["ticket_id"]) == ("retry", "Ann", "it is time", None)
    assert capsys.readouterr().out.splitlines() == ["Will try at once.", "It is tried at once."]
