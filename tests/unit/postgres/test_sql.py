"""The statements as text, without a database."""

import re
from pathlib import Path

import psycopg
import pytest
from psycopg_pool import PoolTimeout

from activities.postgres import database, sql
from activities.postgres.errors import LedgerUnavailable, SchemaTooOld, StatementRefused, StoreError
from activities.postgres.sql import QUERIES, parse

FOLDER = Path(sql.__file__).parent


def test_a_block_has_a_name_and_may_take_in_another() -> None:
    """Comments are gone, includes are put in, blocks end where the next begins."""
    text = "-- rule --\n-- Why.\na = b\n\n-- ask --\n-- What.\nSELECT {{rule}}\n    -- a reason\n    AND c\n"
    assert parse(text) == {"rule": "a = b", "ask": "SELECT a = b\n    AND c"}
    with pytest.raises(KeyError):
        parse("-- ask --\n-- What.\nSELECT {{other}}")


def test_every_block_says_what_it_does() -> None:
    """A comment stands under each heading."""
    text = (FOLDER / "queries.sql").read_text()
    headings = re.findall(r"^-- [a-z_]+ --\n(.*)$", text, re.MULTILINE)
    assert len(headings) == len(QUERIES)
    assert [line for line in headings if not line.startswith("-- ")] == []


def test_every_statement_is_used_and_every_one_used_is_there() -> None:
    """No dead SQL, no misspelt name."""
    code = "".join(path.read_text() for path in FOLDER.glob("*.py"))
    text = (FOLDER / "queries.sql").read_text()
    unused = [name for name in QUERIES if f'"{name}"' not in code and f"{{{{{name}}}}}" not in text]
    assert unused == []
    named = set(re.findall(r'(?:session|database)\.(?:one|all|run)\(\s*"([a-z_]+)"', code))
    assert named <= set(QUERIES)


def test_every_foreign_error_becomes_one_of_ours_and_shows_no_value() -> None:
    """Each class of psycopg and its pool, network errors and time limits; none carries the server's text."""
    planted = "Key (email)=(anna@example.com)"
    classes = [cls for cls in vars(psycopg.errors).values() if isinstance(cls, type) and issubclass(cls, psycopg.Error)]
    foreign: list[Exception] = [cls(planted) for cls in {*classes, PoolTimeout}]
    foreign += [OSError(planted), TimeoutError(planted)]
    assert len(foreign) > 200
    for error in foreign:
        ours = database.translate(error)
        assert isinstance(ours, StoreError)
        assert "anna" not in str(ours)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PoolTimeout(), LedgerUnavailable),
        (TimeoutError(), LedgerUnavailable),
        (psycopg.errors.QueryCanceled(), LedgerUnavailable),
        (psycopg.errors.AdminShutdown(), LedgerUnavailable),
        (psycopg.errors.DeadlockDetected(), LedgerUnavailable),
        (psycopg.errors.ReadOnlySqlTransaction(), LedgerUnavailable),
        (psycopg.OperationalError(), LedgerUnavailable),
        (psycopg.InterfaceError(), LedgerUnavailable),
        (psycopg.errors.UndefinedTable(), SchemaTooOld),
        (psycopg.errors.UndefinedColumn(), SchemaTooOld),
        (psycopg.errors.UniqueViolation(), StatementRefused),
        (psycopg.errors.SyntaxError(), StatementRefused),
    ],
)
def test_what_an_error_means(error: Exception, expected: type[StoreError]) -> None:
    """Out of reach and too slow may be tried again; an old schema and a fault of ours say what they are."""
    assert type(database.translate(error)) is expected
