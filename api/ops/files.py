"""The files a page is drawn with: a fixed list, each under an address that changes with its content."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

_TYPES = {
    "ops.css": "text/css; charset=utf-8",
    "htmx-4.0.1.min.js": "text/javascript; charset=utf-8",
    "hx-sse-4.0.1.min.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_A_YEAR = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    content: bytes
    media_type: str
    version: str


def _read(name: str, media_type: str) -> _File:
    content = files("api.ops").joinpath("static", name).read_bytes()
    return _File(content=content, media_type=media_type, version=hashlib.sha256(content).hexdigest()[:16])


_FILES = {name: _read(name, media_type) for name, media_type in _TYPES.items()}


def address(name: str) -> str:
    """Where a page finds this file. Raises `KeyError` for one that is not on the list."""
    return f"/ops/static/{name}?v={_FILES[name].version}"


@router.get("/ops/static/{name}")
async def static_file(request: Request) -> Response:
    """A file for anybody: the sign-in form is drawn with them, too. Kept for a year under its full address only."""
    file = _FILES.get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    kept = _A_YEAR if request.query_params.get("v") == file.version else "no-cache"
    return Response(file.content, media_type=file.media_type, headers={"Cache-Control": kept})
