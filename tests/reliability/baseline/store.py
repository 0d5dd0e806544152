"""The file that stands for Redis: keys with a time to live, a list, calls and recent tickets; it survives processes."""

import json
import sqlite3
import time
from dataclasses import asdict

from tests.reliability.baseline.events import Call

KEY_TTL_S = 86_400.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, expires_at REAL);
CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY AUTOINCREMENT, call_id TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS working (worker TEXT, call_id TEXT);
CREATE TABLE IF NOT EXISTS calls (call_id TEXT PRIMARY KEY, told TEXT, seen_at REAL, document TEXT);
CREATE TABLE IF NOT EXISTS recent (customer TEXT PRIMARY KEY, ticket_id INTEGER, used_at REAL);
"""


class Store:
    """One connection, used by one process; several processes share the file."""

    def __init__(self, file: str) -> None:
        self._database = sqlite3.connect(file, isolation_level=None, timeout=10, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(_SCHEMA)

    def set_if_absent(self, key: str, ttl_s: float = KEY_TTL_S) -> bool:
        """`SET key NX EX`: whether this is the first time."""
        now = time.time()
        self._database.execute("DELETE FROM keys WHERE name = ? AND expires_at < ?", (key, now))
        added = self._database.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (key, now + ttl_s))
        return added.rowcount == 1

    def delete(self, key: str) -> None:
        """`DEL key`."""
        self._database.execute("DELETE FROM keys WHERE name = ?", (key,))

    def push(self, call_id: str, body: bytes) -> None:
        """`LPUSH`."""
        self._database.execute("INSERT INTO queue (call_id, body) VALUES (?, ?)", (call_id, body))

    def pop(self) -> bytes | None:
        """`RPOP`: the oldest, which is gone from the list then."""
        taken = "DELETE FROM queue WHERE id = (SELECT min(id) FROM queue) RETURNING body"
        rows = self._database.execute(taken).fetchall()
        return bytes(rows[0][0]) if rows else None

    def forget_work(self, worker: str) -> None:
        """A worker that starts is at nothing."""
        self._database.execute("DELETE FROM working WHERE worker = ?", (worker,))

    def begin_work(self, worker: str, call_id: str) -> None:
        """It is at a call."""
        self._database.execute("INSERT INTO working VALUES (?, ?)", (worker, call_id))

    def end_work(self, worker: str, call_id: str) -> None:
        """It is not any more."""
        one = "SELECT min(rowid) FROM working WHERE worker = ? AND call_id = ?"
        self._database.execute(f"DELETE FROM working WHERE rowid = ({one})", (worker, call_id))

    def under_way(self) -> set[str]:
        """Calls that wait in the list or are being worked at."""
        found = self._database.execute("SELECT call_id FROM queue UNION SELECT call_id FROM working")
        return {row[0] for row in found.fetchall()}

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def call(self, call_id: str) -> Call:
        """What is known of a call."""
        row = self._database.execute("SELECT document FROM calls WHERE call_id = ?", (call_id,)).fetchone()
        return Call(**json.loads(row[0])) if row else Call(call_id=call_id, seen_at=time.time())

    def save(self, call: Call) -> None:
        """Keeps a call, and its ticket as its customer's latest."""
        given = (call.call_id, call.told, call.seen_at, json.dumps(asdict(call)))
        self._database.execute("INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?)", given)
        for customer in (call.email, None if call.email else call.phone):
            if customer and call.ticket_id:
                used = (customer, call.ticket_id, time.time())
                self._database.execute("INSERT OR REPLACE INTO recent VALUES (?, ?, ?)", used)

    def recent(self, call: Call, within_s: float) -> int | None:
        """The ticket this customer had a moment ago."""
        customer, since = call.email or call.phone, time.time() - within_s
        found = self._database.execute(
            "SELECT ticket_id FROM recent WHERE customer = ? AND used_at > ?", (customer, since)
        ).fetchone()
        return int(found[0]) if found else None

    def unfinished(self, older_than_s: float = 0) -> list[str]:
        """Calls whose end was not told."""
        before = time.time() - older_than_s
        found = self._database.execute("SELECT call_id FROM calls WHERE told IS NULL AND seen_at <= ?", (before,))
        return [row[0] for row in found.fetchall()]
