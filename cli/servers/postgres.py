"""PostgreSQL for development, running on loopback."""

import os
import pwd
import secrets
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Self

import psycopg

from cli.errors import ServerDidNotStart, ServerNotFound
from cli.servers.child import Account, Child, environment_without, launcher
from cli.servers.folder import Folder
from cli.servers.postgres_binaries import copied, find, open_to_others
from cli.servers.progress import run, say
from cli.servers.server import Server

START_LIMIT_S = 30
USER = "talkbridge"
DATABASE = "talkbridge"


class PostgresServer(Server):
    """A PostgreSQL of our own, or the one that DATABASE_URL names.

    Loopback TCP only, on a random port, with a generated password, no `trust`; as root it runs as `nobody`. Its data
    is gone after `with`, or kept in `directory` when that is given, the password beside it. `fsync=False` is for tests:
    faster, and lost with the machine, not with the process. `own=True` never takes DATABASE_URL's.
    """

    name = "PostgreSQL"
    stop_limit_s = 20
    pause_s = 0.5

    def __init__(self, *, directory: Path | None = None, fsync: bool = True, own: bool = False) -> None:
        """Only remember what is wanted; `start()` does the work."""
        super().__init__(None if own else os.environ.get("DATABASE_URL"))
        self._kept = directory
        self._fsync = fsync
        self._password = ""
        self._directory = Path()
        self._bin = Path()
        self._account: Account | None = None

    @property
    def url(self) -> str:
        """The DATABASE_URL of its database `talkbridge`, with a user who may do everything. Only there once started."""
        return self._external if self._external is not None else self._url(DATABASE)

    def start(self) -> Self:
        """Start it and wait until it serves. Raises ServerNotFound, ServerDidNotStart, CommandFailed."""
        if self._external is not None:
            say("PostgreSQL: the server that DATABASE_URL names")
            return self
        if self._port is None:
            self._prepare()
        return self._run_until_it_serves()

    def _url(self, database: str) -> str:
        assert self._port is not None, "start() comes first"
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def _prepare(self) -> None:
        """Make or take the data directory. Root hands it, and the binaries, to `nobody`: PostgreSQL refuses root."""
        binaries = find()
        self._account = _nobody() if os.geteuid() == 0 else None
        self._folder = _folder_for(self._account)
        self._directory = self._kept.absolute() if self._kept else self._folder.path
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._account and not open_to_others(self._directory):
            raise ServerDidNotStart(
                f"{self._directory} cannot be reached by `nobody`, as whom PostgreSQL runs for root."
            )
        who = " as nobody" if self._account else ""
        say(f"PostgreSQL: {binaries.version} {binaries.origin} ({binaries.folder}){who}")
        self._bin = binaries.folder
        if self._account and not open_to_others(binaries.folder):
            self._bin = copied(binaries.folder, self._folder.path)
        password = self._directory / "password"
        if not (self._directory / "data" / "PG_VERSION").exists():
            # Letters and digits only: it stands in an address.
            password.write_text(secrets.token_hex(24))
            password.chmod(0o600)
            self._own(password)
            self._initdb(password)
        self._password = password.read_text()

    def _initdb(self, password: Path) -> None:
        data = self._directory / "data"
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
            cwd=self._directory,
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
        assert self._folder is not None
        return Child(
            [str(self._bin / "postgres"), "-D", str(self._directory / "data"), *arguments],
            log=self._folder.path / "postgres.log",
            env=_environment(),
            cwd=self._directory,
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
        super()._close()
        # Made anew, it has another password, and its old address is nobody's.
        self._port = None


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
        if account is None or open_to_others(place):
            # The account may pass through it, not look: what it is to read inside belongs to it.
            return Folder(place, mode=0o711 if account else 0o700)
    raise ServerNotFound("No folder for temporary files can be reached by `nobody`: set TMPDIR to one that can.")


def _environment() -> dict[str, str]:
    return {**environment_without("PG", "LC_"), "LC_ALL": "C"}
