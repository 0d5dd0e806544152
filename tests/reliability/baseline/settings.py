"""What the conventional integration is told: the same environment variables as the product."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Addresses, secrets and times in seconds; `store` is the file that stands for Redis."""

    zendesk_url: str
    client_id: str
    client_secret: str
    scopes: str
    crm_url: str
    crm_token: str
    webhook_secrets: tuple[str, ...]
    host: str
    port: int
    store: str
    http_timeout_s: float
    recent_s: float
    grace_s: float
    max_duration_s: float

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """From the environment. Raises `KeyError` for what is missing."""
        given = environment
        return cls(
            zendesk_url=given["ZENDESK_URL"],
            client_id=given["ZENDESK_CLIENT_ID"],
            client_secret=given["ZENDESK_CLIENT_SECRET"],
            scopes=given.get("ZENDESK_SCOPES", "talk:read_all tickets:read_all tickets:write"),
            crm_url=given["CRM_URL"],
            crm_token=given["CRM_TOKEN"],
            webhook_secrets=tuple(given["WEBHOOK_SECRETS"].split(",")),
            host=given.get("API_HOST", "127.0.0.1"),
            port=int(given.get("API_PORT", "8080")),
            store=given["BASELINE_STORE"],
            http_timeout_s=float(given.get("HTTP_TIMEOUT_S", "10")),
            recent_s=float(given.get("RECENT_TICKET_WINDOW_S", "300")),
            grace_s=float(given.get("CALL_GRACE_S", "5")),
            max_duration_s=float(given.get("CALL_MAX_DURATION_S", "14400")),
        )
