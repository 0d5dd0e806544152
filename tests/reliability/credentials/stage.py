"""Where a scene plays: the whole of Talkbridge as processes, calls under way, and the account of it at the end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from tests.e2e.alerts import Chat, chat
from tests.e2e.process import Process
from tests.e2e.stack import Stack
from tests.e2e.waiting import eventually
from tests.reliability.credentials import laws
from tests.reliability.credentials.laws import Law, Verdict
from tests.reliability.credentials.load import Load

SETTLED_S = 150.0
"""How long the last call may take after a scene's end: two tries a minute apart, and the drain."""
SLOW_TOKENS_MS = 300
"""So long takes a token request, so that two at once would be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Something that happens to the credential. `play` starts the processes, sends the calls and does the harm."""

    name: str
    title: str
    play: "Callable[[Stage], None]"
    alerts: tuple[str, ...] = ()
    """The kinds that are due, once each."""


@dataclass(slots=True, kw_only=True)
class Account:
    """What came of one scene."""

    title: str
    calls: int
    tokens: int
    most_at_once: int
    closest_s: float
    refused: int
    pops: int
    alerts: list[str]
    seen: list[str]
    verdict: Verdict


@dataclass(kw_only=True)
class Stage:
    """One scene's processes. `n` calls over `seconds`; what a scene finds worth telling it puts into `seen`."""

    stack: Stack
    administrators: Chat
    n: int
    seconds: float
    seed: int
    laws: list[Law] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    played: list[str] = field(default_factory=list)

    def load(self, name: str = "c") -> Load:
        """The scene's calls, to be sent while a block lasts."""
        load = Load(self.stack, name, n=self.n, seconds=self.seconds, seed=self.seed)
        self.played += load.call_ids
        return load

    def start(self, workers: int = 2, **settings: str) -> None:
        """A gateway and so many workers, once they serve."""
        self.stack.settings.update(settings, ALERT_WEBHOOK_URL=self.administrators.url)
        self.stack.start_gateway()
        self.stack.start_workers(workers)

    def start_off(self, which: str, seconds: float) -> Process:
        """A `worker` or `gateway` whose clock is off by so many seconds, once it serves."""
        stack = self.stack
        stack.settings["ALERT_WEBHOOK_URL"] = self.administrators.url
        running = stack.workers if which == "worker" else stack.gateways
        name = f"{which}-{len(running) + 1}"
        argv = ["-m", "tests.reliability.credentials.clock", str(seconds), which]
        running.append(process := stack._process(name, argv, {}))
        if which == "worker":
            stack.until_log(name, "worker serves")
        else:
            eventually(lambda: process.failed or stack._gateway_answers(stack.gateway_port), process.last_words)
        return process

    def move_database(self, seconds: float) -> None:
        """PostgreSQL's clock is off for every connection made from now on: `now()` is one of ours."""
        with psycopg.connect(self.stack.postgres.url, autocommit=True) as database:
            database.execute("CREATE SCHEMA IF NOT EXISTS off")
            database.execute(
                sql.SQL(
                    "CREATE FUNCTION off.now() RETURNS timestamptz LANGUAGE sql STABLE "
                    "AS $$ SELECT pg_catalog.now() + make_interval(secs => {}) $$"
                ).format(sql.Literal(seconds))
            )
            name = sql.Identifier(database.info.dbname)
            database.execute(sql.SQL("ALTER DATABASE {} SET search_path = off, public, pg_catalog").format(name))

    def sim(self, **settings: object) -> float:
        """Change settings of the simulated vendor; the time then."""
        self.stack.sim("PATCH", "/settings", settings)
        return time.time()

    def revoke(self) -> float:
        """Every living token ends; the time then."""
        self.stack.sim("POST", "/tokens/revoke")
        return time.time()

    def settle(self) -> None:
        """Wait until every call's ticket was told its end, or too long; a worker or gateway that died is an error."""

        def look() -> bool:
            self.stack.check_alive()
            time.sleep(0.3)
            return not laws.lost(self.played, self.stack.books())

        try:
            eventually(look, limit_s=SETTLED_S)
        except AssertionError:
            if dead := [process for process in self.stack.workers if process.failed]:
                raise AssertionError(dead[0].last_words()) from None

    def account(self, scene: Scene) -> Account:
        """What the simulator's journal and books say, and the administrators' chat."""
        books, journal = self.stack.books(), self.stack.journal()
        tokens = [request for request in journal if request["kind"] == "token"]
        return Account(
            title=scene.title,
            calls=len(self.played),
            tokens=len(tokens),
            most_at_once=laws.most_at_once(tokens),
            closest_s=min(laws.apart(tokens), default=0.0),
            refused=sum(request["status"] == 401 for request in journal),
            pops=len({r["path"] for r in journal if r["kind"] == "patch_call" and r["acted"]}),
            alerts=self.administrators.kinds,
            seen=self.seen,
            verdict=Verdict(
                lost=laws.lost(self.played, books),
                twice=laws.twice(books),
                exchanges=laws.exchanges(tokens, self.laws),
                alerts=laws.alerts(self.administrators.kinds, scene.alerts),
            ),
        )


@contextmanager
def _stage(folder: Path, *, n: int, seconds: float, seed: int) -> Iterator[Stage]:
    with chat() as administrators, Stack(folder=folder) as stack:
        yield Stage(stack=stack, administrators=administrators, n=n, seconds=seconds, seed=seed)


async def play(scene: Scene, folder: Path, *, n: int, seconds: float, seed: int) -> Account:
    """One scene on servers of its own, and its account. `folder` is there, and empty."""
    with _stage(folder, n=n, seconds=seconds, seed=seed) as stage:
        await stage.stack.set_up()
        stage.sim(latencies={"token": SLOW_TOKENS_MS})
        scene.play(stage)
        stage.settle()
        return stage.account(scene)
