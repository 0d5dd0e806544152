"""`python -m api.reference`: print `docs/api.md`; a test holds the file to it."""

import asyncio
import sys
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from api.ledger import PostgresLedger
from api.reference.page import page
from api.settings import GatewaySettings
from workflows.connection import connect

_NOWHERE = "postgresql://nobody@localhost/none"
_NO_KEY = "none:" + "A" * 43 + "="


async def gateway() -> FastAPI:
    """A gateway that connects to nothing."""
    settings = GatewaySettings(
        _env_file=None,
        database_url=SecretStr(_NOWHERE),
        encryption_keys=SecretStr(_NO_KEY),
        webhook_secrets=(SecretStr("none"),),
        ops_token=SecretStr("none"),
    )
    temporal = await connect(settings.keyring, environment={"TEMPORAL_ADDRESS": "localhost:7233"}, lazy=True)
    return create_app(settings, temporal, PostgresLedger(_NOWHERE, settings.keyring))


def document() -> dict[str, Any]:
    """Its OpenAPI document."""
    return asyncio.run(gateway()).openapi()


if __name__ == "__main__":
    sys.stdout.write(page(document()))
