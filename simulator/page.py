"""A page to look at: tickets, calls and the latest requests."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from simulator.world import World

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin-bottom:2rem}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .7rem;border-bottom:1px solid #ddd}"
    "td{white-space:pre-wrap;overflow-wrap:anywhere}tr:target{background:#fff3bf}"
)


def page(world: World) -> str:
    """The whole page."""
    tickets = [
        (
            ticket.id,
            " / ".join(part for part in (ticket.status, ticket.custom_status) if part),
            ticket.subject,
            ticket.external_id,
            "\n".join(comment["body"] for comment in ticket.comments),
            ticket.updated_at,
        )
        for ticket in reversed(world.tickets.all())
    ]
    calls = [
        (
            call.id,
            call.script,
            "\n".join(f"{each.event}: {each.status or each.error or '…'}" for each in call.deliveries),
            "\n".join(f"{name}: {value}" for name, value in call.custom_properties.items()),
        )
        for call in reversed(world.calls.all())
    ]
    requests = [
        (entry.n, entry.kind, f"{entry.method} {entry.path}", entry.status, entry.fault)
        for entry in reversed(world.journal.entries[-50:])
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Simulator</title><style>{_STYLE}</style>"
        "<h1>Simulated Zendesk, CRM and telephony</h1>"
        + _table("Tickets", ("Id", "Status", "Subject", "External id", "Comments", "Updated"), tickets, anchor="ticket")
        + _table("Calls", ("Id", "Script", "Webhooks", "Screen pop"), calls)
        + _table("Latest requests", ("No.", "Kind", "Request", "Status", "Fault"), requests)
    )


def _table(title: str, heads: Iterable[str], rows: Iterable[tuple[object, ...]], anchor: str = "") -> str:
    """With an `anchor`, a row has the address `#anchor-<its first cell>`."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr{_id(anchor, row)}>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table><tr>{head}</tr>{body}</table>"


def _id(anchor: str, row: tuple[object, ...]) -> str:
    return f' id="{escape(f"{anchor}-{row[0]}")}"' if anchor else ""


def _cell(value: object) -> str:
    return f"<td>{'' if value is None else escape(str(value))}</td>"
