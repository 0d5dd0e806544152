"""`talkbridge calls`: list calls by state, ticket, agent or need; with `--watch` for as long as one looks."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import httpx2 as httpx
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.calls.asking import Call, Pages
from cli.calls.telling import cells, line, table
from cli.errors import CliError
from cli.gateway import address, client, door
from cli.send import called
from cli.servers.progress import say

State = Literal["ringing", "in_call", "completed", "missed", "end_not_reported"]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """The calls wanted: those that match all that is given."""

    state: State | None = None
    "Only calls in this state."
    ticket: int | None = None
    "Only calls on this ticket."
    agent: str | None = None
    "Only calls this agent (id) answered last."
    needs_attention: Annotated[bool, Parameter(negative="")] = False
    "Only calls that wait for a person."
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 50
    "How many, the newest first."
    cursor: str | None = None
    "Go on where an earlier list ended."

    @property
    def query(self) -> dict[str, str]:
        """As the gateway is asked."""
        given = {"state": self.state, "ticket_id": self.ticket, "agent_id": self.agent}
        wanted = {name: str(value) for name, value in given.items() if value is not None}
        return wanted | ({"needs_attention": "true"} if self.needs_attention else {})


def calls(
    which: Which | None = None,
    *,
    watch: Annotated[bool, Parameter(help="Look again and again, until Ctrl-C.", negative="")] = False,
    every_s: Annotated[float, Parameter(help="How often to look, in seconds.", validator=Number(gte=0.2))] = 2,
    as_json: Annotated[bool, Parameter(name="--json", help="One JSON object a line.", negative="")] = False,
    url: Annotated[str | None, Parameter(help="The gateway; API_HOST and API_PORT unless given.")] = None,
) -> None:
    """Print the list once, or again and again. Raises `CliError`."""
    which, settings = which or Which(), door()
    bearer = settings.bearer
    with client(address(url, settings)) as http:
        if watch:
            _watch(http, bearer, which, every_s=every_s, as_json=as_json)
        else:
            _list(http, bearer, which, as_json=as_json)


def _list(http: httpx.Client, bearer: str, which: Which, *, as_json: bool) -> None:
    pages = Pages(http, bearer, which.query, limit=which.limit, cursor=which.cursor)
    if sys.stdout.isatty() and not as_json:
        found = [call for page in pages for call in page]
        Console(highlight=False).print(_page(found))
    else:
        for page in pages:
            _print(page, as_json=as_json)
    if pages.cursor is not None:
        say(f"There are more: {called()} calls … --cursor {pages.cursor}, or a higher --limit.")


def _page(found: list[Call]) -> Table | Text:
    return table(found) if found else Text("No call matches.")


def _print(found: list[Call], *, as_json: bool) -> None:
    for call in found:
        print(json.dumps(call, ensure_ascii=False) if as_json else line(call))
    sys.stdout.flush()


def _watch(http: httpx.Client, bearer: str, which: Which, *, every_s: float, as_json: bool) -> None:
    lists = _lists(http, bearer, which, every_s)
    if sys.stdout.isatty() and not as_json:
        with Live(console=Console(highlight=False), auto_refresh=False, screen=False) as live:
            for found, trouble in lists:
                now = f"{time.strftime('%H:%M:%S')}, every {every_s:g} s; Ctrl-C ends"
                head = Text(f"{trouble} As it was:" if trouble else now, style="" if trouble else "dim")
                live.update(Group(head, _page(found)), refresh=True)
        return
    known: dict[str, object] = {}
    for found, trouble in lists:
        if trouble:
            say(trouble)
        # The oldest first: what is printed last is what happened last.
        changed = [call for call in reversed(found) if known.get(call["call_id"]) != _essence(call, as_json)]
        known |= {call["call_id"]: _essence(call, as_json) for call in changed}
        _print(changed, as_json=as_json)


def _essence(call: Call, as_json: bool) -> object:
    return call if as_json else cells(call)


def _lists(http: httpx.Client, bearer: str, which: Which, every_s: float) -> Iterator[tuple[list[Call], str | None]]:
    """The list again and again; while it cannot be had the last one, and why. The first time that is raised."""
    found: list[Call] | None = None
    while True:
        trouble = None
        try:
            pages = Pages(http, bearer, which.query, limit=which.limit, cursor=which.cursor)
            found = [call for page in pages for call in page]
        except CliError as error:
            if found is None:
                raise
            trouble = str(error)
        yield found, trouble
        time.sleep(every_s)
