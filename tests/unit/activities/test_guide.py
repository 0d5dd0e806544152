"""The `guide` dialect, from values to bytes and back, without a network."""

import json

import pytest

from activities.zendesk import guide
from activities.zendesk.errors import MalformedAnswer, Unauthorized
from activities.zendesk.message import Answer, Document, Request


def answer(body: object, status: int = 200) -> Answer:
    """An answer with a JSON body."""
    return Answer(status=status, content=json.dumps(body).encode())


def body_of(request: Request) -> Document:
    """The ticket a request carries."""
    assert request.body is not None
    ticket: Document = request.body["ticket"]
    return ticket


def test_the_token_request_is_the_guides() -> None:
    """Client credentials and the scopes, space-separated, as JSON."""
    request = guide.exchange("id", "secret", ["a:read", "b:write"])
    assert (request.method, request.path) == ("POST", "/api/v2/oauth/token")
    assert request.body == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": "secret",
        "scope": "a:read b:write",
    }
    assert "secret" not in repr(request)


def test_a_token_answer_is_read_and_hidden() -> None:
    """Token, life and granted scopes; the token is never part of the value's text."""
    given = {"access_token": "tok", "expires_in": 3600, "token_type": "Bearer", "scope": "a b"}
    token = guide.token(answer(given), ["a", "b", "c"])
    assert (token.access_token, token.expires_in, token.scopes) == ("tok", 3600, ("a", "b"))
    assert "tok" not in repr(token).replace("TokenAnswer", "").replace("access_token", "")


def test_a_scope_left_out_is_the_one_asked_for() -> None:
    """RFC 6749: `scope` may be absent when it is what was asked for."""
    assert guide.token(answer({"access_token": "t", "expires_in": 1}), ["a"]).scopes == ("a",)


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a\r\nX: b"},
        {"access_token": "é"},
        {"expires_in": None},
        {"expires_in": 0},
        {"expires_in": True},
        {"expires_in": float("nan")},
        {"expires_in": float("inf")},
        {"expires_in": "3600"},
        {"scope": ["a"]},
        {"token_type": "mac"},
    ],
)
def test_a_token_that_cannot_be_used_is_none(change: Document) -> None:
    """An unusable token answer is malformed."""
    given = {"access_token": "tok", "expires_in": 3600, "token_type": "Bearer", "scope": "a"}
    with pytest.raises(MalformedAnswer):
        guide.token(answer({**given, **change}), ["a"])


def test_a_refused_client_is_told_apart() -> None:
    """401 at the token endpoint is `Unauthorized`."""
    with pytest.raises(Unauthorized):
        guide.token(answer({"error": "invalid_client"}, 401), ["a"])


def test_an_update_sends_what_it_has() -> None:
    """A custom status goes with a status only, null where there is none; the stamp comes with `safe_update`."""
    assert body_of(guide.update(1, status="open", custom_status="In-Call")) == {
        "status": "open",
        "custom_status": "In-Call",
    }
    assert body_of(guide.update(1, status="open")) == {"status": "open", "custom_status": None}
    assert body_of(guide.update(1, custom_status="In-Call", comment="n")) == {"comment": {"body": "n", "public": False}}
    assert body_of(guide.update(1, stamp="s")) == {"safe_update": True, "updated_stamp": "s"}
    assert body_of(guide.update(1, metadata={"id": "c", "to": None})) == {"metadata": {"call": {"id": "c"}}}


def test_a_follow_up_names_what_it_follows() -> None:
    """What is absent is left out of a create, a follow-up's source is in it."""
    requester = guide.Requester(name="A")
    request = guide.create(key="k", subject="s", comment="c", requester=requester, external_id="e", follows=7)
    assert body_of(request) == {
        "subject": "s",
        "comment": {"body": "c", "public": False},
        "requester": {"name": "A"},
        "external_id": "e",
        "via_followup_source_id": 7,
    }
    assert request.headers == {"Idempotency-Key": "k"}


@pytest.mark.parametrize(
    "entry", [None, 5, {}, {"id": "5"}, {"id": True}, {"id": 0}, {"id": -1}, {"id": 2**63}, {"id": 1.5}]
)
def test_what_is_no_ticket_is_malformed(entry: object) -> None:
    """A ticket has a positive whole number that fits our ledger, or it is no ticket."""
    with pytest.raises(MalformedAnswer):
        guide.one_ticket(answer({"ticket": entry}))
    with pytest.raises(MalformedAnswer):
        guide.found(answer({"results": [entry]}), "results")


def test_the_answer_is_about_the_ticket_asked_for() -> None:
    """Another ticket than the one asked for is no answer."""
    assert guide.one_ticket(answer({"ticket": {"id": 5}}), 5) == guide.Ticket(id=5)
    with pytest.raises(MalformedAnswer):
        guide.one_ticket(answer({"ticket": {"id": 6}}), 5)


def test_texts_that_cannot_be_stored_are_none() -> None:
    """A status or stamp with control characters, or of another type, counts as absent."""
    ticket = guide.one_ticket(answer({"ticket": {"id": 5, "status": "a\u0000", "custom_status": 7, "updated_at": "x"}}))
    assert ticket == guide.Ticket(id=5, updated_at="x")


def test_the_most_recently_updated_comes_first() -> None:
    """Moments are compared, not their texts; a ticket without one comes last."""
    entries = [
        {"id": 1, "updated_at": "2026-01-01T10:00:00Z"},
        {"id": 2},
        {"id": 3, "updated_at": "2026-01-01T11:30:00+02:00"},
        {"id": 4, "updated_at": "2026-01-01T10:00:00Z"},
    ]
    assert [ticket.id for ticket in guide.found(answer({"results": entries}), "results")] == [4, 1, 3, 2]


def test_a_next_page_is_only_ever_a_number() -> None:
    """The address of the next page is not followed; one without the next number leaves the list incomplete."""
    page = guide.comments(answer({"comments": [{"body": "a"}], "next_page": "https://x/y?page=2&per_page=1"}), 1)
    assert (page.bodies, page.next_page, page.whole) == (("a",), 2, True)
    for more in ("https://x/y?page=9", "https://x/y?cursor=2", 5):
        page = guide.comments(answer({"comments": [], "next_page": more}), 1)
        assert (page.next_page, page.whole) == (None, False)
    assert guide.comments(answer({"comments": []}), 1).whole
    with pytest.raises(MalformedAnswer):
        guide.comments(answer({"comments": [{"id": 1}]}), 1)


def test_a_pop_needs_no_body_in_its_answer() -> None:
    """An empty 2xx is a shown pop; one that is not JSON is not."""
    guide.shown(Answer(status=204))
    with pytest.raises(MalformedAnswer):
        guide.shown(Answer(status=200, content=b"<html>"))


def test_only_a_private_comment_can_be_ours() -> None:
    """A customer who writes our mark into a public comment does not make us believe that our note is there."""
    mark = "[call c-1 · completed]"
    forged = {"id": 1, "body": mark, "public": True}
    assert guide.comments(answer({"comments": [forged]}), 1).bodies == ()
    ours = [{"id": 2, "body": f"a\n{mark}", "public": False}, {"id": 3, "body": "of a vendor that does not say"}]
    assert len(guide.comments(answer({"comments": [forged, *ours]}), 1).bodies) == 2
