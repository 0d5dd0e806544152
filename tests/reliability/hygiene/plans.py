"""How PostgreSQL answers each statement: the plan it settles on, the pages it touches, the time it takes."""

import re
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg

from activities.postgres.database import NO_COMPILING
from tests.reliability.hygiene.filling import BIG
from tests.reliability.hygiene.questions import Params, Question, questions

Json = dict[str, Any]
Ledger = psycopg.Connection[tuple[Any, ...]]
Both = tuple[Ledger, Ledger]
"""The full ledger and the empty one."""
SETTLED_AFTER = 12
"""psycopg prepares a statement at its sixth use; five uses later PostgreSQL may settle on a plan for any values."""
_PARAMETER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one statement costs: `scans` are big tables read from end to end, `pages` the most it touched.

    `ratio`: of the median times, to an empty ledger. `bad`: it would slow down as the ledger grows.
    """

    question: Question
    nodes: Sequence[str]
    scans: Sequence[str]
    pages: int
    pages_empty: int
    ratio: float
    median_ms: float
    bad: bool


def study(url: str, empty_url: str, *, calls: int, seed: int, times: int, only: str = "") -> list[Plan]:
    """Ask everything, or `only` the statement of a name, of both ledgers, `times` times in turn; nothing is kept."""
    random = Random(seed)
    # Of all ages: of an old call too, everything has to be found.
    numbers = [random.randrange(1, calls + 1) for _ in range(max(times, SETTLED_AFTER))]
    asked = [question for question in questions() if only in ("", question.name)]
    # As the product's sessions are.
    with (
        psycopg.connect(url, options=NO_COMPILING) as full,
        psycopg.connect(empty_url, options=NO_COMPILING) as empty,
    ):
        return [_plan((full, empty), question, numbers, calls=calls, times=times) for question in asked]


def _plan(both: Both, question: Question, numbers: Sequence[int], *, calls: int, times: int) -> Plan:
    plans, plans_empty = (list(_explained(ledger, question, numbers[:SETTLED_AFTER], calls)) for ledger in both)
    spent, spent_empty = _medians(both, question, numbers[:times], calls)
    scans = sorted({scan for plan in plans for scan in _scans(plan)})
    pages = max(map(_pages, plans))
    return Plan(
        question=question,
        nodes=sorted({node for plan in plans for node in _nodes(plan)}),
        scans=scans,
        pages=pages,
        bad=bool(scans) or pages > question.most_pages(calls),
        pages_empty=max(map(_pages, plans_empty)),
        ratio=spent / spent_empty,
        median_ms=spent * 1000,
    )


def _explained(connection: Ledger, question: Question, numbers: Sequence[int], calls: int) -> Iterator[Json]:
    """The plan at each use of the prepared statement, the later ones for any values if PostgreSQL likes them better."""
    names = list(dict.fromkeys(_PARAMETER.findall(question.sql)))
    text = _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", question.sql)
    connection.execute(f"PREPARE asked AS {text}".encode())
    try:
        if question.before is not None:
            for number in numbers:
                _explain(connection, names, question.before(number, calls))
        for number in numbers:
            yield _explain(connection, names, question.params(number, calls))
    finally:
        connection.execute("DEALLOCATE asked")
        connection.rollback()


def _explain(connection: Ledger, names: Sequence[str], given: Params) -> Json:
    marks = f"({', '.join('%s' for _ in names)})" if names else ""
    values = psycopg.ClientCursor(connection).mogrify(marks, [given[name] for name in names])
    # Taken back each time: the next use finds what this one found.
    with connection.transaction(force_rollback=True):
        row = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE asked {values}".encode()).fetchone()
    assert row is not None
    plan: Json = row[0][0]["Plan"]
    return plan


def _medians(both: Both, question: Question, numbers: Sequence[int], calls: int) -> tuple[float, float]:
    """Median seconds in the full and in the empty ledger, asked in turn so that both meet the same machine."""
    spent: tuple[list[float], list[float]] = ([], [])
    for number in numbers:
        given = question.params(number, calls)
        for connection, seconds in zip(both, spent, strict=True):
            with connection.transaction(force_rollback=True):
                began = time.perf_counter()
                connection.execute(question.sql.encode(), given)
                seconds.append(time.perf_counter() - began)
    return statistics.median(spent[0]), statistics.median(spent[1])


def _walk(plan: Json) -> Iterator[Json]:
    """Every part of a plan that was carried out."""
    if plan["Actual Loops"]:
        yield plan
    for child in plan.get("Plans", []):
        yield from _walk(child)


def _nodes(plan: Json) -> Iterator[str]:
    for node in _walk(plan):
        place = node.get("Index Name") or node.get("Relation Name")
        if place and "Scan" in node["Node Type"] and node["Node Type"] != "Bitmap Heap Scan":
            yield str(place)


def _scans(plan: Json) -> Iterator[str]:
    for node in _walk(plan):
        if node["Node Type"] == "Seq Scan" and node.get("Relation Name") in BIG:
            yield str(node["Relation Name"])


def _pages(plan: Json) -> int:
    """Pages touched by the whole; a part that only writes runs after the rest and is not in its sum."""
    parts = [plan, *(node for node in _walk(plan) if str(node.get("Subplan Name", "")).startswith("CTE "))]
    return sum(int(part["Shared Hit Blocks"]) + int(part["Shared Read Blocks"]) for part in parts)
