"""A server's own temporary folder: gone with the server, and swept up by the next one when we were killed."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

PREFIX = "talkbridge-"
OWNER = "owner.lock"


class Folder:
    """A temporary folder that exists until `remove()`."""

    def __init__(self, place: Path | None = None, *, mode: int = 0o700) -> None:
        """Make it, and remove those that killed processes of this user have left there."""
        place = place or Path(tempfile.gettempdir())
        _sweep(place)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        self.path.chmod(mode)
        self._lock = _owned(self.path)

    def remove(self) -> None:
        """Remove it with everything in it. Safe to call again."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def _owned(folder: Path) -> IO[str]:
    """Hold the owner's lock, which ends with the process however it ends. Under its name it is always held already."""
    made = folder / f"{OWNER}.new"
    lock = made.open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    made.rename(folder / OWNER)
    return lock


def _sweep(place: Path) -> None:
    for lock in place.glob(f"{PREFIX}*/{OWNER}"):
        try:
            if lock.parent.lstat().st_uid != os.geteuid():
                continue
            with lock.open() as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
        except OSError:
            continue  # in use, or swept by another at this moment
