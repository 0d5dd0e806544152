"""What the proofs of docs/reliability.md share: options, the bound behind a zero, and their place in the page."""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import ground, write

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def options(name: str, about: str | None, *, n: int, seed: int = 1) -> argparse.ArgumentParser:
    """What every proof can be asked: `--n`, `--seed`, `--write` (its section of docs/reliability.md); add your own."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.reliability.{name}", description=about)
    parser.add_argument("--n", type=int, default=n)
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--write", action="store_true", help="write the section of docs/reliability.md")
    return parser


def bound(n: int) -> str:
    """What none in `n` independent trials proves of the rate, at 95 %: the rule of three."""
    return f"< {100 * 3 / n:.2g} %" if n else "nothing"


def zero(found: int, n: int) -> str:
    """A count beside its number of trials, a zero with its bound: `0 of 3,000 (rate < 0.1 % at 95 %)`."""
    return f"{found:,} of {n:,}" + ("" if found else f" (rate {bound(n)} at 95 %)")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    lines = [list(heads), ["---"] * len(heads), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One proof's part of the page: `name` is that of its region, `command` what a reader types to see it again."""

    name: str
    command: str
    text: str

    def markdown(self) -> str:
        """The section with command, machine and day."""
        return f"`{self.command}` · {ground()}\n\n{self.text.strip()}\n"


def publish(section: Section, *, into_page: bool) -> None:
    """Print a section; with `into_page` put it into its region of docs/reliability.md as well.

    Raises `LookupError` when the page has no such region.
    """
    write(section.markdown())
    if into_page:
        PAGE.write_text(replaced(PAGE.read_text(), section))


def replaced(page: str, section: Section) -> str:
    """The page with the section in place of what its region held: `<!-- begin: name -->` … `<!-- end: name -->`."""
    begin, end = (f"<!-- {word}: {section.name} -->" for word in ("begin", "end"))
    region = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", flags=re.DOTALL)
    if not region.search(page):
        raise LookupError(f"docs/reliability.md has no region {section.name}")
    return region.sub(lambda _: f"{begin}\n{section.markdown()}{end}", page)


def progress(text: str) -> None:
    """One line for whoever waits, on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
