"""Requests that nobody who knows the secret has sent lately: wrong signatures, wrong times, changed bodies."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from random import Random

from tests.e2e.stack import SECRET
from tests.reliability.abuse.case import (
    ACCEPTED,
    JSON_TYPE,
    NOT_HTTP,
    REFUSED,
    SIGNATURE,
    TIMESTAMP,
    TOLERANCE_S,
    Case,
    body_of,
    case,
    event,
    sign,
    signed,
    stamp,
)
from tests.reliability.abuse.wire import Headers, request

Signature = Callable[[Random, bytes, bytes], bytes]
"""From randomness, timestamp and body to the header's value."""


def _digest(name: str, *parts: bytes) -> bytes:
    return base64.b64encode(hmac.new(SECRET.encode(), b"".join(parts), name).digest())


def _cut(rng: Random, at: bytes, body: bytes) -> bytes:
    return sign(SECRET, at, body)[: rng.randrange(1, 44)]


def _one_changed(rng: Random, at: bytes, body: bytes) -> bytes:
    good = bytearray(sign(SECRET, at, body))
    # Not the last letter before the padding: its lower bits are not part of the digest.
    place = rng.randrange(42)
    good[place] = ord("A") if good[place] != ord("A") else ord("B")
    return bytes(good)


SIGNATURES: dict[str, Signature] = {
    "empty": lambda *_: b"",
    "random": lambda rng, *_: base64.b64encode(rng.randbytes(32)),
    "truncated": _cut,
    "one letter changed": _one_changed,
    "extended": lambda _, at, body: sign(SECRET, at, body) + b"A",
    "case swapped": lambda _, at, body: sign(SECRET, at, body).swapcase(),
    "lower case": lambda _, at, body: sign(SECRET, at, body).lower(),
    "upper case": lambda _, at, body: sign(SECRET, at, body).upper(),
    "padding left out": lambda _, at, body: sign(SECRET, at, body).rstrip(b"="),
    "hexadecimal": lambda _, at, body: hmac.new(SECRET.encode(), at + body, hashlib.sha256).hexdigest().encode(),
    "with a prefix": lambda _, at, body: b"sha256=" + sign(SECRET, at, body),
    "in quotes": lambda _, at, body: b'"' + sign(SECRET, at, body) + b'"',
    "another secret": lambda rng, at, body: sign(f"{rng.getrandbits(128):x}", at, body),
    "an empty secret": lambda _, at, body: sign("", at, body),
    "the secret reversed": lambda _, at, body: sign(SECRET[::-1], at, body),
    "the secret's case": lambda _, at, body: sign(SECRET.upper(), at, body),
    "the ops token": lambda _, at, body: sign("ops-token", at, body),
    "of the body alone": lambda _, __, body: sign(SECRET, body),
    "of the timestamp alone": lambda _, at, __: sign(SECRET, at),
    "of body and timestamp": lambda _, at, body: sign(SECRET, body, at),
    "of another body": lambda rng, at, _: sign(SECRET, at, body_of(event(rng))),
    "SHA-1": lambda _, at, body: _digest("sha1", at, body),
    "SHA-512": lambda _, at, body: _digest("sha512", at, body),
    "plain hash": lambda _, at, body: base64.b64encode(hashlib.sha256(SECRET.encode() + at + body).digest()),
    "bytes that are no text": lambda rng, *_: bytes(rng.randrange(0x80, 0x100) for _ in range(44)),
    "Unicode look-alikes": lambda _, at, body: sign(SECRET, at, body).decode().replace("A", "Α").encode() + b"\xc3\xa9",
    "not base64": lambda rng, *_: bytes(rng.choice(b"!#$%&*()_-{}[]<>?|~") for _ in range(44)),
    "two in one": lambda _, at, body: sign(SECRET, at, body) + b", " + sign(SECRET, at, body),
    "a word": lambda rng, *_: rng.choice([b"null", b"true", b"none", b"undefined", b"0", b"[]", b"{}", b"=", b"===="]),
    "zeros": lambda *_: base64.b64encode(bytes(32)),
    "8 KiB": lambda rng, *_: base64.b64encode(rng.randbytes(6144)),
}


def wrong_signature(rng: Random) -> Case:
    """A signature that is not the one."""
    name = rng.choice(list(SIGNATURES))
    body, at = body_of(event(rng)), stamp()
    headers = [JSON_TYPE, (SIGNATURE, SIGNATURES[name](rng, at, body)), (TIMESTAMP, at)]
    return case("signature", name, body, headers, REFUSED)


def misplaced_signature(rng: Random) -> Case:
    """A signature that is right, and not where it belongs."""
    body, at = body_of(event(rng)), stamp()
    good, moment = sign(SECRET, at, body), (TIMESTAMP, at)
    wrong = base64.b64encode(rng.randbytes(32))
    places: dict[str, Headers] = {
        "missing": [moment],
        "both missing": [],
        "twice, wrong first": [(SIGNATURE, wrong), (SIGNATURE, good), moment],
        "empty first": [(SIGNATURE, b""), (SIGNATURE, good), moment],
        "in another header": [(b"X-Hub-Signature-256", good), moment],
        "underscores": [(SIGNATURE.replace(b"-", b"_"), good), moment],
        "as bearer": [(b"Authorization", b"Bearer " + good), moment],
        "as cookie": [(b"Cookie", SIGNATURE + b"=" + good), moment],
        "values exchanged": [(SIGNATURE, at), (TIMESTAMP, good)],
    }
    name = rng.choice([*places, "in the address"])
    if name == "in the address":
        target = b"/webhooks/calls?" + SIGNATURE + b"=" + good.replace(b"+", b"%2B")
        headers = [JSON_TYPE, moment]
        return case("signature", name, body, headers, REFUSED, raw=request(body, headers, target=target))
    return case("signature", name, body, [JSON_TYPE, *places[name]], REFUSED)


def twice_right_first(rng: Random) -> Case:
    """The first of two signatures counts; a proxy may have added the other."""
    body, at = body_of(event(rng)), stamp()
    others = [(SIGNATURE, sign("another", at, body)), (TIMESTAMP, stamp(ahead_s=-9999))]
    return case("signature", "twice, right first", body, [*signed(body, at=at), *others], ACCEPTED)


def spaces_around(rng: Random) -> Case:
    """Blanks around a header's value are not part of it (RFC 9110, section 5.5)."""
    body, at = body_of(event(rng)), stamp()
    headers = [JSON_TYPE, (SIGNATURE, b"  " + sign(SECRET, at, body) + b" \t"), (TIMESTAMP, b" " + at + b" ")]
    return case("signature", "blanks around", body, headers, ACCEPTED)


_MALFORMED = (
    *(
        b"",
        b"now",
        b"yesterday",
        b"0",
        b"-1",
        b"null",
        b"NaN",
        b"1e400",
        b"9" * 5000,
        b"0x5f5e100",
        b"2026",
        b"T",
        b"Z",
    ),
    *(b"0000-00-00T00:00:00Z", b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"10000-01-01T00:00:00Z"),
    *(b"-2026-01-01T00:00:00Z", b"99999999999999-01-01T00:00:00Z", b"2026-13-01T00:00:00Z", b"2026-02-30T00:00:00Z"),
    *(b"2026-01-01T25:00:00Z", b"2026-01-01T00:00:00+99:99", b"Sun, 06 Nov 1994 08:49:37 GMT", b"${jndi:ldap://x}"),
    *("２０２６-01-01T00:00:00Z".encode(), b"\xff\xfe\xfd", b"%00", b"2026-01-01T00:00:00Z, 2026-01-01T00:00:00Z"),
)


def wrong_time(rng: Random) -> Case:
    """Rightly signed, and the timestamp is too old, too far ahead, or none."""
    body = body_of(event(rng))
    # Well off the edge, which moves on until the request is read; the edges themselves are in window.py.
    away = TOLERANCE_S + 60 + int(10 ** rng.uniform(0, 9))
    now = datetime.now(UTC)
    name, at = rng.choice(
        [
            ("old", _moved(now, -away)),
            ("future", _moved(now, away)),
            ("malformed", rng.choice(_MALFORMED)),
            ("without a zone", now.strftime("%Y-%m-%dT%H:%M:%S").encode()),
            ("a date alone", now.strftime("%Y-%m-%d").encode()),
            ("seconds since 1970", b"%d" % now.timestamp()),
            ("milliseconds since 1970", b"%d" % (now.timestamp() * 1000)),
            ("the zone taken for another", now.strftime("%Y-%m-%dT%H:%M:%S+05:30").encode()),
        ]
    )
    headers = [JSON_TYPE, (SIGNATURE, sign(SECRET, at, body)), (TIMESTAMP, at)]
    return case("timestamp", name, body, headers, REFUSED)


def another_time(rng: Random) -> Case:
    """The signature is of one moment, the header tells another, or none."""
    body, at = body_of(event(rng)), stamp(ahead_s=-rng.randrange(TOLERANCE_S))
    good = (SIGNATURE, sign(SECRET, at, body))
    others: dict[str, Headers] = {
        "missing": [],
        "made fresh": [(TIMESTAMP, stamp(ahead_s=1))],
        "the same moment in other words": [(TIMESTAMP, at.replace(b"Z", b"+00:00"))],
        "twice, another first": [(TIMESTAMP, stamp(ahead_s=2)), (TIMESTAMP, at)],
        "with a fraction": [(TIMESTAMP, at.replace(b"Z", b".000Z"))],
    }
    name = rng.choice(list(others))
    return case("timestamp", name, body, [JSON_TYPE, good, *others[name]], REFUSED)


def right_time(rng: Random) -> Case:
    """Every way RFC 3339 has of telling a moment within the tolerance."""
    moment = datetime.now(UTC) + timedelta(seconds=rng.randrange(-TOLERANCE_S + 20, TOLERANCE_S - 20))
    minutes = rng.randrange(-14 * 60, 14 * 60)
    zoned = moment.astimezone(timezone(timedelta(minutes=minutes)))
    name, at = rng.choice(
        [
            ("another zone", zoned.isoformat(timespec="seconds").encode()),
            ("fractions", moment.strftime("%Y-%m-%dT%H:%M:%S.").encode() + str(rng.random())[2:11].encode() + b"Z"),
            ("zone and fraction", zoned.isoformat(timespec="microseconds").encode()),
            ("unknown offset", moment.strftime("%Y-%m-%dT%H:%M:%S-00:00").encode()),
        ]
    )
    body = body_of(event(rng))
    return case("timestamp", name, body, signed(body, at=at), ACCEPTED)


def tampered(rng: Random) -> Case:
    """Another body than the one signed."""
    document = event(rng)
    body = body_of(document)
    place = rng.randrange(len(body))
    name, sent = rng.choice(
        [
            ("one bit", body[:place] + bytes([body[place] ^ (1 << rng.randrange(8))]) + body[place + 1 :]),
            ("a byte more", body + rng.choice([b" ", b"\n", b"\0", b"}"])),
            ("a byte less", body[:-1]),
            ("cut", body[:place]),
            ("marked as UTF-8", b"\xef\xbb\xbf" + body),
            ("another call", body.replace(b'"a-', b'"b-', 1)),
            ("another customer", body.replace(b"planted", b"another")),
            ("sorted anew", body_of(dict(reversed(document.items())))),
            ("twice", body + body),
            ("another JSON of the same", body.replace(b": ", b":")),
        ]
    )
    return case("body", name, sent, signed(body), REFUSED)


def nul_in_a_header(rng: Random) -> Case:
    """A NUL is no part of a header: the request is not HTTP."""
    body = body_of(event(rng))
    headers = [JSON_TYPE, (SIGNATURE, b"abc\0def"), (TIMESTAMP, stamp())]
    return case("signature", "NUL", body, headers, NOT_HTTP, breaks=True)


def _moved(now: datetime, seconds: int) -> bytes:
    try:
        moment = now + timedelta(seconds=seconds)
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    return moment.isoformat(timespec="seconds").encode()
