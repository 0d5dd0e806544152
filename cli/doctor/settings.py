"""Group *Settings*: whether what each process needs is there, and well formed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from activities.settings import SharedSettings, WorkerSettings
from api.checks.finding import Finding, fails, ok
from api.settings import GatewaySettings
from cli.doctor.ground import Ground
from cli.errors import CliError
from cli.gateway import Door, address, door
from cli.known_settings import BOTH, GATEWAY, WORKER, known
from cli.settings import refused

ALL = "all"
_NEW_KEY = 'echo "ENCRYPTION_KEYS=k1:$(openssl rand -base64 32)" >> .env'
_COMMANDS = {
    "ENCRYPTION_KEYS": _NEW_KEY,
    "WEBHOOK_SECRETS": 'echo "WEBHOOK_SECRETS=$(openssl rand -base64 32)" >> .env',
    "OPS_TOKEN": 'echo "OPS_TOKEN=$(openssl rand -hex 24)" >> .env',
    "ZENDESK_API": "echo ZENDESK_API=guide >> .env",
}
_CAUTION = {
    "ENCRYPTION_KEYS": "only for a new installation: what was stored with a key can only be read with that key",
    "WEBHOOK_SECRETS": "then give the telephony platform the same",
}
_READERS: dict[str, type[BaseSettings]] = {BOTH: SharedSettings, GATEWAY: GatewaySettings, WORKER: WorkerSettings}
_TITLES = {BOTH: "shared", GATEWAY: "gateway", WORKER: "worker"}

Read = TypeVar("Read", bound=BaseSettings)


class SettingsUnreadable(CliError):
    """`.env` cannot be read at all, so nothing can be examined."""


def ground_of(only: str, url: str | None, *, exchange: bool = False) -> Ground:
    """Read the settings of these processes (`all`, `gateway`, `worker`). Raises `SettingsUnreadable`, `CliError`."""
    try:
        dotenv_values(".env") if Path(".env").exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsUnreadable(f".env cannot be read ({type(error).__name__}): correct or remove it.") from None
    settings = _door()
    return Ground(
        url=address(url, settings),
        door=settings,
        shared=_read(SharedSettings),
        gateway=_read(GatewaySettings) if only in (ALL, GATEWAY) else None,
        worker=_read(WorkerSettings) if only in (ALL, WORKER) else None,
        lacking={process: _why(process, only) for process in _READERS},
        exchange=exchange,
        gateway_elsewhere=only == WORKER and url is None,
    )


async def check(ground: Ground) -> AsyncIterator[Finding]:
    """One finding a process, or one for each setting that keeps it from starting."""
    own = {each.name: each.process for each in known()}
    for process, reader in _READERS.items():
        if ground.lacking[process].startswith("--only"):
            continue
        problems = [(name, reason) for name, reason in refused(reader) if own.get(name, process) == process]
        for name, reason in problems:
            yield _problem(name, reason)
        if not problems:
            yield ok(_TITLES[process], "everything needed is set and well formed")


def _problem(name: str, reason: str) -> Finding:
    meaning = next((each.meaning for each in known() if each.name == name), "a usable value")
    if reason != "is missing":
        # A line more in `.env` would leave the wrong one where it stands.
        return fails(name, f"it {reason}", mend=f"correct {name} in the environment or in .env: {meaning}")
    if name in _COMMANDS:
        return fails(name, f"it {reason}", command=_COMMANDS[name], mend=_CAUTION.get(name))
    return fails(name, f"it {reason}", mend=f"set {name} in the environment or in .env to {meaning}")


def _door() -> Door:
    try:
        return door()
    except CliError:
        # The group Settings says what is the matter with the gateway's address.
        return Door.model_construct()


def _read(reader: type[Read]) -> Read | None:
    try:
        return reader()
    except ValidationError:
        return None


def _why(process: str, only: str) -> str:
    """Why the settings of a process are not there; only read when they are not."""
    if only not in (ALL, process) and process != BOTH:
        return f"--only {only} leaves the {process} out"
    names = [name for name, _ in refused(_READERS[process])]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"{', '.join(names[:2])}{more} {'is' if len(names) == 1 else 'are'} missing or malformed"
