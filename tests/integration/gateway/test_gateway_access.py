"""Who may do what at the gateway, and that every refusal is a problem document."""

import base64
from typing import Any

import pytest
from structlog.testing import capture_logs
from temporalio.api.common.v1 import Payload

from api.security import COOKIE, SESSION_S
from tests.integration.gateway.kit import OPS_TOKEN, UI, EnterCall, Served, refused
from workflows.connection import EncryptionCodec

CLOSED = (
    ("GET", "/calls"),
    ("POST", "/calls/search"),
    ("GET", "/calls/c-1"),
    ("POST", "/calls/c-1/mends"),
    ("POST", "/codec/decode"),
)


def session(served: Served, *, age_s: float = 0) -> str:
    """The cookie of someone who signed in `age_s` seconds ago."""
    value = served.gateway.doorkeeper.new_session(served.gateway.now().timestamp() - age_s)
    return f"other=1; {COOKIE}={value}"


async def test_strangers_of_all_kinds_are_refused(served: Served) -> None:
    """However near their token or cookie comes to a right one; test_gateway_roles has every endpoint."""
    forged = session(served)[:-3] + "abc"
    strangers: list[dict[str, str | bytes]] = [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {OPS_TOKEN}"},
        {"Authorization": OPS_TOKEN},
        {"Authorization": b"Bearer \xff\xfe"},
        {"Cookie": forged},
        {"Cookie": f"{COOKIE}=9999999999."},
        {"Cookie": session(served, age_s=SESSION_S + 1)},
    ]
    for method, path in CLOSED:
        for stranger in strangers:
            headers = {n.encode(): v if isinstance(v, bytes) else v.encode() for n, v in stranger.items()}
            answer = await served.http.request(method, path, headers=headers)
            refused(answer, 401, "ops-token")
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_token_and_session_open_every_endpoint(served: Served) -> None:
    """Either is enough, also beside a bearer token meant for somebody else."""
    for headers in (
        {"Authorization": f"Bearer {OPS_TOKEN}"},
        {"Authorization": f"bearer  {OPS_TOKEN}"},
        {"Cookie": session(served)},
        {"Cookie": session(served), "Authorization": "Bearer of the Temporal UI"},
    ):
        assert (await served.http.get("/calls", headers=headers)).status_code == 200
        assert (await served.http.get("/ops", headers=headers)).status_code == 200
        assert (await served.http.post("/codec/decode", headers=headers, content=b"{}")).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/ops/sign-in"])
async def test_open_endpoints_ask_for_nothing(served: Served, path: str) -> None:
    """Whoever watches needs no token."""
    assert (await served.http.get(path)).status_code == 200


async def test_signing_in_and_out(served: Served) -> None:
    """The form gives a session that scripts cannot read and other sites cannot use."""
    there = await served.http.get("/ops")
    assert (there.status_code, there.headers["location"]) == (303, "/ops/sign-in")
    wrong = await served.http.post("/ops/sign-in", data={"token": "<wrong>"})
    assert (wrong.status_code, "set-cookie" in wrong.headers, "&lt;wrong" in wrong.text) == (401, False, False)
    right = await served.http.post("/ops/sign-in", data={"token": OPS_TOKEN})
    assert (right.status_code, right.headers["location"]) == (303, "/ops")
    cookie = right.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "max-age=43200", "path=/"))
    assert "secure" not in cookie
    assert OPS_TOKEN not in cookie
    assert (await served.http.get("/ops")).status_code == 200
    out = await served.http.post("/ops/sign-out")
    assert out.headers["location"] == "/ops/sign-in"
    assert (await served.http.get("/ops")).status_code == 303


async def test_a_session_that_came_by_https_stays_there(served: Served) -> None:
    """Behind a proxy that ends TLS the cookie is marked Secure."""
    headers = {"X-Forwarded-Proto": "https"}
    answer = await served.http.post("/ops/sign-in", data={"token": OPS_TOKEN}, headers=headers)
    assert "secure" in answer.headers["set-cookie"].lower()


async def test_the_page_escapes_what_senders_wrote(served: Served, enter_call: EnterCall) -> None:
    """A call id is a stranger's text."""
    await enter_call("<script>alert(1)</script>", agent={"id": "a", "name": "<b>Eve</b>"}, attention="<i>")
    page = await served.ops.get("/ops")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "<b>" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_the_temporal_ui_can_read_what_is_encrypted(served: Served) -> None:
    """Its remote codec protocol: ours decrypted, others as they came, with credentials from its origin alone."""
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b'"hello"')
    (encrypted,) = await EncryptionCodec(served.gateway.settings.keyring).encode([plain])
    body = {"payloads": [_json(encrypted), _json(plain)]}
    headers = {"Origin": UI, "X-Namespace": "default"}
    answer = await served.ops.post("/codec/decode", json=body, headers=headers)
    assert answer.json() == {"payloads": [_json(plain), _json(plain)]}
    assert answer.headers["access-control-allow-origin"] == UI
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"payloads":7}',
        b'{"payloads":[{"data":"***"}]}',
        b'{"payloads":[{"metadata":{"encoding":"YmluYXJ5L2VuY3J5cHRlZA==","encryption-key-id":"eA=="},"data":""}]}',
        b'{"payloads":[{"metadata":{"encoding":"YmluYXJ5L2VuY3J5cHRlZA==","encryption-key-id":"/w=="},"data":""}]}',
        b'{"payloads":[{"metadata":{"encoding":"YmluYXJ5L2VuY3J5cHRlZA==","encryption-key-id":"azE="},"data":"AAAA"}]}',
    ],
)
async def test_what_cannot_be_decoded_is_422(served: Served, body: bytes) -> None:
    """Nonsense, unknown keys and tampered payloads are refused as such."""
    refused(await served.ops.post("/codec/decode", content=body), 422, "invalid-request")


async def test_codec_cors_is_for_the_temporal_ui_alone(served: Served) -> None:
    """Preflights too, and a refusal can be read by the UI."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-namespace"}
    preflight = await served.http.options("/codec/decode", headers={"Origin": UI, **asked})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == UI
    assert "x-namespace" in preflight.headers["access-control-allow-headers"]
    for origin in ("http://temporal-ui.example.com", "https://evil.example.com", "null"):
        assert (await served.http.options("/codec/decode", headers={"Origin": origin, **asked})).status_code == 405
        answer = await served.ops.post("/codec/decode", content=b"{}", headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
    unsigned = await served.http.post("/codec/decode", content=b"{}", headers={"Origin": UI})
    assert (unsigned.status_code, unsigned.headers["access-control-allow-origin"]) == (401, UI)
    assert "access-control-allow-origin" not in (await served.ops.get("/calls", headers={"Origin": UI})).headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing-here", 404),
        ("GET", "/calls/", 404),
        ("GET", "/webhooks/calls", 405),
        ("DELETE", "/calls", 405),
        ("PUT", "/healthz", 405),
    ],
)
async def test_the_frameworks_refusals_are_problem_documents(
    served: Served, method: str, path: str, status: int
) -> None:
    """404 and 405 look like every other refusal."""
    answer = await served.ops.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
    assert answer.headers["cache-control"] == "no-store"


async def test_a_fault_of_ours_is_a_problem_document_without_its_text(served: Served) -> None:
    """500, counted, and the answer does not quote the customer."""

    async def broken(*_: object, **__: object) -> None:
        raise KeyError("planted.person@example.com")

    served.gateway.ledger.list_calls = broken  # type: ignore[method-assign,assignment]
    with capture_logs() as lines:
        answer = await served.ops.get("/calls")
    refused(answer, 500, "internal")
    assert "planted" not in answer.text
    # Beside it the gateway may just have said that it has not checked its keys.
    (failed,) = [line for line in lines if line["log_level"] == "error"]
    assert failed["event"] == "request_failed"
    metrics = (await served.http.get("/metrics")).text
    assert 'talkbridge_http_requests_total{method="GET",route="/calls",status="500"} 1.0' in metrics


async def test_metrics_are_labelled_by_route_and_not_by_address(served: Served) -> None:
    """An address holds ids, and anybody can invent addresses."""
    await served.ops.get("/calls/c-secret")
    await served.http.request("PROPFIND", "/pot-1")
    metrics = (await served.http.get("/metrics")).text
    assert 'route="/calls/{call_id:path}",status="404"' in metrics
    assert 'method="other",route="none",status="404"' in metrics
    assert "c-secret" not in metrics


async def test_readiness_reports_both_servers(served: Served) -> None:
    """With everything there."""
    ready = await served.http.get("/readyz")
    assert ready.json() == {"status": "ready", "temporal": "reachable", "postgresql": "reachable"}


async def test_the_openapi_document_names_every_answer(served: Served) -> None:
    """Each endpoint declares its refusals as problem documents."""
    document = (await served.http.get("/openapi.json")).json()
    webhook = document["paths"]["/webhooks/calls"]["post"]["responses"]
    assert set(webhook) == {"200", "202", "400", "401", "408", "413", "415", "422", "503"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                assert int(status) < 400 or "application/problem+json" in response["content"], (path, status)


def _json(payload: Payload) -> dict[str, Any]:
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


@pytest.mark.parametrize(
    "path", ["/ops", "/ops/nothing", "/calls", "/healthz", "/metrics", "/ops/static/icon.svg", "/ops/setup/explain"]
)
async def test_an_answer_that_is_no_page_may_load_nothing(served: Served, path: str) -> None:
    """Redirects, refusals, documents and files: whatever a browser takes them for."""
    answer = await served.http.get(path)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_tokens_tried_are_told_of_sparingly(served: Served) -> None:
    """In the form and as a bearer token: one line in ten seconds, with neither the token nor a line for nothing."""
    with capture_logs() as lines:
        for _ in range(20):
            await served.http.post("/ops/sign-in", data={"token": "guessed-token"})
            await served.http.get("/calls", headers={"Authorization": "Bearer guessed-token"})
            await served.http.get("/calls")
    told = [line for line in lines if line["event"] == "ops_token_refused"]
    assert [(line["log_level"], line["reason"], line["count"]) for line in told] == [("warning", "form", 1)]
    assert "guessed" not in str(lines)
    assert {reason: count for reason, (count, _) in served.gateway.guesses.told.items()} == {"form": 20, "bearer": 20}
