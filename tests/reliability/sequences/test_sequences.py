"""The state machine over a call's workflow, few sequences of it, and the defects it must find."""

import pytest

from tests.reliability.sequences.planted import PLANTED
from tests.reliability.sequences.run import play, play_planted

_SEED = 4


def test_no_sequence_breaks_a_law() -> None:
    """Whatever befalls a call, in whatever order: the laws of `laws.py` hold."""
    played = play(_SEED, 150)
    assert played.broken is None, played.broken
    assert played.told["sequences"] >= 150
    assert played.told["faults"] > 100
    assert played.told["replays"] > 100


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found(name: str) -> None:
    """The machine can fail: each defect breaks a law."""
    assert play_planted(name, _SEED, 600, shrink=False).broken is not None


def test_a_failing_sequence_is_made_small() -> None:
    """What is printed is a script of a few lines that can be read."""
    broken = play_planted("forgetful", _SEED, 300, shrink=True, steps=4).broken
    assert broken is not None
    assert broken.count("state.") <= 5, broken
