"""A call's story, told from what the workflow, Temporal and the ledger know."""

import pytest

from api.account import Pending
from api.ops.pieces import EVENTS, PEOPLE, Kind, Look
from api.ops.story import MOST_DRAWN, story_of
from tests.unit.api.ops_call_kit import account, at, mended, received, records, sent, step


def test_everything_is_told_in_order_of_time() -> None:
    """Events by their receipt, requests by their sending, mends, and the pauses between attempts."""
    story = story_of(
        account(events=[received("call.started", 0.1, late=2), received("call.completed", 60)]),
        records([sent("search_tickets", 1, "ServerFault", 503), sent("search_tickets", 3)], [mended(30)]),
        at(100),
    )
    assert [(piece.kind, piece.lane) for piece in story.pieces] == [
        (Kind.EVENT, EVENTS),
        (Kind.REQUEST, "search tickets"),
        (Kind.WAIT, "search tickets"),
        (Kind.REQUEST, "search tickets"),
        (Kind.MEND, PEOPLE),
        (Kind.EVENT, EVENTS),
    ]
    assert story.lanes == [EVENTS, "search tickets", PEOPLE]
    late, _, wait, *_ = story.pieces
    assert (late.start, late.at, late.outcome) == (at(-1.9), at(0.1), "occurred 2 s earlier")
    assert (wait.what, wait.lasted) == ("waiting for Zendesk: 503", "1.9 s")
    assert story.waiting == []


def test_how_a_request_went_is_a_look_and_a_word() -> None:
    """Never one without the other."""
    outcomes = ["done", "ServerFault", "not_sent", None]
    story = story_of(account(), records([sent(f"step_{n}", n, each) for n, each in enumerate(outcomes)]), at(9))
    assert [piece.look for piece in story.pieces] == [Look.DONE, Look.FAILED, Look.NOT_SENT, Look.UNKNOWN]
    assert [piece.outcome for piece in story.pieces] == ["200 done", "200 server fault", "200 not sent", "unknown"]


def test_a_step_that_waits_says_for_what_and_until_when() -> None:
    """The next attempt is Temporal's word, the status the ledger's; the wait is drawn up to that attempt."""
    story = story_of(
        account(
            steps=[step("update_ticket-final", "waiting", "RateLimited: update_ticket: 429")],
            pending={"update_ticket-final": Pending(failed_at=at(5.1), next_at=at(20))},
        ),
        records([sent("update_ticket-final", 5, "RateLimited", 429)]),
        at(8),
    )
    (waiting,) = story.waiting
    assert waiting.words == "waiting for Zendesk: 429, again in 12 s"
    assert waiting.next_at == at(20)
    wait = story.pieces[-1]
    assert (wait.kind, wait.start, wait.end) == (Kind.WAIT, at(5.1), at(20))


def test_a_request_that_is_out_is_under_way_and_not_unknown() -> None:
    """Only while Temporal says that the attempt runs; an older one without outcome stays unknown."""
    requests = [sent("search_tickets", 1, None), sent("search_tickets", 9, None, attempt=2)]
    running = account(steps=[step("search_tickets", "running")], pending={"search_tickets": Pending(begun_at=at(8.9))})
    story = story_of(running, records(requests), at(12))
    looks = [piece.look for piece in story.pieces if piece.kind == Kind.REQUEST]
    assert looks == [Look.UNKNOWN, Look.RUNNING]
    assert story.waiting[0].words == "asked Zendesk 3 s ago, no answer yet"
    closed = story_of(account(steps=[step("search_tickets", "running")], open_=False), records(requests), at(12))
    assert {piece.look for piece in closed.pieces if piece.kind == Kind.REQUEST} == {Look.UNKNOWN}
    assert closed.waiting == []


@pytest.mark.parametrize(
    ("pending", "seconds_ago", "look"),
    [
        (None, 3, Look.RUNNING),
        (None, 16, Look.UNKNOWN),
        (Pending(), 3, Look.RUNNING),
        (Pending(failed_at=at(9.5), next_at=at(10.5)), 3, Look.RUNNING),
        (Pending(failed_at=at(10.5), next_at=at(40)), 3, Look.UNKNOWN),
        (Pending(begun_at=at(12.5)), 3, Look.UNKNOWN),
        (Pending(begun_at=at(9.9)), 200, Look.RUNNING),
    ],
)
def test_a_request_is_under_way_for_as_long_as_its_attempt_may_run(
    pending: Pending | None, seconds_ago: float, look: Look
) -> None:
    """Where Temporal does not tell of the attempt, or was asked before it began, its time-out does."""
    given = account(
        steps=[step("search_tickets", "running")], pending={} if pending is None else {"search_tickets": pending}
    )
    story = story_of(given, records([sent("search_tickets", 10, None)]), at(10 + seconds_ago))
    (piece,) = [piece for piece in story.pieces if piece.kind == Kind.REQUEST]
    assert (piece.look, bool(story.under_way)) == (look, look == Look.RUNNING)


def test_a_step_nobody_has_begun_waits_for_a_worker() -> None:
    """Temporal has it and no attempt of it ran."""
    story = story_of(
        account(steps=[step("create_ticket", "running")], pending={"create_ticket": Pending()}), records(), at(1)
    )
    assert [each.words for each in story.waiting] == ["waiting for a worker, or for its turn"]


def test_between_two_tries_of_its_own_a_call_says_so() -> None:
    """Temporal knows of no activity while the workflow pauses."""
    given = account(steps=[step("search_tickets 2", "retrying", "Unavailable: 503")])
    story = story_of(given, records([sent("search_tickets", 1, "ServerFault", 503)]), at(50))
    assert story.waiting[0].words == "waiting for Zendesk: 503, tried again within ten minutes"
    assert story.pieces[-1].end == at(50)


def test_a_wait_for_another_call_is_told_without_any_request() -> None:
    """Nothing is sent meanwhile."""
    given = account(
        steps=[step("await_ticket", "retrying", "TicketPending: 1")],
        pending={"await_ticket": Pending(failed_at=at(2), next_at=at(3))},
    )
    assert "earlier call of the same customer" in story_of(given, records(), at(2.5)).waiting[0].words


def test_what_needs_a_person_is_a_wait_since_then() -> None:
    """Up to now, as long as the call is open."""
    cause = {"step": "final_update", "cause": "StepRefused", "text": "422", "since": at(10).isoformat()}
    (piece,) = story_of(account(causes=[cause]), records(), at(60)).pieces
    assert (piece.lane, piece.start, piece.end) == (PEOPLE, at(10), at(60))
    assert piece.what == "waiting for a person: StepRefused in final update"


def test_attempts_that_sent_nothing_are_told_where_the_numbers_jump() -> None:
    """The failure before them is not the cause of what they waited for."""
    requests = [sent("create_ticket", 1, "Unauthorized", 401), sent("create_ticket", 61, attempt=14)]
    (wait,) = [p for p in story_of(account(), records(requests), at(99)).pieces if p.kind == Kind.WAIT]
    assert (wait.what, wait.lasted) == ("waiting: attempts 2–13 sent nothing", "1 min")
    assert wait.outcome == "no token with the scopes, no room under the rate, or no ledger"
    one = [sent("create_ticket", 1, "Unauthorized", 401), sent("create_ticket", 3, attempt=3)]
    (wait,) = [p for p in story_of(account(), records(one), at(99)).pieces if p.kind == Kind.WAIT]
    assert wait.what == "waiting: attempt 2 sent nothing"
    next_one = [sent("create_ticket", 1, "Unauthorized", 401), sent("create_ticket", 3, attempt=2)]
    (wait,) = [p for p in story_of(account(), records(next_one), at(99)).pieces if p.kind == Kind.WAIT]
    assert wait.what == "waiting for a new token: 401"


def test_a_first_request_that_is_not_the_first_attempt_says_so() -> None:
    """The wait is drawn since what happened last before it: an event, or another step's request."""
    given = account(events=[received("call.started", 1), received("call.completed", 90)])
    requests = [sent("search_tickets", 2), sent("create_ticket", 32.1, attempt=3)]
    (wait,) = [p for p in story_of(given, records(requests), at(99)).pieces if p.kind == Kind.WAIT]
    assert (wait.what, wait.start, wait.end) == ("waiting: attempts 1–2 sent nothing", at(2.1), at(32.1))
    (wait,) = [p for p in story_of(account(), records(requests[1:]), at(99)).pieces if p.kind == Kind.WAIT]
    assert wait.lasted == ""


def test_of_very_many_requests_the_first_and_the_last_are_drawn() -> None:
    """It says how many are not, in all and between which two."""
    requests = [sent("search_tickets", 60 * n, "ServerFault", 503, attempt=n + 1) for n in range(500)]
    story = story_of(account(), records(requests, unread=120), at(40000))
    drawn = [piece for piece in story.pieces if piece.kind == Kind.REQUEST]
    assert len(drawn) == MOST_DRAWN
    assert story.undrawn == 500 - MOST_DRAWN + 120
    assert drawn[-1].what == "search tickets, attempt 500"
    assert "440 more requests, not drawn" in [piece.what for piece in story.pieces]
    assert len(story.pieces) < 2 * MOST_DRAWN
