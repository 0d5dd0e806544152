"""*Set-up*: the checks, a test call through the real path, and a webhook explained without effect."""

import json

import pytest
from playwright.sync_api import Page, expect

from api.security import Role
from tests.browser.visitor import Look, Visit, expire, sent_again
from tests.e2e.stack import OPS_TOKEN, Stack
from tests.e2e.webhooks import payload, signed

PLAIN = Look(javascript=False)
with_and_without = pytest.mark.parametrize("look", [Look(), PLAIN], ids=["javascript", "plain"])
SEND = "Send a test call and create a ticket"


@with_and_without
def test_the_checks_are_told(visit: Visit, house: Stack, look: Look) -> None:
    """In a sound house none fails; the token is told of by its life and scopes; beside it, where webhooks go."""
    page = visit("/ops/setup", look=look)
    checks = page.locator(".checks")
    for text in ("ok", "min more", "granted: "):
        expect(checks.get_by_text(text).first).to_be_visible()
    expect(checks.get_by_text("fails")).to_have_count(0)
    expect(page.get_by_text(f"http://127.0.0.1:{house.gateway_port}/webhooks/calls")).to_be_visible()


@with_and_without
def test_a_test_call_runs_through_the_real_path(visit: Visit, house: Stack, look: Look) -> None:
    """What it will do is said before; it ends as a missed call with one ticket, also when the form is sent again."""
    page = visit("/ops/setup", look=look)
    expect(page.get_by_text("Creates one real ticket in Zendesk for the caller “Talkbridge test”")).to_be_visible()
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.get_by_role("button", name=SEND).click()
    page.wait_for_url("**/ops/calls/talkbridge-test-*")
    call_id = page.url.rpartition("/")[2]
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Call {call_id} test")
    assert house.ended(call_id)["state"] == "missed"
    assert sent_again(page, sent.value) == page.url
    assert house.counts(call_id)["create_ticket"] == 1


def test_who_may_only_look_sends_none(visit: Visit) -> None:
    """The button is not there, and why."""
    page = visit("/ops/setup", role=Role.READER)
    expect(page.get_by_role("button", name=SEND)).to_have_count(0)
    expect(page.get_by_text("only operators can send one")).to_be_visible()


def test_a_session_that_ran_out_sends_none(visit: Visit, house: Stack) -> None:
    """It leads to the sign-in form, and from there back to the page."""
    before = len(house.books()["tickets"])
    page = visit("/ops/setup")
    expire(page)
    page.get_by_role("button", name=SEND).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    page.get_by_label("Ops token").fill(OPS_TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Set-up")
    assert len(house.books()["tickets"]) == before


def paste(page: Page, body: str, headers: dict[str, str]) -> None:
    """Put in what the platform sent, and ask."""
    page.get_by_label("Body").fill(body)
    for name in ("X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp"):
        page.get_by_label(f"{name} (optional)", exact=True).fill(headers[name])
    page.get_by_role("button", name="Explain it").click()


@with_and_without
def test_a_webhook_is_explained_without_effect(visit: Visit, house: Stack, look: Look) -> None:
    """Signature, call as understood and masked, what would happen; hostile text stays text, and nothing is sent."""
    hostile = "<img src=x onerror=alert(1)>"
    customer = {"email": "somebody@example.com"}
    document = payload("started", "explained-1", customer=customer, queue=hostile, agent=7)
    body = json.dumps(document, indent=1)
    page = visit("/ops/setup", look=look)
    paste(page, body, signed(body.encode()))
    for text in ("It would be answered 202 accepted", "It begins call explained-1", "secret 1 of 1 made it"):
        expect(page.get_by_text(text)).to_be_visible()
    expect(page.get_by_text("data.agent could not be used and was left out")).to_be_visible()
    expect(page.get_by_text("s•••@example.com")).to_be_visible()
    expect(page.get_by_text(hostile)).to_be_visible()
    assert house.call("explained-1") == {}


@with_and_without
def test_a_forged_webhook_is_told_from_a_right_one(visit: Visit, look: Look) -> None:
    """Signed with another secret it would be refused."""
    body = json.dumps(payload("started", "explained-2"))
    page = visit("/ops/setup", look=look)
    paste(page, body, signed(body.encode(), secret="another"))
    expect(page.get_by_text("no secret made it for this body")).to_be_visible()
    expect(page.get_by_role("heading", name="401 signature-refused")).to_be_visible()


def test_what_is_no_webhook_is_told_too(visit: Visit) -> None:
    """Not JSON: what is wrong with it."""
    page = visit("/ops/setup", look=PLAIN)
    paste(page, "not json", {"X-Zendesk-Webhook-Signature": "", "X-Zendesk-Webhook-Signature-Timestamp": ""})
    expect(page.get_by_role("heading", name="It would be answered 400")).to_be_visible()
    expect(page.get_by_text("nothing was checked")).to_be_visible()
