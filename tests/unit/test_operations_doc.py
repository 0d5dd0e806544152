"""`docs/operations.md` has an entry for whatever may wake somebody: alert rules, alerts, causes of attention."""

import re
from pathlib import Path

import pytest
import yaml

from workflows.domain.errors import AlertKind, Failure
from workflows.domain.mend import MendAction
from workflows.domain.status import SearchAttribute

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
RULES = yaml.safe_load((ROOT / "deploy" / "observability" / "alerts.yml").read_text())


def section(heading: str) -> str:
    """What stands under a heading of the second level."""
    return PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def rows(heading: str) -> list[list[str]]:
    """The cells of each row of a table, heading and rule left out."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def entries() -> dict[str, str]:
    """Alert rules by name, with what stands there."""
    parts = re.split(r"^### (\w+)\n", section("Alert rules"), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_alert_rule_has_its_entry() -> None:
    """In the order of the rules, with the severity they have, how to look and what to do."""
    rules = {rule["alert"]: rule["labels"]["severity"] for group in RULES["groups"] for rule in group["rules"]}
    assert list(entries()) == list(rules)
    for name, text in entries().items():
        assert text.strip().startswith(f"*{rules[name].capitalize()}.*"), name
        assert "**Look" in text, name
        assert "o:**" in text, name


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Alerts of Talkbridge itself", [str(kind) for kind in AlertKind]),
        ("Calls that need attention", [str(failure) for failure in Failure]),
    ],
)
def test_every_alert_and_cause_has_its_row(heading: str, names: list[str]) -> None:
    """Each says what it means, how to look and what to do, in the order of the code."""
    found = rows(heading)
    assert [row[0].strip("`") for row in found] == names
    assert [row for row in found if len(row) != 4 or not all(row)] == []


def test_every_mend_and_search_attribute_is_used() -> None:
    """What operations can press, and what they can ask Temporal for."""
    pressed = {
        re.findall(r"talkbridge call ([a-z-]+)", row[0])[0].replace("-", "_") for row in rows("What can be pressed")
    }
    assert pressed == {str(action) for action in MendAction}
    queries = " ".join(row[1] for row in rows("In the Temporal UI"))
    assert [str(name) for name in SearchAttribute if name not in queries] == []


def test_every_link_into_a_page_meets_a_heading() -> None:
    """Anchors of the runbook, of the rules and between the pages are headings that exist."""
    pages = sorted((ROOT / "docs").glob("*.md"))
    headings = {page.name: {_anchor(line) for line in page.read_text().splitlines()} for page in pages}
    links = [(page.name, *link) for page in pages for link in re.findall(r"\]\(([\w.-]*)#([\w-]+)\)", page.read_text())]
    links += [
        ("operations.md", *each["annotations"]["runbook"].rpartition("/")[2].split("#"))
        for g in RULES["groups"]
        for each in g["rules"]
    ]
    assert len(links) > 20
    assert [link for link in links if link[2] not in headings[link[1] or link[0]]] == []


def _anchor(line: str) -> str | None:
    found = re.fullmatch(r"#+ (.+)", line)
    return re.sub(r"[^\w -]", "", found[1].lower()).replace(" ", "-") if found else None
