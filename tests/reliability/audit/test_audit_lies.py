"""The audit against itself: accounts that agree give no finding, and each kind of lie is found by its name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.reliability.audit.check import check
from tests.reliability.audit.finding import Excuse, Lie
from tests.reliability.audit.records import (
    THROUGHOUT,
    Activity,
    Disturbances,
    Json,
    LedgerCall,
    Records,
    Row,
    Run,
    Served,
)
from tests.reliability.audit.section import section

T0 = 1_700_000_000.0
ENDED = "2023-11-14T22:13:26.000Z"
STEPS: tuple[tuple[str, str, str, str, int], ...] = (
    ("search_tickets", "search", "GET", "/api/v2/search/query.json", 200),
    ("create_ticket", "create_ticket", "POST", "/api/v2/tickets", 201),
    ("fetch_customer", "fetch_customer", "GET", "/customers", 200),
    ("patch_call", "patch_call", "PATCH", "/api/v2/talk/calls/c-1.json", 200),
    ("update_ticket-final", "update_ticket", "PUT", "/api/v2/tickets/1001", 200),
)
"""One call's requests: step, the vendor's kind, method, path as the ledger has it, status."""


def rid(step: str) -> str:
    """The id of a step's request."""
    return f"{'token' if step == 'exchange' else 'c-1'}.{step}.1.0000abcd"


def at(step: str) -> float:
    """When a step's row was written."""
    return T0 + (0 if step == "exchange" else 1 + [each[0] for each in STEPS].index(step))


def truth() -> Records:
    """A call and a token as three accounts that agree tell of them."""
    return Records(
        rows=[row_of("exchange", "POST", "/api/v2/oauth/token", 200), *(row_of(s, m, p, n) for s, _, m, p, n in STEPS)],
        journal=[
            served_of("exchange", "token", "POST", "/api/v2/oauth/token", 200),
            *(served_of(s, k, m, f"/crm{p}" if s == "fetch_customer" else p, n) for s, k, m, p, n in STEPS),
        ],
        runs=[
            Run(workflow_id="token-a", run_id="r", began_at=T0 - 1, activities=[activity("exchange")]),
            Run(
                workflow_id="call-c-1",
                run_id="r",
                began_at=T0,
                ticket_id=1001,
                state="completed",
                activities=[activity(each[0]) for each in STEPS],
            ),
        ],
        ledger_calls=[
            LedgerCall(
                call_id="c-1",
                generation=1,
                ticket_id=1001,
                state="completed",
                active=False,
                ended_at=at("update_ticket-final"),
                status=status(),
            )
        ],
        tickets=[ticket()],
        calls=[{"id": "c-1", "pops": [{"request_id": rid("patch_call"), "custom_properties": {"ticket_id": 1001}}]}],
    )


def row_of(step: str, method: str, path: str, http_status: int) -> Row:
    """A row that was answered."""
    return Row(
        call_id="token" if step == "exchange" else "c-1",
        generation=0 if step == "exchange" else 1,
        step=step,
        attempt=1,
        request_id=rid(step),
        method=method,
        path=path,
        sent_at=at(step),
        http_status=http_status,
        outcome="done",
    )


def served_of(step: str, kind: str, method: str, path: str, http_status: int) -> Served:
    """A request that was answered."""
    return Served(
        at=at(step) + 0.01,
        kind=kind,
        method=method,
        path=path,
        request_id=rid(step),
        status=http_status,
        answered_at=at(step) + 0.02,
        acted=True,
        external_id="c-1" if kind == "create_ticket" else None,
    )


def activity(step: str) -> Activity:
    """A step that worked at once."""
    name = "exchange_token" if step == "exchange" else step.partition("-")[0]
    begun = at(step) - 0.01
    return Activity(type=name, step=step, scheduled_at=begun, closed_at=begun + 0.1, attempt=1, end="completed")


def status() -> Json:
    """What operations are shown."""
    events = [{"type": "call.completed", "occurred_at": ENDED}]
    return {"ticket_id": 1001, "state": "completed", "events": events, "screen_pops": [{"state": "shown"}]}


def ticket() -> Json:
    """The ticket with its note."""
    told = {"id": "c-1", "outcome": "completed", "ended_at": ENDED}
    return {
        "id": 1001,
        "external_id": "c-1",
        "comments": [{"id": 1, "body": "x [call c-1 · started]"}, {"id": 2, "body": "y [call c-1 · completed]"}],
        "changes": [
            {
                "at": at("update_ticket-final") + 0.01,
                "by": rid("update_ticket-final"),
                "fields": {"metadata": {"call": told}},
                "comment_id": 2,
            }
        ],
    }


def with_row(step: str, /, **changes: object) -> Records:
    """The truth but for one row."""
    true = truth()
    changed: Mapping[str, Any] = changes
    return replace(true, rows=[replace(r, **changed) if r.request_id == rid(step) else r for r in true.rows])


def with_served(step: str, **changes: object) -> Records:
    """The truth but for one entry of the journal."""
    true = truth()
    changed: Mapping[str, Any] = changes
    return replace(true, journal=[replace(r, **changed) if r.request_id == rid(step) else r for r in true.journal])


def with_call(**changes: object) -> Records:
    """The truth but for the ledger's call."""
    true = truth()
    changed: Mapping[str, Any] = changes
    return replace(true, ledger_calls=[replace(true.ledger_calls[0], **changed)])


def with_ticket(**changes: object) -> Records:
    """The truth but for the ticket."""
    return replace(truth(), tickets=[ticket() | changes])


def without(what: str, step: str) -> Records:
    """The truth less a row or an entry."""
    true = truth()
    kept = [each for each in getattr(true, what) if each.request_id != rid(step)]
    changed: Mapping[str, Any] = {what: kept}
    return replace(true, **changed)


def with_activities(change: Callable[[Activity], Sequence[Activity]]) -> Records:
    """The truth but for the histories' steps."""
    true = truth()
    return replace(
        true, runs=[replace(run, activities=[new for a in run.activities for new in change(a)]) for run in true.runs]
    )


def told(**metadata: object) -> Records:
    """The truth but for what the ticket was told."""
    change = ticket()["changes"][0]
    call = change["fields"]["metadata"]["call"] | metadata
    return with_ticket(changes=[change | {"fields": {"metadata": {"call": call}}}])


def popped(**properties: object) -> Records:
    """The truth but for what was shown."""
    pop = {"request_id": rid("patch_call"), "custom_properties": properties}
    return replace(truth(), calls=[{"id": "c-1", "pops": [pop]}])


def twice_popped() -> Records:
    """The same step of a pop, done twice."""
    true = truth()
    again = replace(true.rows[4], attempt=2, request_id="c-1.patch_call.2.0000abcd", sent_at=T0 + 4.05)
    entry = replace(true.journal[4], request_id=again.request_id, at=T0 + 4.06, answered_at=T0 + 4.07)
    pops = [*true.calls[0]["pops"], {"request_id": again.request_id, "custom_properties": {}}]
    retried = with_activities(lambda a: [replace(a, attempt=2) if a.step == "patch_call" else a])
    return replace(
        retried, rows=[*true.rows, again], journal=[*true.journal, entry], calls=[{"id": "c-1", "pops": pops}]
    )


def two_tokens() -> Records:
    """A token request that comes before the one ahead of it is answered."""
    true = truth()
    row = replace(true.rows[0], request_id="token.exchange.1.0000ffff")
    entry = replace(true.journal[0], request_id=row.request_id, at=T0 + 0.015)
    return replace(true, rows=[*true.rows, row], journal=[*true.journal, entry])


LIES: Sequence[tuple[Lie, Callable[[], Records]]] = (
    (Lie.UNNAMED, lambda: with_served("search_tickets", request_id=None)),
    (Lie.REPEATED, lambda: replace(truth(), journal=[*truth().journal, truth().journal[2]])),
    (Lie.UNLEDGERED, lambda: without("rows", "create_ticket")),
    (Lie.UNLEDGERED, lambda: without("rows", "patch_call")),
    (Lie.DIFFERENT, lambda: with_row("update_ticket-final", method="POST")),
    (Lie.DIFFERENT, lambda: with_row("update_ticket-final", path="/api/v2/tickets/7")),
    (Lie.DIFFERENT, lambda: with_row("fetch_customer", path="/others")),
    (Lie.DIFFERENT, lambda: with_row("search_tickets", step="read_ticket")),
    (Lie.DIFFERENT, lambda: with_row("search_tickets", call_id="c-2")),
    (Lie.AFTERWARDS, lambda: with_row("create_ticket", sent_at=at("create_ticket") + 0.015)),
    (Lie.WRONG_STATUS, lambda: with_row("create_ticket", http_status=200)),
    (Lie.WRONG_STATUS, lambda: with_row("create_ticket", http_status=None)),
    (Lie.WRONG_STATUS, lambda: with_row("search_tickets", http_status=503, outcome="ServerFault")),
    (Lie.WRONG_STATUS, lambda: without("journal", "search_tickets")),
    (Lie.PHANTOM, lambda: with_row("create_ticket", http_status=None, outcome="not_sent")),
    (Lie.UNEXPLAINED, lambda: with_row("create_ticket", http_status=None, outcome=None)),
    (Lie.UNEXPLAINED, lambda: with_row("create_ticket", http_status=None, outcome="ConnectionLost")),
    (Lie.UNSCHEDULED, lambda: with_activities(lambda a: [] if a.step == "create_ticket" else [a])),
    (Lie.UNSCHEDULED, lambda: with_activities(lambda a: [replace(a, scheduled_at=a.scheduled_at + 1)])),
    (Lie.UNSCHEDULED, lambda: with_row("create_ticket", attempt=2)),
    (Lie.OVERDUE, lambda: with_activities(lambda a: [replace(a, closed_at=a.scheduled_at + 0.005)])),
    (Lie.UNWRITTEN, lambda: without("rows", "search_tickets")),
    (Lie.UNWRITTEN, lambda: with_activities(lambda a: [a, a] if a.step == "search_tickets" else [a])),
    (Lie.NO_CALL, lambda: replace(truth(), ledger_calls=[])),
    (Lie.NO_CALL, lambda: replace(truth(), runs=truth().runs[:1])),
    (Lie.TICKET, lambda: with_call(ticket_id=7)),
    (Lie.TICKET, lambda: with_call(status=status() | {"ticket_id": None})),
    (Lie.TICKET, lambda: with_ticket(id=7)),
    (Lie.STATE, lambda: with_call(state="missed")),
    (Lie.STATE, lambda: with_call(status=status() | {"state": "missed"})),
    (Lie.STATE, lambda: told(outcome="missed")),
    (Lie.STATE, lambda: with_ticket(changes=[])),
    (Lie.TIMES, lambda: with_call(ended_at=T0 + 60)),
    (Lie.TIMES, lambda: with_call(active=True)),
    (Lie.TIMES, lambda: told(ended_at="2023-11-14T22:13:27.000Z")),
    (Lie.TIMES, lambda: told(answered_at=ENDED)),
    (Lie.CHANGE, lambda: told(id="c-2")),
    (Lie.CHANGE, lambda: with_ticket(changes=[ticket()["changes"][0] | {"by": "somebody"}])),
    (Lie.CHANGE, lambda: with_ticket(external_id=None)),
    (Lie.CHANGE, lambda: with_served("create_ticket", external_id="c-2")),
    (Lie.POP, lambda: popped(ticket_id=7)),
    (Lie.POP, lambda: replace(truth(), calls=[])),
    (Lie.POP, lambda: replace(truth(), calls=[{"id": "c-2", "pops": truth().calls[0]["pops"]}])),
    (Lie.POP, lambda: without("journal", "patch_call")),
    (Lie.POP, twice_popped),
    (Lie.OVERLAP, two_tokens),
)


def test_accounts_that_agree_are_true() -> None:
    """The truth has no finding and needs no excuse."""
    result = check(truth())
    assert (list(map(str, result.findings)), result.excused) == ([], {})


@pytest.mark.parametrize(("lie", "records"), LIES, ids=[f"{lie.name}-{n}" for n, (lie, _) in enumerate(LIES)])
def test_each_lie_is_found(lie: Lie, records: Callable[[], Records]) -> None:
    """One thing that is not so is found, under its name."""
    assert lie in {finding.lie for finding in check(records()).findings}


def test_every_kind_of_lie_is_planted() -> None:
    """A kind that nobody has planted might never be found."""
    assert {lie for lie, _ in LIES} == set(Lie)


@pytest.mark.parametrize("lie", [Lie.WRONG_STATUS, Lie.PHANTOM, Lie.UNLEDGERED, Lie.AFTERWARDS, Lie.TICKET])
def test_no_fault_excuses_a_lie(lie: Lie) -> None:
    """Faults throughout the run excuse what is missing, never what is wrong."""
    planted = next(records for each, records in LIES if each == lie)
    assert lie in {finding.lie for finding in check(planted(), THROUGHOUT).findings}


@pytest.mark.parametrize(
    ("records", "excuse"),
    [
        (lambda: without("rows", "patch_call"), Excuse.ROW_LOST),
        (lambda: with_row("search_tickets", http_status=None, outcome=None), Excuse.UNHEARD),
        (twice_popped, Excuse.TOLD_TWICE),
    ],
)
def test_what_a_fault_may_cause_is_excused_only_near_one(records: Callable[[], Records], excuse: Excuse) -> None:
    """The same discrepancy is an excuse beside a fault, and a finding where there was none."""
    near, far = Disturbances(spans=[(T0 + 1, T0 + 2)]), Disturbances(spans=[(T0 - 9_000, T0 - 8_999)])
    assert check(records(), near).findings == []
    assert check(records(), near).excused[excuse] == 1
    assert check(records(), far).findings != []


def test_a_vendor_without_answer_needs_no_other_excuse() -> None:
    """A dropped request and an answer that came too late explain a row without outcome."""
    lost = {"http_status": None, "outcome": "ConnectionLost"}
    dropped = with_served("search_tickets", status=None, answered_at=None, fault="drop_after")
    row_lost = replace(dropped, rows=with_row("search_tickets", **lost).rows)
    assert check(row_lost).excused == {Excuse.UNANSWERED: 1}
    late = with_served("search_tickets", answered_at=at("search_tickets") + 3)
    assert check(replace(late, rows=row_lost.rows), timeout_s=2).excused == {Excuse.UNHEARD: 1}
    assert check(replace(late, rows=row_lost.rows), timeout_s=10).findings != []


def test_the_section_tells_what_was_compared_and_what_was_found() -> None:
    """Figures come from the result; a zero has its bound."""
    clean = section(check(truth()), command="make chaos", seed=7, calls=1)
    assert "**0 of 6 (rate < 50 % at 95 %)**" in clean.text
    untrue = section(check(with_call(ticket_id=7)), command="make chaos", seed=7, calls=1)
    assert f"| {Lie.TICKET} | 1 |" in untrue.text
