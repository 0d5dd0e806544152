"""What an answer says, whatever the vendor."""

import json
from datetime import UTC, datetime

import pytest

from activities.zendesk import errors
from activities.zendesk.message import Answer, Request, document, error_of, retry_after_s

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, errors.Misconfigured),
        (400, errors.BadRequest),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (405, errors.Misconfigured),
        (408, errors.ServerFault),
        (409, errors.Conflict),
        (415, errors.Misconfigured),
        (418, errors.Misconfigured),
        (422, errors.Unprocessable),
        (429, errors.RateLimited),
        (500, errors.ServerFault),
        (599, errors.ServerFault),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[errors.VendorError]) -> None:
    """A status is one leaf of the tree, whose text says nothing the vendor wrote."""
    error = error_of(Answer(status=status, content=b'{"error": "for a@b.example"}'), NOW)
    assert type(error) is kind
    assert error.status == status
    assert str(error) == f"answered {status}"
    assert error.vendor_text == "for a@b.example"


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("30", 30.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("1000000", 3600.0),
        ("Thu, 01 Jan 2026 12:00:45 GMT", 45.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(given: str, seconds: float | None) -> None:
    """Both forms of the header are read, the rest is as if it were absent."""
    assert retry_after_s({"retry-after": given}, NOW) == seconds


def test_a_date_is_measured_by_the_vendors_clock() -> None:
    """A clock of ours that is wrong shortens no pause."""
    headers = {"retry-after": "Thu, 01 Jan 2026 13:00:10 GMT", "date": "Thu, 01 Jan 2026 13:00:00 GMT"}
    assert retry_after_s(headers, NOW) == 10.0


def test_a_refused_field_is_named() -> None:
    """Zendesk's details name the field and the reason, in one printable line."""
    details = {"status": [{"description": "closed\nprevents\u0000 update"}]}
    body = {"error": "RecordInvalid", "description": "Record validation errors", "details": details}
    error = error_of(Answer(status=422, content=json.dumps(body).encode()), NOW)
    assert isinstance(error, errors.Unprocessable)
    assert error.field == "status"
    assert "closed" in error.vendor_text
    assert error.vendor_text.isprintable()


def test_a_vendor_that_repeats_our_secrets_is_not_quoted() -> None:
    """Token and client secret, also as an address or JSON spells them, are left out of text and field."""
    secrets = ("t0ken", 's"cret/1')
    body = {"error": "no t0ken", "description": "s%22cret%2F1", "details": {"t0ken is": ['s"cret/1']}}
    error = error_of(Answer(status=422, content=json.dumps(body).encode(), secrets=secrets), NOW)
    assert isinstance(error, errors.Unprocessable)
    assert error.vendor_text == 'no •••: •••: {"••• is": ["•••"]}'
    assert error.field == "••• is"


def test_a_name_of_a_field_is_cut() -> None:
    """However long the vendor makes it."""
    body: dict[str, object] = {"details": {"x" * 10_000: []}}
    error = error_of(Answer(status=422, content=json.dumps(body).encode()), NOW)
    assert isinstance(error, errors.Unprocessable)
    assert error.field == "x" * 100


@pytest.mark.parametrize("content", [b"", b"[]", b"1", b'{"a', b"\xff", b"[" * 100_000, b"9" * 10_000])
def test_what_is_no_object_is_malformed(content: bytes) -> None:
    """Whatever the body, it is the object expected or `MalformedAnswer`."""
    with pytest.raises(errors.MalformedAnswer):
        document(Answer(status=200, content=content))


def test_an_address_is_encoded_and_never_shown() -> None:
    """Spaces and quotes are percent-encoded; the value as text shows no query and no body."""
    request = Request(method="GET", path="/p", query={"q": 'a "b"+c'}, body={"x": "secret"})
    assert request.url("http://h/base/") == "http://h/base/p?q=a%20%22b%22%2Bc"
    assert "secret" not in repr(request)
