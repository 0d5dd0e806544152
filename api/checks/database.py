"""Whether PostgreSQL is there, with this release's schema and the keys that fit it."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from activities.postgres.database import Database
from activities.postgres.errors import IdentityKeyMissing, LedgerUnavailable, SchemaTooOld, StoreError
from activities.postgres.identity import IdentityKey
from activities.postgres.probe import OutOfReach, server_version
from api.checks.clock import ClockSeen
from api.checks.finding import Finding, fails, ok
from workflows.connection import Keyring, UnknownKeyError

SETUP = "talkbridge setup"
SERVERS = "talkbridge servers run --data ~/talkbridge-data"
_OLDEST = 14
_HERE = ("127.0.0.1", "localhost", "::1")


async def reachable(url: str, patience_s: float) -> Finding:
    """Whether a server answers at `DATABASE_URL`, and one that is new enough."""
    try:
        version = await server_version(url, patience_s)
    except OutOfReach as error:
        return _out_of_reach(url, str(error))
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


async def clock(database: Database, now: Callable[[], datetime]) -> ClockSeen | None:
    """The server's clock beside ours; None when it does not tell."""
    before = now()
    try:
        said = await database.now()
    except StoreError:
        return None
    return ClockSeen(whose="PostgreSQL", said=said, before=before, after=now())


async def schema(database: Database) -> Finding:
    """Whether every migration of this release is there."""
    try:
        await database.check_schema()
    except SchemaTooOld as error:
        return fails("schema", f"it is {error.found}, this release needs {error.needed}", command=SETUP)
    except StoreError as error:
        return fails("schema", str(error), mend="give the account in DATABASE_URL the right to read the tables")
    return ok("schema", "it has what this release needs")


async def keys(database: Database, keyring: Keyring) -> Finding:
    """Whether the keyring opens what is kept under it."""
    name, restore = "keys", "put the key back that ENCRYPTION_KEYS had when the database was set up, beside the others"
    try:
        await IdentityKey(database, decrypt=keyring.decrypt).hasher()
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
