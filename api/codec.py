"""`POST /codec/decode`: Temporal UI's remote codec, so that operations can read what is stored encrypted.

https://docs.temporal.io/codec-server
"""

import base64
import binascii
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from temporalio.api.common.v1 import Payload

from api import answers, examples, problems
from api.body import read_body
from api.gateway import gateway_of
from workflows.connection import EncryptionCodec, UnknownKeyError

PATH = "/codec/decode"
MAX_BODY_BYTES = 16 * 1024 * 1024
_ALLOWED_HEADERS = "authorization, content-type, x-namespace"

_BASE64 = {"type": "string", "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}

router = APIRouter(tags=["operations"])


class EncodedPayload(BaseModel):
    """A payload in protobuf's JSON: bytes as base64."""

    metadata: dict[str, str] = {}
    data: str = ""


class Payloads(BaseModel):
    """What goes in and comes out."""

    model_config = examples.shown(examples.PAYLOADS)

    payloads: list[EncodedPayload] = []


@router.post(
    PATH,
    summary="Decrypt payloads for the Temporal UI",
    response_class=JSONResponse,
    responses={
        200: {"model": Payloads},
        **problems.declared(
            problems.SIGN_IN,
            problems.READ_ONLY,
            problems.BODY_TOO_SLOW,
            problems.BODY_TOO_LARGE,
            problems.INVALID_REQUEST,
        ),
    },
    openapi_extra=answers.json_body(
        {
            "type": "object",
            "examples": [examples.ENCRYPTED],
            "properties": {
                "payloads": {
                    "description": "As Temporal stores them: bytes in base64.",
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "metadata": {"type": "object", "additionalProperties": _BASE64},
                            "data": _BASE64,
                        },
                    },
                }
            },
        }
    ),
)
async def decode(request: Request) -> JSONResponse:
    """Payloads of ours decrypted, others as they came."""
    body = await read_body(request, MAX_BODY_BYTES)
    codec = EncryptionCodec(gateway_of(request).settings.keyring)
    try:
        encoded = Payloads.model_validate_json(body)
        decoded = await codec.decode([_read(payload) for payload in encoded.payloads])
    except ValidationError as error:
        raise problems.invalid_body(error) from None
    except UnknownKeyError as error:
        raise problems.invalid([(("body", "payloads"), f"no key {error.key_id!r} in ENCRYPTION_KEYS")]) from None
    except (binascii.Error, ValueError):
        raise problems.invalid([(("body", "payloads"), "one is not base64, or was changed")]) from None
    return JSONResponse({"payloads": [_shown(payload) for payload in decoded]})


def _read(payload: EncodedPayload) -> Payload:
    metadata = {name: base64.b64decode(value, validate=True) for name, value in payload.metadata.items()}
    return Payload(metadata=metadata, data=base64.b64decode(payload.data, validate=True))


def _shown(payload: Payload) -> dict[str, Any]:
    metadata = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    return {"metadata": metadata, "data": base64.b64encode(payload.data).decode()}


class CodecCors:
    """Lets the Temporal UI's own origin, and no other, ask with the browser's credentials; refusals included."""

    def __init__(self, app: ASGIApp, origin: str | None) -> None:
        self._app = app
        self._origin = origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a preflight, or add the headers to whatever the application answers."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        allowed = self._origin is not None and headers.get("origin") == self._origin

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._allow(MutableHeaders(scope=message), allowed=allowed)
            await send(message)

        preflight = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if preflight and allowed:
            await Response(status_code=204)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _allow(self, headers: MutableHeaders, *, allowed: bool) -> None:
        headers.add_vary_header("Origin")
        if not allowed or self._origin is None:
            return
        headers["Access-Control-Allow-Origin"] = self._origin
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Access-Control-Allow-Methods"] = "POST"
        headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
        headers["Access-Control-Max-Age"] = "600"
