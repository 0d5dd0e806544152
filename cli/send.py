"""`talkbridge send`: signed call webhooks from the command line, delivered as a telephony platform delivers them."""

import json
import secrets
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx2 as httpx
from cyclopts import App, Parameter

from cli.errors import CliError
from cli.gateway import address, client, door, out_of_reach, refusal
from cli.webhook import PATH, Webhook, webhook

app = App(name="send", help="Send signed call webhooks to the gateway, as a telephony platform does.")

LONGEST_PAUSE_S = 30.0
_STATUS = {"started": "ringing", "answered": "answered", "completed": "completed"}
Event = Literal["started", "answered", "completed"]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Caller, agent and call; an empty text leaves a field out."""

    call_id: Annotated[str | None, Parameter(name=["--call-id", "--id"])] = None
    "The call's id; a new one unless given."
    email: str = "user@example.com"
    "The caller's email."
    phone: str = "+15550100"
    "The caller's number."
    name: str = ""
    "The caller's name."
    agent_id: str = "a-9876543210"
    "Who answers."
    agent_name: str = "Agent Smith"
    "Who answers, in words."
    ticket_id: str = ""
    "The ticket that the platform knows already."
    data: str = "{}"
    'More of the event\'s `data`, as JSON: \'{"queue":"sales"}\'.'


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The gateway, and whether to send at all."""

    url: str | None = None
    "The gateway; API_HOST and API_PORT unless given."
    curl: bool = False
    "Print the request as a curl command instead of sending it; it is good for five minutes."
    give_up_s: float = 60
    "How long to repeat a delivery that the gateway does not take."


@app.command
def call(
    who: Who | None = None,
    where: Where | None = None,
    *,
    ring_s: Annotated[float, Parameter(help="Seconds from started to answered.")] = 1,
    talk_s: Annotated[float, Parameter(help="Seconds from answered to completed.")] = 3,
    missed: Annotated[bool, Parameter(help="Nobody answers.", negative="")] = False,
) -> None:
    """Send a whole call: started, answered, completed, in real time."""
    who, where = who or Who(), where or Where()
    call_id, now = who.call_id or new_call_id(), datetime.now(UTC)
    after_s = {"started": 0.0, "answered": ring_s, "completed": ring_s + (0 if missed else talk_s)}
    events: list[tuple[float, Webhook]] = []
    for event, wait_s in after_s.items():
        if missed and event == "answered":
            continue
        data = event_data(who, call_id, event, missed=missed)
        if event == "completed":
            data.setdefault("duration_s", 0 if missed else round(talk_s))
        events.append((wait_s, webhook(f"call.{event}", now + timedelta(seconds=wait_s), data)))
    _send(events, where, call_id)


@app.command
def event(
    kind: Annotated[Event, Parameter(help="What happened.")],
    who: Who | None = None,
    where: Where | None = None,
    *,
    event_id: Annotated[str | None, Parameter(help="The event's own id; without it, its type is its id.")] = None,
) -> None:
    """Send one event. A second one of the same call id belongs to the same call."""
    who, where = who or Who(), where or Where()
    call_id = who.call_id or new_call_id()
    data = event_data(who, call_id, kind)
    _send([(0, webhook(f"call.{kind}", datetime.now(UTC), data, event_id))], where, call_id)


def new_call_id() -> str:
    """An id that no call has."""
    return f"c-{secrets.randbelow(9 * 10**9) + 10**9}"


def event_data(who: Who, call_id: str, event: str, *, missed: bool = False) -> dict[str, Any]:
    """An event's `data`. Raises `CliError` for `--data` that is no JSON object."""
    try:
        more = json.loads(who.data)
    except ValueError:
        more = None
    if not isinstance(more, dict):
        raise CliError("""--data is not a JSON object; for instance --data '{"queue":"sales"}'.""")
    customer = {"email": who.email, "phone_number": who.phone, "name": who.name}
    agent = {"id": who.agent_id, "name": who.agent_name}
    return {
        "id": call_id,
        "status": "missed" if missed and event == "completed" else _STATUS[event],
        "customer": _given(customer),
        "ticket_id": who.ticket_id or None,
        "agent": None if missed else _given(agent),
        **more,
    }


def _given(fields: dict[str, str]) -> dict[str, str] | None:
    return {name: value for name, value in fields.items() if value} or None


def _send(events: Sequence[tuple[float, Webhook]], where: Where, call_id: str) -> None:
    settings = door()
    url, secret = address(where.url, settings), settings.webhook_secret
    if where.curl:
        print("\n\n".join(each.as_curl(url, secret, datetime.now(UTC)) for _, each in events))
        return
    begun = time.monotonic()
    with client(url) as http:
        for wait_s, each in events:
            time.sleep(max(0.0, begun + wait_s - time.monotonic()))
            sent = time.monotonic()
            response = deliver(http, each, secret, give_up_s=where.give_up_s)
            took_ms = (time.monotonic() - sent) * 1000
            print(f"{each.event:<15} {response.status_code} {_status(response):<18} {took_ms:.0f} ms", flush=True)
    command = [called(), "call", "show", call_id, *(["--url", url] if where.url else [])]
    print(f"What came of it: {shlex.join(command)}")


def called() -> str:
    """What to type for `talkbridge` here: its name where the shell finds this very one, else the path typed."""
    path = sys.argv[0]
    if Path(path).name != "talkbridge":
        return "talkbridge"
    found = shutil.which("talkbridge")
    return "talkbridge" if found and Path(found).resolve() == Path(path).resolve() else path


def deliver(
    http: httpx.Client,
    each: Webhook,
    secret: str,
    *,
    give_up_s: float,
    pause: Callable[[float], None] = time.sleep,
) -> httpx.Response:
    """Deliver one webhook, repeated on 5xx, 429 and a broken connection; the answer that took it.

    Raises `CliError` for an answer that repeating does not change, and when `give_up_s` are over.
    """
    url, waited, back_off = str(http.base_url).rstrip("/"), 0.0, 1.0
    while True:
        response: httpx.Response | None = None
        try:
            response = http.post(PATH, content=each.body, headers=each.headers(secret, datetime.now(UTC)))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            raise out_of_reach(url, error) from error
        except httpx.TransportError as error:
            told = type(error).__name__
        else:
            told = str(response.status_code)
            if not (response.status_code >= 500 or response.status_code == 429):
                return _accepted(url, response)
        wait_s = max(back_off, _retry_after_s(response))
        if waited + wait_s > give_up_s:
            raise refusal(url, response) if response is not None else CliError(f"{url} gave no answer ({told}).")
        print(f"{each.event:<15} {told}: again in {wait_s:.0f} s", flush=True)
        pause(wait_s)
        waited, back_off = waited + wait_s, min(back_off * 2, LONGEST_PAUSE_S)


def _accepted(url: str, response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    if response.status_code == 401:
        raise CliError(
            f"{url} refused the signature (401): the first of WEBHOOK_SECRETS here is none of the gateway's, "
            "or the two clocks are minutes apart."
        )
    if response.status_code == 404:
        raise CliError(f"{url} knows no {PATH} (404): it is not the gateway. Name the gateway with --url.")
    raise refusal(url, response)


def _retry_after_s(response: httpx.Response | None) -> float:
    """Seconds the gateway asked for, as a number or a date; 0 when it did not."""
    text = response.headers.get("Retry-After", "") if response is not None else ""
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _status(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        return ""
    return str(answer.get("status", "")) if isinstance(answer, dict) else ""
