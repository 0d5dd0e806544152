"""Plays sequences on one ground: how many, what happened in them, and the smallest that breaks a law."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.reliability.sequences.ground import Ground, MemoryGround
from tests.reliability.sequences.machine import CallMachine
from tests.reliability.sequences.planted import PLANTED

STEPS = 12
"""Things that happen in one sequence, before everything gets its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a share of the sequences; `broken` is the law that did not hold, and the script that shows it."""

    seed: int
    told: Counter[str] = field(default_factory=Counter)
    broken: str | None = None


def play(
    number: int,
    n: int,
    *,
    machine: type[CallMachine] = CallMachine,
    make_ground: Callable[[], Ground] = MemoryGround,
    shrink: bool = True,
    steps: int = STEPS,
) -> Played:
    """`n` sequences from the seed `number`; the first that breaks a law ends them and is made as small as may be."""
    ground = make_ground()
    told: Counter[str] = Counter()
    # The class is named as what it is made from, so that a printed script can be read.
    made = type(machine.__name__, (machine,), {"ground": ground, "told": told})
    chosen = settings(
        max_examples=n,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
    )
    # Failures of activities are what sequences are made of, and each is logged.
    logging.disable(logging.CRITICAL)
    try:
        run_state_machine_as_test(seed(number)(made), settings=chosen)
    except Exception as error:  # noqa: BLE001 - whatever breaks, the script belongs to the report
        notes = "\n".join(getattr(error, "__notes__", []))
        return Played(seed=number, told=told, broken=f"{type(error).__name__}: {error}\n{notes}")
    finally:
        logging.disable(logging.NOTSET)
        told["replays"] += ground.replays
        ground.close()
    return Played(seed=number, told=told)


def play_planted(name: str, number: int, n: int, *, shrink: bool, steps: int = STEPS) -> Played:
    """The same with a planted defect."""
    _, machine, make_ground = PLANTED[name]
    return play(number, n, machine=machine, make_ground=make_ground, shrink=shrink, steps=steps)
