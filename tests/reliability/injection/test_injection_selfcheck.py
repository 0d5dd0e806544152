"""The checks can fail: what a careless integration would do to hostile data is seen."""

import socket
from dataclasses import replace
from html import escape
from typing import Any

import pytest

from tests.e2e.waiting import eventually
from tests.e2e.webhooks import Json
from tests.reliability.injection import checks, pages
from tests.reliability.injection.calls import Call, Trap, make
from tests.reliability.injection.markup import Page
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


def page(name: str, more: str = "", cell: str = "") -> Page:
    """A page of one call, as the templates make it, with something more."""
    row = "".join(f"<td>{text}</td>" for text in (CALL.call_id, cell or escape(name), "anonymous"))
    head = "".join(f"<th scope='col'>{heading}</th>" for heading in ("Call", "Agent", "Customer"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody><tr>{row}</tr></tbody></table>"
    return Page(f"<main id=content tabindex=-1>{table}{more}</main>")


def shown(found: Page, name: str) -> list[str]:
    """What is wrong with it."""
    told = {CALL.call_id: {"agent": {"name": name}, "customer": {}}}
    rows = pages.rows_of(found)
    return [*found.wrong, *pages.listed("Live", rows, [CALL], told, pages.agent_and_customer)]


@pytest.mark.parametrize("name", TEXTS.values())
def test_a_page_as_it_should_be_passes(name: str) -> None:
    """The planted defects below are all that is wrong with the others."""
    text = cleaned(name) or ""
    assert shown(page(text), text) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>",
        "<script src='/ops/static/live.js?v=0123456789abcdef'>alert(1)</script>",
        "<script src='https://evil.example.com/x.js'></script>",
        "<script src='//evil.example.com/x.js'></script>",
        "<script defer></script>",
        "<style>p {}</style>",
        "<link rel=stylesheet href='https://evil.example.com/x.css'>",
        "<meta http-equiv=refresh content=0>",
        "<p onclick=x></p>",
        "<p style='color: red'></p>",
        "<p hx-get='/ops'></p>",
        "<div id=account hx-get='https://evil.example.com/'></div>",
        "<a href='javascript:x'></a>",
        "<a href='//evil.example.com/'></a>",
        "<a href='/\\evil.example.com/'></a>",
        "<a href='/ops' href='/ops'></a>",
        "<a href='https://desk.example.com.evil.example/agent/tickets/1'></a>",
        "<form method=post action='https://evil.example.com/'></form>",
        "<img>",
        "<iframe></iframe>",
        "</td></table>",
        "<p>",
        "<!-- x -->",
        "<![CDATA[x]]>",
        "<?x?>",
        "<svg onload=x></svg>",
        "<span class='of data'></span>",
    ],
)
def test_a_page_that_data_made_is_seen(hostile: str) -> None:
    """A tag, a handler, an address, an end where nothing ends."""
    assert shown(page("a", hostile), "a")[0].startswith("the page holds")


def test_a_text_that_became_a_part_of_the_page_is_seen() -> None:
    """Even when it is made of tags that the templates have; and one that was left out, or stands as it was sent."""
    assert shown(page("<strong>a</strong>", cell="<strong>a</strong>"), "<strong>a</strong>")
    assert shown(page("a"), "b")
    assert list(pages.listed("Live", [], [CALL], {}, pages.agent_and_customer))
    sent = replace(CALL, fields={**CALL.fields, "queue": TEXTS["HTML"]})
    assert list(pages.unescaped(f"<p>{TEXTS['HTML']}</p>", [sent]))
    assert list(pages.unescaped(f"<p>{escape(TEXTS['HTML'])}</p>", [sent])) == []


def test_only_where_the_settings_lead_is_outside() -> None:
    """A ticket, a workflow, our own pages: the same addresses would be found on any other element."""
    for address in ("/ops/calls/a%2Fb", "#content", "https://desk.example.com/agent/tickets/7"):
        assert page("a", f"<a href='{address}'></a>").wrong == []
    assert page("a", "<form method=post action='https://desk.example.com/agent/tickets/7'></form>").wrong


def test_a_visit_is_counted() -> None:
    """Whoever connects to the trap is seen."""
    trap = Trap()
    assert trap.connections() == 0
    socket.create_connection(("127.0.0.1", trap.port)).close()
    assert eventually(trap.connections) == 1
    trap.close()
