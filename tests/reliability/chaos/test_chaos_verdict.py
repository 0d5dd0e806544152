"""The verdict finds each kind of harm that is planted in a clean account, and nothing in the clean one."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.reliability.chaos.deliveries import Delivery, heard
from tests.reliability.chaos.expected import metadata_wanted
from tests.reliability.chaos.scripts import Event, Script, Send
from tests.reliability.chaos.verdict import Evidence, Finding, Kind, judge

BEGAN = 1_800_000_000.0
WINDOW_S, MAX_DURATION_S = 60.0, 60.0
Json = dict[str, Any]


@dataclass(kw_only=True)
class Account:
    """What sender and vendor remember of a run, to be spoiled by a test."""

    scripts: list[Script]
    deliveries: list[Delivery]
    tickets: list[Json]
    seeded: dict[str, int] = field(default_factory=dict)
    request_ids: list[str] = field(default_factory=list)
    audited: set[str] = field(default_factory=set)

    def findings(self) -> list[Finding]:
        """What the verdict says of it."""
        return judge(
            Evidence(
                calls=heard(self.scripts, self.deliveries),
                tickets=self.tickets,
                began_at={script.call_id: BEGAN for script in self.scripts},
                window_s=WINDOW_S,
                max_duration_s=MAX_DURATION_S,
                seeded=self.seeded,
                request_ids=self.request_ids,
                audited=self.audited,
            )
        )

    def kinds(self) -> set[str]:
        """The kinds of what it says."""
        return {str(finding.kind) for finding in self.findings()}


def script(call_id: str, customer: str, begins_s: float = 0, seeded: str | None = None, ticket: str = "") -> Script:
    """A call of three events."""
    agents = {"answered": "a-1"}
    kinds = ("started", "answered", "completed")
    events = tuple(Event(kind=k, happened_s=begins_s + n, agent=agents.get(k)) for n, k in enumerate(kinds))
    sends = tuple(Send(at_s=event.happened_s, event=event) for event in events)
    return Script(
        call_id=call_id,
        story="a call",
        customer=customer,
        email=f"{customer}@example.com",
        phone="+15550100",
        seeded=seeded,
        ticket=ticket,
        events=events,
        sends=sends,
    )


def delivered(each: Script) -> list[Delivery]:
    """Each of its events, acknowledged at once."""
    return [
        Delivery(
            call_id=each.call_id,
            key=event.key,
            kind=event.kind,
            attempt=1,
            sent_at=BEGAN + event.happened_s,
            answered_at=BEGAN + event.happened_s + 0.1,
            status=202,
        )
        for event in each.events
    ]


def told(each: Script, deliveries: Sequence[Delivery]) -> Json:
    """The metadata that is right."""
    call = heard([each], deliveries)[each.call_id]
    wanted = metadata_wanted(call, BEGAN, MAX_DURATION_S)
    return {name: next(iter(values)) for name, values in wanted.items()} | {"outcome": "completed"}


def ticket(number: int, calls: Sequence[Script], *, made_by: Script | None, made_s: float = 0) -> Json:
    """One ticket on which each of the calls has ended."""
    marks = ([f"[call {made_by.call_id} · started]"] if made_by else []) + [
        f"[call {c.call_id} · completed]" for c in calls
    ]
    changes = [
        {"at": BEGAN + c.events[-1].happened_s, "fields": {"metadata": {"call": told(c, delivered(c))}}} for c in calls
    ]
    return {
        "id": number,
        "status": "open",
        "custom_status": None,
        "external_id": made_by.call_id if made_by else None,
        "via_followup_source_id": None,
        "created_at": datetime.fromtimestamp(BEGAN + made_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "comments": [{"body": f"words\n{mark}"} for mark in marks],
        "changes": changes,
    }


@pytest.fixture
def account() -> Account:
    """Ann rang twice and has one ticket; Bob rang once and had one before."""
    ann, again, bob = script("c-1", "ann"), script("c-2", "ann", 20), script("c-3", "bob", seeded="open")
    calls = [ann, again, bob]
    requests = [f"{call.call_id}.update_ticket-final.1.abcd" for call in calls]
    return Account(
        scripts=calls,
        deliveries=[delivery for call in calls for delivery in delivered(call)],
        tickets=[ticket(1, [ann, again], made_by=ann), ticket(2, [bob], made_by=None)],
        seeded={"bob": 2},
        request_ids=requests,
        audited=set(requests),
    )


def test_a_clean_account_is_clean(account: Account) -> None:
    """Nothing is found where nothing is wrong."""
    assert account.findings() == []


def _loses_a_call(account: Account) -> None:
    account.tickets[1]["comments"].clear()


def _writes_a_note_twice(account: Account) -> None:
    account.tickets[0]["comments"] *= 2


def _ends_a_call_twice(account: Account) -> None:
    account.tickets[0]["comments"].append({"body": "[call c-1 · missed]"})


def _makes_a_second_ticket(account: Account) -> None:
    account.tickets.append(ticket(3, [], made_by=account.scripts[0]))


def _makes_a_ticket_for_the_call_back(account: Account) -> None:
    account.tickets[0]["comments"].pop()
    account.tickets.append(ticket(3, [account.scripts[1]], made_by=account.scripts[1]))


def _makes_a_ticket_beside_the_open_one(account: Account) -> None:
    account.tickets.append(ticket(3, [], made_by=account.scripts[2]))


def _writes_on_a_stranger_s_ticket(account: Account) -> None:
    account.tickets[0]["comments"].append(account.tickets[1]["comments"].pop())


def _follows_nothing(account: Account) -> None:
    account.tickets[1]["status"] = "closed"
    account.tickets[1]["comments"].clear()
    account.tickets.append(ticket(3, [account.scripts[2]], made_by=account.scripts[2]))


def _leaves_a_ticket_in_call(account: Account) -> None:
    account.tickets[0]["custom_status"] = "In-Call"


def _says_missed(account: Account) -> None:
    account.tickets[0]["changes"][0]["fields"]["metadata"]["call"]["outcome"] = "missed"


def _tells_no_metadata(account: Account) -> None:
    account.tickets[1]["changes"].clear()


def _forgets_the_agent(account: Account) -> None:
    del account.tickets[0]["changes"][0]["fields"]["metadata"]["call"]["agent_id"]


def _keeps_no_row(account: Account) -> None:
    account.audited.pop()


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (_loses_a_call, Kind.LOST),
        (_writes_a_note_twice, Kind.DUPLICATE_NOTE),
        (_ends_a_call_twice, Kind.DUPLICATE_NOTE),
        (_makes_a_second_ticket, Kind.DUPLICATE_TICKET),
        (_makes_a_ticket_for_the_call_back, Kind.DUPLICATE_TICKET),
        (_makes_a_ticket_beside_the_open_one, Kind.DUPLICATE_TICKET),
        (_writes_on_a_stranger_s_ticket, Kind.WRONG_TICKET),
        (_follows_nothing, Kind.WRONG_TICKET),
        (_leaves_a_ticket_in_call, Kind.WRONG_STATE),
        (_says_missed, Kind.WRONG_STATE),
        (_tells_no_metadata, Kind.MISSING_METADATA),
        (_forgets_the_agent, Kind.MISSING_METADATA),
        (_keeps_no_row, Kind.MISSING_AUDIT),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else str(value),
)
def test_planted_harm_is_found(account: Account, plant: Callable[[Account], None], kind: Kind) -> None:
    """One thing is spoiled; it is found, and found as what it is."""
    before = copy.deepcopy(account)
    plant(account)
    assert account != before
    assert str(kind) in account.kinds()


def test_a_pop_or_a_read_of_the_crm_may_lose_its_row(account: Account) -> None:
    """Neither waits for the ledger: whether the row is excused is the audit's question."""
    account.request_ids += ["c-1.patch_call-a-1.1.abcd", "c-1.fetch_customer.1.abcd"]
    assert account.findings() == []


def test_what_was_never_acknowledged_is_not_promised(account: Account) -> None:
    """A call of which nothing was acknowledged may be nowhere, or anywhere right."""
    account.deliveries = [d if d.call_id != "c-3" else replace(d, status=503) for d in account.deliveries]
    assert account.findings() == []
    account.tickets[1]["comments"].clear()
    assert account.findings() == []


@pytest.mark.parametrize("outcome", ["completed", "missed"])
def test_an_answer_that_was_not_acknowledged_may_be_known_or_not(account: Account, outcome: str) -> None:
    """Both ends are right; that it is still open is not."""
    account.deliveries = [d if d.kind != "answered" else replace(d, status=None) for d in account.deliveries]
    call = account.tickets[1]["changes"][0]["fields"]["metadata"]["call"]
    call["outcome"] = outcome
    assert account.kinds() == set()
    call["outcome"] = "end_not_reported"
    assert account.kinds() == {Kind.WRONG_STATE}


def test_a_caller_known_by_other_signs_after_the_window_may_get_a_ticket(account: Account) -> None:
    """Inside the window it is a duplicate: the ledger knows both."""
    first, second = (replace(s, anybody=True) for s in account.scripts[:2])
    account.scripts[:2] = [first, second]
    account.tickets[0] = ticket(1, [first], made_by=first)
    account.tickets.append(ticket(3, [second], made_by=second, made_s=20))
    assert account.kinds() == {Kind.DUPLICATE_TICKET}
    account.tickets[2] = ticket(3, [second], made_by=second, made_s=WINDOW_S + 5)
    assert account.kinds() == set()
