"""The token of a vendor account: stored encrypted, each version once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from activities.postgres.database import Database
from activities.postgres.identity import Decrypt, Encrypt


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    """A token as it was obtained. Its times are the database's, whose clock is the only one all workers share."""

    version: int
    token: str = field(repr=False)
    obtained_at: datetime
    expires_at: datetime
    read_at: datetime
    scopes: tuple[str, ...]

    @property
    def left_s(self) -> float:
        """Seconds it had to live when it was read."""
        return (self.expires_at - self.read_at).total_seconds()


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
            read_at=row["read_at"],
            scopes=tuple(row["scopes"]),
        )

    async def store(
        self,
        account: str,
        *,
        known_version: int,
        token: str,
        life_s: float,
        age_s: float,
        scopes: Sequence[str],
    ) -> int | None:
        """Store the token as version `known_version + 1`; None when that version, or a later one, is there already.

        `age_s`: how long ago its `life_s` began.
        """
        key_id, encrypted = self._encrypt(token.encode())
        given = {
            "account": account,
            "known_version": known_version,
            "key_id": key_id,
            "token_encrypted": encrypted,
            "life_s": life_s,
            "age_s": age_s,
            "scopes": list(scopes),
        }
        row = await self._database.one("store_credential", given)
        return int(row["version"]) if row else None
