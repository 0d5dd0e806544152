"""The servers that cells are played on, and which cells may be played beside each other."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.alerts import chat
from tests.e2e.stack import Stack
from tests.e2e.webhooks import Json
from tests.reliability.matrix import alerts
from tests.reliability.matrix.cell import Cell
from tests.reliability.matrix.door import Door
from tests.reliability.matrix.judge import Outcome
from tests.reliability.matrix.run import SETTINGS, Runner

Tell = Callable[[Outcome], None]


@dataclass(frozen=True, kw_only=True)
class Played:
    """Cells that were played, and what administrators were told meanwhile."""

    outcomes: list[Outcome] = field(default_factory=list)
    alerts: list[Json] = field(default_factory=list)
    wrong_alerts: list[str] = field(default_factory=list)

    def __add__(self, other: "Played") -> "Played":
        return Played(
            outcomes=self.outcomes + other.outcomes,
            alerts=self.alerts + other.alerts,
            wrong_alerts=self.wrong_alerts + other.wrong_alerts,
        )


@contextmanager
def runner(folder: Path, tell: Tell, *, workers: int = 2) -> Iterator[Runner]:
    """A stack whose workers reach the vendors through a door, and administrators by a chat."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = dict(SETTINGS)
    with chat() as room, Stack(folder=folder, settings=settings) as stack, Door(stack.simulator_url) as door:
        stack.settings |= {"ZENDESK_URL": door.url, "CRM_URL": f"{door.url}/crm", "ALERT_WEBHOOK_URL": room.url}
        asyncio.run(stack.set_up())
        stack.start_gateway()
        stack.start_workers(workers)
        yield Runner(stack=stack, door=door, tell=tell, alerts=room.posted)


def play(chosen: Sequence[Cell], folder: Path, tell: Tell) -> Played:
    """On three stacks: a token that is refused, or a vendor out of reach, concerns every call of a worker."""
    alone = [cell for cell in chosen if cell.alone]
    parts = {
        "together": [cell for cell in chosen if not cell.alone],
        "token": [cell for cell in alone if cell.scene.kind == "token"],
        "reach": [cell for cell in alone if cell.scene.kind != "token"],
    }
    with ThreadPoolExecutor(len(parts)) as pool:
        playing = [pool.submit(_play, part, folder / name, tell) for name, part in parts.items() if part]
        return sum((part.result() for part in playing), Played())


def _play(part: list[Cell], folder: Path, tell: Tell) -> Played:
    with runner(folder, tell, workers=1 if part[0].alone else 2) as ground:
        if part[0].alone:
            outcomes = ground.in_turn(part)
        else:
            # A vendor's wish for a pause concerns every request of its kind: those have a time of their own.
            outcomes = ground.together(cell for cell in part if not cell.fault.retry_after)
            outcomes += ground.together(cell for cell in part if cell.fault.retry_after)
        told = list(ground.alerts)
        return Played(outcomes=outcomes, alerts=told, wrong_alerts=alerts.mismatches(outcomes, told))
