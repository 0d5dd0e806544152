"""Tells the person at the terminal what takes so long, and how long it will take."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.errors import CommandFailed

# Where nobody watches a bar move (CI), a line now and then shows that it is alive.
LINE_EVERY_S = 30
TAIL_LINES = 15


def console() -> Console:
    """Return a console on stderr: stdout is for results, such as `export` lines, that a script may read."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Print one plain line."""
    console().print(text, markup=False)


def run(
    argv: Sequence[str],
    *,
    title: str,
    expected_s: int,
    limit_s: float | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a tool with progress, and return what it printed.

    Its whole process group ends with it. Raises CommandFailed when it ends badly or is not done after `limit_s`.
    """
    with tempfile.TemporaryFile("w+") as output:
        try:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd, env=env, start_new_session=True
            )
        except OSError as error:
            raise CommandFailed(f"{title}: {argv[0]} cannot be run ({error}).") from error
        try:
            code = _wait(process, title, expected_s, limit_s)
        finally:
            _end_group(process)
        text = _text(output)
    if code is None:
        raise CommandFailed(f"{title}: stopped, not done after {limit_s:.0f} s.{tail(text)}")
    if code != 0:
        raise CommandFailed(f"{title}: {Path(argv[0]).name} ended with code {code}.{tail(text)}")
    return text


def tail(text: str) -> str:
    """Return the last lines, indented under a message; empty when there are none."""
    lines = text.strip().splitlines()[-TAIL_LINES:]
    return "".join(f"\n  | {line}" for line in lines)


def _wait(process: subprocess.Popen[bytes], title: str, expected_s: int, limit_s: float | None) -> int | None:
    started = time.monotonic()
    watcher = console()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn(f"of about {_duration(expected_s)}"),
        console=watcher,
        transient=True,
        disable=not watcher.is_terminal,
    )
    if not watcher.is_terminal:
        say(f"{title} (about {_duration(expected_s)})")
    with bar:
        task = bar.add_task(title, total=expected_s)
        next_line = float(LINE_EVERY_S)
        while process.poll() is None:
            elapsed = time.monotonic() - started
            if limit_s is not None and elapsed > limit_s:
                return None
            bar.update(task, completed=min(elapsed, expected_s * 0.99))
            if not watcher.is_terminal and elapsed >= next_line:
                say(f"{title}: {_duration(elapsed)} of about {_duration(expected_s)}")
                next_line += LINE_EVERY_S
            time.sleep(0.05 if elapsed < 2 else 0.25)
    return process.returncode


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the tool and its children: the process we started leads a group of its own."""
    # macOS says PermissionError for a group of which only an unreaped leader is left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(output: IO[str]) -> str:
    output.seek(0)
    return output.read()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min".replace(".0 min", " min")
