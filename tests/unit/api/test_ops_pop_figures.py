"""What the ledger's numbers on screen pops say."""

from datetime import UTC, datetime, timedelta
from typing import Any

from api.ops import pages
from api.ops.histogram import seconds
from api.ops.pop_figures import MOST_CALLS, PERIODS, beginning, figures, period_of

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
HOUR, DAY, WEEK = PERIODS
_EMPTY = dict.fromkeys(("slot", "state", "said", "latency_ms", "within", "call_ids"))


def row(figure: str, pops: int, **more: object) -> dict[str, Any]:
    """A row of the statement."""
    return {"figure": figure, "pops": pops, **_EMPTY, **more}


ROWS = [
    row("calls", 40, slot=NOW - timedelta(hours=20)),
    row("latency", 20, state="shown", latency_ms=180),
    row("latency", 5, state="shown", latency_ms=2400),
    row("slot", 25, slot=NOW.replace(minute=0), state="shown", latency_ms=2400, within=20),
    row("slot", 3, slot=NOW.replace(minute=0), state="missed", within=0),
    row("slot", 2, slot=NOW - timedelta(hours=20, minutes=30), state="refused", within=0),
    row("slot", 4, slot=NOW - timedelta(hours=20, minutes=30), state="not_needed", within=0),
    row("reason", 2, state="missed", said="patch_call: answered 503: try later", call_ids=["c-9", "c-8"]),
    row("reason", 1, state="missed", said="patch_call: answered 503: maintenance", call_ids=["c-8", "c-7", "c-6"]),
    row("reason", 2, state="refused", said="patch_call: answered 422 (custom_properties): too long", call_ids=["c-1"]),
]


def test_the_share_is_of_those_that_were_due() -> None:
    """A missed pop was not in time; one that nobody needed does not count."""
    found = figures(ROWS, DAY, NOW)
    assert (found.calls, found.pops, found.due, found.within, found.timed) == (40, 34, 30, 20, 25)
    assert found.share == "66.7 %"
    assert found.percentiles == [("p50", 180), ("p95", 2400), ("p99", 2400)]
    assert not found.few
    assert found.counts["pending"] == 0
    assert found.since is None


def test_every_hour_has_a_line() -> None:
    """The empty ones too, the newest first; the fullest has the longest bar."""
    slots = figures(ROWS, DAY, NOW).slots
    assert [slot.begins for slot in slots] == [NOW.replace(minute=0) - timedelta(hours=n) for n in range(25)]
    assert (slots[0].due, slots[0].share, slots[0].p95_ms, slots[0].bar) == (28, "71.4 %", 2400, 80)
    assert (slots[1].due, slots[1].share, slots[1].p95_ms, slots[1].bar) == (0, "", None, 0)
    assert (slots[20].due, slots[20].not_needed, slots[20].share) == (2, 4, "0 %")
    assert slots[0].label == "31 Jan 12:00"


def test_periods_have_lines_of_their_own() -> None:
    """Five minutes of an hour, days of a week; an unknown period is the day."""
    assert len(figures([], HOUR, NOW).slots) == 13
    assert [slot.label for slot in figures([], WEEK, NOW).slots][:2] == ["Sat 31 Jan", "Fri 30 Jan"]
    assert len(figures([], WEEK, NOW).slots) == 8
    assert period_of("year") == period_of("") == DAY
    assert figures([], DAY, NOW).pops == 0
    assert figures([], DAY, NOW).share == ""


def test_a_clock_behind_the_databases_loses_no_line() -> None:
    """A slot that has not begun by our clock is shown all the same."""
    early = NOW - timedelta(hours=2)
    assert figures(ROWS, DAY, early).slots[0].begins == NOW.replace(minute=0)


def test_texts_that_begin_alike_are_one_reason() -> None:
    """The commonest first, with the newest calls once each."""
    reasons = figures(ROWS, DAY, NOW).reasons
    assert [(each.state, each.text, each.count) for each in reasons] == [
        ("missed", "answered 503", 3),
        ("refused", "answered 422 (custom_properties)", 2),
    ]
    assert reasons[0].call_ids == ["c-9", "c-8", "c-7"]
    assert beginning("missed", None).startswith("no request went out in time")
    assert beginning("refused", "") == "no reason was kept"
    assert beginning("missed", "x" * 500) == "x" * 100


def test_few_and_many_are_said() -> None:
    """Percentiles of a handful, and calls that were too many to look at."""
    assert figures([row("latency", 19, state="shown", latency_ms=1)], DAY, NOW).few
    assert not figures([row("latency", 20, state="shown", latency_ms=1)], DAY, NOW).few
    assert not figures([], DAY, NOW).few
    assert figures([row("calls", MOST_CALLS, slot=NOW)], WEEK, NOW).since == NOW


def test_empty_hours_are_counted_and_not_drawn() -> None:
    """A line for each hour that had a pop, one that is under way too, and how many hours had none."""
    rows = [*ROWS, row("slot", 1, slot=NOW.replace(minute=0) - timedelta(hours=2), state="pending", within=0)]
    template = pages._templates.get_template("pops_figures.html")
    told = template.render(found=figures(rows, DAY, NOW), period=DAY, seconds=seconds)
    assert told.count('<svg class="small-bar"') == 3
    assert "22 hours without a screen pop are left out." in told
    assert "35 screen pops of 40 calls" in told


def test_one_pop_is_told_in_the_singular() -> None:
    """Of one call, in one day."""
    rows = [row("calls", 1), row("latency", 1, state="shown", latency_ms=180)]
    rows.append(row("slot", 1, slot=NOW.replace(hour=0, minute=0), state="shown", latency_ms=180, within=1))
    template = pages._templates.get_template("pops_figures.html")
    told = template.render(found=figures(rows, WEEK, NOW), period=WEEK, seconds=seconds)
    assert "1 screen pop of 1 call</caption>" in told
    assert "Only 1 screen pop was shown in this period" in told
    assert "7 days without a screen pop are left out." in told
