"""What may go wrong with PostgreSQL, in our words.

    StoreError
    ├── LedgerUnavailable     out of reach, too slow, or it lost the connection: try again
    ├── SchemaTooOld          `talkbridge setup` of this release has not run; carries both versions
    ├── IdentityKeyMissing    `talkbridge setup` has not made the key of the identity hashes
    └── StatementRefused      a fault of ours in a statement; carries the SQLSTATE

No message carries a value out of a statement: PostgreSQL's own messages may, and customer data is among them.
"""


class StoreError(Exception):
    """The ledger could not do what was asked."""


class LedgerUnavailable(StoreError):
    """PostgreSQL cannot be reached or did not answer in time; nothing is known to be written."""


class SchemaTooOld(StoreError):
    """The database's schema is older than this release needs. `found` is 0 for a database without one."""

    def __init__(self, found: int, needed: int) -> None:
        self.found = found
        self.needed = needed
        super().__init__(f"the database has schema {found}, this release needs {needed}: run `talkbridge setup`")


class IdentityKeyMissing(StoreError):
    """There is no key for the identity hashes."""

    def __init__(self) -> None:
        super().__init__("the database has no key for identity hashes: run `talkbridge setup`")


class StatementRefused(StoreError):
    """PostgreSQL refused a statement. `sqlstate` says why, in PostgreSQL's five characters."""

    def __init__(self, kind: str, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate
        super().__init__(f"PostgreSQL refused a statement: {kind} ({sqlstate})")
