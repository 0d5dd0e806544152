"""What the ledger's numbers on screen pops say, as the page *Screen pops* shows it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from api.ops import histogram
from workflows.domain.call import PopState

MOST_CALLS = 20_000
"""How many calls of a period are looked at: each has to be read whole."""
_LONGEST = 100
_DUE = (PopState.SHOWN, PopState.MISSED, PopState.REFUSED)

Rows = Iterable[Mapping[str, Any]]
"""As the statement `screen_pops` tells them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What can be looked at; a line of its table is `slot_s` seconds, headed `slot_name` and told by `pattern`.

    `slot_word`: one line's length as a word that takes an s.
    """

    key: str
    title: str
    period_s: int
    slot_s: int
    slot_name: str
    pattern: str
    slot_word: str


PERIODS = (
    Period(
        key="hour",
        title="Last hour",
        period_s=3600,
        slot_s=300,
        slot_name="From",
        pattern="%H:%M",
        slot_word="five-minute span",
    ),
    Period(
        key="day",
        title="Last 24 hours",
        period_s=86_400,
        slot_s=3600,
        slot_name="Hour from",
        pattern="%d %b %H:%M",
        slot_word="hour",
    ),
    Period(
        key="week",
        title="Last 7 days",
        period_s=604_800,
        slot_s=86_400,
        slot_name="Day",
        pattern="%a %d %b",
        slot_word="day",
    ),
)
_USUAL = PERIODS[1]


def period_of(key: str) -> Period:
    """The period of that name; the day for any other."""
    return next((each for each in PERIODS if each.key == key), _USUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One line of the table. `begins` is UTC; a share is of those that were due."""

    begins: datetime
    label: str
    shown: int
    missed: int
    refused: int
    not_needed: int
    pending: int
    within: int
    p95_ms: int | None
    bar: float

    @property
    def due(self) -> int:
        """Pops that somebody waited for."""
        return self.shown + self.missed + self.refused

    @property
    def pops(self) -> int:
        """Every screen pop, those under way too."""
        return self.due + self.not_needed + self.pending

    @property
    def share(self) -> str:
        """Of those due, how many were shown in time."""
        return histogram.share(self.within, self.due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why pops of one end came to it: in a few words, how often, and the newest calls."""

    state: str
    text: str
    count: int
    call_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A period in numbers. `since`: how far back was looked when there were too many calls to look at all.

    `timed`: shown pops whose latency is known, which the percentiles are of.
    """

    period: Period
    calls: int
    since: datetime | None
    counts: Mapping[str, int]
    within: int
    timed: int
    percentiles: Sequence[tuple[str, int | None]]
    drawing: histogram.Drawing
    slots: Sequence[Slot]
    reasons: Sequence[Reason]

    @property
    def pops(self) -> int:
        """Every screen pop, those under way too."""
        return sum(self.counts.values())

    @property
    def due(self) -> int:
        """Pops that somebody waited for."""
        return sum(self.counts[state] for state in _DUE)

    @property
    def share(self) -> str:
        """Of those due, how many were shown in time."""
        return histogram.share(self.within, self.due)

    @property
    def few(self) -> bool:
        """Whether the upper percentiles are those of a handful."""
        return 0 < self.timed < histogram.FEW


def figures(rows: Rows, period: Period, now: datetime) -> Figures:
    """Everything the page shows of a period that ends now."""
    of: dict[str, list[Mapping[str, Any]]] = {"calls": [], "latency": [], "slot": [], "reason": []}
    for row in rows:
        of[row["figure"]].append(row)
    calls = sum(row["pops"] for row in of["calls"])
    latencies = {row["latency_ms"]: row["pops"] for row in of["latency"]}
    slots, counts = _slots(of["slot"], period, now), Counter(dict.fromkeys(map(str, PopState), 0))
    for row in of["slot"]:
        counts[row["state"]] += row["pops"]
    return Figures(
        period=period,
        calls=calls,
        since=of["calls"][0]["slot"] if calls >= MOST_CALLS else None,
        counts=counts,
        within=sum(count for latency_ms, count in latencies.items() if latency_ms <= histogram.WITHIN_MS),
        timed=sum(latencies.values()),
        percentiles=[(f"p{n}", histogram.percentile(latencies, n)) for n in (50, 95, 99)],
        drawing=histogram.drawn(histogram.buckets(latencies)),
        slots=slots,
        reasons=_reasons(of["reason"]),
    )


def _slots(rows: Sequence[Mapping[str, Any]], period: Period, now: datetime) -> list[Slot]:
    """Every slot of the period, the empty ones too, the newest first."""
    by_slot: dict[datetime, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        by_slot.setdefault(row["slot"].astimezone(UTC), {})[row["state"]] = row
    newest = max([_begin(now, period.slot_s), *by_slot])
    oldest = min([_begin(now - timedelta(seconds=period.period_s), period.slot_s), *by_slot])
    most = max((_due(states) for states in by_slot.values()), default=0)
    steps = (newest - oldest) // timedelta(seconds=period.slot_s)
    begins = [newest - timedelta(seconds=period.slot_s) * n for n in range(steps + 1)]
    return [_slot(begin, by_slot.get(begin, {}), period, most) for begin in begins]


def _begin(moment: datetime, slot_s: int) -> datetime:
    return datetime.fromtimestamp(moment.timestamp() // slot_s * slot_s, UTC)


def _due(states: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(states[state]["pops"] for state in _DUE if state in states)


def _slot(begins: datetime, states: Mapping[str, Mapping[str, Any]], period: Period, most: int) -> Slot:
    def number(state: PopState, name: str = "pops") -> int:
        return int(states[state][name] or 0) if state in states else 0

    return Slot(
        begins=begins,
        label=begins.strftime(period.pattern),
        shown=number(PopState.SHOWN),
        missed=number(PopState.MISSED),
        refused=number(PopState.REFUSED),
        not_needed=number(PopState.NOT_NEEDED),
        pending=number(PopState.PENDING),
        within=number(PopState.SHOWN, "within"),
        p95_ms=states[PopState.SHOWN]["latency_ms"] if PopState.SHOWN in states else None,
        bar=histogram.bar_length(_due(states), most),
    )


def _reasons(rows: Sequence[Mapping[str, Any]]) -> list[Reason]:
    """The commonest first. Texts that begin alike are one reason: what follows differs from call to call."""
    counts: Counter[tuple[str, str]] = Counter()
    call_ids: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        key = row["state"], beginning(row["state"], row["said"])
        counts[key] += row["pops"]
        call_ids[key] = list(dict.fromkeys([*call_ids.get(key, []), *(row["call_ids"] or [])]))[:3]
    return [
        Reason(state=state, text=text, count=count, call_ids=call_ids[state, text])
        for (state, text), count in counts.most_common()
    ]


def beginning(state: str, said: str | None) -> str:
    """`patch_call: answered 503: try later` as `answered 503`; of a pop without a request what that means."""
    if not said:
        no_request = "no request went out in time: neither ticket nor customer record was there, or no worker"
        return no_request if state == PopState.MISSED else "no reason was kept"
    return said.removeprefix("patch_call: ").partition(":")[0].strip()[:_LONGEST] or "no reason was kept"
