"""The six stories: what telephony plays, what goes wrong meanwhile, and what has to come of each call."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cli.demo.errors import NotAsExpected
from cli.demo.house import House
from cli.demo.telling import Telling, in_words
from cli.demo.watch import Follower, Settled, eventually
from cli.demo.world import Document, World, counted

SEED_CALL = "c-1234567890"
SEED_CALLER = {"email": "user@example.com", "phone_number": "+15550100"}
SEED_RECORD = {
    "crm_customer_id": "CUST_999888",
    "account_status": "Premium",
    "last_ticket_date": "2023-10-01T14:30:00Z",
}
RHYTHM = {"ring_s": 0.8, "talk_s": 1.5, "pause_s": 1.0}
SEARCH_LAG_S = 60.0
SLOW_MS = 2500


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where a story is played."""

    house: House
    world: World
    telling: Telling

    def follow(self, call_id: str) -> Follower:
        """Follow one call."""
        return Follower(self.world, self.telling, call_id)

    async def all_settled(self, call_ids: list[str]) -> list[Settled]:
        """Follow calls to their ends, all at once."""
        return list(await asyncio.gather(*(self.follow(each).settled() for each in call_ids)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One story, and what it adds to the books."""

    title: str
    play: Callable[[Stage], Awaitable[None]]
    calls: int = 1
    webhooks: int = 3
    created: int = 1
    seeded: int = 0
    pops: int = 1
    refused_tokens: int = 0


def caller(first: str, last: str, number: int) -> dict[str, str]:
    """A customer of the demo."""
    return {"name": f"{first} {last}", "email": f"{first.lower()}@example.com", "phone_number": f"+1555010{number}"}


def expect(right: bool, expected: str, seen: object) -> None:
    """Go on when right. Raises `NotAsExpected`."""
    if not right:
        raise NotAsExpected(expected, str(seen))


def expect_ticket(call: Settled, origin: str, ticket_id: int | None = None) -> None:
    """The ticket came from there, and is that one where one is named. Raises `NotAsExpected`."""
    seen = f"ticket {call.told['ticket_id']} ({call.told['ticket_origin']})"
    right = call.told["ticket_origin"] == origin and ticket_id in (None, call.told["ticket_id"])
    expect(right, f"{call.call_id} on {f'ticket {ticket_id}' if ticket_id else 'a ticket'} ({origin})", seen)


def expect_requests(call: Settled, **kinds: int) -> None:
    """Exactly these requests were sent for the call. Raises `NotAsExpected`."""
    expected = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    expect(counted(call.requests) == kinds, f"for {call.call_id} {expected}", in_words(call.requests))


async def new_caller(stage: Stage) -> None:
    """One search, one ticket, one CRM request, one pop, one final update: nothing else."""
    await stage.world.know_customer(SEED_CALLER, SEED_RECORD)
    (call,) = await stage.all_settled(await stage.world.play("normal", SEED_CALL, SEED_CALLER, **RHYTHM))
    expect_ticket(call, "created")
    expect_requests(call, search=1, create_ticket=1, fetch_customer=1, patch_call=1, update_ticket=1)
    shown = (await _call_in_books(stage, SEED_CALL))["custom_properties"]
    expected = SEED_RECORD | {"ticket_id": call.told["ticket_id"]}
    expect({**shown, "ticket_id": int(shown.get("ticket_id", 0))} == expected, f"{expected} shown", shown)


async def open_ticket(stage: Stage) -> None:
    """The search finds the ticket; it is set In-Call, and after the call open again."""
    customer = caller("Ada", "Open", 2)
    await stage.world.know_customer(customer, {"crm_customer_id": "CUST_2", "account_status": "Standard"})
    ticket_id = await stage.world.open_ticket(customer, "My invoice", age_s=86_400)
    stage.telling.fact("", f"the caller has an open ticket, {ticket_id}")
    (call,) = await stage.all_settled(await stage.world.play("normal", "c-2000000001", customer, **RHYTHM))
    expect_ticket(call, "search", ticket_id)
    expect_requests(call, search=1, update_ticket=2, fetch_customer=1, patch_call=1)


async def call_back(stage: Stage) -> None:
    """The second call finds the first one's ticket in the ledger, where the search would not."""
    await stage.world.search_lags(SEARCH_LAG_S)
    stage.telling.fact("", f"search now sees what is {SEARCH_LAG_S:.0f} s old")
    customer = caller("Bea", "Back", 3)
    await stage.world.know_customer(customer, {"crm_customer_id": "CUST_3", "account_status": "Premium"})
    ids = await stage.world.play("call_back", "c-3000000001", customer, **RHYTHM)
    first, second = await stage.all_settled(ids)
    expect_ticket(first, "created")
    expect_ticket(second, "recent", first.told["ticket_id"])
    expect_requests(second, update_ticket=2, fetch_customer=1, patch_call=1)


async def two_at_once(stage: Stage) -> None:
    """Two calls of one customer in the same moment: one searches and creates, the other waits for it."""
    customer = caller("Cy", "Twice", 4)
    await stage.world.know_customer(customer, {"crm_customer_id": "CUST_4", "account_status": "Standard"})
    ids = await stage.world.play("two_at_once", "c-4000000001", customer, **RHYTHM)
    calls = await stage.all_settled(ids)
    tickets = {call.told["ticket_id"] for call in calls}
    expect(len(tickets) == 1, "both calls on one ticket", f"tickets {sorted(tickets)}")
    origins = sorted(str(call.told["ticket_origin"]) for call in calls)
    expect(origins == ["created", "recent"], "one ticket created, and known to the other", origins)
    creates = sum(counted(call.requests)["create_ticket"] for call in calls)
    expect(creates == 1, "1 request that creates a ticket", creates)


async def thrice_and_wrong(stage: Stage) -> None:
    """Nine webhooks, `completed` first: one ticket, one note of each kind, no request twice."""
    customer = caller("Di", "Order", 5)
    await stage.world.know_customer(customer, {"crm_customer_id": "CUST_5", "account_status": "Standard"})
    ids = await stage.world.play("out_of_order", "c-5000000001", customer, copies=3, **RHYTHM)
    (call,) = await stage.all_settled(ids)
    expect_ticket(call, "created")
    seen = counted(call.requests)
    expect(max(seen.values()) == 1, "no request twice", in_words(call.requests))


async def revoked_and_killed(stage: Stage) -> None:
    """The final update meets a dead token; sent again, its answer finds a dead worker. It is done once."""
    customer, world, telling = caller("Eve", "Crash", 6), stage.world, stage.telling
    await world.know_customer(customer, {"crm_customer_id": "CUST_6", "account_status": "Premium"})
    (call_id,) = await world.play("normal", "c-6000000001", customer, ring_s=0.8, talk_s=2.5)
    follower = stage.follow(call_id)
    await follower.popped()
    await world.revoke_tokens()
    # The one with the dead token is refused at once; the one after it takes long enough to kill its sender.
    await world.slow_down("update_ticket", when=call_id, skip=1, delay_ms=SLOW_MS)
    telling.fact(call_id, "in mid-call: every access token revoked")
    await _final_update_under_way(world, call_id)
    stage.house.kill_first_worker()
    telling.fact(call_id, "in its final update: worker 1 killed (kill -9), a second one starts")
    await asyncio.to_thread(stage.house.start_second_worker)
    telling.fact(call_id, "worker 2 takes over")
    call = await follower.settled(within_s=60)
    expect_ticket(call, "created")
    seen = counted(call.requests)
    expected = "2 updates, then a look at the ticket's comments instead of a third"
    expect(seen["update_ticket"] == 2 and seen["list_comments"] >= 1, expected, in_words(call.requests))
    tokens = (await world.books())["counts"]["tokens_issued"]
    expect(tokens == 2, "2 tokens in all: one for every worker, one after the revocation", tokens)


async def _final_update_under_way(world: World, call_id: str) -> None:
    async def look() -> bool | None:
        updates = [each for each in await world.requests(call_id) if each["kind"] == "update_ticket"]
        refused = any(each["status"] == 401 for each in updates)
        return True if refused and any(each["answered_at"] is None for each in updates) else None

    await eventually(f"an update of {call_id} sent again after a 401", look, lambda: "none", within_s=20)


async def _call_in_books(stage: Stage, call_id: str) -> Document:
    calls = (await stage.world.books())["calls"]
    return next((call for call in calls if call["id"] == call_id), {"custom_properties": {}})


STORIES = (
    Story(title="A new caller", play=new_caller),
    Story(title="A caller with an open ticket", play=open_ticket, created=0, seeded=1),
    Story(title="A call-back while search lags behind", play=call_back, calls=2, webhooks=6, pops=2),
    Story(title="Two calls of one customer at once", play=two_at_once, calls=2, webhooks=6, pops=2),
    Story(title="Every webhook three times, in the wrong order", play=thrice_and_wrong, webhooks=9, pops=0),
    Story(title="A token revoked and a worker killed in mid-call", play=revoked_and_killed, refused_tokens=1),
)
