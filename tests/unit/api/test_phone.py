"""Phone numbers as platforms write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.phone import UnusableNumber, e164


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+15550100", "+15550100"),
        ("+123456", "+123456"),
        ("+123456789012345", "+123456789012345"),
        (" +1 (555) 010-0 ", "+15550100"),
        ("+49 (0)30 901820", "+4930901820"),
        ("+1.555.0100", "+15550100"),
        ("tel:+1-555-0100;ext=12", "+15550100"),
        ("sip:+15550100@pbx.example.com", "+15550100"),
        ("+999123456789", "+999123456789"),
    ],
)
def test_a_plus_and_digits_is_taken_as_it_is(text: str, number: str) -> None:
    """Whatever the numbering plan says, and without a region."""
    assert e164(text, None) == number
    assert e164(text, "US") == number


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("(212) 555-2368", "US", "+12125552368"),
        ("030 901820", "DE", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("020 7946 0958", "GB", "+442079460958"),
    ],
)
def test_a_national_number_needs_the_region(text: str, region: str, number: str) -> None:
    """With PHONE_REGION it becomes E.164, without it cannot be used."""
    assert e164(text, region) == number
    with pytest.raises(UnusableNumber):
        e164(text, None)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "anonymous", "Anonymous", "RESTRICTED", "private", "unavailable", "Unknown", "withheld"),
        *("Private Number", "sip:anonymous@anonymous.invalid", "No Caller ID", "0", "+0000000", "null"),
        # The words on a keypad, which a platform sends as numbers: strangers must not share a ticket.
        *("+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"),
    ],
)
def test_a_withheld_number_is_absent(text: str) -> None:
    """Withheld is no error, and no number."""
    assert e164(text, None) is None
    assert e164(text, "US") is None


@pytest.mark.parametrize("text", ["+12345", "+1234567890123456", "12", "call me", "+1555CALLNOW", "++15550100", "５"])
def test_what_is_neither_is_unusable(text: str) -> None:
    """Too short, too long, or no number at all."""
    with pytest.raises(UnusableNumber):
        e164(text, "US")


@given(st.text(max_size=40), st.sampled_from([None, "US", "DE"]))
def test_no_text_leads_to_anything_else(text: str, region: str | None) -> None:
    """A number, nothing, or the one error; and a number read again is the same."""
    try:
        number = e164(text, region)
    except UnusableNumber:
        return
    assert number is None or e164(number, None) == number
