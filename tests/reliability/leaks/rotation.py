"""Keys rotated while calls are open, in the right order and in the wrong one: every call ends right."""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx2 as httpx
import psycopg
from temporalio.client import Client

from tests.e2e.process import Process
from tests.e2e.stack import Stack, is_told
from tests.e2e.waiting import eventually
from tests.e2e.webhooks import Json, payload
from tests.reliability.leaks.places import made_folder
from tests.reliability.report import progress
from workflows.ports import call_workflow_id

_KEY_ID = re.compile(rb"encryption-key-id\x12.([a-z0-9]+)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What became of the calls: `problems` says what is wrong, empty when all is as it should be."""

    calls: int
    restarts: int
    payloads: Counter[str] = field(default_factory=Counter)
    stood_still: int = 0
    problems: Sequence[str] = ()

    @property
    def right(self) -> bool:
        """Whether every call ended right and the payloads have the keys they should have."""
        return not self.problems


async def rotate(folder: Path, *, seed: int, calls: int) -> Rotated:
    """The whole rotation with `calls` calls, a quarter of them in the wrong order's part."""
    with Stack(folder=made_folder(folder), settings={"HTTP_TIMEOUT_S": "2"}) as stack:
        await stack.set_up()
        rotation = _Rotation(stack, Random(seed), max(8, calls))
        return await rotation.play()


class _Rotation:
    """One gateway, two workers, and calls of which some are always open."""

    def __init__(self, stack: Stack, random: Random, calls: int) -> None:
        self._stack = stack
        self._random = random
        self._keys = {"k1": stack.key, **{name: _key(random, name) for name in ("k2", "k3")}}
        # Each call's three events, of which the next is sent at each step of the rotation.
        self._waiting = {f"turn-{number}": ["started", "answered", "completed"] for number in range(calls)}
        self._begun: list[str] = []
        self._restarts = 0
        self._problems: list[str] = []

    async def play(self) -> Rotated:
        """Append everywhere, put first everywhere; then another key, first in the gateway alone."""
        progress(f"{len(self._waiting)} calls while keys are rotated")
        self._stack.start_gateway()
        self._stack.start_workers(2)
        some = list(self._waiting)
        right, wrong = some[: len(some) * 3 // 4], some[len(some) * 3 // 4 :]
        first = right[0]
        self._send_all(first)
        self._stack.ended(first)
        for keys in (("k1", "k2"), ("k2", "k1")):
            for restart in (self._new_worker, self._new_worker, self._new_gateway):
                self._send_some(right)
                restart(keys)
        late = right[-1]
        early = [call_id for call_id in right if call_id in self._begun and call_id != late]
        self._finish(right)
        payloads = await self._key_ids(right)
        if set(await self._key_ids([late])) != {"k2"} and late not in early:
            self._problems.append("a call begun after the rotation has payloads under another key than the new one")
        self._still_readable(first)
        stood_still = self._wrong_order(wrong)
        payloads += await self._key_ids(wrong)
        return Rotated(
            calls=len(some),
            restarts=self._restarts,
            payloads=payloads,
            stood_still=stood_still,
            problems=tuple(self._problems),
        )

    # --- the wrong order ---------------------------------------------------------------------------------------

    def _wrong_order(self, calls: Sequence[str]) -> int:
        """A gateway that writes with a key no worker has: nothing goes on, it is said, and it goes on when mended."""
        for call_id in calls[::2]:
            self._send(call_id)
        self._new_gateway(("k3", "k2", "k1"))
        for call_id in calls:
            self._send_all(call_id)
        said = eventually(lambda: self._says("no key 'k3' in ENCRYPTION_KEYS"), self._last_logs, 60)
        still = [call_id for call_id in calls if not self._noted(call_id)]
        if len(still) < len(calls) or not said:
            self._problems.append("a call went on although no worker could read its events")
        for worker in [each for each in self._stack.workers if each.running]:
            worker.stop()
            self._new_worker(("k2", "k1", "k3"), instead=False)
        self._until_right(calls)
        return len(still)

    def _says(self, text: str) -> bool:
        return any(text in self._stack.log(f"worker-{number + 1}") for number in range(len(self._stack.workers)))

    def _last_logs(self) -> str:
        return self._stack.log(f"worker-{len(self._stack.workers)}")[-1500:]

    # --- restarts ----------------------------------------------------------------------------------------------

    def _new_worker(self, keys: Sequence[str], *, instead: bool = True) -> None:
        """One more worker with these keys, instead of the oldest that runs."""
        if instead:
            next(each for each in self._stack.workers if each.running).stop()
        self._stack.start_worker(ENCRYPTION_KEYS=self._ring(keys))
        self._stack.until_log(f"worker-{len(self._stack.workers)}", "worker serves")
        self._restarts += 1

    def _new_gateway(self, keys: Sequence[str]) -> None:
        _running(self._stack.gateways).stop()
        self._stack.start_gateway(ENCRYPTION_KEYS=self._ring(keys))
        self._restarts += 1

    def _ring(self, keys: Sequence[str]) -> str:
        return ",".join(self._keys[name] for name in keys)

    # --- calls -------------------------------------------------------------------------------------------------

    def _send_some(self, calls: Sequence[str]) -> None:
        """The next event of a third of the calls; the last one is left for after the rotation."""
        open_ones = [call_id for call_id in calls[:-1] if self._waiting[call_id]]
        for call_id in self._random.sample(open_ones, k=min(len(open_ones), max(1, len(calls) // 3))):
            self._send(call_id)

    def _send_all(self, call_id: str) -> None:
        while self._waiting[call_id]:
            self._send(call_id)

    def _send(self, call_id: str) -> None:
        kind = self._waiting[call_id].pop(0)
        self._begun.append(call_id)
        body = payload(kind, call_id, customer={"email": _email(call_id), "phone_number": None})
        # As the telephony platform does: again, until it is acknowledged.
        eventually(lambda: self._acknowledged(body))

    def _acknowledged(self, body: dict[str, object]) -> bool:
        try:
            return self._stack.post(body).status_code in (200, 202)
        except httpx.TransportError:
            return False

    def _finish(self, calls: Sequence[str]) -> None:
        for call_id in calls:
            self._send_all(call_id)
        self._until_right(calls)

    def _until_right(self, calls: Sequence[str]) -> None:
        """Wait until every call is told of, then hold each against the vendor's books."""
        eventually(lambda: all(is_told(self._status(call_id)) for call_id in calls), limit_s=120)
        books = self._stack.books()
        for call_id in calls:
            tickets = [t for t in books["tickets"] if t["requester"].get("email") == _email(call_id)]
            marks = {mark: n for mark, n in books["counts"]["notes_by_mark"].items() if f"[call {call_id} ·" in mark}
            if len(tickets) != 1 or marks != {f"[call {call_id} · {word}]": 1 for word in ("started", "completed")}:
                self._problems.append(f"{call_id}: {len(tickets)} tickets, notes {marks}")

    def _status(self, call_id: str) -> Json:
        return self._stack.call(call_id) or {"steps": [], "state": "ringing"}

    def _noted(self, call_id: str) -> bool:
        return f"[call {call_id} · completed]" in self._stack.books()["counts"]["notes_by_mark"]

    def _still_readable(self, call_id: str) -> None:
        """A call of before the rotation, by the workflow's own word; and the next token has the new key."""
        if self._stack.call(call_id).get("source") != "workflow":
            self._problems.append("a call of before the rotation cannot be read any more")
        self._stack.sim("POST", "/tokens/revoke")
        after = "turn-after"
        self._waiting[after] = ["started", "answered", "completed"]
        self._finish([after])
        with psycopg.connect(self._stack.postgres.url) as connection:
            keys = [key for (key,) in connection.execute("SELECT key_id FROM credentials").fetchall()]
        if keys != ["k2"]:
            self._problems.append(f"the token of after the rotation is stored under {keys}")

    async def _key_ids(self, calls: Sequence[str]) -> Counter[str]:
        """How many payloads of these calls' histories are under each key, read without the codec."""
        client = await Client.connect(self._stack.temporal.address)
        found: Counter[str] = Counter()
        for call_id in calls:
            async for event in client.get_workflow_handle(call_workflow_id(call_id)).fetch_history_events():
                found.update(_key_ids_in(event.SerializeToString()))
        return found


def _key_ids_in(raw: bytes) -> Iterator[str]:
    return (found.decode() for found in _KEY_ID.findall(raw))


def _running(processes: Sequence[Process]) -> Process:
    return next(each for each in processes if each.running)


def _email(call_id: str) -> str:
    return f"{call_id}@rotation.example"


def _key(random: Random, name: str) -> str:
    return f"{name}:{base64.b64encode(random.randbytes(32)).decode()}"
