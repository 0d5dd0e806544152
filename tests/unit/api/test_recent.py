"""The list of what was acknowledged lately."""

from api.recent import Recent


def test_what_was_acknowledged_is_known_for_an_hour() -> None:
    """And no longer; another call's or another event's key is another."""
    recent = Recent()
    assert not recent.acknowledged("c-1", "call.started", 0)
    recent.remember("c-1", "call.started", 0)
    assert recent.acknowledged("c-1", "call.started", 3599)
    assert not recent.acknowledged("c-1", "call.started", 3600)
    assert not recent.acknowledged("c-1", "call.answered agent -", 1)
    assert not recent.acknowledged("c-2", "call.started", 1)


def test_the_list_is_bounded_in_number_and_age() -> None:
    """The oldest make room."""
    recent = Recent(max_age_s=10, max_entries=3)
    for number in range(5):
        recent.remember(f"c-{number}", "call.started", number)
    assert len(recent) == 3
    assert not recent.acknowledged("c-1", "call.started", 5)
    assert recent.acknowledged("c-2", "call.started", 5)
    recent.remember("c-9", "call.started", 13)
    assert len(recent) == 2


def test_a_key_remembered_again_is_young_again() -> None:
    """Its age counts from the last acknowledgement."""
    recent = Recent(max_age_s=10, max_entries=2)
    recent.remember("c-1", "k", 0)
    recent.remember("c-2", "k", 1)
    recent.remember("c-1", "k", 9)
    recent.remember("c-3", "k", 9.5)
    assert recent.acknowledged("c-1", "k", 15)
    assert not recent.acknowledged("c-2", "k", 9.5)
