"""`talkbridge call`: what became of a call, by the gateway's own account."""

import json
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from cli.gateway import address, ask, client, door

app = App(name="call", help="What became of a call.")


@app.command
def show(
    call_id: str,
    *,
    url: Annotated[str | None, Parameter(help="The gateway; API_HOST and API_PORT unless given.")] = None,
    as_json: Annotated[bool, Parameter(name="--json", help="Print the gateway's answer.", negative="")] = False,
) -> None:
    """Show a call: its ticket and where that came from, events, requests, screen pops."""
    settings = door()
    told = fetch(address(url, settings), settings.bearer, call_id)
    print(json.dumps(told, indent=2, ensure_ascii=False) if as_json else "\n".join(lines(told)))


def fetch(url: str, ops_token: str, call_id: str) -> dict[str, Any]:
    """The gateway's account of a call. Raises `CliError`."""
    with client(url) as http:
        return ask(http, "GET", f"/calls/{quote(call_id, safe='')}", ops_token, unknown=f"call {call_id}")


def lines(told: dict[str, Any]) -> Iterator[str]:
    """The account as a page of text."""
    yield f"Call      {told['call_id']}  {told['state'].replace('_', ' ')}"
    yield f"Ticket    {_ticket(told)}"
    yield f"Customer  {', '.join(filter(None, told['customer'].values())) or 'anonymous'}"
    if told["agent"]:
        yield f"Agent     {' '.join(filter(None, (told['agent'].get('name'), told['agent'].get('id'))))}"
    if told["needs_attention"]:
        yield f"Attention {told['attention'] or 'needed'}"
    yield from (f"Warning   {warning}" for warning in told["warnings"])
    yield f"Workflow  {told['workflow_id']} (told by the {told['source']})"
    yield from _part("Events", (_event(each) for each in told["events"]))
    yield from _part("Requests", (_step(each) for each in told["steps"]), f"{'finished':<24}  {'request':<19} state")
    yield from _part("Screen pops", (_pop(each) for each in told["screen_pops"]))


def _ticket(told: dict[str, Any]) -> str:
    if told["ticket_id"] is None:
        return "none yet"
    origin = (told["ticket_origin"] or "").replace("_", "-")
    return f"{told['ticket_id']}" + (f" ({origin})" if origin else "")


def _part(title: str, texts: Iterator[str], heading: str | None = None) -> Iterator[str]:
    rows = list(texts)
    if rows:
        yield from ("", title, *(f"  {row}" for row in ([heading] if heading else []) + rows))


def _event(event: dict[str, Any]) -> str:
    return f"{event['received_at']}  {event['type']}" + (f"  {event['event_id']}" if event["event_id"] else "")


def _step(step: dict[str, Any]) -> str:
    tries = f", {step['attempts']} attempts" if step["attempts"] > 1 else ""
    error = f": {step['last_error']}" if step.get("last_error") else ""
    return f"{step.get('finished_at') or ' ' * 24}  {step['name']:<19} {step['state']}{tries}{error}"


def _pop(pop: dict[str, Any]) -> str:
    latency = f" after {pop['latency_ms']} ms" if pop["latency_ms"] is not None else ""
    left_out = f", left out: {', '.join(pop['left_out'])}" if pop["left_out"] else ""
    return f"{pop['agent_id'] or 'no agent'}: {pop['state'].replace('_', ' ')}{latency}{left_out}"
