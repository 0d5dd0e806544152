"""Looks for what was planted in any bytes: as it is, and encoded in the ways that data gets encoded on its way."""

import base64
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from tests.reliability.leaks.plants import Plants

_DEPTH = 2
"""How many encodings may lie around one another: hexadecimal digits of JSON escapes, base64 of an address."""
_CHUNK, _OVERLAP = 16 * 1024 * 1024, 4096
_PHONE = re.compile(rb"\d(?:[ ()./+\-]{0,3}\d){6,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}")
_HEX = re.compile(rb"[0-9a-fA-F]{14,}")
_UTF_16 = re.compile(rb"(?:[\x20-\x7e]\0){6,}|(?:\0[\x20-\x7e]){6,}")
_JSON_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})")
_ENTITY = re.compile(rb"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|commat|plus);")
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_PHONE_WINDOW = 9
"""So many digits of a number in a row are as good as the number; a mask leaves seven, apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Where what was found, in which encoding, and what stands around it."""

    place: str
    what: str
    encoding: str
    around: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what} ({self.encoding}): …{self.around}…"


def scan(data: bytes, plants: Plants, place: str = "bytes") -> list[Hit]:
    """Every planted thing in these bytes, once."""
    found: dict[str, Hit] = {}
    look = _Look(plants)
    for start in range(0, max(1, len(data)), _CHUNK):
        for encoding, view in views(data[start : start + _CHUNK + _OVERLAP]):
            for what, at in look.at(view.lower()):
                around = view[max(0, at - 80) : at + 80].decode("utf-8", "replace")
                hit = Hit(place=place, what=what, encoding=encoding, around=" ".join(around.split()))
                found.setdefault(what, hit)
    return list(found.values())


def scan_folder(folder: Path, plants: Plants) -> list[Hit]:
    """Every planted thing in the files below the folder, and in their names."""
    hits: list[Hit] = []
    for path in files(folder):
        name = str(path.relative_to(folder))
        hits += scan(path.read_bytes(), plants, name)
        hits += scan(name.encode(), plants, f"name of {name}")
    return hits


def files(folder: Path) -> list[Path]:
    """The files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def views(data: bytes, depth: int = _DEPTH) -> Iterator[tuple[str, bytes]]:
    """The data, and what it would say decoded, by the names of the encodings, outermost first."""
    yield "as it is", data
    yield from _decoded(data, depth, "")


def _decoded(data: bytes, depth: int, outer: str) -> Iterator[tuple[str, bytes]]:
    for name, decode in _DECODERS.items():
        view = decode(data)
        if view and view != data:
            yield f"{outer}{name}", view
            if depth > 1:
                yield from _decoded(view, depth - 1, f"{outer}{name}, ")


def _percent(data: bytes) -> bytes:
    return unquote_to_bytes(data.replace(b"+", b" ")) if b"%" in data else b""


def _escapes(data: bytes) -> bytes:
    plain = _JSON_ESCAPE.sub(lambda found: chr(int(found[1], 16)).encode("utf-8", "replace"), data)
    return _ENTITY.sub(lambda found: html.unescape(found[0].decode()).encode("utf-8", "replace"), plain)


def _utf_16(data: bytes) -> bytes:
    return b"\n".join(run.replace(b"\0", b"") for run in _UTF_16.findall(data)) if b"\0" in data else b""


def _base64(data: bytes) -> bytes:
    # Each run once: logs repeat themselves. Whether a text begins with the run, or inside it, nobody knows.
    runs = {run.translate(_URL_SAFE) for run in _BASE64.findall(data)}
    parts = (run[offset:] for run in runs for offset in range(4))
    return b"\n".join(base64.b64decode(part + b"A" * (-len(part) % 4)) for part in parts)


def _hex(data: bytes) -> bytes:
    parts = (run[offset:] for run in set(_HEX.findall(data)) for offset in range(2))
    return b"\n".join(bytes.fromhex(part[: len(part) // 2 * 2].decode()) for part in parts)


_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "percent-encoded": _percent,
    "escaped": _escapes,
    "UTF-16": _utf_16,
    "base64": _base64,
    "hexadecimal": _hex,
}


class _Look:
    """What is looked for, prepared."""

    def __init__(self, plants: Plants) -> None:
        self._plants = plants
        self._windows = _windows(plants)
        self._sizes = {len(window) for window in self._windows}
        domains = sorted({email.rpartition("@")[2].encode() for email in plants.emails})
        known = rb"([a-z0-9._+-]{1,64})@(%s)" % b"|".join(map(re.escape, domains))
        self._email = re.compile(known) if domains else None

    def at(self, low: bytes) -> Iterator[tuple[str, int]]:
        """What stands in these bytes, which are in lower case, and where."""
        for what, text in self._plants.texts.items():
            if (at := low.find(text)) >= 0:
                yield what, at
        for found in _DIGEST.finditer(low) if self._plants.digests else ():
            if value := self._plants.digests.get(found[0]):
                yield f"SHA-256 of {value}", found.start()
        yield from self._emails(low)
        yield from self._phones(low)

    def _emails(self, low: bytes) -> Iterator[tuple[str, int]]:
        for found in self._email.finditer(low) if self._email else ():
            local, domain = found[1].decode(), found[2].decode()
            # In binary data the byte before may look like a letter of it.
            for start in range(len(local)):
                if f"{local[start:]}@{domain}" in self._plants.emails:
                    yield f"email {local[start:]}@{domain}", found.start()

    def _phones(self, low: bytes) -> Iterator[tuple[str, int]]:
        for found in _PHONE.finditer(low) if self._windows else ():
            digits = re.sub(rb"\D", b"", found[0]).decode()
            for size in self._sizes:
                for start in range(len(digits) - size + 1):
                    if phone := self._windows.get(digits[start : start + size]):
                        yield f"phone {phone}", found.start()


def _windows(plants: Plants) -> dict[str, str]:
    """What gives a phone number away: nine digits of it in a row, or all there are."""
    found = {}
    for phone in plants.phones:
        digits = phone.removeprefix("+")
        size = min(_PHONE_WINDOW, len(digits))
        found.update({digits[at : at + size]: phone for at in range(len(digits) - size + 1)})
    return found
