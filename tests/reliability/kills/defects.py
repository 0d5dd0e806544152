"""Planted defects, one at a time: what the kill points have to find, or they find nothing at all."""

import secrets
from functools import wraps
from typing import Any

from activities import help_desk, ticket_shapes
from activities.postgres.attempts import Attempts

NAME = "TALKBRIDGE_KILLS_DEFECT"
"""The environment variable that names the defect of a worker."""


def plant(name: str | None) -> None:
    """Make this worker as bad as that. None leaves it as it is."""
    if name is not None:
        _DEFECTS[name]()


def _forgetful_gate() -> None:
    """The gate does not look at earlier attempts: a note whose fate is unknown is written again."""
    begin_update = Attempts.begin_update

    @wraps(begin_update)
    async def forgetful(self: Attempts, *args: Any, **kwargs: Any) -> Any:
        return await begin_update(self, *args, **{**kwargs, "looked_until": 2**62})

    Attempts.begin_update = forgetful  # type: ignore[method-assign]


def _fresh_keys() -> None:
    """Each attempt of a create has a key of its own: the vendor cannot tell that it is the same ticket."""
    create_request = ticket_shapes.create_request

    def fresh(ticket: Any, key: str) -> Any:
        return create_request(ticket, f"{key}-{secrets.token_hex(4)}")

    vars(help_desk)["create_request"] = fresh


_DEFECTS = {"forgetful gate": _forgetful_gate, "fresh keys": _fresh_keys}
