"""How any process of ours reaches Temporal and leaves it: client, encryption of payloads, search attributes, exit.

Never imported by a workflow.
"""

import base64
import binascii
import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client, Interceptor
from temporalio.common import SearchAttributeKey
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime

from workflows.domain.status import SearchAttribute

CALL_STATE = SearchAttributeKey.for_keyword(SearchAttribute.CALL_STATE)
TICKET_ID = SearchAttributeKey.for_keyword(SearchAttribute.TICKET_ID)
AGENT_ID = SearchAttributeKey.for_keyword(SearchAttribute.AGENT_ID)
NEEDS_ATTENTION = SearchAttributeKey.for_bool(SearchAttribute.NEEDS_ATTENTION)
SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[Any], ...] = (CALL_STATE, TICKET_ID, AGENT_ID, NEEDS_ATTENTION)
RETENTION = timedelta(days=7)
"""How long a closed call is remembered: redeliveries within it are known for what they are."""

_ENCRYPTED = b"binary/encrypted"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class KeyFormatError(ValueError):
    """`ENCRYPTION_KEYS` is not `id:base64 of 32 bytes`, comma-separated."""


class UnknownKeyError(Exception):
    """Something was encrypted with a key this process does not have. `key_id` names it."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(f"no key {key_id!r} in ENCRYPTION_KEYS; append it there and restart this process")


@dataclass(frozen=True, slots=True)
class Keyring:
    """Keys by id, the first one writes, all read."""

    keys: Mapping[str, bytes]

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Read `id:base64,id:base64`, newest first. Raises `KeyFormatError`, whose text shows no key."""
        keys: dict[str, bytes] = {}
        for position, entry in enumerate((e.strip() for e in text.split(",") if e.strip()), start=1):
            key_id, separator, encoded = entry.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                key = b""
            if not separator or not key_id or len(key) != _KEY_BYTES or key_id in keys:
                raise KeyFormatError(f"entry {position} is not `id:base64 of 32 bytes` with an id of its own")
            keys[key_id] = key
        if not keys:
            raise KeyFormatError("there is no key; make one with: echo k1:$(openssl rand -base64 32)")
        return cls(keys)

    def encrypt(self, plain: bytes) -> tuple[str, bytes]:
        """Key id, and nonce followed by ciphertext."""
        key_id, key = next(iter(self.keys.items()))
        nonce = os.urandom(_NONCE_BYTES)
        return key_id, nonce + AESGCM(key).encrypt(nonce, plain, None)

    def decrypt(self, key_id: str, data: bytes) -> bytes:
        """The plain bytes. Raises `UnknownKeyError`, or `ValueError` for data that was changed."""
        key = self.keys.get(key_id)
        if key is None:
            raise UnknownKeyError(key_id)
        try:
            return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], None)
        except InvalidTag:
            raise ValueError("the data was not encrypted with this key, or was changed") from None


class EncryptionCodec(PayloadCodec):
    """Encrypts whole payloads with AES-256-GCM; decodes its own and passes others through."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Each payload, whole, inside one of encoding `binary/encrypted`."""
        return [self._encode(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """The payloads as they were before `encode`. Raises `UnknownKeyError`."""
        return [self._decode(payload) for payload in payloads]

    def _encode(self, payload: Payload) -> Payload:
        key_id, data = self._keyring.encrypt(payload.SerializeToString())
        return Payload(metadata={"encoding": _ENCRYPTED, "encryption-key-id": key_id.encode()}, data=data)

    def _decode(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCRYPTED:
            return payload
        key_id = payload.metadata.get("encryption-key-id", b"").decode()
        return Payload.FromString(self._keyring.decrypt(key_id, payload.data))


def data_converter(keyring: Keyring) -> DataConverter:
    """The converter every client and worker uses: payloads and failure texts encrypted."""
    return replace(
        DataConverter.default,
        payload_codec=EncryptionCodec(keyring),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(
    keyring: Keyring,
    *,
    environment: Mapping[str, str] | None = None,
    runtime: Runtime | None = None,
    lazy: bool = False,
    interceptors: Sequence[Interceptor] = (),
) -> Client:
    """A client from Temporal's standard variables (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, TLS, API key).

    `lazy` connects on first use. `interceptors` stand around its calls, and around what its workers do. Raises
    `RuntimeError` when the server is out of reach.
    """
    config = ClientConfig.load_client_connect_config(override_env_vars=environment)
    config.setdefault("target_host", "localhost:7233")
    return await Client.connect(
        **config, data_converter=data_converter(keyring), interceptors=interceptors, runtime=runtime, lazy=lazy
    )


def leave(code: int) -> NoReturn:
    """End a process that used Temporal, at once, with this exit code; exit handlers are not called.

    A thread of the SDK that wakes up while the interpreter is taken down aborts the process (one in eight, measured): a
    worker that had drained well would end with SIGABRT.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def missing_search_attributes(client: Client) -> list[str]:
    """Names of our search attributes that the namespace lacks."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    present: Iterable[str] = answer.custom_attributes
    return [key.name for key in SEARCH_ATTRIBUTES if key.name not in set(present)]
