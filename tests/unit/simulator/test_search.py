"""The search index: exact queries, open tickets, and a view of the past."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulator.exchange import Answer
from simulator.settings import changed

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Client

BY_EMAIL = 'type:ticket status:open customer_email:"user@example.com"'
BY_PHONE = 'type:ticket status:open customer_phone:"%2B15550100"'


def found(answer: Answer) -> list[int]:
    """The ids in a search answer."""
    assert answer.body["count"] == len(answer.body["results"])
    return [ticket["id"] for ticket in answer.body["results"]]


@pytest.mark.parametrize("query", [BY_EMAIL, BY_PHONE, BY_EMAIL.replace("user", "USER")])
def test_a_customer_is_found_by_email_or_phone(client: Client, query: str) -> None:
    """A search by the requester's email, in any case, or phone finds the ticket."""
    client.create()
    assert found(client.search(query)) == [1001]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "status:open",
        BY_EMAIL + " ",
        BY_EMAIL.replace('"', ""),
        BY_EMAIL + "&sort_by=updated_at",
        BY_EMAIL + " OR a",
    ],
)
def test_another_query_is_refused(client: Client, query: str) -> None:
    """Anything but the contract's two queries is 422."""
    assert client.search(query).status == 422


@pytest.mark.parametrize(
    ("status", "is_found"), [("new", 1), ("pending", 1), ("hold", 1), ("solved", 0), ("closed", 0)]
)
def test_open_means_neither_solved_nor_closed(client: Client, status: str, is_found: int) -> None:
    """Solved and closed tickets are not found, all others are."""
    client.create(status=status)
    assert len(found(client.search(BY_EMAIL))) == is_found


def test_the_index_lags_behind(client: Client) -> None:
    """A new ticket is found, a solved one lost and a deleted one gone only when the lag has passed."""
    client.world.settings = changed(client.world.settings, {"search_lag_s": 60})
    client.create()
    client.now += 59
    assert found(client.search(BY_EMAIL)) == []
    client.now += 1
    assert found(client.search(BY_EMAIL)) == [1001]
    client.update(1001, status="solved")
    assert client.search(BY_EMAIL).body["results"][0]["status"] == "open"
    client.now += 60
    assert found(client.search(BY_EMAIL)) == []
    client.update(1001, status="open")
    client.now += 60
    client.world.tickets.delete(1001)
    assert found(client.search(BY_EMAIL)) == [1001]
    client.now += 60
    assert found(client.search(BY_EMAIL)) == []


def test_an_aged_seed_is_in_the_index_already(client: Client) -> None:
    """A ticket seeded with an age is found although the index lags."""
    client.world.settings = changed(client.world.settings, {"search_lag_s": 60})
    seed = {"status": "open", "requester": {"name": "A", "email": "user@example.com"}}
    client.world.tickets.add(seed, None, age_s=3600)
    assert found(client.search(BY_EMAIL)) == [1001]
