"""Group *Database*: whether PostgreSQL is there, with this release's schema and the keys that fit it."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import psycopg

from activities.postgres.errors import IdentityKeyMissing, LedgerUnavailable, SchemaTooOld, StoreError
from activities.postgres.identity import IdentityKey
from cli.doctor.finding import Finding, State, fails, ok, skipped
from cli.doctor.ground import PATIENCE_S, ClockSeen, Ground
from workflows.connection import Keyring, UnknownKeyError

SETUP = "talkbridge setup"
SERVERS = "talkbridge servers run --data ~/talkbridge-data"
_OLDEST = 14
_HERE = ("127.0.0.1", "localhost", "::1")


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """Reachable, schema, keys; what rests on one that fails is skipped."""
    database = ground.database
    if ground.shared is None or database is None:
        yield skipped("reachable", ground.lacking["both"])
        return
    url = ground.shared.database_url.get_secret_value()
    reached = await _reachable(url)
    yield reached
    if reached.state != State.OK:
        ground.database = None
        yield skipped("schema", "PostgreSQL is out of reach")
        yield skipped("keys", "PostgreSQL is out of reach")
        return
    await _see_clock(ground)
    schema = await _schema(ground)
    yield schema
    if schema.state != State.OK:
        yield skipped("keys", "the schema is not this release's")
        return
    assert ground.keyring is not None
    keys = await _keys(ground, ground.keyring)
    ground.keys_fit = keys.state == State.OK
    yield keys


async def _reachable(url: str) -> Finding:
    # A connection of its own tells the reason; of an operational error the text names host and reason, no secret.
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=int(PATIENCE_S)) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.OperationalError as error:
        return _out_of_reach(url, " ".join(str(error).split())[:200])
    except psycopg.Error as error:
        return _out_of_reach(url, type(error).__name__)
    if version < _OLDEST:
        return fails(
            "reachable",
            f"PostgreSQL {version} is older than {_OLDEST}",
            mend=f"set DATABASE_URL to a server of version {_OLDEST} or newer",
        )
    return ok("reachable", f"PostgreSQL {version} answers")


def _out_of_reach(url: str, reason: str) -> Finding:
    here = urlsplit(url).hostname in _HERE
    mend = "start the server that DATABASE_URL names, or correct DATABASE_URL"
    told = "then set DATABASE_URL to what it prints" if here else mend
    return fails("reachable", f"DATABASE_URL: {reason}", command=SERVERS if here else None, mend=told)


async def _see_clock(ground: Ground) -> None:
    assert ground.database is not None
    before = ground.now()
    try:
        said = await ground.database.now()
    except StoreError:
        return
    ground.clocks.append(ClockSeen(whose="PostgreSQL", said=said, before=before, after=ground.now()))


async def _schema(ground: Ground) -> Finding:
    assert ground.database is not None
    try:
        await ground.database.check_schema()
    except SchemaTooOld as error:
        return fails("schema", f"it is {error.found}, this release needs {error.needed}", command=SETUP)
    except StoreError as error:
        return fails("schema", str(error), mend="give the account in DATABASE_URL the right to read the tables")
    return ok("schema", "it has what this release needs")


async def _keys(ground: Ground, keyring: Keyring) -> Finding:
    assert ground.database is not None
    name, restore = "keys", "put the key back that ENCRYPTION_KEYS had when the database was set up, beside the others"
    try:
        await IdentityKey(ground.database, decrypt=keyring.decrypt).hasher()
    except IdentityKeyMissing:
        return fails(name, "the key of the identity hashes has not been made", command=SETUP)
    except UnknownKeyError as error:
        return fails(
            name, f"ENCRYPTION_KEYS lacks the key {error.key_id!r} that the database was set up with", mend=restore
        )
    except ValueError:
        return fails(
            name, "ENCRYPTION_KEYS has another key under the id that the database was set up with", mend=restore
        )
    except LedgerUnavailable as error:
        return fails(name, str(error), command="talkbridge doctor")
    return ok(name, "ENCRYPTION_KEYS reads what the database holds")
