"""`talkbridge send`: what it makes of options, and how it behaves towards a gateway that says no."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx2 as httpx
import pytest

from cli.errors import CliError
from cli.gateway import Door, address
from cli.send import Where as To
from cli.send import Who, call, called, deliver, event, event_data
from cli.webhook import webhook

STARTED = webhook("call.started", datetime(2024, 1, 1, tzinfo=UTC), {"id": "c-1"})


@pytest.fixture(autouse=True)
def _away_from_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of the person who runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in ("WEBHOOK_SECRETS", "API_HOST", "API_PORT", "OPS_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def gateway(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    """A client of a gateway that answers so."""
    return httpx.Client(base_url="http://gateway", transport=httpx.MockTransport(answer))


def answering(*answers: httpx.Response | Exception) -> Callable[[httpx.Request], httpx.Response]:
    """Answers one after the other."""
    remaining = iter(answers)

    def answer(_request: httpx.Request) -> httpx.Response:
        each = next(remaining)
        if isinstance(each, Exception):
            raise each
        return each

    return answer


def test_an_event_has_the_shape_of_the_contract() -> None:
    """Customer, agent, ticket and status stand where the gateway looks for them."""
    who = Who(call_id="c-1", email="a@example.com", phone="", ticket_id="12", data='{"queue": "sales"}')
    assert event_data(who, "c-1", "answered") == {
        "id": "c-1",
        "status": "answered",
        "customer": {"email": "a@example.com"},
        "ticket_id": "12",
        "agent": {"id": "a-9876543210", "name": "Agent Smith"},
        "queue": "sales",
    }


def test_an_anonymous_missed_call_names_nobody() -> None:
    """Empty options leave customer and agent out."""
    data = event_data(Who(email="", phone=""), "c-1", "completed", missed=True)
    assert (data["customer"], data["agent"], data["status"]) == (None, None, "missed")


def test_data_has_to_be_an_object() -> None:
    """Anything else is one sentence for the person at the terminal."""
    with pytest.raises(CliError, match="--data is not a JSON object"):
        event_data(Who(data="[1]"), "c-1", "started")


def test_a_delivery_is_repeated_as_a_vendor_repeats_it() -> None:
    """503, 429 and a broken connection are tried again, no sooner than asked for."""
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20))
    answers = answering(
        httpx.Response(503, headers={"Retry-After": "5"}),
        httpx.ReadError("gone"),
        httpx.Response(429, headers={"Retry-After": soon}),
        httpx.Response(202, json={"status": "accepted"}),
    )
    waited: list[float] = []
    response = deliver(gateway(answers), STARTED, "s", give_up_s=60, pause=waited.append)
    assert response.status_code == 202
    assert waited[:2] == [5, 2]
    assert 15 < waited[2] <= 20


def test_it_gives_up_and_says_what_it_was_told() -> None:
    """After its time the last answer is the message."""
    problem = httpx.Response(503, json={"title": "Temporal did not acknowledge in time"})
    with pytest.raises(CliError, match="answered 503: Temporal did not acknowledge in time"):
        deliver(gateway(lambda _: problem), STARTED, "s", give_up_s=2, pause=lambda _: None)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(401, json={"title": "refused"}), "WEBHOOK_SECRETS here is none of the gateway's"),
        (httpx.Response(404), "it is not the gateway"),
        (httpx.Response(422, json={"title": "JSON, but not a call event", "detail": "data.id: missing"}), "data.id"),
        (httpx.ConnectError("refused"), "start it with `python -m api`"),
    ],
)
def test_what_repeating_does_not_change_is_told_at_once(answer: httpx.Response | Exception, told: str) -> None:
    """One sentence, no second attempt."""
    with pytest.raises(CliError, match=told):
        deliver(gateway(answering(answer)), STARTED, "s", give_up_s=60)


def test_each_attempt_is_signed_anew() -> None:
    """The signature's timestamp is that of the attempt, the body stays."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(503 if len(seen) < 2 else 202, json={})

    deliver(gateway(answer), STARTED, "s", give_up_s=60, pause=lambda _: None)
    assert {request.content for request in seen} == {STARTED.body}
    assert all(request.headers["X-Zendesk-Webhook-Signature-Timestamp"].endswith("Z") for request in seen)


def test_curl_prints_and_sends_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole call is three commands, a missed one two; no gateway is needed."""
    monkeypatch.setenv("WEBHOOK_SECRETS", "first, second")
    call(Who(call_id="c-1"), To(curl=True))
    printed = capsys.readouterr().out
    assert [printed.count(f'"event":"call.{name}"') for name in ("started", "answered", "completed")] == [1, 1, 1]
    assert printed.count("http://127.0.0.1:8080/webhooks/calls") == 3
    call(Who(call_id="c-1"), To(curl=True), missed=True)
    assert "call.answered" not in capsys.readouterr().out


def test_the_next_command_is_named_as_this_one_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By its path where the shell does not find it, by its name where it does."""
    monkeypatch.setattr("sys.argv", [".venv/bin/talkbridge", "send", "call"])
    monkeypatch.setenv("PATH", "/nowhere")
    assert called() == ".venv/bin/talkbridge"
    program = tmp_path / ".venv" / "bin" / "talkbridge"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    assert called() == "talkbridge"


def test_a_missing_secret_is_named() -> None:
    """Without WEBHOOK_SECRETS nothing is signed."""
    with pytest.raises(CliError, match="WEBHOOK_SECRETS is not set"):
        event("started", where=To(curl=True))


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:1"), ("0.0.0.0", "http://127.0.0.1:1"), ("::", "http://[::1]:1")],
)
def test_a_gateway_that_listens_everywhere_is_found_here(host: str, url: str) -> None:
    """API_HOST may be no address to connect to."""
    assert Door(api_host=host, api_port=1).url == url


def test_an_address_that_is_none_is_refused() -> None:
    """A sentence instead of a traceback."""
    with pytest.raises(CliError, match="--url is localhost:8080"):
        address("localhost:8080", Door())


def test_settings_may_stand_in_dot_env() -> None:
    """The file the gateway reads serves the command line, too."""
    Path(".env").write_text("WEBHOOK_SECRETS=hush,two\nAPI_PORT=9\n")
    settings = Door()
    assert (settings.webhook_secret, settings.url) == ("hush", "http://127.0.0.1:9")
    assert "hush" not in repr(settings)
