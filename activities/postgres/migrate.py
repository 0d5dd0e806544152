"""The schema, as numbered files that are applied once, in order."""

from collections.abc import Callable
from pathlib import Path

import psycopg

_FOLDER = Path(__file__).with_name("migrations")
_LOCK = 5_213_077_190
"""Two who start at once apply one after the other."""

MIGRATIONS = {int(path.name.partition("_")[0]): path for path in sorted(_FOLDER.glob("*.sql"))}
NEWEST = max(MIGRATIONS)
"""The schema this release needs."""

_VERSIONS = """
CREATE TABLE IF NOT EXISTS schema_version (
    version integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


async def migrate(url: str, report: Callable[[str], None] = lambda _: None) -> list[str]:
    """Apply what is missing, all in one transaction, and return the names applied. Raises `psycopg.Error`.

    Idempotent, and safe when two start at once.
    """
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=10)
    async with connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        await connection.execute(_VERSIONS)
        cursor = await connection.execute("SELECT version FROM schema_version")
        present = {row[0] for row in await cursor.fetchall()}
        missing = [(version, path) for version, path in MIGRATIONS.items() if version not in present]
        for version, path in missing:
            await connection.execute(path.read_bytes())
            await connection.execute("INSERT INTO schema_version (version, name) VALUES (%s, %s)", [version, path.stem])
            report(f"applied migration {path.stem}")
    return [path.stem for _, path in missing]
