"""The page of proofs is written by the proofs, and each zero in it stands beside its bound."""

import re

import pytest

from tests.reliability.report import PAGE, Section, bound, replaced, table, zero

ROOT = PAGE.parents[1]


def test_a_zero_stands_beside_its_bound() -> None:
    """None in N says a rate below 3/N, and nothing where nothing was tried."""
    assert zero(0, 3000) == "0 of 3,000 (rate < 0.1 % at 95 %)"
    assert zero(2, 3000) == "2 of 3,000"
    assert bound(0) == "nothing"


def test_a_section_replaces_its_region_alone() -> None:
    """What stands around the region stays, and an unknown region is an error."""
    page = "a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n<!-- begin: y -->\nkept\n<!-- end: y -->\n"
    made = replaced(page, Section(name="x", command="make x", text="new \\1"))
    assert "old" not in made
    assert "`make x`" in made
    assert "new \\1" in made
    assert made.startswith("a\n<!-- begin: x -->\n")
    assert made.endswith("<!-- end: x -->\nb\n<!-- begin: y -->\nkept\n<!-- end: y -->\n")
    with pytest.raises(LookupError, match="no region z"):
        replaced(page, Section(name="z", command="make z", text=""))


def test_a_bar_in_a_cell_is_no_column() -> None:
    """Cells hold any text."""
    assert table(["a", "b"], [["1|2", 3]]).splitlines()[-1] == "| 1\\|2 | 3 |"


def test_every_region_of_the_page_was_written_by_a_command_that_exists() -> None:
    """Each names a target of the Makefile, and its figures their machine and day."""
    regions = dict(re.findall(r"<!-- begin: (\w+) -->\n(.*?)<!-- end: \1 -->", PAGE.read_text(), flags=re.DOTALL))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert regions
    for name, text in regions.items():
        command = re.match(r"`make ([a-z]+)[^`]*` · Measured on \d{4}-\d\d-\d\d: ", text)
        assert command, name
        assert command[1] in targets
