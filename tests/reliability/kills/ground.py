"""The servers on which scenes play: workers and gateways that can be killed at the named points, and spare ones."""

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.e2e.kills import SETTINGS, Fleet
from tests.e2e.process import Process
from tests.e2e.stack import ROOT, Stack, eventually
from tests.reliability.kills.points import Point
from tests.reliability.kills.trigger import FOLDER, Plan

HERE = Path(__file__).parent
_LAUNCHED = {str(ROOT / "worker.py"): str(HERE / "worker_at.py"), "-m api": str(HERE / "gateway_at.py")}
LIMIT_S = 90.0


@dataclass(kw_only=True)
class Ground(Stack):
    """A stack whose processes look for a plan of their death. `settings` is theirs; a defect may be among it."""

    settings: dict[str, str] = field(default_factory=lambda: dict(SETTINGS))
    crew: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        self.settings[FOLDER] = str(self.folder)
        self.fleet = Fleet(stack=self)
        self._plans = itertools.count(1)

    def prepare(self) -> None:
        """Schema, gateway and workers."""
        asyncio.run(self.set_up())
        self.start_gateway()
        self.man()

    def man(self) -> None:
        """Make up for the workers that died."""
        self.fleet.man(self.crew)

    def clear(self) -> None:
        """After a scene that went wrong: no plan, and nobody who still stands at its point."""
        (self.folder / "plan.json").unlink(missing_ok=True)
        for worker in self.fleet.running:
            worker.kill()
        if not any(gateway.running for gateway in self.gateways):
            self.start_gateway()

    def arm(self, point: Point, workflow_id: str, step: str, times: int) -> "Armed":
        """From now on whoever passes the point of this step dies."""
        folder = self.folder / f"plan-{next(self._plans)}"
        plan = Plan(point=point, workflow_id=workflow_id, step=step, times=times, folder=str(folder))
        plan.write(self.folder)
        return Armed(ground=self, plan=plan)

    def rows(self, call_id: str, step: str, after: int) -> tuple[int, int]:
        """How many rows the ledger has of a step later than `after`, and how many of them know their outcome."""
        query = (
            "SELECT count(*), count(*) FILTER (WHERE known) FROM attempts WHERE call_id = %s AND step = %s AND id > %s"
        )
        with psycopg.connect(self.postgres.url) as connection:
            found = connection.execute(query, [call_id, step, after]).fetchone()
        return found or (0, 0)

    def last_row(self) -> int:
        """The number of the ledger's latest row."""
        with psycopg.connect(self.postgres.url) as connection:
            found = connection.execute("SELECT coalesce(max(id), 0) FROM attempts").fetchone()
        return int(found[0]) if found else 0

    def token_version(self) -> int:
        """The version of the token that is stored."""
        with psycopg.connect(self.postgres.url) as connection:
            found = connection.execute("SELECT coalesce(max(version), 0) FROM credentials").fetchone()
        return int(found[0]) if found else 0

    def _process(self, name: str, argv: list[str], settings: dict[str, str], *, bare: bool = False) -> Process:
        launcher = _LAUNCHED.get(" ".join(argv))
        return super()._process(name, [launcher] if launcher else argv, settings, bare=bare)


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """A plan in force, and the traces of it."""

    ground: Ground
    plan: Plan

    @property
    def folder(self) -> Path:
        """Where the traces are."""
        return Path(self.plan.folder)

    def until_held(self) -> None:
        """Wait until a process stands at the point (a local activity, which cannot be held, is dead by then)."""
        eventually(lambda: any((self.folder / name).exists() for name in ("held", "killed-1")), self._seen, LIMIT_S)

    def go(self) -> None:
        """Let it die."""
        (self.folder / "go").touch()

    def until_killed(self, number: int = 1) -> float:
        """The moment of a kill, once the process has ended by signal 9."""
        trace = self.folder / f"killed-{number}"
        eventually(trace.exists, self._seen, LIMIT_S)
        found: dict[str, Any] = json.loads(trace.read_text())
        processes = [*self.ground.workers, *self.ground.gateways]
        process = next(each for each in processes if each.pid == found["pid"])
        assert process.wait(LIMIT_S) == -9
        return float(found["at"])

    @property
    def kills(self) -> int:
        """How many have died."""
        return len(list(self.folder.glob("killed-?")))

    def disarm(self) -> None:
        """Nobody dies of it any more."""
        (self.ground.folder / "plan.json").unlink()

    def _seen(self) -> str:
        return f"{self.plan}: {sorted(path.name for path in self.folder.iterdir())}"
