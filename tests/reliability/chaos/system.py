"""What is put under test, seen by the harness: parts that can be killed and paused, links that can be cut."""

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from tests.e2e.vendor import Vendor
from tests.reliability.chaos.deliveries import Heard
from tests.reliability.chaos.proxy import Proxy

PARTS = ("gateway-1", "gateway-2", "worker-1", "worker-2", "temporal", "postgres", "simulator")
"""Every part that any system has. One leaves out of `parts` what it lacks; a fault meant for that is passed over."""
LINKS = (
    "sender-gateway",
    "gateway-temporal",
    "worker-1-temporal",
    "worker-2-temporal",
    "worker-1-postgres",
    "worker-2-postgres",
    "vendor",
)
"""Every link that any system has; `vendor` is whatever leads to Zendesk and the CRM."""
SETTINGS = {
    "HTTP_TIMEOUT_S": "2",
    "CALL_GRACE_S": "1",
    "CALL_MAX_DURATION_S": "60",
    "CALL_LINGER_S": "300",
    "LOG_FORMAT": "json",
}
"""What every system is told besides addresses and secrets, unless the plan says otherwise; short, so that a run is."""


class System(ABC):
    """One system on loopback, from `start` to `stop`. Methods block; the harness calls them from a thread.

    `vendor` asks the simulator directly, past every link. `webhook_urls` lead through the link `sender-gateway` where
    that exists. Logs and whatever else tells what happened are files in `folder`.
    """

    name: str
    folder: Path
    vendor: Vendor
    links: Mapping[str, Proxy]
    webhook_urls: Sequence[str]

    @property
    @abstractmethod
    def parts(self) -> Collection[str]:
        """The names of PARTS that this system has and that can be killed, paused and started again."""

    @abstractmethod
    async def start(self) -> None:
        """Everything up and taking webhooks."""

    @abstractmethod
    async def stop(self) -> None:
        """Everything down. Safe to call again."""

    @abstractmethod
    def pids(self, part: str) -> Sequence[int]:
        """The process ids of a running part (PostgreSQL has several); empty when it is not running."""

    @abstractmethod
    def kill(self, part: str) -> None:
        """`kill -9`, as the machine's out-of-memory killer would."""

    @abstractmethod
    def revive(self, part: str) -> None:
        """Start a part again that was killed, or that ended by itself; nothing when it runs. Does not wait for long."""

    @abstractmethod
    def untold(self, calls: Collection[Heard]) -> list[str]:
        """Which of these calls, by the system's own word, are not finished with what was acknowledged of them."""

    def unfinished(self) -> int:
        """How many calls, promised or not, the system has begun and not finished, by its own word."""
        return 0

    def audited(self) -> Collection[str] | None:
        """The request ids the system says it sent; None when it keeps no such record."""
        return None

    def audit(self, disturbed: Sequence[tuple[float, float]]) -> list[str]:
        """What is untrue in the system's own records, in words; nothing when it keeps none.

        `disturbed`: when faults were at work, in seconds since 1970.
        """
        return []

    def keep(self, folder: Path) -> None:  # noqa: B027 - nothing more than the folder is a fair answer
        """Save what only a running system can give (a dump, histories) to a folder."""

    def ended_badly(self) -> list[str]:
        """Processes that ended on their own account, in words; a supervisor starts those again."""
        return []

    def pause(self, part: str) -> None:
        """`SIGSTOP`: alive, and not answering."""
        self._signal(part, signal.SIGSTOP)

    def resume(self, part: str) -> None:
        """`SIGCONT`."""
        self._signal(part, signal.SIGCONT)

    def _signal(self, part: str, number: signal.Signals) -> None:
        for pid in self.pids(part):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue


def family(pid: int) -> list[int]:
    """A process and its children, by the kernel's word; the process alone where there is no `/proc`."""
    listings = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(word) for listing in listings for word in listing.read_text().split())]
