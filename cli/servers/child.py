"""A server process of ours: started without root, logged to a file, ended by its own pid, and gone when we are gone."""

import atexit
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cli.servers.progress import tail

_LOWEST_PORT, _EPHEMERAL_PORTS = 16384, 32768
LAUNCHER = Path(__file__).with_name("launch.py")

# Linux sends the death signal when the *thread* that started the child ends. This one lives as long as we do, wherever
# start() is called from.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="server-starter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user a server runs as, when that is not ourselves."""

    uid: int
    gid: int


class Child:
    """One running server process."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        cwd: Path | None = None,
        account: Account | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Start it. A session of its own, so that Ctrl-C in the terminal reaches us first and we stop it in order."""
        self._log = log
        self._stop_signal = stop_signal
        with log.open("ab") as output:
            self._process = _starter.submit(
                subprocess.Popen,
                [*launcher(account, stop_signal), *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            ).result()
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        """The server's own process id: the launcher has become it."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def stop(self, timeout_s: float = 10) -> None:
        """Ask it to end, wait, and end it by force when it does not. Safe to call again."""
        if self.running:
            # A stopped (SIGSTOP) process would not hear us.
            self._send(signal.SIGCONT)
            self._send(self._stop_signal)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._send(signal.SIGKILL)
        self._gone()

    def kill(self) -> None:
        """End it at once, as `kill -9` does. Safe to call again."""
        if self.running:
            self._send(signal.SIGKILL)
        self._gone()

    def last_words(self) -> str:
        """The end of its log, to be put under an error message."""
        return tail(self._log.read_text(errors="replace"))

    def _send(self, signum: signal.Signals) -> None:
        self._process.send_signal(signum)

    def _gone(self) -> None:
        self._process.wait()
        atexit.unregister(self.kill)


def launcher(account: Account | None, death_signal: signal.Signals = signal.SIGKILL) -> list[str]:
    """Return the words to put before a command so that it runs as that account and dies with us."""
    who = [str(account.uid), str(account.gid)] if account else ["-", "-"]
    return [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(death_signal)), *who]


def free_port() -> int:
    """Return a loopback port that nobody listens on now.

    One of those that systems do not give to outgoing connections, which could take it before the server binds it.
    """
    while True:
        port = _LOWEST_PORT + secrets.randbelow(_EPHEMERAL_PORTS - _LOWEST_PORT)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment_without(*prefixes: str) -> dict[str, str]:
    """Return our environment less the variables by which a person's own settings would reach the server."""
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
