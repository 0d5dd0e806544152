"""What the database keeps of a token: its version, its life and its scopes, never the token."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.checks.finding import Finding, fails, ok
from api.checks.temporal import WORKER


def life(row: Mapping[str, Any], name: str = "token") -> Finding:
    """Whether it lives, by the clock that wrote its times."""
    expires_at, read_at = row["expires_at"], row["read_at"]
    assert isinstance(expires_at, datetime)
    left_s = (expires_at - read_at).total_seconds()
    if left_s <= 0:
        text = f"version {row['version']} ended {-left_s / 60:.0f} min ago: calls wait for the next"
        return fails(name, text, command=WORKER, mend="or, if a worker runs, its log and `talkbridge doctor` say why")
    return ok(name, f"version {row['version']} lives {left_s / 60:.0f} min more")


def granted(row: Mapping[str, Any], name: str = "scopes") -> Finding:
    """What it is good for; which scopes are required only workers know."""
    scopes = " ".join(row["scopes"])
    return ok(name, f"granted: {scopes}" if scopes else "the vendor named none")
