"""`talkbridge settings`: what is set for each process and where, secrets masked, and what is missing."""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from cyclopts import Parameter
from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from rich.console import Console
from rich.table import Table
from rich.text import Text

from activities.postgres.address import require_address
from activities.settings import SharedSettings, WorkerSettings
from api.settings import GatewaySettings
from cli.known_settings import BOTH, GATEWAY, PROCESSES, WORKER, Known, known

HIDDEN = "••••••••"
_READERS: Mapping[str, type[BaseSettings]] = {BOTH: SharedSettings, GATEWAY: GatewaySettings, WORKER: WorkerSettings}
Only = Literal["all", "gateway", "worker"]


def settings(
    *,
    only: Annotated[Only, Parameter(help="The process whose settings are wanted; the rest is not looked at.")] = "all",
) -> None:
    """Print what is set for each process and where it is set; code 1 when something needed is missing or malformed."""
    processes = [process for process in PROCESSES if only in ("all", process) or process == BOTH]
    dot_env = {name: value for name, value in dotenv_values(".env").items() if value}
    # As wide as it needs to be where nobody looks at a terminal: a script may read it.
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
    for process in processes:
        console.print(_table(process, dot_env))
        console.print()
    sentences = problems(processes)
    for sentence in sentences:
        console.print(f"✗ {sentence}", style="red", markup=False)
    if sentences:
        sys.exit(1)
    console.print("Everything needed is set.", style="green")


def problems(processes: list[str]) -> list[str]:
    """One sentence for each setting that keeps one of these processes from starting, and how to set it."""
    meanings = {each.name: each.meaning for each in known()}
    found: dict[str, str] = {}
    for process in processes:
        for name, reason in refused(_READERS[process]):
            meaning = meanings.get(name, "a usable value")
            found.setdefault(name, f"{name} {reason}: set it in the environment or in .env to {meaning}")
    return list(found.values())


def refused(reader: type[BaseSettings]) -> Iterator[tuple[str, str]]:
    """Each setting that keeps this reader from reading, and what is the matter with it; values are not shown."""
    try:
        reader()
    except ValidationError as error:
        for each in error.errors(include_input=False, include_url=False, include_context=False):
            reason = str(each["msg"]).removeprefix("Value error, ")
            told = "is missing" if each["type"] == "missing" else f"cannot be used ({reason})"
            yield str(each["loc"][0]).upper(), told


def _table(process: str, dot_env: Mapping[str, str | None]) -> Table:
    table = Table(title=PROCESSES[process].replace("`", ""), title_justify="left", title_style="bold", box=None)
    table.add_column("Setting", no_wrap=True)
    table.add_column("Value", overflow="fold")
    table.add_column("From")
    for each in known():
        if each.process == process:
            value, origin = where(each, os.environ, dot_env)
            style = "red" if origin == "missing" else "" if origin in ("environment", ".env") else "dim"
            table.add_row(*(Text(cell, style=style) for cell in (each.name, shown(each, value), origin)))
    return table


def where(each: Known, environment: Mapping[str, str], dot_env: Mapping[str, str | None]) -> tuple[str, str]:
    """A setting's value and where it comes from: the environment, `.env`, its default, or nowhere."""
    # The names in both may be in any case: that is how they are read.
    for values, origin in ((environment, "environment"), (dot_env, ".env")):
        given = {name.upper(): value for name, value in values.items() if value}
        if value := given.get(each.name):
            return value, origin
    if each.default is None:
        return "", "missing"
    return each.default, "default" if each.default else "not set"


def shown(each: Known, value: str) -> str:
    """A value as it may be printed: of a secret only what is none."""
    if not each.secret or not value:
        return value
    if each.name == "DATABASE_URL":
        return _address(value)
    if each.name == "ENCRYPTION_KEYS":
        return ", ".join(_key(entry) for entry in value.split(",") if entry.strip())
    return HIDDEN


def _key(entry: str) -> str:
    key_id, separator, _ = entry.strip().partition(":")
    # Without an id it is the key that stands there.
    return f"{key_id}:{HIDDEN}" if separator else HIDDEN


def _address(url: str) -> str:
    """Server and database, without password and parameters."""
    try:
        require_address(url)
        parts = urlsplit(url)
        host, port, user = parts.hostname, parts.port, parts.username
    except ValueError:
        return HIDDEN
    if not host or parts.scheme not in ("postgresql", "postgres"):
        return HIDDEN
    who = f"{user}:{HIDDEN}@" if user else ""
    return f"{parts.scheme}://{who}{host}{f':{port}' if port else ''}{parts.path}"
