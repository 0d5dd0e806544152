"""`talkbridge audit`: read what happened from PostgreSQL, by call or by time, as lines or as CSV."""

import csv
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from cyclopts import Parameter
from pydantic import AfterValidator, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from activities.postgres.address import require_address
from activities.postgres.audit import Audit, Entry, audit_at
from activities.postgres.errors import StoreError
from cli.audit.progress import Progress
from cli.audit.telling import COLUMNS, heading, line, row
from cli.errors import CliError


def _address(url: SecretStr) -> SecretStr:
    require_address(url.get_secret_value())
    return url


class Where(BaseSettings):
    """The ledger's address; an auditor needs no key, for what is read is masked."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    database_url: Annotated[SecretStr, AfterValidator(_address)]


async def audit(
    call_id: str | None = None,
    *,
    since: Annotated[str | None, Parameter(name="--from", help="A day or a moment (UTC unless it says).")] = None,
    until: Annotated[
        str | None, Parameter(name="--to", help="The same; a day is meant whole. Now unless given.")
    ] = None,
    as_csv: Annotated[bool, Parameter(name="--csv", help="For spreadsheets; with a heading.", negative="")] = False,
) -> None:
    """Print the ledger's entries, the oldest first. Raises `CliError`."""
    if call_id is None and since is None:
        raise CliError("Name a call, or a time to begin with: talkbridge audit --from 2026-01-31")
    begin = moment_of(since, "--from") if since else None
    end = moment_of(until, "--to", whole_day=True) if until else datetime.now(UTC)
    try:
        async with audit_at(_database_url()) as ledger:
            found = await _print(ledger, call_id, begin, end, as_csv=as_csv)
    except StoreError as error:
        raise CliError(f"PostgreSQL (DATABASE_URL): {error}") from None
    if call_id is not None and not found:
        raise CliError(f"The ledger knows no call {call_id}{' in that time' if since or until else ''}.")


def moment_of(text: str, option: str, *, whole_day: bool = False) -> datetime:
    """An ISO date or moment, UTC unless it says. `whole_day`: a date is its end. Raises `CliError`."""
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text) + timedelta(days=whole_day)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise CliError(f"{option} is no date or moment such as 2026-01-31 or 2026-01-31T09:30:00Z.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def _print(ledger: Audit, call_id: str | None, since: datetime | None, until: datetime, *, as_csv: bool) -> bool:
    """Whether there was anything."""
    status = await ledger.call_status(call_id) if call_id is not None else None
    progress = Progress(since, until)
    if status is not None and not as_csv:
        print(heading(status))
    async with aclosing(ledger.entries(call_id=call_id, since=since, until=until)) as entries:
        try:
            await (_as_csv if as_csv else _as_lines)(entries, progress)
        finally:
            progress.end()
    return status is not None or progress.count > 0


async def _as_csv(entries: AsyncIterator[Entry], progress: Progress) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    async for entry in entries:
        writer.writerow(row(entry))
        progress.came_to(entry.at)


async def _as_lines(entries: AsyncIterator[Entry], progress: Progress) -> None:
    async for entry in entries:
        print(line(entry))
        progress.came_to(entry.at)


def _database_url() -> str:
    try:
        return Where().database_url.get_secret_value()
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
        reason = "is not set" if problem["type"] == "missing" else "cannot be used"
        raise CliError(f"DATABASE_URL {reason}: set it, here or in .env, to the ledger's address.") from None
