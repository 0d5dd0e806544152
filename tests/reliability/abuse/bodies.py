"""Hostile JSON under a right signature, so that the parser is reached: no call is refused, the rest is taken."""

from collections.abc import Callable
from random import Random

from tests.reliability.abuse.case import (
    ACCEPTED,
    EMAIL,
    NOT_A_CALL,
    NOT_JSON,
    Case,
    body_of,
    case,
    event,
    signed,
)

IGNORED = frozenset({"200 ignored"})
DIGITS = 5000

Body = Callable[[Random], bytes]

_TEXTS = ("status", "direction", "from_line", "to_line", "queue", "disposition")
_CUSTOMER = ("email", "phone_number", "name")
_AGENT = ("id", "name")


def _raw(rng: Random, put: bytes, at: bytes = b'"PUT"') -> bytes:
    """An event with these bytes in place of a field's value."""
    field = rng.choice([*_TEXTS, "ticket_id", "duration_s", "recording_url", "customer", "agent"])
    return body_of(event(rng, **{field: "PUT"})).replace(at, put)


def _deep(rng: Random, opens: bytes, closes: bytes) -> bytes:
    depth = rng.choice([50, 500, 990, 1000, 5000, 20_000])
    return opens * depth + b"1" + closes * depth


_NO_JSON: dict[str, Body] = {
    "empty": lambda _: b"",
    "blanks": lambda rng: b" \r\n\t" * rng.randrange(1, 100),
    "NUL": lambda rng: b"\0" * rng.randrange(1, 100),
    "cut": lambda rng: body_of(event(rng))[: rng.randrange(1, 40)],
    "NaN": lambda rng: _raw(rng, b"NaN"),
    "Infinity": lambda rng: _raw(rng, rng.choice([b"Infinity", b"-Infinity"])),
    "a comment": lambda rng: _raw(rng, b"1 /* one */"),
    "a comma too many": lambda rng: body_of(event(rng))[:-1] + b",}",
    "single quotes": lambda rng: body_of(event(rng)).replace(b'"', b"'"),
    "a raw control character": lambda rng: _raw(rng, b'"a' + bytes([rng.randrange(0x20)]) + b'b"'),
    "two documents": lambda rng: body_of(event(rng)) * 2,
    "hexadecimal": lambda rng: _raw(rng, b"0x10"),
    "a leading zero": lambda rng: _raw(rng, b"007"),
    "unquoted": lambda rng: b"{event: call.started}",
    "a bad escape": lambda rng: _raw(rng, rng.choice([b'"\\x41"', b'"\\u12"', b'"\\"'])),
    "XML": lambda _: b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    "a form": lambda _: b"event=call.started&data[id]=1",
    "YAML": lambda _: b"!!python/object/apply:os.system ['true']",
    "a pickle": lambda _: b"\x80\x04cos\nsystem\n",
    "nested without end": lambda _: b"[" * 60_000,
}

_BAD_IDS: tuple[object, ...] = (
    *(None, "", " ", "a b", "a\n", "\u0000", "é", "\u202ec-1", "\ud800", "x" * 129, "x" * 60_000),
    *(True, 1.5, [], {}, ["a"], {"id": "a"}),
)

_NO_CALL: dict[str, Body] = {
    "a scalar": lambda rng: rng.choice([b"null", b"true", b"0", b"1e400", b'"call.started"', b"-1", b"[]", b"[{}]"]),
    "an empty object": lambda _: b"{}",
    "no event": lambda rng: body_of({"data": {"id": "a"}}),
    "an event that is no text": lambda rng: body_of({**event(rng), "event": rng.choice([None, 1, [], {}, True, ""])}),
    "no data": lambda _: b'{"event":"call.started"}',
    "data that is no object": lambda rng: body_of({**event(rng), "data": rng.choice([None, 1, "a", [], True])}),
    "no call id": lambda _: b'{"event":"call.ended","data":{}}'.replace(b"ended", b"completed"),
    "an unusable call id": lambda rng: body_of(event(rng, id=rng.choice(_BAD_IDS))),
    "a call id of thousands of digits": lambda rng: _id(rng, b"9" * DIGITS),
    "a call id without end": lambda rng: _id(rng, rng.choice([b"1e400", b"-1e400", b"1e99999"])),
    "deep arrays alone": lambda _: b"[" * 50 + b"]" * 50,
}

_ODD: dict[str, Body] = {
    "a number of thousands of digits": lambda rng: _raw(rng, rng.choice([b"", b"-"]) + b"1" + b"0" * DIGITS),
    "1e400": lambda rng: _raw(rng, rng.choice([b"1e400", b"-1e400", b"1E+9999999999", b"1e-400", b"-0.0"])),
    "a long fraction": lambda rng: _raw(rng, b"0." + b"3" * DIGITS),
    "duplicate keys": lambda rng: body_of(event(rng)).replace(b'"id"', b'"id": "first", "id": [], "id"'),
    "lone surrogates": lambda rng: _raw(rng, rng.choice([b'"\\ud800"', b'"\\udfff\\ud800"', b'"x\\udc00y"'])),
    "escaped NUL": lambda rng: _raw(rng, b'"a\\u0000b"'),
    "control characters": lambda rng: _raw(rng, b'"\\r\\nX-Injected: 1\\r\\n\\u001b[2J\\u0085\\u2028"'),
    "right to left": lambda rng: _raw(rng, '"\u202egnp.exe\u2066\u200b\ufeff"'.encode()),
    "a very long text": lambda rng: _raw(rng, b'"' + b"x" * rng.choice([256, 257, 2048, 2049, 60_000]) + b'"'),
    "another type": lambda rng: _raw(rng, rng.choice([b"true", b"[]", b"{}", b"[[]]", b"1.5", b"-1", b"null", b'""'])),
    "any field of any type": lambda rng: _any_types(rng),  # noqa: PLW0108 - it stands further down
    "keys that mean something elsewhere": lambda rng: _raw(rng, b'{"__proto__": {}, "constructor": 1, "$ne": null}'),
    "an unknown field": lambda rng: body_of({**event(rng, extra={"a": [1]}), "\u202e": 1, "": None}),
    "an odd timestamp": lambda rng: _timestamp(rng),  # noqa: PLW0108 - it stands further down
    "an integer as call id": lambda rng: _id(rng, b"%d" % rng.randrange(-(10**60), 10**60)),
    "the strangest call id": lambda rng: body_of(
        event(rng, id="".join(chr(rng.randrange(0x21, 0x7F)) for _ in range(128)))
    ),
    "an odd event id": lambda rng: body_of(
        {**event(rng), "id": rng.choice([1, 1.5, [], {}, "x" * 129, "\ud800", "\0"])}
    ),
    "templates": lambda rng: _raw(rng, b'"${jndi:ldap://x}{{7*7}}<%= 1 %>%s%n"'),
}


def no_json(rng: Random) -> Case:
    """Not JSON: 400."""
    name = rng.choice(list(_NO_JSON))
    body = _NO_JSON[name](rng)
    return case("JSON", name, body, signed(body), NOT_JSON)


def no_call(rng: Random) -> Case:
    """JSON, and no call event: 422."""
    name = rng.choice(list(_NO_CALL))
    body = _NO_CALL[name](rng)
    return case("JSON", name, body, signed(body), NOT_A_CALL)


def odd_call(rng: Random) -> Case:
    """A call event with something unusable in it: taken, for nothing but `event` and `data.id` refuses a call."""
    name = rng.choice(list(_ODD))
    body = _ODD[name](rng)
    return case("JSON", name, body, signed(body), ACCEPTED)


def nested(rng: Random) -> Case:
    """Nesting: too deep is no JSON to us, less deep a field that cannot be used."""
    deep = rng.choice([_deep(rng, b"[", b"]"), _deep(rng, b'{"a":', b"}")])
    body = _raw(rng, deep)[: 64 * 1024]
    return case("JSON", "nested", body, signed(body), NOT_JSON | ACCEPTED)


def ignored(rng: Random) -> Case:
    """Event types that are not handled are told so, whatever they are called."""
    kind = rng.choice(
        ["call.ringing", "CALL.STARTED", "call.started ", "\u202e", "\ud800", "x" * 60_000, "__class__", "\0"]
    )
    body = body_of({**event(rng), "event": kind})
    return case("JSON", "an event not handled", body, signed(body), IGNORED)


def good(rng: Random) -> Case:
    """What a telephony platform sends."""
    body = body_of(event(rng))
    return case("genuine", "as it should be", body, signed(body), ACCEPTED)


def _id(rng: Random, digits: bytes) -> bytes:
    return body_of(event(rng, id="PUT")).replace(b'"PUT"', digits)


def _timestamp(rng: Random) -> bytes:
    texts = (b"-1", b"0", b"1e400", b"9" * 400, b"NaN".lower(), b'"soon"', b"[]", b"true", b"1e18", b"-1e18", b"null")
    put = rng.choice([text for text in texts if text != b"nan"])
    return body_of({**event(rng), "timestamp": "PUT"}).replace(b'"PUT"', put)


def _any_types(rng: Random) -> bytes:
    """Every optional field a value of a type drawn for it."""
    values: tuple[object, ...] = (None, True, 0, -1, 1.5, 2**63, 10**40, "", "x", [], {}, [None], {"a": 1}, EMAIL)
    data: dict[str, object] = {
        name: rng.choice(values) for name in (*_TEXTS, "ticket_id", "duration_s", "recording_url")
    }
    data["customer"] = {name: rng.choice(values) for name in _CUSTOMER} if rng.random() < 0.7 else rng.choice(values)
    data["agent"] = {name: rng.choice(values) for name in _AGENT} if rng.random() < 0.7 else rng.choice(values)
    return body_of(event(rng, **data))
