"""Small checks that together describe a request body and name every field that does not fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import cast

from simulator.exchange import Document, record_invalid

Problem = tuple[str, str]
Check = Callable[[object, str], Iterator[Problem]]


def text(longest: int = 65_536, *, blank: bool = False) -> Check:
    """A string, not blank unless allowed."""

    def check(value: object, name: str) -> Iterator[Problem]:
        if not isinstance(value, str):
            yield name, "must be a string"
        elif len(value) > longest:
            yield name, f"is too long (maximum is {longest} characters)"
        elif not blank and not value.strip():
            yield name, "cannot be blank"

    return check


def boolean(value: object, name: str) -> Iterator[Problem]:
    """True or false, and nothing that merely looks like it."""
    if not isinstance(value, bool):
        yield name, "must be a boolean"


def integer(value: object, name: str) -> Iterator[Problem]:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        yield name, "must be an integer"


def scalar(value: object, name: str) -> Iterator[Problem]:
    """A string, a number or a boolean."""
    if not isinstance(value, str | int | float | bool):
        yield name, "must be a string, a number or a boolean"


def one_of(allowed: Collection[str]) -> Check:
    """One of these words."""

    def check(value: object, name: str) -> Iterator[Problem]:
        if not isinstance(value, str) or value not in allowed:
            yield name, f"is not one of {', '.join(sorted(allowed))}"

    return check


def nullable(inner: Check) -> Check:
    """Null, or what the inner check wants."""

    def check(value: object, name: str) -> Iterator[Problem]:
        if value is not None:
            yield from inner(value, name)

    return check


def list_of(inner: Check) -> Check:
    """A list whose every member passes."""

    def check(value: object, name: str) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield name, "must be a list"
            return
        for member in value:
            yield from inner(member, name)

    return check


def record(known: Mapping[str, Check], required: Collection[str] = ()) -> Check:
    """An object with these fields and no others."""

    def check(value: object, name: str) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield name or "base", "must be an object"
            return
        prefix = f"{name}." if name else ""
        for missing in sorted(set(required) - set(value)):
            yield prefix + missing, "is required"
        for field, member in value.items():
            if field in known:
                yield from known[field](member, prefix + field)
            else:
                yield prefix + field, "is not a known field"

    return check


def require(check: Check, value: object) -> Document:
    """The value as an object that passed, or Zendesk's 422 naming all that is wrong."""
    details: dict[str, list[str]] = {}
    for name, reason in check(value, ""):
        details.setdefault(name, []).append(reason)
    if details:
        raise record_invalid(details)
    return cast(Document, value)
