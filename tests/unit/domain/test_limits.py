"""What fits into a screen pop, and what gives way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.domain.limits import PropertyValue, pop_content

NAMES = [f"p{n}" for n in range(30)]


@pytest.mark.parametrize(
    ("ticket_id", "customer", "names", "properties", "left_out"),
    [
        (7, {"a": "1", "b": "2"}, ["b", "a"], {"ticket_id": 7, "b": "2", "a": "1"}, []),
        (None, {"a": "1"}, ["a"], {"a": "1"}, []),
        (7, None, ["a"], {"ticket_id": 7}, []),
        (None, None, ["a"], {}, []),
        (7, {"a": "1", "secret": "x"}, ["a"], {"ticket_id": 7, "a": "1"}, []),
        (7, {"a": None, "b": ""}, ["a", "b"], {"ticket_id": 7, "b": ""}, []),
        (7, {"a": True, "b": 1.5, "c": 0}, ["a", "b", "c"], {"ticket_id": 7, "a": True, "b": 1.5, "c": 0}, []),
        (None, {"a": ["x", "ü"]}, ["a"], {"a": '["x", "ü"]'}, []),
        (None, {"a b": "1", "c": "2"}, ["a b", "c"], {"c": "2"}, ["a b"]),
        (None, {"n" * 64: "1", "n" * 65: "2"}, ["n" * 64, "n" * 65], {"n" * 64: "1"}, ["n" * 65]),
        (None, {"a\n": "1"}, ["a\n"], {}, ["a\n"]),
        (None, {"a": "x" * 255}, ["a"], {"a": "x" * 255}, []),
        (None, {"a": "x" * 256}, ["a"], {"a": "x" * 255}, ["a"]),
    ],
)
def test_what_is_sent(
    ticket_id: int | None,
    customer: dict[str, object] | None,
    names: list[str],
    properties: dict[str, PropertyValue],
    left_out: list[str],
) -> None:
    """The ticket first, then the named properties in their order, and no others."""
    content = pop_content(ticket_id, customer, names)
    assert (content.properties, content.left_out) == (properties, left_out)
    assert list(content.properties) == list(properties)


def test_no_more_than_twenty_properties() -> None:
    """The least important end gives way, the ticket never."""
    content = pop_content(7, dict.fromkeys(NAMES, "v"), NAMES)
    assert list(content.properties) == ["ticket_id", *NAMES[:19]]
    assert content.left_out == NAMES[19:]


def test_no_more_than_four_kibibytes() -> None:
    """A property that does not fit is left out; a smaller one after it may still fit."""
    customer = dict.fromkeys(NAMES[:5], "ü" * 255) | {"p9": "small"}
    content = pop_content(7, customer, [*NAMES[:5], "p9"])
    assert list(content.properties) == ["ticket_id", "p0", "p1", "p9"]
    assert content.left_out == ["p2", "p3", "p4"]


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=400) | st.integers() | st.booleans()))
def test_limits_hold_whatever_the_crm_says(customer: dict[str, object]) -> None:
    """Never over 20 properties, 255 characters or 4 KiB, and everything that was cut is named."""
    content = pop_content(7, customer, NAMES)
    assert len(content.properties) <= 20
    assert all(len(value) <= 255 for value in content.properties.values() if isinstance(value, str))
    assert len(json.dumps({"call": {"custom_properties": content.properties}}).encode()) <= 4096
    whole = {name for name, value in customer.items() if content.properties.get(name) == value}
    assert set(customer) - whole <= set(content.left_out)
