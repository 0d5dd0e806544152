"""Group *Database*: whether PostgreSQL is there, with this release's schema and the keys that fit it."""

from collections.abc import AsyncIterator

from api.checks import database as checks
from api.checks.finding import Finding, State, skipped
from cli.doctor.ground import PATIENCE_S, Ground


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """Reachable, schema, keys; what rests on one that fails is skipped."""
    database = ground.database
    if ground.shared is None or database is None:
        yield skipped("reachable", ground.lacking["both"])
        return
    reached = await checks.reachable(ground.shared.database_url.get_secret_value(), PATIENCE_S)
    yield reached
    if reached.state != State.OK:
        ground.database = None
        yield skipped("schema", "PostgreSQL is out of reach")
        yield skipped("keys", "PostgreSQL is out of reach")
        return
    if (seen := await checks.clock(database, ground.now)) is not None:
        ground.clocks.append(seen)
    schema = await checks.schema(database)
    yield schema
    if schema.state != State.OK:
        yield skipped("keys", "the schema is not this release's")
        return
    assert ground.keyring is not None
    keys = await checks.keys(database, ground.keyring)
    ground.keys_fit = keys.state == State.OK
    yield keys
