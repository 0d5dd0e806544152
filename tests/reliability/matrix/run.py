"""Playing cells: one that meets its fault, many at a time where they leave each other alone, the others in turn."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from tests.e2e.stack import Json, Stack
from tests.reliability.matrix.cell import Cell
from tests.reliability.matrix.door import Door
from tests.reliability.matrix.judge import Outcome
from tests.reliability.matrix.play import LIMIT_S, Numbers, Play
from tests.reliability.matrix.scenes import SLOW_MS

SETTINGS = {"HTTP_TIMEOUT_S": "3", "CALL_GRACE_S": "1", "SCREEN_POP_DEADLINE_S": "30"}
"""A busy machine is no fault that any cell is about: pops have time enough to be shown at last."""
AT_ONCE = 12
_PATIENT_LOOK_S = 1.5
_MINUTE_S = 60


@dataclass(kw_only=True)
class Runner:
    """Plays cells on one stack; `tell` hears of each outcome as it comes, `alerts` are those posted."""

    stack: Stack
    door: Door
    tell: Callable[[Outcome], None]
    alerts: list[Json]
    numbers: Numbers = field(default_factory=Numbers)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def together(self, cells: Iterable[Cell], at_once: int = AT_ONCE) -> list[Outcome]:
        """Many at a time, the slow ones first; counted when all are through, so that a late effect counts too."""
        slow_first = sorted(cells, key=lambda cell: -cell.expected.apart_s)
        with ThreadPoolExecutor(at_once) as pool:
            return self.counted(list(pool.map(self.play, slow_first)))

    def in_turn(self, cells: Iterable[Cell]) -> list[Outcome]:
        """One after another: what concerns a whole process, its token or its way to the vendor."""
        return self.counted([self.play(cell) for cell in cells])

    def counted(self, outcomes: list[Outcome]) -> list[Outcome]:
        """With what the vendor's books say at the end."""
        books, journal = self.stack.books(), self.stack.journal()
        for outcome in outcomes:
            if outcome.play.last:
                outcome.count(books, journal)
        return outcomes

    def play(self, cell: Cell) -> Outcome:
        """One call from beginning to end, through its fault; whatever goes wrong is part of the outcome."""
        play = Play(stack=self.stack, call_id=self.numbers.next(), step=cell.scene.step)
        outcome = Outcome(cell=cell, play=play)
        try:
            self._play(cell, outcome)
        except Exception as error:  # noqa: BLE001 - a cell that cannot be played to its end is a mismatch
            outcome.failed = f"{type(error).__name__}: {error}"
            self.door.open()
        self.tell(outcome)
        return outcome

    def _play(self, cell: Cell, outcome: Outcome) -> None:
        scene, play, expected = cell.scene, outcome.play, cell.expected
        scene.prepare(play)
        if cell.fault.refuses:
            self._meet_nobody(cell, outcome)
        else:
            fault_id = self._meet(cell, outcome)
            if expected.lasts:
                self._see_it_last(cell, play)
            if expected.lifted:
                self.stack.end_fault(fault_id)
        if expected.apart_s >= _MINUTE_S:
            play.look_s = _PATIENT_LOOK_S
        _play_on(cell, play)
        outcome.until = self._last_request() if cell.alone else 0
        if not outcome.words():
            play.said |= play.remembered()
            play.from_history = expected.meanwhile if outcome.words() else None

    def _meet(self, cell: Cell, outcome: Outcome) -> int:
        """Put the fault in force, do what leads to the request, and wait until it has met it; the fault's id."""
        scene, play, now = cell.scene, outcome.play, datetime.now(UTC)
        aim = scene.aim(play)
        outcome.after = self._last_request() if cell.alone else 0
        aimed = {} if aim is None else {"when": aim}
        body = cell.fault.body(now, lasts=cell.expected.lasts)
        fault_id = int(self.stack.sim("POST", "/faults", {"kind": scene.kind, **body, **aimed})["id"])
        outcome.not_before = cell.fault.not_before(now)
        scene.begin(play)
        play.until(lambda _: self._hits(fault_id), "met its fault")
        return fault_id

    def _meet_nobody(self, cell: Cell, outcome: Outcome) -> None:
        """Shut the door just before the request, until it was seen that nobody was there."""
        scene, play = cell.scene, outcome.play
        outcome.after = self._last_request()
        if scene.before is None:
            self.door.shut()
            scene.begin(play)
        else:
            if scene.before_aim is not None:
                self.stack.fault(scene.before, "delay", delay_ms=SLOW_MS, when=scene.before_aim(play))
            scene.begin(play)
            play.until(lambda _: self._is_open(play.call_id, scene.before), "just before")
            self.door.shut()
        refused = self._token_refused if scene.kind == "token" else lambda: bool(outcome.words())
        play.until(lambda _: refused(), "refused a connection")
        self.door.open()

    def _see_it_last(self, cell: Cell, play: Play) -> None:
        """Until operations see what is waited for, and the vendor was asked as often as it has to be."""
        outcome, expected = Outcome(cell=cell, play=play), cell.expected

        def is_seen(_: Json) -> bool:
            if expected.meanwhile is None:
                return True
            if expected.meanwhile not in play.states or not outcome.words():
                return False
            if expected.more:
                outcome.count({"tickets": [], "calls": []}, self.stack.journal(play.call_id))
            return not expected.more or len(outcome.asked) >= expected.sent

        play.until(is_seen, "waiting")

    def _hits(self, fault_id: int) -> bool:
        faults = self.stack.sim("GET", "/faults")["faults"]
        return any(fault["id"] == fault_id and fault["hits"] for fault in faults)

    def _is_open(self, call_id: str, kind: str | None) -> bool:
        return any(request["status"] is None for request in self.stack.journal(call_id, kind))

    def _last_request(self) -> int:
        return max((request["n"] for request in self.stack.journal()), default=0)

    def _token_refused(self) -> bool:
        query = "SELECT FROM attempts WHERE call_id = 'token' AND outcome = 'not_sent'"
        with psycopg.connect(self.stack.postgres.url) as connection:
            return connection.execute(query).fetchone() is not None


def _play_on(cell: Cell, play: Play) -> None:
    """Whatever of the call has not happened yet."""
    if "completed" not in play.sent:
        if "answered" not in play.sent and cell.expected.waits:
            play.is_ready()
        elif "answered" not in play.sent:
            play.until(lambda status: status["ticket_id"], "on a ticket", LIMIT_S)
        play.is_shown()
    play.is_over()
