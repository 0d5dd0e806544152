"""`docs/errors.md` names every failure, alert and problem, and no other."""

import re
from pathlib import Path

import pytest

from api.problems import KINDS
from workflows.domain.errors import AlertKind, Failure

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Why a step is tried again", [str(failure) for failure in Failure]),
        ("Alerts", [str(kind) for kind in AlertKind]),
        ("What the gateway answers", [kind.name for kind in KINDS]),
    ],
)
def test_every_error_is_explained(heading: str, names: list[str]) -> None:
    """Each table lists exactly what the code can say, in the order of the code."""
    assert rows(heading) == names


def test_statuses_of_problems_are_true() -> None:
    """The status beside a problem's name is the one it is answered with."""
    section = PAGE.split("## What the gateway answers\n", 1)[1]
    statuses = dict(re.findall(r"^\| `([^`]+)` \| (\d+) \|", section, re.MULTILINE))
    assert statuses == {kind.name: str(kind.status) for kind in KINDS}
