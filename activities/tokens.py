"""What an adapter needs of the credential: the seam between requests and whoever keeps the token fresh."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A token to send, and its version, by which its fate is reported."""

    version: int
    token: str = field(repr=False)
    scopes: frozenset[str]


class TokenSource(Protocol):
    """Gives the token, and hears what became of it."""

    async def bearer(self) -> Bearer:
        """The present token. Raises `ApplicationError` when there is none to use, with the delay to come back after."""
        ...

    async def refused(self, version: int) -> None:
        """A request with that version was answered 401."""
        ...

    async def forbidden(self, version: int) -> None:
        """A request with that version was answered 403."""
        ...

    async def confirmed(self, version: int) -> None:
        """A request with that version worked. Cheap: may be called after each."""
        ...

    async def alert(self, kind: str, text: str) -> None:
        """An administrator must know; best effort, never raises. `text` holds no customer data."""
        ...
