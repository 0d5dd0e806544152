"""A webhook's signature: the vendor's test vector, rotation, age, and whatever strangers may send."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.signature import Verdict, sign, verify

SECRET = b"dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
TIMESTAMP = b"2021-03-25T05:09:27Z"
BODY = b'{"event":"ticket.updated","id":123}'
SIGNATURE = b"S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM="
THEN = datetime(2021, 3, 25, 5, 9, 27, tzinfo=UTC)


def check(
    *,
    secrets: tuple[bytes, ...] = (SECRET,),
    signature: bytes | None = SIGNATURE,
    timestamp: bytes | None = TIMESTAMP,
    body: bytes = BODY,
    now: datetime = THEN,
) -> Verdict:
    """The verdict on the test vector, with one thing or another changed."""
    return verify(secrets, signature=signature, timestamp=timestamp, body=body, now=now, tolerance_s=300)


def test_the_vector_is_reproduced() -> None:
    """The published secret, timestamp and body give the published signature; the secret is used as text."""
    assert sign(SECRET, TIMESTAMP, BODY) == SIGNATURE
    assert sign(base64.b64decode(SECRET), TIMESTAMP, BODY) != SIGNATURE
    assert check() is Verdict.GENUINE


@pytest.mark.parametrize("position", [0, 1, 2])
def test_every_secret_is_tried(position: int) -> None:
    """During a rotation a webhook signed with any of the secrets is genuine."""
    secrets = [b"one", b"two"]
    secrets.insert(position, SECRET)
    assert check(secrets=tuple(secrets)) is Verdict.GENUINE


@pytest.mark.parametrize("away", [timedelta(seconds=300), timedelta(seconds=-300)])
def test_a_timestamp_within_the_tolerance_is_taken(away: timedelta) -> None:
    """300 seconds away, in either direction, is still right."""
    assert check(now=THEN + away) is Verdict.GENUINE


@pytest.mark.parametrize("away", [timedelta(seconds=301), timedelta(seconds=-301), timedelta(days=9999)])
def test_a_timestamp_beyond_the_tolerance_is_refused(away: timedelta) -> None:
    """A recorded webhook cannot be played again later."""
    assert check(now=THEN + away) is Verdict.TOO_OLD


def test_anything_changed_is_refused() -> None:
    """Body, timestamp, secret and signature all count."""
    assert check(body=BODY + b" ") is Verdict.WRONG
    assert check(timestamp=b"2021-03-25T05:09:28Z") is Verdict.WRONG
    assert check(secrets=(b"another",)) is Verdict.WRONG
    assert check(signature=SIGNATURE[:-2]) is Verdict.WRONG


@pytest.mark.parametrize("signature", [None, b""])
def test_a_missing_header_is_refused(signature: bytes | None) -> None:
    """Neither header may be missing or empty."""
    assert check(signature=signature) is Verdict.MISSING
    assert check(timestamp=signature) is Verdict.MISSING


@pytest.mark.parametrize(
    "timestamp",
    [b"yesterday", b"2021-03-25", b"2021-03-25T05:09:27", b"1616648967", b"0001-01-01T00:00:00+23:59", "é".encode()],
)
def test_a_signed_timestamp_that_is_no_moment_is_refused(timestamp: bytes) -> None:
    """What was signed must say when, with a zone."""
    assert check(timestamp=timestamp, signature=sign(SECRET, timestamp, BODY)) is Verdict.TOO_OLD


@pytest.mark.parametrize("timestamp", [b"2021-03-25T06:09:27.123456789+01:00", b"2021-03-25T05:09:27.5Z"])
def test_zones_and_fractions_are_understood(timestamp: bytes) -> None:
    """RFC 3339 has more forms than the vector's."""
    assert check(timestamp=timestamp, signature=sign(SECRET, timestamp, BODY)) is Verdict.GENUINE


@given(signature=st.binary(max_size=64), timestamp=st.binary(max_size=64), body=st.binary(max_size=64))
def test_no_bytes_are_genuine_or_an_error(signature: bytes, timestamp: bytes, body: bytes) -> None:
    """Whatever bytes a stranger sends, the answer is a refusal."""
    assert check(signature=signature, timestamp=timestamp, body=body) is not Verdict.GENUINE
