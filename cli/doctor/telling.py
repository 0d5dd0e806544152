"""Findings as lines for people and as JSON for scripts."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.text import Text

from api.checks.finding import Section, State, count

_STYLES = {State.OK: "green", State.FAILS: "bold red", State.SKIPPED: "dim"}
_INDENT = " " * 11


def told(section: Section) -> Iterator[Text]:
    """A section: its title, a line a check, and under a failure what mends it. Without colour it says the same."""
    yield Text(section.title, style="bold")
    width = max((len(finding.name) for finding in section.findings), default=0)
    for finding in section.findings:
        yield Text.assemble(
            "  ", (f"{finding.state:<9}", _STYLES[finding.state]), f"{finding.name:<{width}}  {finding.text}"
        )
        if finding.command:
            yield Text(f"{_INDENT}mend it: {finding.command}", style="bold")
        if finding.mend:
            yield Text(f"{_INDENT}{'         ' if finding.command else 'mend it: '}{finding.mend}")


def summary(sections: Sequence[Section]) -> str:
    """How it went, in one line."""
    failed, left_out = count(sections, State.FAILS), count(sections, State.SKIPPED)
    checks = sum(len(section.findings) for section in sections)
    begun = f"{failed} of {checks} checks failed" if failed else "Nothing failed"
    return begun + (f"; {left_out} skipped." if left_out else ".")


def document(sections: Sequence[Section]) -> dict[str, Any]:
    """Everything as JSON: `{"ok", "checks": [{"group", "name", "state", "text", "command", "mend"}]}`."""
    checks = [{"group": section.title, **asdict(each)} for section in sections for each in section.findings]
    return {"ok": not count(sections, State.FAILS), "checks": checks}
