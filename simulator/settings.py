"""What can be set about the simulated vendors, with the defaults that everybody uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

SCOPES = ("talk:read_all", "tickets:read_all", "tickets:write")

KINDS = (
    "token",
    "search",
    "read_ticket",
    "find_by_external_id",
    "list_comments",
    "create_ticket",
    "update_ticket",
    "patch_call",
    "fetch_customer",
)
"""The requests served, by the names that faults, latencies and the journal use."""

_TUPLES = ("granted_scopes", "custom_statuses")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One account's configuration; a change makes a new value."""

    client_id: str = "talkbridge"
    client_secret: str = "simulator-secret"  # noqa: S105  # opens nothing real
    crm_token: str = "crm-secret"  # noqa: S105  # opens nothing real
    granted_scopes: tuple[str, ...] = SCOPES
    token_lifetime_s: float = 3600
    search_lag_s: float = 0
    latencies: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds by kind of request; `*` stands for the kinds not named."""
    requests_per_minute: int | None = None
    idempotency_ttl_s: float = 7200
    strict_calls: bool = False
    custom_statuses: tuple[str, ...] = ("In-Call",)
    comments_page_size: int = 100

    def latency_s(self, kind: str) -> float:
        """How long a request of this kind takes before anything happens."""
        return self.latencies.get(kind, self.latencies.get("*", 0)) / 1000


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """The settings with these changes; ValueError names what cannot be set."""
    known = {each.name for each in fields(Settings)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise ValueError(f"unknown setting: {', '.join(unknown)}")
    return replace(settings, **{name: _value(name, value) for name, value in changes.items()})


def _value(name: str, value: object) -> Any:  # noqa: ANN401  # each setting has a type of its own
    if name in _TUPLES:
        return _words(name, value)
    if name == "latencies":
        return _latencies(value)
    example = getattr(Settings(), name)
    if name == "requests_per_minute":
        fits = value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
    elif isinstance(example, bool) or isinstance(value, bool):
        fits = isinstance(example, bool) and isinstance(value, bool)
    elif isinstance(example, str):
        fits = isinstance(value, str)
    else:
        fits = isinstance(value, int | float) and value >= 0
    if not fits:
        raise ValueError(f"{name} cannot be {value!r}")
    return value


def _words(name: str, value: object) -> tuple[str, ...]:
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise TypeError(f"{name} must be a list of words")
    return tuple(words)


def _latencies(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise TypeError("latencies must be an object of milliseconds by kind")
    unknown = sorted(set(value) - {*KINDS, "*"})
    if unknown:
        raise ValueError(f"latencies: unknown kind {', '.join(unknown)}")
    return {kind: float(ms) for kind, ms in value.items()}
