"""A request's raw body, never more of it than allowed and never waited for without end."""

import asyncio

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.problems import BODY_TOO_LARGE, BODY_TOO_SLOW, NOT_JSON_TYPE, Problem

READ_TIMEOUT_S = 10.0
_DRAIN_BYTES = 1024 * 1024
_DRAIN_S = 2.0


class SenderGone(Exception):
    """The sender hung up before its body was there; nobody hears the answer."""


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body. Raises `Problem` for one over `limit` bytes, with or without Content-Length, or one too slow."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > limit):
        await _drain(request)
        raise _too_large(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    break
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(BODY_TOO_SLOW, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise SenderGone from None
    if size > limit:
        await _drain(request)
        raise _too_large(limit)
    return b"".join(chunks)


def require_json(request: Request) -> None:
    """Raises `Problem` unless the content type is `application/json` or `application/…+json`."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind, _, subtype = media_type.partition("/")
    if kind != "application" or (subtype != "json" and not subtype.endswith("+json")):
        raise Problem(NOT_JSON_TYPE, "send application/json")


def _too_large(limit: int) -> Problem:
    return Problem(BODY_TOO_LARGE, f"at most {limit} bytes are read", headers={"Connection": "close"})


async def _drain(request: Request) -> None:
    """Let a sender that writes before it listens finish, within reason: closing at once would lose our answer."""
    size = 0
    try:
        async with asyncio.timeout(_DRAIN_S):
            while size < _DRAIN_BYTES:
                message = await request.receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
                size += len(message.get("body", b""))
    except TimeoutError:
        return
