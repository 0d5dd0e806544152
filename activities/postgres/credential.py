"""The token of a vendor account: stored encrypted, each version once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from activities.postgres.database import Database
from activities.postgres.identity import Decrypt, Encrypt


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    """A token as it was obtained."""

    version: int
    token: str = field(repr=False)
    obtained_at: datetime
    expires_at: datetime
    scopes: tuple[str, ...]


class CredentialStore:
    """The one place a token rests. Raises `StoreError`, and what `decrypt` raises."""

    def __init__(self, database: Database, *, encrypt: Encrypt, decrypt: Decrypt) -> None:
        self._database = database
        self._encrypt = encrypt
        self._decrypt = decrypt

    async def read(self, account: str) -> StoredCredential | None:
        """The newest token of the account."""
        row = await self._database.one("read_credential", {"account": account})
        if row is None:
            return None
        return StoredCredential(
            version=row["version"],
            token=self._decrypt(row["key_id"], row["token_encrypted"]).decode(),
            obtained_at=row["obtained_at"],
            expires_at=row["expires_at"],
            scopes=tuple(row["scopes"]),
        )

    async def store(
        self,
        account: str,
        *,
        known_version: int,
        token: str,
        obtained_at: datetime,
        expires_at: datetime,
        scopes: Sequence[str],
    ) -> int | None:
        """Store the token as version `known_version + 1`; None when that version, or a later one, is there already."""
        key_id, encrypted = self._encrypt(token.encode())
        given = {
            "account": account,
            "known_version": known_version,
            "key_id": key_id,
            "token_encrypted": encrypted,
            "obtained_at": obtained_at,
            "expires_at": expires_at,
            "scopes": list(scopes),
        }
        row = await self._database.one("store_credential", given)
        return int(row["version"]) if row else None
