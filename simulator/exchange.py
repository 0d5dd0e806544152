"""One request as a vendor sees it, one answer, and a refusal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request with its body read; `ids` are the path's variable parts, decoded."""

    kind: str
    method: str
    path: str
    ids: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def request_id(self) -> str | None:
        """The sender's own name for this attempt."""
        return self.headers.get("x-request-id")

    @property
    def idempotency_key(self) -> str | None:
        """The sender's promise that equal keys mean the same wish."""
        return self.headers.get("idempotency-key")

    def text(self) -> str:
        """Path, query and body as one text, for faults that look for a part of it."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.method} {self.path}?{query}\n{self.body.decode('utf-8', 'replace')}"

    def journal_body(self) -> object:
        """The body as JSON where it is JSON, else as text; None when there is none."""
        if not self.body:
            return None
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the vendor says; `acted` tells whether anything changed on its side."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    acted: bool = False


class RefusedError(Exception):
    """A request the vendor does not serve, with its reason in the vendor's shape."""

    def __init__(
        self,
        status: int,
        error: str,
        description: str,
        *,
        details: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.error = error
        self.description = description
        self.details = details
        self.headers = headers or {}

    def answer(self) -> Answer:
        """The refusal as it goes over the wire."""
        body: Document = {"error": self.error, "description": self.description}
        if self.details is not None:
            body["details"] = {
                name: [{"description": reason} for reason in reasons] for name, reasons in self.details.items()
            }
        return Answer(status=self.status, body=body, headers=self.headers)


def record_invalid(details: Mapping[str, list[str]]) -> RefusedError:
    """Zendesk's 422.

    https://developer.zendesk.com/api-reference/introduction/requests/#400-range
    """
    return RefusedError(422, "RecordInvalid", "Record validation errors", details=details)


def not_found() -> RefusedError:
    """Zendesk's 404."""
    return RefusedError(404, "RecordNotFound", "Not found")


def json_body(asked: Asked) -> object:
    """The parsed body; refuses another content type and what is not JSON."""
    media_type = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise RefusedError(415, "UnsupportedMediaType", "the content type must be application/json")
    try:
        return json.loads(asked.body)
    except ValueError:
        raise RefusedError(400, "InvalidJSON", "the request body is not JSON") from None
