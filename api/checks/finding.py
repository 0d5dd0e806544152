"""What a check found: plain values, told elsewhere, added up here."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILS = "fails"
    SKIPPED = "skipped"
    """It could not be looked at, or need not be; the text says because of what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check. Of a failure `command` mends it as it stands, or `mend` says in words what does; one of them is there.

    No text holds a secret or customer data.
    """

    name: str
    state: State
    text: str
    command: str | None = None
    mend: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The findings of one group, in the order they were made."""

    title: str
    findings: tuple[Finding, ...]


def ok(name: str, text: str) -> Finding:
    """All is well."""
    return Finding(name=name, state=State.OK, text=text)


def skipped(name: str, because: str) -> Finding:
    """Not looked at. `because` goes on after the word."""
    return Finding(name=name, state=State.SKIPPED, text=f"because {because}")


def fails(name: str, text: str, *, command: str | None = None, mend: str | None = None) -> Finding:
    """Something is wrong. Raises `ValueError` when neither a command nor words say what mends it."""
    if not (command or mend):
        raise ValueError(f"{name}: a failure says what mends it")
    return Finding(name=name, state=State.FAILS, text=text, command=command, mend=mend)


def count(sections: Sequence[Section], state: State) -> int:
    """How many checks ended so."""
    return sum(finding.state == state for section in sections for finding in section.findings)


def exit_code(sections: Sequence[Section]) -> int:
    """0 when nothing fails, else 1."""
    return 1 if count(sections, State.FAILS) else 0
