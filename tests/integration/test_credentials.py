"""Tokens exchanged and kept, alerts posted: on a real PostgreSQL, a real Temporal and the simulated Zendesk."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.credentials import ZendeskCredentials
from activities.postgres.credential import CredentialStore
from activities.postgres.database import Database
from activities.stored_tokens import StoredTokens
from activities.zendesk.client import Account, ZendeskClient
from activities.zendesk.guide import TokenAnswer
from cli.servers.temporal import TemporalServer
from simulator.server import Running, running
from simulator.settings import SCOPES, Settings
from tests.integration.ledger_kit import KEYRING, database_at, lazy_client, perform, rows
from workflows.connection import data_converter
from workflows.domain.errors import Failure
from workflows.domain.token import Alert, ExchangeResult, TokenExchanged
from workflows.ports import ExchangeToken, TokenRefused, token_workflow_id

ACCOUNT = "example"


@pytest.fixture
def zendesk() -> Iterator[Running]:
    """A simulated Zendesk of the test's own."""
    with running(Settings()) as simulator:
        yield simulator


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database that is set up."""
    async with database_at(database_url) as database:
        yield database


def store_on(database: Database) -> CredentialStore:
    """Where tokens rest."""
    return CredentialStore(database, encrypt=KEYRING.encrypt, decrypt=KEYRING.decrypt)


@dataclass
class Exchange:
    """The port on the simulator, with short names."""

    database: Database
    url: str
    secret: str = Settings().client_secret
    alert_url: str | None = None
    scopes: Sequence[str] = SCOPES

    async def token(self, known_version: int = 0) -> TokenExchanged:
        """One exchange."""
        account = Account(url=self.url, client_id=Settings().client_id, client_secret=self.secret)
        client = ZendeskClient(account, timeout_s=2)
        port = ZendeskCredentials(client, store_on(self.database), self.database, alert_url=None)
        command = ExchangeToken(account=ACCOUNT, scopes=list(self.scopes), known_version=known_version)
        try:
            return await perform(port.exchange_token, command)
        finally:
            await client.close()

    async def alert(self, kind: str = "scopes_missing", text: str = "the token lacks scopes", attempt: int = 1) -> bool:
        """One alert."""
        client = ZendeskClient(Account(url=self.url, client_id="", client_secret=""))
        port = ZendeskCredentials(client, store_on(self.database), self.database, alert_url=self.alert_url)
        try:
            return await perform(port.post_alert, Alert(kind=kind, text=text), attempt=attempt)
        finally:
            await port.close()
            await client.close()


def asked(simulator: Running) -> int:
    """How many token requests were served."""
    return sum(entry.kind == "token" for entry in simulator.world.journal.entries)


async def test_an_exchange_stores_the_token_encrypted_and_tells_all_but_the_token(
    database: Database, database_url: str, zendesk: Running
) -> None:
    """Version 1, its life and scopes come back; the token is in no result and in no table in the clear."""
    answer = await Exchange(database, zendesk.url).token()
    stored = await store_on(database).read(ACCOUNT)
    assert stored is not None
    assert (answer.result, answer.version, answer.scopes) == (ExchangeResult.STORED, 1, list(SCOPES))
    assert (answer.obtained_at, answer.expires_at) == (stored.obtained_at, stored.expires_at)
    assert stored.expires_at - stored.obtained_at == timedelta(seconds=3600)
    assert stored.token not in repr((answer, stored))
    tables = await rows(database_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    dump = str([await rows(database_url, f"SELECT t::text FROM {name} t") for (name,) in tables])
    assert ACCOUNT in dump
    for planted in (stored.token, stored.token.encode().hex(), Settings().client_secret):
        assert planted not in dump


async def test_the_request_has_a_row_and_a_readable_id(database: Database, database_url: str, zendesk: Running) -> None:
    """Call `token`, generation 0, `token.exchange.<attempt>.<8 hex>`, and how it ended."""
    await Exchange(database, zendesk.url).token()
    await Exchange(database, zendesk.url, secret="wrong").token(known_version=1)
    found = await rows(
        database_url,
        "SELECT call_id, generation, request_id ~ '^token[.]exchange[.]1[.][0-9a-f]{8}$', outcome, http_status"
        " FROM attempts ORDER BY id",
    )
    assert found == [("token", 0, True, "done", 200), ("token", 0, True, "Unauthorized", 401)]


async def test_a_newer_version_that_is_stored_spares_the_request(database: Database, zendesk: Running) -> None:
    """Unless it is about to end, or is old and lacks a scope asked for."""
    exchange = Exchange(database, zendesk.url)
    await exchange.token()
    assert ((await exchange.token()).version, asked(zendesk)) == (1, 1)
    assert ((await exchange.token(known_version=1)).version, asked(zendesk)) == (2, 2)
    assert ((await exchange.token(known_version=1)).version, asked(zendesk)) == (2, 2)


async def test_a_stored_token_at_its_end_or_short_of_scopes_is_exchanged(
    database: Database, database_url: str, zendesk: Running
) -> None:
    """A token workflow that lost its memory does not build on what helps nobody."""
    exchange = Exchange(database, zendesk.url)
    await exchange.token()
    await rows(
        database_url,
        "UPDATE credentials SET obtained_at = now() - interval '1 hour', expires_at = now() + interval '50 s'",
    )
    assert (await exchange.token()).version == 2
    await rows(
        database_url, "UPDATE credentials SET obtained_at = now() - interval '1 hour', scopes = '{tickets:write}'"
    )
    assert (await exchange.token()).version == 3


async def test_versions_only_grow(database: Database, database_url: str, zendesk: Running) -> None:
    """Also over a database restored from a backup, or emptied."""
    exchange = Exchange(database, zendesk.url)
    await exchange.token()
    assert (await exchange.token(known_version=7)).version == 8
    await rows(database_url, "DELETE FROM credentials")
    assert (await exchange.token(known_version=8)).version == 9


async def test_two_exchanges_at_once_end_on_one_version(database: Database, zendesk: Running) -> None:
    """Compare-and-set: the slower one returns what the faster one stored."""
    exchange = Exchange(database, zendesk.url)
    answers = await asyncio.gather(*(exchange.token() for _ in range(4)))
    assert {answer.version for answer in answers} == {1}
    assert len({answer.obtained_at for answer in answers}) == 1


async def test_a_refused_client_and_an_absent_endpoint_are_results(database: Database, zendesk: Running) -> None:
    """400 and 401 are `client_refused`; everything else that fails is `unavailable`; neither shows the secret."""
    refused = await Exchange(database, zendesk.url, secret="planted-secret").token()
    assert refused.result == ExchangeResult.CLIENT_REFUSED
    assert "planted-secret" not in repr(refused)
    absent = await Exchange(database, "http://127.0.0.1:1").token()
    assert (absent.result, absent.version) == (ExchangeResult.UNAVAILABLE, 0)
    assert absent.detail


@pytest.mark.parametrize("life", [float("nan"), 0.0, -1.0])
async def test_a_life_that_is_no_time_is_unavailable(database: Database, life: float) -> None:
    """Whatever the endpoint's client lets through."""

    class Endpoint:
        async def exchange(self, scopes: Sequence[str], request_id: str) -> TokenAnswer:
            assert request_id.startswith("token.exchange.")
            return TokenAnswer(access_token="t", expires_in=life, scopes=tuple(scopes))

    port = ZendeskCredentials(Endpoint(), store_on(database), database, alert_url=None)
    answer = await perform(port.exchange_token, ExchangeToken(account=ACCOUNT, scopes=[], known_version=0))
    assert answer.result == ExchangeResult.UNAVAILABLE


async def test_an_exchange_without_a_database_is_a_retryable_failure(zendesk: Running) -> None:
    """And sends nothing: the token could not be kept."""
    async with Database("postgresql://nobody:none@127.0.0.1:1/none") as database:
        with pytest.raises(ApplicationError) as caught:
            await Exchange(database, zendesk.url).token()
    assert (caught.value.type, asked(zendesk)) == (Failure.LEDGER_UNAVAILABLE, 0)


# --- alerts --------------------------------------------------------------------------------------------------------


@dataclass
class Hook:
    """An administrator's webhook."""

    url: str = ""
    status: int = 200
    bodies: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Hook]:
    """A webhook on a socket."""
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.paths.append(self.path)
            hook.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(hook.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        hook.url = f"http://127.0.0.1:{server.server_port}/hook/?key=k"
        yield hook
        server.shutdown()


async def test_an_alert_of_a_kind_is_posted_once_an_hour(
    database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With text, kind and moment; each is counted and logged as an error, masked."""
    with listening() as hook:
        exchange = Exchange(database, "http://127.0.0.1:1", alert_url=hook.url)
        with caplog.at_level(logging.ERROR):
            assert await exchange.alert(text="the user anna@example.com may not")
            assert not await exchange.alert(text="again")
        assert await exchange.alert(kind="client_refused")
        await rows(database_url, "UPDATE alerts SET last_posted_at = now() - interval '61 minutes'")
        assert await exchange.alert()
    assert [body["kind"] for body in hook.bodies] == ["scopes_missing", "client_refused", "scopes_missing"]
    assert set(hook.bodies[0]) == {"text", "kind", "at"}
    assert datetime.fromisoformat(hook.bodies[0]["at"]).tzinfo is not None
    assert hook.paths[0] == "/hook/?key=k"
    assert len([each for each in caplog.records if each.name == "activities.credentials"]) == 4
    assert "anna" not in caplog.text + hook.bodies[0]["text"]
    assert await rows(database_url, "SELECT kind, count FROM alerts ORDER BY 1") == [
        ("client_refused", 1),
        ("scopes_missing", 3),
    ]


async def test_of_alerts_at_once_one_is_posted(database: Database) -> None:
    """The others come back, and find that it was."""
    with listening() as hook:
        exchange = Exchange(database, "http://127.0.0.1:1", alert_url=hook.url)
        answers = await asyncio.gather(*(exchange.alert() for _ in range(6)), return_exceptions=True)
        assert answers.count(True) == 1
        assert not await exchange.alert(attempt=2)
    assert len(hook.bodies) == 1


async def test_an_alert_that_could_not_be_posted_is_tried_again(database: Database) -> None:
    """A failing POST raises and frees the row; so does an address nobody listens at, whose secret stays out of it."""
    with listening() as hook:
        exchange = Exchange(database, "http://127.0.0.1:1", alert_url=hook.url)
        hook.status = 503
        with pytest.raises(ApplicationError) as caught:
            await exchange.alert()
        assert caught.value.type == Failure.UNAVAILABLE
        hook.status = 204
        assert await exchange.alert(attempt=2)
    nobody = Exchange(database, "http://127.0.0.1:1", alert_url="http://127.0.0.1:1/planted")
    with pytest.raises(ApplicationError) as caught:
        await nobody.alert(kind="other")
    assert "planted" not in str(caught.value)


async def test_without_an_address_an_alert_is_logged_only(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was posted, and nothing fails."""
    with caplog.at_level(logging.ERROR):
        assert not await Exchange(database, "http://127.0.0.1:1").alert()
    assert "lacks scopes" in caplog.text


# --- the token as requests get it ----------------------------------------------------------------------------------


@dataclass
class Tokens:
    """A token source, what is stored for it, and what its workflow was told."""

    source: StoredTokens
    store: CredentialStore
    client: Client
    account: str

    async def keep(
        self, version: int, *, age_s: float = 0, life_s: float = 3600, scopes: Sequence[str] = SCOPES
    ) -> None:
        """A new version is there."""
        await self.store.store(
            self.account,
            known_version=version - 1,
            token=f"token-{version}",
            life_s=life_s,
            age_s=age_s,
            scopes=scopes,
        )
        # What was read a moment ago is not read again for a second.
        self.source._read_at = float("-inf")

    async def told(self) -> list[tuple[str, object]]:
        """Names and arguments of the signals so far."""
        heard = []
        history = await self.client.get_workflow_handle(token_workflow_id(self.account)).fetch_history()
        for event in history.events:
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                signal = event.workflow_execution_signaled_event_attributes
                kind = Alert if signal.signal_name == "alert" else TokenRefused
                (argument,) = await self.client.data_converter.decode(signal.input.payloads, [kind])
                heard.append((signal.signal_name, argument))
        return heard


@pytest.fixture
async def tokens(database: Database, temporal_server: TemporalServer) -> AsyncIterator[Tokens]:
    """A token source whose workflow nobody works on: it only collects signals."""
    client = await Client.connect(temporal_server.address, data_converter=data_converter(KEYRING))
    account = f"example-{uuid4()}"
    handle = await client.start_workflow("TokenWorkflow", id=token_workflow_id(account), task_queue="nobody")
    store = store_on(database)
    source = StoredTokens(store, client, account=account, required_scopes=SCOPES, margin_s=300)
    yield Tokens(source=source, store=store, client=client, account=account)
    await handle.terminate()


async def refusal(source: StoredTokens) -> ApplicationError:
    """What asking for a token raises."""
    with pytest.raises(ApplicationError) as caught:
        await source.bearer()
    return caught.value


async def test_a_token_is_read_once(tokens: Tokens, database: Database) -> None:
    """A hundred requests at once and one after the database has gone share one read."""
    await tokens.keep(1)
    bearers = await asyncio.gather(*(tokens.source.bearer() for _ in range(100)))
    await database.close()
    bearers.append(await tokens.source.bearer())
    assert {(bearer.version, bearer.token) for bearer in bearers} == {(1, "token-1")}
    assert "token-1" not in repr(bearers[0])


async def test_no_token_is_a_wait_that_grows(tokens: Tokens) -> None:
    """0.5 s at first, 5 s at most, `CredentialRefused`; an expired one is none."""
    refused = await refusal(tokens.source)
    assert (refused.type, refused.next_retry_delay) == (Failure.CREDENTIAL_REFUSED, timedelta(seconds=0.5))
    with pytest.raises(ApplicationError) as caught:
        await perform(tokens.source.bearer, attempt=20)
    assert caught.value.next_retry_delay == timedelta(seconds=5)
    await tokens.keep(1, life_s=-1)
    assert (await refusal(tokens.source)).type == Failure.CREDENTIAL_REFUSED
    await tokens.keep(2)
    assert (await tokens.source.bearer()).version == 2


async def test_short_scopes_are_a_wait_until_they_are_granted(tokens: Tokens) -> None:
    """`ScopeMissing` names them; the next version with all of them ends the wait."""
    await tokens.keep(1, scopes=["talk:read_all", "tickets:write"])
    refused = await refusal(tokens.source)
    assert (refused.type, refused.next_retry_delay) == (Failure.SCOPE_MISSING, timedelta(seconds=5))
    assert "tickets:read_all" in refused.message
    await tokens.keep(2)
    assert (await tokens.source.bearer()).scopes == frozenset(SCOPES)


async def test_a_token_near_its_end_is_used_and_looked_after(tokens: Tokens, database: Database) -> None:
    """Within the margin the next version is taken as soon as it is there; without a database, this one stays in use."""
    await tokens.keep(1, age_s=3400)
    assert (await tokens.source.bearer()).version == 1
    await tokens.keep(2, age_s=3400)
    assert (await tokens.source.bearer()).version == 2
    await database.close()
    tokens.source._read_at = float("-inf")
    assert (await tokens.source.bearer()).version == 2


async def test_a_refused_version_is_reported_once_and_never_used_again(tokens: Tokens) -> None:
    """Thirty refusals are one signal; the next version is used as soon as it is there, and its success told once."""
    await tokens.keep(1)
    await tokens.source.bearer()
    await tokens.source.confirmed(1)
    await asyncio.gather(*(tokens.source.refused(1) for _ in range(30)))
    assert (await refusal(tokens.source)).type == Failure.CREDENTIAL_REFUSED
    assert await tokens.told() == [("refused", TokenRefused(version=1))]
    await tokens.keep(2)
    assert (await tokens.source.bearer()).version == 2
    for _ in range(3):
        await tokens.source.confirmed(2)
    assert (await tokens.told())[1:] == [("confirmed", TokenRefused(version=2))]


async def test_a_refusal_of_an_old_version_is_no_news(tokens: Tokens) -> None:
    """The newer one that is stored is taken, and nobody is told."""
    await tokens.keep(1)
    await tokens.source.bearer()
    await tokens.keep(2)
    await tokens.source.refused(1)
    assert (await tokens.source.bearer()).version == 2
    assert await tokens.told() == []


async def test_a_forbidden_version_gives_way_to_the_one_that_was_exchanged_for_it(tokens: Tokens) -> None:
    """No process goes on until its end with the old one, which still names every scope: it waits with the rest."""
    await tokens.keep(1)
    await tokens.source.bearer()
    await tokens.source.forbidden(1)
    assert (await tokens.source.bearer()).version == 1
    await tokens.keep(2, scopes=["talk:read_all", "tickets:write"])
    assert (await refusal(tokens.source)).type == Failure.SCOPE_MISSING


async def test_forbidden_and_alerts_are_signalled_once(tokens: Tokens) -> None:
    """Once a version, once a kind; customer data in an alert is masked."""
    for _ in range(3):
        await tokens.source.forbidden(4)
        await tokens.source.alert("misconfigured", "answered 404 for anna@example.com")
    assert await tokens.told() == [
        ("forbidden", TokenRefused(version=4)),
        ("alert", Alert(kind="misconfigured", text="answered 404 for •••@•••")),
    ]


async def test_nobody_to_tell_is_logged_and_not_raised(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Temporal out of reach: the alert is in the log at least."""
    source = StoredTokens(store_on(database), await lazy_client(), account="a", required_scopes=SCOPES, margin_s=300)
    with caplog.at_level(logging.WARNING):
        await source.alert("misconfigured", "answered 404")
        await source.refused(1)
    assert "answered 404" in caplog.text
