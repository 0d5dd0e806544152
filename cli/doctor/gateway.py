"""Group *Gateway*: whether it is there and ready, takes our signature, refuses another's, and knows the ops token."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import httpx2 as httpx

from api.checks.finding import Finding, State, fails, ok, skipped
from api.settings import GatewaySettings
from cli.doctor.ground import PATIENCE_S, Ground
from cli.gateway import client
from cli.webhook import PATH, webhook

GATEWAY = "python -m api"
_EVENT = "talkbridge.doctor"
"""A type that no gateway handles: verified, counted, answered, and no call."""
_AGAIN = "start the gateway again"


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """Over HTTP, as the telephony platform and a browser reach it."""
    if ground.gateway_elsewhere:
        yield skipped("healthz", "it lives elsewhere; --url names it")
        return
    for finding in await asyncio.to_thread(lambda: list(_all(ground))):
        yield finding


def _all(ground: Ground) -> Iterator[Finding]:
    with client(ground.url, timeout_s=PATIENCE_S) as http:
        alive = _alive(ground, http)
        yield alive
        if alive.state != State.OK:
            yield skipped("webhook", "there is no gateway to send one to")
            return
        yield _judged("readyz", lambda: http.get("/readyz"), _ready)
        if ground.gateway is None:
            yield skipped("webhook", ground.lacking["gateway"])
            return
        yield from _webhooks(ground, ground.gateway, http)
        bearer = {"Authorization": f"Bearer {ground.gateway.ops_token.get_secret_value()}"}
        yield _judged("ops token", lambda: http.get("/calls?limit=1", headers=bearer), _known)


def _judged(name: str, send: Callable[[], httpx.Response], judge: Callable[[str, httpx.Response], Finding]) -> Finding:
    try:
        return judge(name, send())
    except httpx.TransportError as error:
        mend = f"look into the gateway's log, then {_AGAIN}"
        return fails(name, f"no answer ({type(error).__name__})", mend=mend)


def _alive(ground: Ground, http: httpx.Client) -> Finding:
    before = ground.now()
    try:
        answer = http.get("/healthz")
    except httpx.TransportError as error:
        text = f"nothing answers at {ground.url} ({type(error).__name__})"
        return fails("healthz", text, command=GATEWAY, mend="or name it with --url (or API_HOST and API_PORT)")
    ground.saw_date("the gateway", answer.headers.get("date"), before)
    if answer.status_code != 200 or _field(answer, "status") != "alive":
        mend = "name the gateway with --url, or correct API_HOST and API_PORT"
        return fails("healthz", f"{ground.url} answered {answer.status_code}, as no gateway does", mend=mend)
    return ok("healthz", f"the gateway at {ground.url} is alive")


def _ready(name: str, answer: httpx.Response) -> Finding:
    if answer.status_code != 200:
        mend = f"if Temporal and Database are well here: set TEMPORAL_ADDRESS and ENCRYPTION_KEYS alike, then {_AGAIN}"
        return fails(name, f"{answer.status_code}: {_field(answer, 'detail')}", mend=mend)
    if _field(answer, "postgresql") != "reachable":
        text = "webhooks are taken, but the gateway cannot reach PostgreSQL: lists stay empty"
        return fails(name, text, mend=f"correct DATABASE_URL of the gateway, then {_AGAIN}")
    return ok(name, "it reaches Temporal and PostgreSQL")


def _webhooks(ground: Ground, settings: GatewaySettings, http: httpx.Client) -> Iterator[Finding]:
    probe = webhook(_EVENT, ground.now(), {"id": "doctor"})

    def post(secret: str) -> httpx.Response:
        return http.post(PATH, content=probe.body, headers=probe.headers(secret, ground.now()))

    # First: what the gateway remembers of it as a refusal is over with the signed ones that follow.
    yield _judged("forged webhook", partial(post, secrets.token_hex(16)), _refused)
    for number, secret in enumerate((each.get_secret_value() for each in settings.webhook_secrets), start=1):
        name = "webhook" if len(settings.webhook_secrets) == 1 else f"webhook, secret {number}"
        yield _judged(name, partial(post, secret), _taken)


def _taken(name: str, answer: httpx.Response) -> Finding:
    if answer.status_code == 401:
        mend = (
            f"set the same WEBHOOK_SECRETS here and for the gateway, and {_AGAIN}; or is a clock wrong (group Clock)?"
        )
        return fails(name, "the gateway refuses what was signed with WEBHOOK_SECRETS (401)", mend=mend)
    if answer.status_code != 200 or _field(answer, "status") != "ignored":
        mend = "is there a proxy between here and the gateway that changes requests? Name the gateway itself with --url"
        return fails(name, f"answered {answer.status_code}, not 200 `ignored`", mend=mend)
    return ok(name, "a signed one is taken, and leaves no call")


def _refused(name: str, answer: httpx.Response) -> Finding:
    if answer.status_code == 401:
        return ok(name, "one signed with another secret is refused (401)")
    mend = "what answers there does not check signatures: let the address lead to the gateway itself"
    return fails(name, f"one signed with another secret was answered {answer.status_code}, not 401", mend=mend)


def _known(name: str, answer: httpx.Response) -> Finding:
    if answer.status_code == 401:
        return fails(name, "the gateway refuses OPS_TOKEN (401)", mend=f"set the same for the gateway, and {_AGAIN}")
    # Anything else is not about the token.
    return ok(name, "the gateway takes OPS_TOKEN")


def _field(answer: httpx.Response, name: str) -> str:
    """A field of a JSON object; empty for anything else."""
    try:
        document = answer.json()
    except ValueError:
        return ""
    return str(document.get(name, ""))[:200] if isinstance(document, dict) else ""
