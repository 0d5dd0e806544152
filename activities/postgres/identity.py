"""Identities as keyed hashes: equal ones can be found, none can be read back."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from activities.postgres.database import Database
from activities.postgres.errors import IdentityKeyMissing

Encrypt = Callable[[bytes], tuple[str, bytes]]
"""Plain bytes → key id and encrypted bytes."""
Decrypt = Callable[[str, bytes], bytes]
"""The inverse. May raise for a key id it does not know."""

SECRET_NAME = "identity_hash_key"  # noqa: S105 - a name
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a caller is matched by; both absent for an anonymous one."""

    email_hash: bytes | None = None
    phone_hash: bytes | None = None


class IdentityHasher:
    """Hashes emails (lower-cased here too) and phone numbers (E.164) with HMAC-SHA256."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def identity(self, *, email: str | None, phone: str | None) -> Identity:
        """Both hashes; what is absent or empty stays absent."""
        return Identity(
            email_hash=self._hash(f"email:{email.lower()}") if email else None,
            phone_hash=self._hash(f"phone:{phone}") if phone else None,
        )

    def _hash(self, text: str) -> bytes:
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()


class IdentityKey:
    """The key of the hashes: made once by `setup`, kept encrypted, never changed, read once by each process."""

    def __init__(self, database: Database, *, decrypt: Decrypt) -> None:
        self._database = database
        self._decrypt = decrypt
        self._hasher: IdentityHasher | None = None

    async def hasher(self) -> IdentityHasher:
        """The hasher with that key. Raises `IdentityKeyMissing`, and what `decrypt` raises."""
        if self._hasher is None:
            row = await self._database.one("read_secret", {"name": SECRET_NAME})
            if row is None:
                raise IdentityKeyMissing
            self._hasher = IdentityHasher(self._decrypt(row["key_id"], row["value_encrypted"]))
        return self._hasher


async def make_identity_key(database: Database, *, encrypt: Encrypt) -> bool:
    """Make the key unless there is one; whether it was made now."""
    key_id, encrypted = encrypt(secrets.token_bytes(_KEY_BYTES))
    given = {"name": SECRET_NAME, "key_id": key_id, "value_encrypted": encrypted}
    return await database.one("make_secret", given) is not None
