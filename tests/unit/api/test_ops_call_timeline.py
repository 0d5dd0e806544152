"""The drawing of a call: complete, within its edges, and never by colour alone."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from api.account import Account, Pending
from api.ops import call as page
from api.ops import pages
from api.ops.call_mend import Draft
from api.ops.causes import advice
from api.ops.groups import Wish
from api.ops.links import Links
from api.ops.story import story_of
from api.ops.timeline import WIDTH, Drawing, drawing_of
from api.reading import Records
from api.security import Role, Session
from tests.unit.api.ops_call_kit import account, at, mended, received, records, sent, step

LINKS = Links(ticket_url=None, temporal_ui_url=None, namespace="default")
WHOLE: dict[str, Any] = {
    "needs_attention": False,
    "mends": {"retry": "Tries at once. Will update ticket 7. Will not create another.", "end": "Ends it."},
    "ticket_id": 7,
    "ticket_origin": "created",
    "customer": {"email": "u•••@example.com", "phone": None},
    "agent": None,
    "workflow_id": "call-c-1",
}


def drawn(given: Account, kept: Records, now_s: float, *, going_on: bool = True) -> Drawing:
    """The drawing as of then."""
    drawing = drawing_of(story_of(given, kept, at(now_s)), going_on=going_on)
    assert drawing is not None
    return drawing


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.size = 0

    def feed(self, data: str) -> None:
        self.size += len(data.encode())
        super().feed(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def shown(given: Account, kept: Records, now_s: float, *, role: Role = Role.OPERATOR, **query: str) -> _Text:
    """The page, as its template draws it."""
    story = story_of(given, kept, at(now_s))
    known = page.Known(account=given, records=kept, story=story, problem=None)
    request: Any = SimpleNamespace(query_params=query)
    always = {"session": Session(role=role, csrf="form-token"), "path": "/ops/calls/c-1", "links": LINKS}
    parser = _Text()
    parser.feed(pages._templates.get_template("call.html").render(always | page._context(request, known)))
    return parser


def stuck() -> Account:
    """A call whose update waits."""
    return account(
        **WHOLE,
        steps=[step("update_ticket-final", "waiting", "RateLimited: 429")],
        events=[received("call.started", 0)],
        pending={"update_ticket-final": Pending(failed_at=at(5.1), next_at=at(20))},
    )


def test_everything_stands_within_the_edges() -> None:
    """Also with a wait that ends after now, and with three seconds at both ends of four hours."""
    kept = records([sent("update_ticket-final", 5, "RateLimited", 429), sent("search_tickets", 14280)], [mended(2)])
    drawing = drawn(stuck(), kept, 14281)
    assert {shape.kind for shape in drawing.shapes} == {"event", "request", "wait", "mend"}
    for shape in drawing.shapes:
        assert drawing.left <= shape.x0 <= shape.x1 <= drawing.right + 4
        assert 0 < shape.y < drawing.height
        assert shape.label_x + 7 * len(shape.label) <= WIDTH
    assert drawing.now_x is not None
    assert [cut.label for cut in drawing.cuts if "h" in cut.label]


def test_a_call_that_is_over_has_no_now() -> None:
    """Its axis ends where it ended."""
    drawing = drawn(account(events=[received("call.started", 0)]), records(), 10**6, going_on=False)
    assert drawing.now_x is None
    assert drawing.cuts == []


def test_a_call_of_which_nothing_is_known_is_not_drawn() -> None:
    """Nothing has happened."""
    assert drawing_of(story_of(account(), records(), at(0)), going_on=True) is None


def test_each_outcome_has_a_sign_beside_its_pattern() -> None:
    """Where there is room for it."""
    outcomes = ["done", "ServerFault", "not_sent", None]
    drawing = drawn(account(), records([sent(f"step_{n}", n, each) for n, each in enumerate(outcomes)]), 9)
    assert [shape.label[0] for shape in drawing.shapes] == ["✓", "✕", "–", "?"]


def test_labels_of_a_lane_do_not_cover_each_other() -> None:
    """Forty attempts half a second apart."""
    kept = records([sent("search_tickets", n / 2, "ServerFault", 503) for n in range(40)])
    labelled = [shape for shape in drawn(account(), kept, 30).shapes if shape.label]
    places = sorted((shape.label_x, shape.label_x + 7 * len(shape.label)) for shape in labelled)
    assert all(earlier[1] + 8 <= later[0] + 0.1 for earlier, later in pairwise(places))


def test_the_table_says_what_the_drawing_says() -> None:
    """Each shape's title is made of the words of a row; the picture names itself and its description."""
    kept = records([sent("update_ticket-final", 5, "RateLimited", 429)], [mended(2)])
    told = shown(stuck(), kept, 8)
    for words in ("call.started received", "update ticket: final, attempt 1", "429 rate limited", "use ticket by Eve"):
        assert words in told.seen
    assert told.seen.count("waiting for Zendesk: 429, again in 12 s") >= 1
    (svg,) = [attrs for tag, attrs in told.tags if tag == "svg"]
    assert (svg["role"], svg["aria-labelledby"]) == ("img", "timeline-title timeline-desc")
    ids = [attrs["id"] for _, attrs in told.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {"timeline-title", "timeline-desc"} <= set(ids)


def test_a_request_that_is_out_is_under_way_wherever_it_stands() -> None:
    """In both tables; once it is too old for its attempt nobody knows what it came to."""
    given = account(**WHOLE, steps=[step("search_tickets", "running")])
    for now_s, words in ((12, "under way"), (90, "unknown")):
        assert shown(given, records([sent("search_tickets", 10, None)]), now_s).seen.count(words) == 2


def test_a_mend_that_was_done_was_asked_for() -> None:
    """Its text says what the call will do; of one that was not needed it says what was."""
    asked = mended(2)
    for mend, words in (
        (asked, "Asked for: This call goes on with ticket 7."),
        (replace(asked, result="not_needed", text="Nothing waits."), "Nothing waits."),
    ):
        told = shown(stuck(), records(mends=[mend]), 8, mended=mend.mend_id)
        assert words in " ".join("".join(told.seen).split())
        assert ("Asked for" in "".join(told.seen)) == (mend is asked)


def test_only_an_operator_sees_buttons() -> None:
    """A reader sees the sentences."""
    for role, buttons in ((Role.OPERATOR, 2), (Role.READER, 0)):
        told = shown(stuck(), records(), 8, role=role)
        links = [str(attrs.get("href")) for tag, attrs in told.tags if tag == "a"]
        assert sum("/mend?" in link for link in links) == buttons
        assert "Tries at once. Will update ticket 7. Will not create another." in told.seen


def test_a_test_call_says_so_in_its_heading() -> None:
    """Another call does not."""
    for call_id, is_test in (("talkbridge-test-0123456789ab", True), ("c-1", False)):
        given = account(**{**WHOLE, "state": "missed"})
        given = replace(given, status={**given.status, "call_id": call_id})
        assert ("test" in shown(given, records(), 8).seen) is is_test


def test_an_open_call_asks_for_itself_and_a_closed_one_does_not() -> None:
    """By htmx; without it there is a link."""
    for is_open, asks in ((True, True), (None, True), (False, False)):
        told = shown(account(**WHOLE, open_=is_open), records(), 8)
        assert any("hx-get" in attrs for _, attrs in told.tags) is asks
        assert "Refresh" in told.seen


def test_a_page_of_five_hundred_requests_stays_small() -> None:
    """A hundred are listed, the earlier ones a page further; under 200 KB each."""
    requests = [sent("search_tickets", 60 * n, "ServerFault", 503, attempt=n + 1) for n in range(500)]
    told = shown(account(**WHOLE), records(requests, unread=7), 40000)
    assert "The latest 100 of 507 requests, in order." in told.seen
    assert "447 requests are neither drawn" in "".join(told.seen)
    last = shown(account(**WHOLE), records(requests), 40000, requests="999")
    assert requests[0].request_id in last.seen
    assert all(each.size < 150_000 for each in (told, last))


def test_a_call_saved_long_ago_is_shown_without_what_it_lacks() -> None:
    """Older records have neither causes nor mends, nor a step's last error."""
    old = {"call_id": "c-1", "state": "completed", **{k: v for k, v in WHOLE.items() if k != "mends"}}
    given = Account(
        status={**old, "events": [], "steps": [{"name": "create_ticket", "state": "done"}]}, source="ledger"
    )
    assert "create ticket" in shown(given, records(), 8).seen


def test_the_form_carries_what_was_put_in() -> None:
    """Escaped, with the wish's own name and the session's token."""
    draft = Draft(
        id="0123456789abcdef", action="use_ticket", by='"><b>Eve', reason="why", ticket_id="x", sentence="Writes."
    )
    context = {
        "session": Session(role=Role.OPERATOR, csrf="form-token"),
        "path": "/",
        "links": LINKS,
        "call": {"call_id": "c-1", "ticket_id": 7},
        "draft": draft,
        "offered": True,
        "label": "Use another ticket",
        "problem": "Give the ticket's number, in digits.",
    }
    parser = _Text()
    parser.feed(pages._templates.get_template("call_mend.html").render(context))
    values = {attrs["name"]: attrs.get("value") for tag, attrs in parser.tags if tag == "input"}
    assert values == {
        "csrf": "form-token",
        "id": "0123456789abcdef",
        "action": "use_ticket",
        "step": "",
        "sentence": "Writes.",
        "ticket_id": "x",
        "reason": "why",
        "by": '"><b>Eve',
    }


def test_both_forms_ask_the_same_in_the_same_order() -> None:
    """Who has filled in one fills in the other blindly."""
    wish = Wish(cause="StepRefused", step="final_update", group_id="0" * 16)
    draft = Draft(id="0" * 16, action="retry", sentence="Tries at once.")
    always = {"session": Session(role=Role.OPERATOR, csrf="form-token"), "path": "/", "links": LINKS, "problem": None}
    single = {"call": {"call_id": "c-1", "ticket_id": 7}, "draft": draft, "offered": True, "label": "Retry now"}
    group = {
        "wish": wish,
        "advice": advice(wish.cause),
        "size": 2,
        "calls": 2,
        "lasting": "about a second",
        "key": "",
        **dict.fromkeys(("per_second", "most_per_second", "most_by", "most_reason"), 5),
    }
    for name, given in (("call_mend.html", single), ("group_confirm.html", group)):
        text = pages._templates.get_template(name).render(always | given)
        labels = re.findall(r'<label for="(?:by|reason)">([^<]+)</label>', text)
        assert labels == ["Your name", "Reason"]
        assert "The ledger keeps who, when and why" in text
        assert "Name no customer." in text
