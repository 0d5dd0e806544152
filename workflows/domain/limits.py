"""What fits into a screen pop: the custom properties of a live call and their limits."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PROPERTY_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
MAX_VALUE_CHARACTERS = 255
MAX_PROPERTIES = 20
MAX_JSON_BYTES = 4096

PropertyValue = str | int | float | bool
"""What a custom property may hold; anything else is sent as its JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopContent:
    """The custom properties to send, and the names of those shortened or left out."""

    properties: dict[str, PropertyValue]
    left_out: list[str]


def pop_content(ticket_id: int | None, customer: Mapping[str, object] | None, names: Sequence[str]) -> PopContent:
    """`ticket_id` when known, then the CRM's properties in the order of `names`; the last give way to the limits."""
    wanted = ([("ticket_id", ticket_id)] if ticket_id is not None else []) + [
        (name, customer[name]) for name in names if customer is not None and customer.get(name) is not None
    ]
    properties: dict[str, PropertyValue] = {}
    left_out: list[str] = []
    for name, raw in wanted:
        value = _shown(raw)
        short = value[:MAX_VALUE_CHARACTERS] if isinstance(value, str) else value
        if not PROPERTY_NAME.fullmatch(name) or not _fits({**properties, name: short}):
            left_out.append(name)
            continue
        properties[name] = short
        if short != value:
            left_out.append(name)
    return PopContent(properties=properties, left_out=left_out)


def _fits(properties: Mapping[str, PropertyValue]) -> bool:
    size = len(json.dumps({"call": {"custom_properties": properties}}).encode())
    return len(properties) <= MAX_PROPERTIES and size <= MAX_JSON_BYTES


def _shown(value: object) -> PropertyValue:
    return value if isinstance(value, str | int | float | bool) else json.dumps(value, ensure_ascii=False)
