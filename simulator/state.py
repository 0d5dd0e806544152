"""What survives the end of the process: a file to which every change is appended before its answer goes out."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Note = Callable[..., None]
"""Called with the name of a method and its arguments: the change that this call makes again after a restart."""

Change = tuple[str, str, tuple[Any, ...]]
"""A part of the world, and the note."""


def forget(*_: object) -> None:
    """The note of a part that nobody keeps."""


class State:
    """An append-only file of changes; those of one commit are kept whole or not at all.

    The system keeps what is written when the process is killed, though not when the machine stops: nothing is synced.
    """

    def __init__(self, file: Path) -> None:
        self._file = file.open("a+b", buffering=0)
        self._noted: list[Change] = []

    def note(self, part: str, change: str, *given: object) -> None:
        """Remembers a change until the commit, which has to come before any other task runs: records go on changing."""
        self._noted.append((part, change, given))

    def commit(self) -> None:
        """Writes what was noted."""
        if self._noted:
            # One write, so that a kill leaves all or a torn end that the next start cuts off.
            os.write(self._file.fileno(), pickle.dumps(self._noted, pickle.HIGHEST_PROTOCOL))
            self._noted.clear()

    def changes(self) -> Iterator[Change]:
        """Every change of earlier processes, oldest first; a torn end is cut off."""
        with open(self._file.fileno(), "rb", closefd=False) as log:
            log.seek(0)
            whole = 0
            while True:
                try:
                    # Our own file, named by whoever starts us.
                    changes: list[Change] = pickle.load(log)  # noqa: S301
                except (EOFError, pickle.UnpicklingError):
                    break
                whole = log.tell()
                yield from changes
        self._file.truncate(whole)

    def clear(self) -> None:
        """Forgets everything."""
        self._noted.clear()
        self._file.truncate(0)

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()
