"""Scripts and faults are the same for the same seed, and hold everything the proof wants to see."""

from collections import Counter

import pytest

from tests.reliability.chaos.expected import body
from tests.reliability.chaos.proxy import Trouble
from tests.reliability.chaos.run import Plan
from tests.reliability.chaos.schedule import KILL, PAUSE, VENDOR, kinds, schedule
from tests.reliability.chaos.scripts import STORIES, Load, Script, replayed, scripts
from tests.reliability.chaos.system import LINKS, PARTS

LOAD = Load(n=1000, seed=7)


@pytest.fixture(scope="module")
def played() -> list[Script]:
    """A thousand calls."""
    return scripts(LOAD)


def test_a_seed_tells_everything() -> None:
    """The same seed is the same plan; another is another."""
    assert Plan.of(LOAD, every_s=4) == Plan.of(LOAD, every_s=4)
    assert scripts(LOAD) != scripts(Load(n=1000, seed=8))


def test_every_story_is_told(played: list[Script]) -> None:
    """In the order of beginning, each call under a name of its own, all over when the load is."""
    assert {script.story for script in played} == set(STORIES)
    assert len({script.call_id for script in played}) == LOAD.n
    assert [script.begins_s for script in played] == sorted(script.begins_s for script in played)
    assert max(send.at_s for script in played for send in script.sends) <= LOAD.lasts_s


def test_events_are_permuted_repeated_delayed_and_missing(played: list[Script]) -> None:
    """Each happens to a fair share of the calls."""
    orders = Counter(
        tuple(dict.fromkeys(send.event.kind for send in sorted(script.sends, key=lambda s: s.at_s)))
        for script in played
    )
    assert len(orders) >= 10
    assert sum(any(send.again for send in script.sends) for script in played) > LOAD.n / 5
    for kind in ("started", "answered", "completed"):
        assert 10 < sum(not script.of(kind) for script in played) < LOAD.n / 5
    late = [send for script in played for send in script.sends if send.at_s > send.event.happened_s + 5]
    assert len(late) > LOAD.n / 20


def test_families_share_a_number_and_no_ticket(played: list[Script]) -> None:
    """The members are customers of their own; a pair is one customer with two calls."""
    families = [script for script in played if script.story.startswith("a family")]
    assert len({script.customer for script in families}) == len(families)
    assert len({script.phone for script in families}) < len(families)
    pairs = Counter(script.customer for script in played if script.story.startswith("a pair"))
    assert Counter(pairs.values()).most_common(1)[0][0] == 2


def test_every_part_and_link_is_struck_in_a_long_run() -> None:
    """Kills, pauses, each trouble of a link, and vendor faults."""
    struck = set(kinds(schedule(1, begins_s=0, ends_s=10_000)))
    assert {(what, part) for what in (KILL, PAUSE) for part in PARTS} <= struck
    assert {(str(trouble), link) for trouble in Trouble for link in LINKS} <= struck
    assert (VENDOR, "vendor answers") in struck


def test_the_last_fault_ends_with_the_load() -> None:
    """From that moment the way to an empty backlog is measured."""
    plan = Plan.of(LOAD, every_s=4)
    assert max(fault.ends_s for fault in plan.faults) == pytest.approx(plan.load.lasts_s)


def test_a_replayed_backlog_is_other_people_s() -> None:
    """Nobody in it is anybody of the first run, and everything is sent at once."""
    first = scripts(Load(n=50, seed=1))
    second = replayed(first, "d")
    assert {script.call_id for script in first}.isdisjoint(script.call_id for script in second)
    assert {script.email for script in first if script.email}.isdisjoint(script.email for script in second)
    assert {send.at_s for script in second for send in script.sends} == {0}


def test_the_body_of_an_event_is_the_same_each_time(played: list[Script]) -> None:
    """A redelivery is the same bytes; its time is when the event happened."""
    for script in played[:100]:
        for event in script.events:
            first = body(script, event, 1_800_000_000.0, 7)
            assert first == body(script, event, 1_800_000_000.0, 7)
            assert first["timestamp"] == int((1_800_000_000.0 + event.happened_s) * 1000)
