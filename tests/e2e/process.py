"""A gateway, worker or simulator as a process of its own, and how it ended."""

import signal
import subprocess

from cli.servers.child import Child


class Process(Child):
    """A running process, ended by its own pid."""

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self._process.poll()

    @property
    def failed(self) -> bool:
        """Whether it ended on its own account, and badly; one that a test stops or kills does not count."""
        return (self.exit_code or 0) > 0

    def terminate(self) -> None:
        """Ask it to end, and do not wait."""
        self._send(signal.SIGTERM)

    def wait(self, limit_s: float = 30) -> int:
        """Its exit code. Raises `AssertionError` with its log when it does not end within the limit."""
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it runs on after {limit_s:g} s.{self.last_words()}") from None
