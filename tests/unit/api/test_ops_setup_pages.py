"""The pages *Screen pops* and *Set-up* with every server out of reach."""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest
from pydantic import SecretStr

from api.app import create_app
from api.ops.trial import signed
from api.reading import LedgerUnreadable
from api.settings import GatewaySettings
from api.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from workflows.connection import connect

OPERATOR, READER, SECRET = "ops-token", "reading-token", "webhook-secret"
EVENT = {
    "event": "call.started",
    "data": {
        "id": "c-1",
        "customer": {"email": "anna@example.com", "phone_number": "+15550100", "name": "<script>alert(1)</script>"},
        "ticket_id": "no number",
        "recording_url": "https://example.com/planted",
    },
}


class Figures:
    """A ledger that knows figures only; None: out of reach."""

    def __init__(self) -> None:
        self.rows: Sequence[Mapping[str, Any]] | None = []
        self.asked: dict[str, int] = {}

    async def screen_pops(self, **asked: int) -> Sequence[Mapping[str, Any]]:
        self.asked = asked
        if self.rows is None:
            raise LedgerUnreadable
        return self.rows


@pytest.fixture
def ledger() -> Figures:
    """Without a call."""
    return Figures()


@pytest.fixture
async def http(ledger: Figures) -> AsyncIterator[httpx.AsyncClient]:
    """An operator at a gateway that reaches nobody."""
    settings = GatewaySettings(
        _env_file=None,
        database_url=SecretStr("postgresql://nobody:planted@127.0.0.1:1/none"),
        encryption_keys=SecretStr("k1:" + base64.b64encode(bytes(32)).decode()),
        webhook_secrets=(SecretStr("another"), SecretStr(SECRET)),
        ops_token=SecretStr(OPERATOR),
        ops_token_readonly=SecretStr(READER),
    )
    temporal = await connect(settings.keyring, environment={"TEMPORAL_ADDRESS": "127.0.0.1:1"}, lazy=True)
    app = create_app(settings, temporal, ledger)  # type: ignore[arg-type]
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


def _row(figure: str, pops: int, **more: object) -> dict[str, Any]:
    return {"figure": figure, "pops": pops, **dict.fromkeys(("slot", "state", "said", "latency_ms")), **more}


async def test_no_pops_say_how_to_make_one(http: httpx.AsyncClient, ledger: Figures) -> None:
    """The usual period is the last day."""
    ledger.rows = [_row("calls", 0)]
    answer = await http.get("/ops/pops")
    assert answer.status_code == 200
    assert "No screen pops in this period" in answer.text
    assert "talkbridge send call" in answer.text
    assert ledger.asked == {"period_s": 86400, "slot_s": 3600, "limit": 20_000, "within_ms": 2000}


async def test_figures_are_drawn_and_told(http: httpx.AsyncClient, ledger: Figures) -> None:
    """The drawing has a title, and a table says the same; nothing has a style of its own."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    ledger.rows = [
        _row("calls", 3, slot=hour),
        _row("latency", 2, state="shown", latency_ms=180),
        _row("slot", 2, slot=hour, state="shown", latency_ms=180, within=2),
        _row("slot", 1, slot=hour, state="missed", within=0),
        _row("reason", 1, state="missed", said="patch_call: <b>answered 503</b>: x", call_ids=["c/1 "]),
    ]
    answer = await http.get("/ops/pops?period=hour")
    assert ledger.asked["period_s"] == 3600
    for said in ("66.7 %", "180 ms", "p95", "of 2 shown", "<title", "<desc", "100–200 ms", "/ops/calls/c%2F1%20"):
        assert said in answer.text
    assert "&lt;b&gt;answered 503&lt;/b&gt;" in answer.text
    assert "<b>answered" not in answer.text
    assert "style=" not in answer.text
    ledger.rows = None
    gone = await http.get("/ops/pops")
    assert gone.status_code == 503
    assert "The ledger cannot be read" in gone.text


async def test_the_checks_say_who_is_out_of_reach(http: httpx.AsyncClient) -> None:
    """Each failure says what mends it; no secret is told, and what only workers know is left to them."""
    answer = await http.get("/ops/setup")
    assert answer.status_code == 200
    for said in ("TEMPORAL_ADDRESS 127.0.0.1:1", "DATABASE_URL: ", "Mend it", "because only workers know", "2 are set"):
        assert said in answer.text
    assert "http://localhost/webhooks/calls" in answer.text
    assert "This address leads to this machine only" in answer.text
    for secret in (SECRET, OPERATOR, READER, "planted"):
        assert secret not in answer.text


async def test_a_reader_gets_no_button_and_no_call(http: httpx.AsyncClient) -> None:
    """A test call is an operator's; a webhook is explained to both."""
    http.headers["Authorization"] = f"Bearer {READER}"
    assert "Send a test call and create a ticket" not in (await http.get("/ops/setup")).text
    assert (await http.post("/ops/setup/test-call", data={})).status_code == 403
    assert (await http.post("/ops/setup/explain", data={"body": "{}"})).status_code == 200


async def test_a_test_call_that_is_not_taken_says_why(http: httpx.AsyncClient) -> None:
    """Temporal is out of reach; the same call is offered again."""
    call_id = "talkbridge-test-0123456789ab"
    answer = await http.post("/ops/setup/test-call", data={"call_id": call_id})
    assert answer.status_code == 502
    assert "the gateway answered 503" in answer.text
    assert f'value="{call_id}"' in answer.text
    forged = await http.post("/ops/setup/test-call", data={"call_id": "c-1"})
    assert 'value="c-1"' not in forged.text


async def _explained(http: httpx.AsyncClient, body: bytes, **fields: str) -> str:
    answer = await http.post(
        "/ops/setup/explain", data={"body": body.decode(), **fields}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200, answer.text
    assert "<html" not in answer.text
    return answer.text


async def test_a_webhook_is_explained_masked(http: httpx.AsyncClient) -> None:
    """Who calls is masked, hostile text stays text, what cannot be used is named, the pasted text is not told back."""
    body = json.dumps(EVENT).encode()
    headers = signed(body, SECRET.encode(), datetime.now(UTC))
    given = {"signature": headers[SIGNATURE_HEADER], "timestamp": headers[TIMESTAMP_HEADER]}
    told = await _explained(http, body, **given)
    assert "secret 2 of 2 made it" in told
    assert "503 temporal-unavailable" in told
    assert "a•••@example.com" in told
    assert "data.ticket_id could not be used" in told
    for hidden in ("anna@", "+15550100", "<script>", "alert(1)", "planted"):
        assert hidden not in told
    forged = await _explained(http, body + b" ", **{**given, "signature": "<b>"})
    assert "It would be answered 401 signature-refused" in forged
    assert "With a right signature: 503" in forged
    assert "<b>" not in forged


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "400 not-json"),
        (b"<html>", "400 not-json"),
        (b"[]", "422 not-a-call-event"),
        (b'{"event": "call.started", "data": {"id": ""}}', "<code>data.id</code>"),
        (b'{"event": "call.parked"}', "200 ignored"),
        (b'"' + b"x" * 65536 + b'"', "413 body-too-large"),
    ],
)
async def test_what_is_no_call_event_says_why(http: httpx.AsyncClient, body: bytes, said: str) -> None:
    """As the endpoint would answer."""
    assert said in await _explained(http, body)


async def test_an_explanation_is_a_page_without_scripts(http: httpx.AsyncClient) -> None:
    """Its address leads back to the form."""
    answer = await http.post("/ops/setup/explain", data={"body": "{}"})
    assert "<h1>A webhook explained</h1>" in answer.text
    back = await http.get("/ops/setup/explain")
    assert (back.status_code, back.headers["location"]) == (303, "/ops/setup#paste")
