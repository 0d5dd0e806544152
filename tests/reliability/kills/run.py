"""Play many scenes, on several grounds at the same time: most of a scene is waiting for a dead worker's time-out."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

from tests.e2e.kills import SETTINGS
from tests.reliability.kills import defects
from tests.reliability.kills.gateway import deliver
from tests.reliability.kills.ground import Ground
from tests.reliability.kills.play import Played, play
from tests.reliability.kills.points import Point
from tests.reliability.kills.scenes import REQUESTS, Delivery, Scene
from tests.reliability.kills.verdict import Finding, Harm

AnyScene = Scene | Delivery
NEVER_S = 5.0
"""How long a call is watched that is known not to end."""


@contextmanager
def ground(crew: int, **settings: str) -> Iterator[Ground]:
    """A ground of its own in a folder of its own, prepared, with so many workers."""
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        # PostgreSQL may run as another account.
        Path(folder).chmod(0o755)
        with Ground(folder=Path(folder), crew=crew, settings={**SETTINGS, **settings}) as made:
            made.prepare()
            yield made


def played(on: Ground, scene: AnyScene) -> Played:
    """Play one scene; one that does not come to its point or dies on the way is a finding."""
    try:
        return deliver(on, scene) if isinstance(scene, Delivery) else play(on, scene)
    except AssertionError as error:
        on.clear()
        return Played(scene=scene, findings=[Finding(harm=Harm.KILL, text=f"the scene broke off: {error}")])


def play_all(scenes: Sequence[AnyScene], *, lanes: int, crew: int = 3, tell: Callable[[Played], None]) -> list[Played]:
    """Every scene, each on whichever ground is free, in the order given; `tell` hears of each.

    With a `crew` of three two may die one after the other without anybody having to start first.
    """
    waiting: SimpleQueue[AnyScene] = SimpleQueue()
    for scene in scenes:
        waiting.put(scene)

    def lane(_: int) -> list[Played]:
        done = []
        with ground(crew) as on:
            for scene in _until_empty(waiting):
                done.append(played(on, scene))
                tell(done[-1])
        return done

    with ThreadPoolExecutor(max_workers=lanes) as pool:
        return [each for done in pool.map(lane, range(lanes)) for each in done]


def defective() -> list[tuple[str, Harm, Played]]:
    """The same scenes with a defect planted: what it is, what has to be found, and what came of the scene."""
    steps = {request.step: request for request in REQUESTS}
    note = Scene(request=steps["update_ticket-final"], point=Point.ANSWERED)
    ticket = Scene(request=steps["create_ticket"], point=Point.ANSWERED)
    unsent = Delivery(event="completed", point=Point.BEFORE_SIGNAL, again=False)
    with ground(2, **{defects.NAME: ",".join(defects.ALL)}) as on:
        return [
            (defects.FORGETFUL_GATE, Harm.TWICE, played(on, note)),
            (defects.FRESH_KEYS, Harm.TWICE, played(on, ticket)),
            ("a sender that does not send again", Harm.LOST, deliver(on, unsent, NEVER_S)),
        ]


def _until_empty(waiting: SimpleQueue[AnyScene]) -> Iterator[AnyScene]:
    while True:
        try:
            yield waiting.get_nowait()
        except Empty:
            return
