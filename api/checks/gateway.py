"""What a gateway can check by itself, for the page *Set-up*: at once, two seconds each, every ten seconds at most."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from temporalio.client import Client
from temporalio.service import RPCError

from activities.postgres.database import Database
from activities.postgres.errors import StoreError
from activities.postgres.reading import LedgerReader
from api.checks import database, kept_token, temporal, token
from api.checks.clock import MOST_S, ClockSeen, agrees, ahead_s
from api.checks.finding import Finding, Section, State, fails, ok, skipped
from workflows.connection import Keyring

PATIENCE_S = 2.0
FRESH_S = 10.0
_ELSEWHERE = "only workers know their secrets: run `talkbridge doctor` there"
_SLOW = "it did not answer in time"
_AGAIN = "load the page again; if it stays so, look into the server's log"

Found = TypeVar("Found")
Told = tuple[list[Finding], list[ClockSeen]]
"""Findings, and the clocks that were seen on the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whom to ask, and with what."""

    database_url: str
    keyring: Keyring
    temporal: Client
    now: Callable[[], datetime]


class Checkup:
    """What was found lately: one look in 10 s at most, however many ask."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._looked_at: float | None = None
        self._sections: Sequence[Section] = ()

    async def look(self, place: Place, now: float) -> Sequence[Section]:
        """The servers' part, at most 10 s old. `now` is any steady clock's seconds. Never fails."""
        async with self._lock:
            if self._looked_at is None or now - self._looked_at >= FRESH_S:
                self._sections = await _everything(place)
                self._looked_at = now
            return self._sections


async def _everything(place: Place) -> list[Section]:
    (in_temporal, polls), (in_database, kept, clocks) = await asyncio.gather(_temporal(place), _database(place))
    return [
        Section(title="Temporal", findings=tuple(in_temporal)),
        Section(title="Database", findings=tuple(in_database)),
        Section(title="Token", findings=tuple(await _token(place, kept))),
        Section(title="Clock", findings=(*map(agrees, clocks), *_temporals_clock(polls, place.now()))),
        Section(title="Zendesk and CRM", findings=(skipped("requests", _ELSEWHERE),)),
    ]


async def _temporal(place: Place) -> tuple[list[Finding], list[float]]:
    """Findings, and when workers last asked for work by the server's clock."""
    client, where = place.temporal, place.temporal.service_client.config.target_host
    try:
        await _bounded(client.service_client.check_health(timeout=timedelta(seconds=PATIENCE_S)))
    except (RPCError, RuntimeError, TimeoutError) as error:
        return [temporal.out_of_reach(where, error), skipped("namespace", "Temporal is out of reach")], []
    found = [ok("reachable", f"the server at {where} answers"), *await temporal.namespace(client, PATIENCE_S)]
    if found[1].state != State.OK:
        return [*found, skipped("search attributes", "there is no namespace")], []
    attributes, (queues, polls) = await asyncio.gather(
        temporal.search_attributes(client, PATIENCE_S), _queues(client, place.now)
    )
    return [*found, attributes, *queues], polls


async def _queues(client: Client, now: Callable[[], datetime]) -> tuple[list[Finding], list[float]]:
    names = list(temporal.QUEUES)
    told = await asyncio.gather(
        *(_bounded(temporal.last_polls(client, name, PATIENCE_S)) for name in names), return_exceptions=True
    )
    seen = {name: polls for name, polls in zip(names, told, strict=True) if not isinstance(polls, BaseException)}
    moment = now()
    alone = {name: temporal.served(name, polls, moment, others=False) for name, polls in seen.items()}
    some = any(finding.state == State.OK for finding in alone.values())
    findings = []
    for name, polls in zip(names, told, strict=True):
        if isinstance(polls, Exception):
            findings.append(temporal.refused(f"queue {name}", polls))
        elif isinstance(polls, BaseException):
            raise polls
        else:
            findings.append(temporal.served(name, polls, moment, others=some))
    return findings, [poll for polls in seen.values() for poll in polls if poll]


async def _database(place: Place) -> tuple[list[Finding], Sequence[Mapping[str, Any]] | None, list[ClockSeen]]:
    """Findings, what is kept of tokens (None: not known), and the server's clock if it told it."""
    try:
        reached = await _bounded(database.reachable(place.database_url, PATIENCE_S))
    except TimeoutError:
        reached = fails("reachable", f"DATABASE_URL: {_SLOW}", mend="start that server, or correct DATABASE_URL")
    if reached.state != State.OK:
        gone = "PostgreSQL is out of reach"
        return [reached, skipped("schema", gone), skipped("keys", gone)], None, []
    async with Database(place.database_url, size=1, statement_timeout_s=PATIENCE_S) as server:
        try:
            seen = await _bounded(database.clock(server, place.now))
            schema = await _bounded(database.schema(server))
            if schema.state != State.OK:
                return [reached, schema, skipped("keys", "the schema is not this release's")], None, _some(seen)
            keys = await _bounded(database.keys(server, place.keyring))
            kept = await _bounded(LedgerReader(server).credentials())
        except (StoreError, TimeoutError):
            return [reached, fails("schema", _SLOW, mend=_AGAIN)], None, []
    return [reached, schema, keys], kept, _some(seen)


async def _token(place: Place, kept: Sequence[Mapping[str, Any]] | None) -> list[Finding]:
    if kept is None:
        return [skipped("token", "the database cannot be asked")]
    if not kept:
        return [fails("token", "there is none yet: no worker has started", command=temporal.WORKER)]
    findings = []
    for row in kept:
        of = f" of {row['account']}" if len(kept) > 1 else ""
        state = await token.asked(place.temporal, row["account"], PATIENCE_S)
        if state is not None and state.version:
            findings.append(token.of_state(state, place.now()))
            findings.append(token.scopes(f"scopes{of}", state.required_scopes, state.scopes))
        else:
            findings += [kept_token.life(row, f"token{of}"), kept_token.granted(row, f"scopes{of}")]
    return findings


def _temporals_clock(polls: Sequence[float], now: datetime) -> list[Finding]:
    """Temporal tells its time only by when it was last asked for work, so one that is ahead is seen, and no other."""
    if not polls:
        return [skipped("Temporal", "it tells no time, and no worker asked it for work")]
    said = datetime.fromtimestamp(max(polls), UTC)
    seen = ClockSeen(whose="Temporal", said=said, before=said, after=now)
    if ahead_s(seen) > MOST_S:
        return [agrees(seen)]
    return [ok("Temporal", "it is not ahead of this machine; it does not tell whether it is behind")]


async def _bounded(asked: Awaitable[Found]) -> Found:
    """Raises `TimeoutError`."""
    async with asyncio.timeout(PATIENCE_S):
        return await asked


def _some(seen: ClockSeen | None) -> list[ClockSeen]:
    return [] if seen is None else [seen]
