"""Two secrets at once: from the old one to the new under load, gateway by gateway, without one wrong answer."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from cli.servers.child import free_port
from tests.e2e.process import Process
from tests.e2e.stack import Stack
from tests.reliability.abuse.case import ACCEPTED, REFUSED, Case, body_of, case, event, judge, signed
from tests.reliability.abuse.wire import Connection
from tests.reliability.report import progress

OLD, NEW, STRANGER = "the-old-secret", "the-new-secret", "nobody's-secret"
STAGES = ((OLD,), (OLD, NEW), (NEW, OLD), (NEW,))
"""What the gateways are told, one stage after the other."""


@dataclass(kw_only=True)
class Rotation:
    """Answers by stage and sender, and what was wrong."""

    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By stage, sender and answer."""
    wrong: list[str] = field(default_factory=list)
    restarts: int = 0

    @property
    def total(self) -> int:
        """Requests sent."""
        return self.answers.total()


class _Pair:
    """Two gateways behind two ports; senders use whichever is up, as a load balancer would."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ports = (free_port(), free_port())
        self._running: dict[int, tuple[Process, frozenset[str]]] = {}
        self._draining: set[int] = set()

    def start(self, port: int, secrets: tuple[str, ...]) -> None:
        """One gateway, told these secrets."""
        process = self._stack.start_gateway(API_PORT=str(port), WEBHOOK_SECRETS=",".join(secrets))
        self._running[port] = (process, frozenset(secrets))

    async def replace(self, port: int, secrets: tuple[str, ...], busy: Counter[int]) -> None:
        """Take one out of service, end it once nothing is under way, and start it with other secrets."""
        self._draining.add(port)
        while busy[port]:  # noqa: ASYNC110 - a count has no event to wait for
            await asyncio.sleep(0.01)
        process, _ = self._running.pop(port)
        await asyncio.to_thread(process.stop)
        await asyncio.to_thread(self.start, port, secrets)
        self._draining.discard(port)

    @property
    def ports(self) -> tuple[int, int]:
        """Where they listen."""
        return self._ports

    def in_service(self) -> list[int]:
        """Ports to send to."""
        return [port for port in self._running if port not in self._draining]

    def knows(self, port: int, secret: str) -> bool:
        """Whether the gateway at this port was told the secret."""
        return secret in self._running[port][1]


async def rotate(stack: Stack, *, per_stage: int, seed: int) -> Rotation:
    """Go through the stages while senders with the old, the new and no right secret go on; at least so many a stage."""
    found, pair, busy = Rotation(), _Pair(stack), Counter[int]()
    for port in pair.ports:
        await asyncio.to_thread(pair.start, port, STAGES[0])
    stage = "1: " + _told(STAGES[0])
    stop = asyncio.Event()

    async def send(secret: str, rng: Random) -> None:
        while not stop.is_set():
            port = rng.choice(pair.in_service())
            one = _webhook(rng, secret, known=pair.knows(port, secret))
            busy[port] += 1
            async with Connection(port) as connection:
                answer = await connection.ask(one.raw)
            busy[port] -= 1
            found.answers[stage, secret, answer.label if answer else "closed"] += 1
            found.wrong += [f"{stage}, {secret}: {problem}" for problem in judge(one, answer)]
            # A load, not a flood: the gateways that are starting need the processor too.
            await asyncio.sleep(0.02)

    senders = [asyncio.create_task(send(s, Random(f"{seed} {s}"))) for s in (OLD, NEW, STRANGER)]
    for number, secrets in enumerate(STAGES, start=1):
        stage = f"{number}: {_told(secrets)}"
        for port in pair.ports if number > 1 else ():
            await pair.replace(port, secrets, busy)
            found.restarts += 1
        enough = found.total + per_stage
        while found.total < enough and not any(task.done() for task in senders):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        progress(f"rotation, {stage}: {found.total:,} requests, {len(found.wrong)} wrong")
    stop.set()
    await asyncio.gather(*senders)
    return found


def _webhook(rng: Random, secret: str, *, known: bool) -> Case:
    body = body_of(event(rng))
    made = case("rotation", secret, body, signed(body, secret=secret), ACCEPTED if known else REFUSED)
    return Case(family=made.family, name=made.name, raw=made.raw, expected=made.expected, genuine=known)


def _told(secrets: tuple[str, ...]) -> str:
    return " and ".join(secrets)
