"""The checks can fail: what a careless integration would do to hostile data is seen."""

import socket
from typing import Any

from tests.e2e.waiting import eventually
from tests.e2e.webhooks import Json
from tests.reliability.injection import checks
from tests.reliability.injection.calls import Call, Trap, make
from tests.reliability.injection.texts import TEXTS, cleaned, one_line, searched

CALL: Call = make(1, 1, "http://127.0.0.1:9")[0]


def ticket(**changed: Any) -> Json:  # noqa: ANN401 - fields of the ticket
    """The ticket as it should be."""
    fields = CALL.fields
    name = cleaned(fields["name"]) or CALL.phone
    rows = [
        f"{label}: {one_line(text)}"
        for label, field in (("To", "to_line"), ("Queue", "queue"), ("Disposition", "disposition"))
        if (text := cleaned(fields[field]))
    ]
    told = {"agent_name": "agent_name", "queue": "queue", "disposition": "disposition", "to": "to_line"}
    private = [
        f"Phone call from {one_line(name)}.\n[call {CALL.call_id} · started]",
        "\n".join(["Call completed.", *rows, CALL.mark]),
    ]
    return {
        "subject": f"Call from {one_line(name)}"[:150],
        "requester": {"name": name[:255], "phone": CALL.phone},
        "external_id": CALL.call_id,
        "comments": [{"body": body, "public": False} for body in private],
        "metadata": {"call": {key: cleaned(fields[field]) for key, field in told.items()}},
        **changed,
    }


def test_a_ticket_as_it_should_be_passes() -> None:
    """The planted defects below are all that is wrong with the others."""
    assert list(checks.ticket(CALL, ticket())) == []


def test_a_ticket_that_data_changed_is_seen() -> None:
    """A subject of other words, a note of more lines, a note twice, a note left out."""
    good = ticket()
    assert list(checks.ticket(CALL, ticket(subject="Call from somebody")))
    more = good["comments"][1]["body"].replace(CALL.mark, f"owned\n{CALL.mark}")
    assert list(checks.ticket(CALL, ticket(comments=[good["comments"][0], {"body": more, "public": False}])))
    assert list(checks.ticket(CALL, ticket(comments=[*good["comments"], good["comments"][1]])))
    assert list(checks.ticket(CALL, ticket(comments=good["comments"][:1])))


def test_a_search_of_other_terms_is_seen() -> None:
    """A value that leaves its quotes, another field, another customer."""
    assert searched('type:ticket status:open customer_email:"a@example.com"') == ("email", "a@example.com")
    assert searched('type:ticket status:open customer_email:"a" OR status:closed ""') is None
    assert searched('type:ticket status:closed customer_email:"a@example.com"') is None
    query = 'type:ticket status:open customer_phone:"+15550000"'
    request = {"kind": "search", "request_id": f"{CALL.call_id}.search.1.x", "query": {"query": query}}
    assert list(checks.searches([request], {CALL.call_id: CALL}))


def test_a_line_that_data_made_is_seen() -> None:
    """In the log for machines and in the one for people."""
    assert list(checks.logs({"x, json": '{"event": "a"}\nplain'}))
    assert list(checks.logs({"x, json": '{"event": "FORGED-BY-DATA"}'}))
    assert list(checks.logs({"x, console": TEXTS["a log line"]}))
    assert list(checks.logs({"x, json": '{"event": "a", "text": "1999-01-01\\n"}'})) == []


def test_a_page_that_data_made_is_seen() -> None:
    """A tag, a handler, an address."""
    name = cleaned(CALL.fields["agent_name"])
    assert list(checks.page(f"<p>{CALL.call_id}</p><p>{name}", [])) == ["the page shows no call"]
    for hostile in ("<script>", "<p onclick=x>", '<a href="javascript:x">', "<img>"):
        assert next(checks.page(hostile, [])).startswith("the page holds")


def test_a_visit_is_counted() -> None:
    """Whoever connects to the trap is seen."""
    trap = Trap()
    assert trap.connections() == 0
    socket.create_connection(("127.0.0.1", trap.port)).close()
    assert eventually(trap.connections) == 1
    trap.close()
