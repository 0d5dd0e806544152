"""Every kind of abuse against one set of servers, one after the other."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.stack import Stack
from tests.reliability.abuse import bulk, contract, matrix, no_io, recent, rotation, slow, window
from tests.reliability.report import progress

FLAT_MIB = 16.0
"""Growth over the last four fifths of the bulk that is still flat: the recent list alone may take 200 bytes a call."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What every part found."""

    n: int
    seed: int
    bulk: bulk.Bulk
    slow: slow.Slow
    hung_up: int
    log_lines_after_hang_ups: int
    window: window.Window
    rotation: rotation.Rotation
    no_io: no_io.Cost
    matrix: matrix.Matrix
    contract: contract.Contract
    remembered: recent.Remembered
    alive: bool

    @property
    def growth_mib(self) -> float:
        """How much the gateway grew once it was warm, over what is left of the bulk."""
        samples = self.bulk.memory_mib
        return samples[-1] - samples[1] if len(samples) > 2 else 0.0

    @property
    def findings(self) -> list[str]:
        """Everything that should not be."""
        return list(self._findings())

    def _findings(self) -> Iterator[str]:
        yield from (f"{count} × {what}" for what, count in self.bulk.wrong.most_common())
        yield from self.bulk.examples
        for part in (self.slow, self.window, self.rotation, self.no_io, self.matrix, self.contract):
            yield from part.wrong
        if self.growth_mib > FLAT_MIB:
            yield f"the gateway grew by {self.growth_mib:.1f} MiB: {self.bulk.memory_mib}"
        if not self.remembered.bounded:
            yield f"the recent list is out of bounds: {self.remembered}"
        if self.log_lines_after_hang_ups:
            yield f"{self.hung_up} senders that hung up wrote {self.log_lines_after_hang_ups} lines into the log"
        if not self.alive:
            yield "the gateway ended"


def run(folder: Path, *, n: int, seed: int) -> Report:
    """Everything, sized after `n`, the number of requests of the bulk."""
    with Stack(folder=folder) as stack:
        asyncio.run(stack.set_up())
        progress("forged requests and what they cost")
        cost = asyncio.run(no_io.weigh(stack, n=max(50, n // 20), seed=seed))
        gateway = stack.start_gateway()
        matrix.enter_planted(stack.postgres.url)
        port = stack.gateway_port
        progress(f"{n:,} mutated requests")
        main = asyncio.run(bulk.abuse(port, n=n, seed=seed, pid=gateway.pid))
        progress("slow senders")
        endured = asyncio.run(slow.endure(port, each=max(1, min(20, n // 5000)), seed=seed, pid=gateway.pid))
        before, hung_up = len(stack.log("gateway-2").splitlines()), max(10, n // 500)
        asyncio.run(slow.hang_up(port, n=hung_up, seed=seed))
        lines = len(stack.log("gateway-2").splitlines()) - before
        progress("the replay window")
        timed = asyncio.run(window.edges(port, rounds=max(2, n // 2000), seed=seed))
        progress("roles, methods, paths and parameters")
        explored = asyncio.run(matrix.explore(port, seed=seed))
        progress("the OpenAPI document")
        documented = contract.check(f"http://127.0.0.1:{port}", each=max(4, min(1000, n // 100)), seed=seed)
        progress("two secrets")
        alive = gateway.running
        gateway.stop()
        rotated = asyncio.run(rotation.rotate(stack, per_stage=max(20, min(2000, n // 50)), seed=seed))
        return Report(
            n=n,
            seed=seed,
            bulk=main,
            slow=endured,
            hung_up=hung_up,
            log_lines_after_hang_ups=lines,
            window=timed,
            rotation=rotated,
            no_io=cost,
            matrix=explored,
            contract=documented,
            remembered=recent.fill(200_000 if n >= 10_000 else 110_000),
            alive=alive,
        )


def run_small(n: int, seed: int = 1) -> Report:
    """The same in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), n=n, seed=seed)
