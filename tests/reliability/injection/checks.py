"""What hostile data became, held against what was sent: in the books, the answers and the logs."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from tests.e2e.webhooks import Json
from tests.reliability.injection.calls import Call
from tests.reliability.injection.texts import FORGED, cleaned, one_line, same_address, searched

_LABELS = "Direction|From|To|Started|Answered|Ended|Duration|Agent|Agents|Queue|Disposition|Recording"
_NOTE_LINE = re.compile(rf"({_LABELS}): .*")


def searches(journal: Sequence[Json], calls: Mapping[str, Call]) -> Iterator[str]:
    """Every search asks for exactly one customer's open tickets."""
    for request in journal:
        if request["kind"] != "search":
            continue
        call = calls.get((request["request_id"] or "").partition(".")[0])
        found = searched(request["query"].get("query", "")) if set(request["query"]) == {"query"} else None
        if found is None or call is None:
            yield f"a search of other terms: {request['query']!r}"
        elif not (found[1] == call.phone if found[0] == "phone" else same_address(found[1], call.email)):
            yield f"{call.kind}: a search for somebody else: {found[1]!r}"


def requests(journal: Sequence[Json], calls: Mapping[str, Call]) -> Iterator[str]:
    """Every request belongs to a call, has a known address, and none is refused for its form but by a fault."""
    for request in journal:
        owner = (request["request_id"] or "").partition(".")[0]
        if owner not in calls and owner != "token":
            yield f"a request of nobody's: {request['request_id']!r}"
        refused = request["fault"] is None and request["status"] in (400, 405, 415, 422)
        if request["kind"] == "unknown" or refused:
            yield f"{owner}: {request['kind']} {request['path']!r} is answered {request['status']}"


def ticket(call: Call, ticket: Json) -> Iterator[str]:
    """The ticket holds what was sent as text, in the places it belongs, and our marks once each."""
    name = cleaned(call.fields["name"]) or call.phone
    for field, found, expected in (
        ("subject", ticket["subject"], f"Call from {one_line(name)}"[:150]),
        ("requester", ticket["requester"].get("name"), name[:255]),
        ("phone", ticket["requester"].get("phone"), call.phone),
        ("external id", ticket["external_id"], call.call_id),
    ):
        if found != expected:
            yield f"{call.kind}: {field} is {found!r}, not {expected!r}"
    private = [comment["body"] for comment in ticket["comments"] if comment["public"] is False]
    if len(private) != 2:
        yield f"{call.kind}: {len(private)} private comments, not an opening and a note"
        return
    opening, note = private
    if opening.splitlines() != [f"Phone call from {one_line(name)}.", f"[call {call.call_id} · started]"]:
        yield f"{call.kind}: the opening comment is {opening!r}"
    yield from _note(call, note)
    yield from _metadata(call, ticket["metadata"]["call"])


def _note(call: Call, note: str) -> Iterator[str]:
    headline, *rows, last = note.splitlines()
    if headline != "Call completed." or last != call.mark or not all(_NOTE_LINE.fullmatch(row) for row in rows):
        yield f"{call.kind}: the note is {note!r}"
    labels = [row.partition(":")[0] for row in rows]
    if len(set(labels)) != len(labels):
        yield f"{call.kind}: a line of the note stands twice: {labels}"
    told = dict(row.split(": ", 1) for row in rows if ": " in row)
    for label, field in (("Queue", "queue"), ("Disposition", "disposition"), ("To", "to_line")):
        expected = cleaned(call.fields[field])
        if told.get(label) != (one_line(expected) if expected else None):
            yield f"{call.kind}: {label} is {told.get(label)!r}"


def _metadata(call: Call, metadata: Json) -> Iterator[str]:
    for key, field in (
        ("agent_name", "agent_name"),
        ("queue", "queue"),
        ("disposition", "disposition"),
        ("to", "to_line"),
    ):
        if metadata.get(key) != cleaned(call.fields[field]):
            yield f"{call.kind}: metadata {key} is {metadata.get(key)!r}"


def pops(call: Call, shown: Sequence[Json]) -> Iterator[str]:
    """The agent sees the properties that are configured and no others, each the beginning of what the CRM said."""
    for pop in shown:
        for key, value in pop["custom_properties"].items():
            if key != "ticket_id" and (key not in call.record or key == "secret"):
                yield f"{call.kind}: the pop shows {key}"
            elif key != "ticket_id" and str(call.record[key])[:255] != value:
                yield f"{call.kind}: the pop's {key} is {value!r}"


def status(call: Call, told: Json) -> Iterator[str]:
    """The gateway's word: the agent's name as text, the customer masked."""
    if (told["agent"] or {}).get("name") != cleaned(call.fields["agent_name"]):
        yield f"{call.kind}: the agent is {told['agent']!r}"
    if call.phone in json.dumps(told):
        yield f"{call.kind}: the answer tells the phone number"


def logs(texts: Mapping[str, str]) -> Iterator[str]:
    """One event is one line, and no line is of data's making: logs by name, those in JSON end in `json`."""
    for name, text in texts.items():
        for line in text.splitlines():
            if line.startswith("1999-01-01") or line.lstrip().startswith(FORGED):
                yield f"{name}: a line that data made: {line[:200]!r}"
            if name.endswith("json") and not _is_event(line):
                yield f"{name}: a line that is no event: {line[:200]!r}"


def _is_event(line: str) -> bool:
    try:
        event = json.loads(line)
    except ValueError:
        return False
    return isinstance(event, dict) and isinstance(event.get("event"), str) and event["event"] != FORGED
