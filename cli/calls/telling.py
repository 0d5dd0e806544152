"""A call as a row: a table for people, tab-separated cells for scripts."""

from collections.abc import Iterable
from datetime import datetime

from rich.table import Table
from rich.text import Text

from api.ops.rows import waits
from cli.calls.asking import Call

COLUMNS = ("RECEIVED", "CALL", "STATE", "TICKET", "CUSTOMER", "AGENT", "POP", "WAITS FOR")


def cells(call: Call) -> tuple[str, ...]:
    """A call, a text a column; what is not known yet is `-`. No cell holds a tab, a line's end or a control sign."""
    events, pops = call.get("events") or [], call.get("screen_pops") or []
    agent = call.get("agent") or {}
    row = (
        events[0]["received_at"] if events else None,
        call["call_id"],
        call["state"].replace("_", " "),
        call.get("ticket_id"),
        ", ".join(filter(None, (call.get("customer") or {}).values())),
        agent.get("name") or agent.get("id"),
        _pop(pops[-1]) if pops else None,
        # The words of `/ops`.
        waits(call),
    )
    return tuple(plain(str(cell)) if cell else "-" for cell in row)


def plain(text: str) -> str:
    """One line without control signs: an agent's name must not write on somebody's terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def line(call: Call) -> str:
    """The cells, separated by tabs."""
    return "\t".join(cells(call))


def table(calls: Iterable[Call]) -> Table:
    """The calls for a terminal. What needs attention says so in words; the colour only repeats it."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        shown.add_column(name, no_wrap=name in ("RECEIVED", "CALL", "STATE"), overflow="fold")
    for call in calls:
        style = "bold red" if call["needs_attention"] else ""
        when, *rest = cells(call)
        shown.add_row(*(Text(cell, style=style) for cell in (_clock(when), *rest)))
    return shown


def _pop(pop: Call) -> str:
    if pop["state"] == "shown" and pop["latency_ms"] is not None:
        return f"{pop['latency_ms']} ms"
    return str(pop["state"]).replace("_", " ")


def _clock(moment: str) -> str:
    """The moment in this terminal's zone, in whole seconds."""
    try:
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return moment
