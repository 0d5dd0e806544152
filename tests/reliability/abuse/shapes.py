"""Requests of every outward shape: content types, sizes, chunks, encodings, lying lengths, bytes that are no HTTP."""

import gzip
import zlib
from random import Random

from tests.reliability.abuse.case import (
    ACCEPTED,
    CLOSED,
    JSON_TYPE,
    MEDIA_TYPE,
    NOT_HTTP,
    NOT_JSON,
    REFUSED,
    TOO_LARGE,
    Case,
    body_of,
    case,
    event,
    signed,
)
from tests.reliability.abuse.wire import Headers, request

LIMIT = 64 * 1024

_TYPES: tuple[tuple[bytes | None, frozenset[str]], ...] = (
    *((kind, ACCEPTED) for kind in (b"application/JSON", b"application/json; charset=utf-8", b"application/json;")),
    *((kind, ACCEPTED) for kind in (b"application/vnd.zendesk+json", b"application/cloudevents+json ; charset=UTF-16")),
    *((kind, MEDIA_TYPE) for kind in (None, b"", b"text/plain", b"text/json", b"application/x-www-form-urlencoded")),
    *((kind, MEDIA_TYPE) for kind in (b"multipart/form-data; boundary=x", b"application/jsonp", b"application/xml")),
    *((kind, MEDIA_TYPE) for kind in (b"application", b"json", b"*/*", b"\xff\xfe", b"application/json, text/plain")),
)


def content_type(rng: Random) -> Case:
    """JSON by its name, or another name for it."""
    body = body_of(event(rng))
    kind, expected = rng.choice(_TYPES)
    named = [] if kind is None else [(b"Content-Type", kind)]
    headers = [*(pair for pair in signed(body) if pair != JSON_TYPE), *named]
    return case("headers", (kind or b"no type").decode("latin-1"), body, headers, expected)


def further_headers(rng: Random) -> Case:
    """Headers that other servers act on, and many of them: nothing changes."""
    body = body_of(event(rng))
    further: dict[str, Headers] = {
        "another method": [(b"X-HTTP-Method-Override", b"DELETE")],
        "another address": [(b"X-Original-URL", b"/calls"), (b"X-Rewrite-URL", b"/calls")],
        "forwarded": [(b"X-Forwarded-For", b"127.0.0.1"), (b"Forwarded", b"for=127.0.0.1;proto=https")],
        "another host": [(b"Host", b"[::1"), (b"X-Forwarded-Host", b"evil.example.com")],
        "two hundred": [(b"X-%d" % number, rng.randbytes(8).hex().encode()) for number in range(200)],
        "16 KiB": [(b"X-Long", b"x" * 16_384)],
        "bytes that are no text": [(b"X-Odd", bytes(range(0x80, 0x100)))],
        "an expectation": [(b"Expect", b"100-continue")],
        "a range": [(b"Range", b"bytes=0-0"), (b"If-Match", b"*")],
    }
    name = rng.choice(list(further))
    return case("headers", name, body, [*signed(body), *further[name]], ACCEPTED)


def forged_further(rng: Random) -> Case:
    """Headers that claim to come from within make no signature."""
    body = body_of(event(rng))
    claims = [(b"X-Forwarded-For", b"127.0.0.1"), (b"X-Verified", b"true"), (b"Authorization", b"Bearer ops-token")]
    return case("headers", "claims", body, [JSON_TYPE, *claims], REFUSED)


def sizes(rng: Random) -> Case:
    """At the limit and one byte around it, with and without Content-Length; far over it."""
    genuine = rng.random() < 0.5
    size = rng.choice([LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + 1, LIMIT * 2, rng.randrange(LIMIT + 1, LIMIT * 8)])
    body = _padded(rng, size)
    headers = signed(body) if genuine else signed(body, secret="another")
    fits = size <= LIMIT
    chunks = _pieces(rng, body, rng.choice([1000, 8192, LIMIT])) if rng.random() < 0.5 else None
    name = f"{size - LIMIT:+d} bytes" if abs(size - LIMIT) < 2 else "far over"
    expected = (ACCEPTED if genuine else REFUSED) if fits else TOO_LARGE
    raw = request(body, headers, chunks=chunks)
    return case("size", name + (" chunked" if chunks else ""), body, headers, expected, raw=raw)


def chunked(rng: Random) -> Case:
    """Small chunks without a length, rightly signed or not."""
    body = body_of(event(rng))
    headers = signed(body, secret="another") if (forged := rng.random() < 0.5) else signed(body)
    chunks = _pieces(rng, body, rng.choice([1, 2, 7, 64]))
    raw = request(body, headers, chunks=chunks)
    name, expected = "small chunks", REFUSED if forged else ACCEPTED
    if rng.random() < 0.3:
        name, raw = "extensions and trailers", raw.replace(b"\r\n0\r\n\r\n", b"\r\n0;a=b;c\r\nX-Trailer: 1\r\n\r\n")
    return case("size", name, body, headers, expected, raw=raw)


def lying_length(rng: Random) -> Case:
    """A Content-Length of more or less than what comes."""
    body = body_of(event(rng))
    headers = signed(body)
    if rng.random() < 0.5:
        raw = request(body, headers, length=b"%d" % (len(body) + rng.choice([1, 2, 1000])))
        # Never whole: nobody is there to be answered.
        return case("size", "less than said", b"", headers, CLOSED, raw=raw, ends=True)
    cut = rng.randrange(1, len(body))
    raw = request(body, headers, length=b"%d" % cut)
    # Read in one go, the rest is found to be no request before the first is answered.
    return case("size", "more than said", body[:cut], headers, REFUSED | NOT_HTTP, raw=raw, breaks=True)


def encodings(rng: Random) -> Case:
    """Rightly signed bodies in other encodings: JSON is UTF-8, and nothing is decompressed."""
    document = event(rng)
    text = body_of(document)
    choices: dict[str, tuple[bytes, frozenset[str], Headers]] = {
        "UTF-16": (text.decode().encode("utf-16"), NOT_JSON, []),
        "UTF-32": (text.decode().encode("utf-32-le"), NOT_JSON, []),
        "Latin-1": (text.replace(b"planted", b"\xe4\xf6\xfc"), NOT_JSON, []),
        "marked as UTF-8": (b"\xef\xbb\xbf" + text, ACCEPTED, []),
        "marked twice": (b"\xef\xbb\xbf" * 2 + text, NOT_JSON, []),
        "overlong": (text.replace(b"planted", b"\xc0\xaf"), NOT_JSON, []),
        "surrogates as bytes": (text.replace(b"planted", b"\xed\xa0\x80"), NOT_JSON, []),
        "cut in a character": (text + "é".encode()[:1], NOT_JSON, []),
        "gzip": (gzip.compress(text), NOT_JSON, [(b"Content-Encoding", b"gzip")]),
        "deflate": (zlib.compress(text), NOT_JSON, [(b"Content-Encoding", b"deflate")]),
        "said to be gzip": (text, ACCEPTED, [(b"Content-Encoding", b"gzip")]),
        "a bomb": (gzip.compress(bytes(4_000_000)), NOT_JSON, [(b"Content-Encoding", b"gzip")]),
        "EBCDIC": (text.decode().encode("cp500"), NOT_JSON, []),
        "random bytes": (rng.randbytes(rng.randrange(1, 2000)), NOT_JSON, []),
    }
    name = rng.choice(list(choices))
    body, expected, further = choices[name]
    if name == "random bytes" and not _sure_of(body):
        body = b"\xff" + body
    return case("encoding", name, body, [*signed(body), *further], expected)


def not_http(rng: Random) -> Case:
    """What a strict server does not take for a request: two lengths, two framings, other protocols, garbage."""
    body = body_of(event(rng))
    headers = signed(body)
    plain = request(body, headers)
    length = b"Content-Length: %d" % len(body)
    as_chunks = plain.replace(length, b"Transfer-Encoding: chunked")
    smuggled = b"GET /calls HTTP/1.1\r\nHost: x\r\n\r\n"
    choices: dict[str, bytes] = {
        "two lengths": plain.replace(length, length + b"\r\nContent-Length: 1"),
        "length and chunks": plain.replace(length, length + b"\r\nTransfer-Encoding: chunked"),
        "chunks twice": plain.replace(length, b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        "an unknown framing": plain.replace(length, b"Transfer-Encoding: xchunked"),
        "a negative length": request(body, headers, length=b"-1"),
        "a length with a sign": request(body, headers, length=b"+5"),
        "a length in hexadecimal": request(body, headers, length=b"0x10"),
        "a length of thirty digits": request(body, headers, length=b"9" * 30),
        "a blank before the colon": plain.replace(b"Content-Length:", b"Content-Length :"),
        "a header without a colon": plain.replace(b"Host: 127.0.0.1", b"Host 127.0.0.1"),
        "a chunk of no size": as_chunks.replace(b"\r\n\r\n", b"\r\n\r\nzz\r\n", 1),
        "a chunk of all sizes": as_chunks.replace(b"\r\n\r\n", b"\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", 1),
        "a lower-case method": plain.replace(b"POST", b"post", 1),
        "another version": plain.replace(b"HTTP/1.1", b"HTTP/9.9", 1),
        "a blank in the address": plain.replace(b"/webhooks/calls", b"/webhooks/ calls", 1),
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + rng.randbytes(20),
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(32),
        "garbage": b"\xff" + rng.randbytes(rng.randrange(20, 500)),
        "a request in a header": plain.replace(b"Host: 127.0.0.1", b"Host: 127.0.0.1\r\n\r" + smuggled, 1),
    }
    name = rng.choice(list(choices))
    # Never whole, or not at all: no body that anybody signed has come.
    return case("no HTTP", name, b"", headers, NOT_HTTP, raw=choices[name], breaks=True)


def old_http(rng: Random) -> Case:
    """HTTP/1.0, an absolute address, and a body after an upgrade that is not made."""
    body = body_of(event(rng))
    headers = signed(body)
    name, raw = rng.choice(
        [
            ("HTTP/1.0", request(body, headers, version=b"HTTP/1.0")),
            ("an absolute address", request(body, headers, target=b"http://127.0.0.1/webhooks/calls")),
            ("a query", request(body, headers, target=b"/webhooks/calls?x=1&y[]=%00")),
        ]
    )
    return case("headers", name, body, headers, ACCEPTED, raw=raw)


def _padded(rng: Random, size: int) -> bytes:
    """A call event of exactly so many bytes, padded with blanks or within a field that is cut."""
    document = event(rng)
    if rng.random() < 0.5:
        return body_of(document).ljust(size)
    short = body_of({**document, "padding": ""})
    return body_of({**document, "padding": "x" * (size - len(short))})


def _pieces(rng: Random, body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def _sure_of(body: bytes) -> bool:
    """Whether random bytes cannot be JSON by chance."""
    return body[0] not in b'0123456789"[{tfn-\x20\t\r\n\xef'
