"""Calls that need a person, as the page groups and draws them; what a group's mend asks before it begins."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import httpx2 as httpx
import pytest
from pydantic import SecretStr

from api.app import create_app
from api.ops import attention, groups, pages
from api.ops.causes import ADVICE, OTHER, advice
from api.reading import InNeed, LedgerUnreadable
from api.security import Role, Session
from api.settings import GatewaySettings
from tests.twins.workers import KEYS
from workflows.connection import connect
from workflows.domain.errors import Failure
from workflows.domain.group import GroupProgress, Trouble

PAGE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
TOKEN = "ops-token-for-tests"
CALL = InNeed(
    cause="StepRefused",
    step="final_update",
    size=1,
    retriable=1,
    oldest="2026-11-22T10:00:00.000Z",
    own_step="final_update",
    text="Zendesk refuses to update ticket 123: priority is required",
    since="2026-11-22T10:00:00.000Z",
    mends={"retry": "Tries at once.", "skip": "Goes on.", "end": "Ends."},
    call_id="c-1",
    state="completed",
    ticket_id=123,
    agent={"id": "a-9", "name": "Agent Smith"},
    customer={"email": "u•••@example.com", "phone": None},
    looked_at=1,
)


class TwinLedger:
    """Only what this page asks of the ledger."""

    def __init__(self) -> None:
        self.rows: list[InNeed] = []
        self.asked: list[dict[str, object]] = []
        self.kept: list[dict[str, object]] | None = None
        self.away = False

    async def calls_in_need(self, **asked: object) -> list[InNeed]:
        self.asked.append(asked)
        if self.away:
            raise LedgerUnreadable
        return self.rows[: cast("int", asked["limit"])]

    async def credentials(self) -> list[dict[str, object]]:
        if self.kept is None:
            raise LedgerUnreadable
        return self.kept

    async def check_keys(self) -> None:
        return


@pytest.fixture
def ledger() -> TwinLedger:
    """An empty one."""
    return TwinLedger()


@pytest.fixture
async def browser(ledger: TwinLedger) -> AsyncIterator[httpx.AsyncClient]:
    """An operator's, without a server between; Temporal is out of reach."""
    given: dict[str, Any] = {
        "encryption_keys": KEYS,
        "webhook_secrets": "s",
        "ops_token": TOKEN,
        "ops_token_readonly": "look-only",
    }
    settings = GatewaySettings(_env_file=None, database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"), **given)
    temporal = await connect(settings.keyring, environment={"TEMPORAL_ADDRESS": "127.0.0.1:1"}, lazy=True)
    app = create_app(settings, temporal, cast("Any", ledger))
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://ops", headers=bearer) as http:
        yield http


def runbook() -> dict[str, tuple[str, str]]:
    """The runbook's table by cause: what it means, and what to do, without Markdown."""
    section = PAGE.split("## Calls that need attention\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0]: (row[1].replace("`", ""), row[3].replace("`", "")) for row in cells}


@pytest.mark.parametrize("name", ["cause", "step", "by", "reason"])
def test_a_group_with_what_no_ledger_keeps_is_not_begun(name: str) -> None:
    """A control character would hold up the account of every call of the group."""
    given = {"cause": "StepRefused", "step": "final_update", "by": "Eve", "reason": "two\nlines"}
    assert groups.Wish(group_id="0" * 16, **given).problem() is None
    assert "control character" in str(groups.Wish(group_id="0" * 16, **{**given, name: "a\x00"}).problem())


def test_the_page_says_what_the_runbook_says() -> None:
    """Meaning and remedy of every cause are the same words in both, and none is missing."""
    assert {str(cause): (told.means, told.do) for cause, told in ADVICE.items()} == runbook()
    assert list(ADVICE) == list(Failure)
    other = " ".join(PAGE.split("A cause that is not in the table", 1)[1].split("\n\n", 1)[0].split())
    assert f"{OTHER.means}; {OTHER.do}." in other.replace("`", "")
    assert advice("ActivityError") == OTHER


def test_rows_become_groups() -> None:
    """A group has the calls that stand together, and counts those that are not shown."""
    more = [replace(CALL, call_id=f"c-{n}", size=70, retriable=69) for n in range(3)]
    other = replace(CALL, cause="Unavailable", step="search_tickets", call_id="c-9")
    first, second = attention.grouped([*more, other])
    assert (first.cause, first.size, first.retriable, len(first.calls)) == ("StepRefused", 70, 69, 3)
    assert (second.key, second.size) == ("cause=Unavailable&step=search_tickets", 1)


def test_a_call_links_to_each_of_its_mends() -> None:
    """Only to those it offers, with the step they are for; an id is no part of another address."""
    links = attention.mend_links(replace(CALL, call_id="c/1?x", own_step="update_ticket-final 2"))
    assert [label for label, _ in links] == ["Retry", "Skip this step", "End"]
    assert links[0][1] == "/ops/calls/c%2F1%3Fx/mend?action=retry&step=update_ticket-final+2"


def test_a_group_holds_each_call_once_and_no_more_than_it_may() -> None:
    """A call with two entries is mended once, for the older; what is over the bound is left for the next."""
    rows = [CALL, replace(CALL, own_step="final_update 2"), *(replace(CALL, call_id=f"n-{n}") for n in range(300))]
    wish = groups.Wish(cause="StepRefused", step="final_update", group_id="0" * 16, by="Eve", reason="mended")
    group = groups.group_of(wish, rows)
    assert (len(group.calls), group.calls[0].call_id, group.calls[0].step) == (200, "c-1", "final_update")
    assert len({call.call_id for call in group.calls}) == 200


@pytest.mark.parametrize(
    ("calls", "per_second", "words"),
    [(1, 5, "about a second"), (30, 5, "about 6 seconds"), (200, 5, "about 40 seconds"), (200, 1, "about 4 minutes")],
)
def test_how_long_it_takes_is_said_in_words(calls: int, per_second: int, words: str) -> None:
    """By the spacing asked for."""
    assert groups.lasting(calls, per_second) == words


async def test_the_page_tells_of_every_group(browser: httpx.AsyncClient, ledger: TwinLedger) -> None:
    """Counts, meaning, remedy, each call with its links; the customer masked as the ledger has them."""
    ledger.rows = [replace(CALL, call_id=f"c-{n}", size=60, retriable=60, looked_at=61) for n in range(50)]
    ledger.rows.append(replace(CALL, cause="Odd", step="", call_id="c-x", looked_at=61, mends={}))
    answer = await browser.get("/ops/attention")
    assert answer.status_code == 200
    text = " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())
    for words in (
        "61 calls need a person.",
        "refused ones do not: press Retry.",
        "StepRefused at final update 60 calls",
        "Zendesk refuses the content (422)",
        "Retry all of this group…",
        "50 of 60 calls, those that have waited longest.",
        "u•••@example.com",
        "Temporal ended the step with a failure that has no name of ours.",
    ):
        assert words in text
    assert '<a href="/ops/calls/c-7/mend?action=retry&amp;step=final_update">Retry</a>' in answer.text
    assert answer.text.count("Retry all") == 1


async def test_who_may_only_look_is_offered_nothing_to_press(browser: httpx.AsyncClient, ledger: TwinLedger) -> None:
    """The list without links to mends; the form and what it would begin are refused."""
    ledger.rows = [replace(CALL, size=2, retriable=2)]
    look = {"Authorization": "Bearer look-only"}
    answer = await browser.get("/ops/attention", headers=look)
    assert answer.status_code == 200
    assert "c-1" in answer.text
    assert "/mend?" not in answer.text
    assert "Retry all" not in answer.text
    place = "/ops/attention/retry"
    assert (await browser.get(f"{place}?cause=a&step=b", headers=look)).status_code == 403
    for address in (place, "/ops/groups/0123456789abcdef/stop"):
        assert (await browser.post(address, headers=look, data={"cause": "a"})).status_code == 403
    stranger = {"Authorization": "Bearer nobody"}
    for address in ("/ops/attention", f"{place}?cause=a&step=b", "/ops/groups/0123456789abcdef"):
        answer = await browser.get(address, headers=stranger)
        assert answer.headers["location"].startswith("/ops/sign-in?next=")


async def test_nothing_to_do_is_said(browser: httpx.AsyncClient, ledger: TwinLedger) -> None:
    """An empty list, a group that is empty by now, and a ledger that cannot be read are told apart."""
    assert "No call needs a person." in (await browser.get("/ops/attention")).text
    assert "of this group needs a person any more" in (await browser.get("/ops/attention?cause=a&step=b")).text
    assert "could be retried" in (await browser.get("/ops/attention/retry?cause=a&step=b")).text
    ledger.away = True
    for address in ("/ops/attention", "/ops/attention/retry?cause=a&step=b"):
        answer = await browser.get(address)
        assert (answer.status_code, "ledger cannot be read" in answer.text) == (503, True)


async def test_the_form_says_what_will_happen(browser: httpx.AsyncClient, ledger: TwinLedger) -> None:
    """How many, how long, and how many are left for another time; only calls that can be retried are counted."""
    ledger.rows = [replace(CALL, size=450, retriable=450)]
    text = " ".join((await browser.get("/ops/attention/retry?cause=StepRefused&step=final_update")).text.split())
    assert "Will retry 200 calls</strong>, 5 a second: about 40 seconds." in text
    assert "200 of 450, those that have waited longest." in text
    assert ledger.asked[-1] == {
        "cause": "StepRefused",
        "step": "final_update",
        "action": "retry",
        "each": 1,
        "limit": 1,
    }


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"by": " "}, "Say who asks for it"),
        ({"reason": ""}, "Give a reason"),
        ({"reason": "x" * 501}, "Give a reason"),
        ({"per_second": "0"}, "from 1 to 20"),
        ({"per_second": "²"}, "from 1 to 20"),
        ({"per_second": "1e9"}, "from 1 to 20"),
        ({"group": "../../x"}, "This form is incomplete"),
    ],
)
async def test_a_form_that_cannot_be_used_comes_back(
    browser: httpx.AsyncClient, ledger: TwinLedger, changed: dict[str, str], sentence: str
) -> None:
    """With what is wrong, and with what was put in; nothing is begun."""
    ledger.rows = [CALL]
    given = {"cause": "StepRefused", "step": "final_update", "group": "0" * 16, "by": "Eve", "reason": "<mended>"}
    answer = await browser.post("/ops/attention/retry", data={**given, "per_second": "5", **changed})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert ("&lt;mended&gt;" in answer.text) == ("reason" not in changed)


async def test_without_temporal_nothing_is_begun_and_the_page_says_so(
    browser: httpx.AsyncClient, ledger: TwinLedger
) -> None:
    """503 for the start and for the progress, which goes on asking."""
    ledger.rows = [CALL]
    given = {"cause": "StepRefused", "step": "final_update", "group": "0" * 16, "by": "Eve", "reason": "x"}
    answer = await browser.post("/ops/attention/retry", data={**given, "per_second": "5"})
    assert (answer.status_code, "one group, however often it is sent" in answer.text) == (503, True)
    answer = await browser.get("/ops/groups/0123456789abcdef")
    assert answer.status_code == 503
    assert "cannot be told now" in answer.text
    assert 'hx-trigger="every 2s"' in answer.text
    assert (await browser.get("/ops/groups/nothing")).status_code == 404


PROGRESS = GroupProgress(
    id="0123456789abcdef",
    action="retry",
    cause="StepRefused",
    step="final_update",
    by="Eve",
    reason="mended",
    per_second=5,
    started_at="2026-11-22T10:00:00.000Z",
    total=30,
    done=10,
    not_needed=1,
    failed=1,
    under_way=3,
    left=15,
    troubles=[Trouble(call_id="c/2", end="failed", text="the call's workflow did not answer")],
)


def drawn(progress: GroupProgress, role: Role = Role.OPERATOR) -> str:
    """The part of the page that changes, in one line."""
    session = Session(role=role, csrf="form-token")
    known = {
        "session": session,
        "group_id": progress.id,
        "progress": progress,
        "left": groups.lasting(progress.left, progress.per_second),
    }
    return " ".join(pages._templates.get_template("group_progress.html").render(known).split())


def test_progress_has_words_beside_its_bar() -> None:
    """Counts, what is left and for how long, and each call that was not mended, as a link; it asks again by itself."""
    text = drawn(PROGRESS)
    assert '<progress id="bar" max="30" value="12">12 of 30</progress>' in text
    assert "12 of 30 done with, about 3 seconds left." in text
    assert '<a class="id" href="/ops/calls/c%2F2">c/2</a>: the call&#39;s workflow did not answer' in text
    assert 'hx-trigger="every 2s"' in text


def test_a_finished_group_asks_no_more() -> None:
    """And a stopped one says what was not begun."""
    text = drawn(replace(PROGRESS, done=28, under_way=0, left=0, finished=True))
    assert "Finished: 30 of 30 done with." in text
    assert "hx-trigger" not in text
    text = drawn(replace(PROGRESS, under_way=0, stopped=True, finished=True))
    assert "Stopped: 12 of 30 done with." in text
    assert "<dt>not begun</dt><dd>15</dd>" in text


async def test_the_page_tells_that_calls_wait_for_the_token(browser: httpx.AsyncClient, ledger: TwinLedger) -> None:
    """A banner that leads to *Set-up*."""
    ledger.kept = []
    page = (await browser.get("/ops/attention")).text
    assert "There is no Zendesk token yet" in page
    assert '<a href="/ops/setup">Set-up</a>' in page


async def test_nothing_is_told_of_a_token_that_is_not_known(browser: httpx.AsyncClient, ledger: TwinLedger) -> None:
    """The ledger cannot be read: that is said, once."""
    ledger.away, ledger.kept = True, []
    assert 'id="token"' not in (await browser.get("/ops/attention")).text


def test_only_a_group_that_goes_on_can_be_stopped() -> None:
    """By an operator; the button goes with the part of the page that changes."""
    assert "Stop</button>" in drawn(PROGRESS)
    assert "Stop</button>" not in drawn(PROGRESS, Role.READER)
    assert "Stop</button>" not in drawn(replace(PROGRESS, stopped=True))
    assert "Stop</button>" not in drawn(replace(PROGRESS, finished=True))


def test_a_group_says_what_its_calls_were_asked() -> None:
    """Whether it worked it cannot know; nought of what is bad is not drawn as bad."""
    text = drawn(PROGRESS)
    assert '<span class="state good"><span aria-hidden="true">✓</span> asked to retry</span></dt><dd>10</dd>' in text
    assert '<span class="state bad"><span aria-hidden="true">✕</span> no answer</span></dt><dd>1</dd>' in text
    assert '<span class="state plain"><span aria-hidden="true">⊘</span> refused</span></dt><dd>0</dd>' in text
