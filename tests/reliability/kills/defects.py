"""Planted defects, one or more at a time: what the kill points have to find, or they find nothing at all."""

import secrets

from activities import help_desk, ticket_shapes
from activities.postgres.attempts import Attempts
from activities.zendesk.message import Request
from workflows.domain.ticket import NewTicket

NAME = "TALKBRIDGE_KILLS_DEFECT"
"""The environment variable that names the defects of a worker."""
FORGETFUL_GATE = "a gate that forgets earlier attempts"
FRESH_KEYS = "a new idempotency key each attempt"


def plant(names: str | None) -> None:
    """Make this worker as bad as that; several are separated by commas. None leaves it as it is."""
    for name in names.split(",") if names else ():
        _DEFECTS[name]()


def _forgetful_gate() -> None:
    """The gate takes every earlier attempt for settled: a note whose fate is unknown is written again."""
    one = Attempts._one

    async def forgetful(self: Attempts, name: str, params: dict[str, object]) -> dict[str, object]:
        return await one(self, name, {**params, "looked_until": 2**62})

    Attempts._one = forgetful  # type: ignore[method-assign]


def _fresh_keys() -> None:
    """Each attempt of a create has a key of its own: the vendor cannot tell that it is the same ticket."""

    def fresh(ticket: NewTicket, key: str) -> Request:
        return ticket_shapes.create_request(ticket, f"{key}-{secrets.token_hex(4)}")

    vars(help_desk)["create_request"] = fresh


_DEFECTS = {FORGETFUL_GATE: _forgetful_gate, FRESH_KEYS: _fresh_keys}
ALL = tuple(_DEFECTS)
