"""What the demo prints: with colours and tables on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.demo.world import Document, counted

WORDS = {
    "search": "search",
    "read_ticket": "ticket read",
    "find_by_external_id": "look-up by external id",
    "list_comments": "comment list",
    "create_ticket": "ticket created",
    "update_ticket": "ticket update",
    "patch_call": "screen pop",
    "fetch_customer": "CRM",
    "token": "token",
}
"""A request in a line of text, by its kind in the simulator's journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One count: what it should be and what it is."""

    what: str
    expected: str
    seen: str
    right: bool


class Telling:
    """Prints to standard output."""

    def __init__(self) -> None:
        """Begin to count the time."""
        self._console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._begun = time.monotonic()

    @property
    def on_terminal(self) -> bool:
        """Whether somebody watches."""
        return self._console.is_terminal

    def since_start_s(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    def line(self, text: str, style: str = "") -> None:
        """One line."""
        self._console.print(escape(text), style=style or None)

    def story(self, number: int, title: str) -> None:
        """The heading of a story."""
        self._console.print(f"\n[bold]{number}  {escape(title)}[/bold]")

    def fact(self, call_id: str, text: str) -> None:
        """Something that is now known of a call."""
        self._console.print(
            f"   [dim]{self.since_start_s():5.1f} s[/dim]  [cyan]{escape(call_id):<15}[/cyan] {escape(text)}"
        )

    def wrong(self, text: str) -> None:
        """Something that is not as it should be."""
        self._console.print(f"   [red]✗ {escape(text)}[/red]")

    def table(self, rows: Iterable[Row]) -> None:
        """The counts against what they should be."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, justify in (
            ("Counted by the simulator", "left"),
            ("expected", "right"),
            ("seen", "right"),
            ("", "left"),
        ):
            table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
        for row in rows:
            mark = "[green]✓[/green]" if row.right else "[red]✗[/red]"
            table.add_row(row.what, row.expected, row.seen, mark)
        self._console.print()
        self._console.print(table)
        self._console.print()


def in_words(requests: Sequence[Document]) -> str:
    """The requests of a call: `1 search, 2 ticket updates (1 refused: 401)`."""
    return ", ".join(_kind(kind, count, requests) for kind, count in counted(list(requests)).items()) or "none"


def _kind(kind: str, count: int, requests: Sequence[Document]) -> str:
    word = WORDS.get(kind, kind)
    of_kind = [each for each in requests if each["kind"] == kind]
    refused = [str(each["status"]) for each in of_kind if each["status"] is not None and each["status"] >= 400]
    told = f" (1 refused: {refused[0]})" if len(refused) == 1 else f" ({len(refused)} refused)" if refused else ""
    return f"{count} {word}{_plural(word) if count > 1 else ''}{told}"


def _plural(word: str) -> str:
    return {"search": "es", "CRM": "", "ticket created": "", "ticket read": ""}.get(word, "s")
