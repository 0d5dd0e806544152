"""The request that shows properties to the agent, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulator.settings import changed

if TYPE_CHECKING:
    from tests.unit.simulator.conftest import Client


def test_properties_are_kept_with_the_time_they_came(client: Client) -> None:
    """Each pop is kept with its time; the call holds what the agent sees now."""
    assert client.pop({"ticket_id": 7, "vip": True}).status == 200
    client.now += 1
    client.pop({"account_status": "Premium"})
    [call] = client.world.calls.all()
    assert call.custom_properties == {"ticket_id": 7, "vip": True, "account_status": "Premium"}
    assert [pop["at"] for pop in call.pops] == [client.now - 1, client.now]


@pytest.mark.parametrize(
    "properties",
    [
        {"a-b": 1},
        {"a" * 65: 1},
        {"": 1},
        {"a": None},
        {"a": ["x"]},
        {"a": "x" * 256},
        {f"p{n}": n for n in range(21)},
        {f"p{n}": "x" * 255 for n in range(17)},
        ["a"],
        None,
    ],
)
def test_what_exceeds_the_limits_is_refused(client: Client, properties: object) -> None:
    """Names, values, number and size beyond the limits are 422, and nothing is shown."""
    assert client.pop(properties).status == 422
    assert client.world.calls.get("c-1") is None


def test_what_just_fits_is_taken(client: Client) -> None:
    """Twenty properties, a name of 64 and a value of 255 characters pass."""
    properties = {"a" * 64: "ü" * 255, **{f"p{n}": 1.5 for n in range(19)}}
    assert client.pop(properties).status == 200


def test_nothing_else_may_be_patched(client: Client) -> None:
    """A body with another field is 422."""
    body = {"call": {"custom_properties": {}, "status": "x"}}
    assert client.ask("PATCH", "/api/v2/talk/calls/c-1.json", body).status == 422


def test_strict_calls_refuse_strangers(client: Client) -> None:
    """With `strict_calls` a call that telephony did not place is 404."""
    client.world.settings = changed(client.world.settings, {"strict_calls": True})
    assert client.pop({"a": 1}).status == 404
    client.world.calls.obtain("c-1")
    assert client.pop({"a": 1}).status == 200


def test_call_ids_are_decoded(client: Client) -> None:
    """A percent-encoded call id is the call's own id."""
    client.pop({"a": 1}, call_id="c%2F1%20x")
    assert [(call.id, call.custom_properties) for call in client.world.calls.all()] == [("c/1 x", {"a": 1})]
