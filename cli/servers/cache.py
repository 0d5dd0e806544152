"""Where downloaded or built servers are kept between runs, and the lock that lets only one process make them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cli.errors import CliError
from cli.servers.progress import say


def cache_dir() -> Path:
    """Return our folder in the user's cache, made when missing. Raises CliError when it cannot be written."""
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        # A relative XDG_CACHE_HOME is to be ignored, by its specification.
        root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
        folder = root / "talkbridge"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise CliError(f"The cache cannot be written ({error}): set XDG_CACHE_HOME to a folder of yours.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CliError(f"{folder} cannot be written: set XDG_CACHE_HOME to a folder of yours.")
    return folder


@contextmanager
def making(name: str) -> Iterator[Path]:
    """Hold the lock for making `name`, and give the folder to make it in, which is on the cache's own file system.

    Whoever gets the lock looks again whether another process has made it meanwhile; the result is renamed into place,
    so that a half-made one is never found.
    """
    with (cache_dir() / f".{name}.lock").open("w") as lock:
        _take(lock, name)
        yield cache_dir()


def _take(lock: IO[str], name: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"{name}: another process is making it; waiting for that one")
        fcntl.flock(lock, fcntl.LOCK_EX)
