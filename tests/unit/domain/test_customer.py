"""The caller, and how little of them may be shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.domain.customer import Customer, mask_email, mask_phone, mask_text, masked


@pytest.mark.parametrize(
    ("email", "shown"),
    [("user@example.com", "u•••@example.com"), ("u@example.com", "u•••@example.com"), ('"a@b"@c.d', '"•••@c.d')],
)
def test_an_email_keeps_its_first_character_and_domain(email: str, shown: str) -> None:
    """The rest is hidden, and so is its length."""
    assert mask_email(email) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [("+15550100", "+1555•••00"), ("+493012345678", "+4930•••78"), ("+123456", "•••56"), ("+1234567", "+1234•••67")],
)
def test_a_number_keeps_five_and_two_characters(phone: str, shown: str) -> None:
    """A short one only its last two."""
    assert mask_phone(phone) == shown


def test_a_customer_is_shown_without_a_name() -> None:
    """Email and phone masked, nothing else."""
    whole = Customer(email="user@example.com", phone="+15550100", name="Ada Caller")
    assert masked(whole) == Customer(email="u•••@example.com", phone="+1555•••00")
    assert masked(Customer()) == Customer()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no user@example.com here", "no •••@••• here"),
        ("<User.Name+tag@sub.example.com>", "<•••@•••>"),
        ("call +1 (555) 010-0199 now", "call ••• now"),
        ("call +49 30 12345678, twice", "call •••, twice"),
        ("ticket 12345 stays", "ticket 12345 stays"),
        ("ticket 123456 does not", "ticket ••• does not"),
        ("?query=customer_email:%22user%40example.com%22", "?query=customer_email:•••@•••"),
        (r'{"email": "user\u0040example.com"}', '{"email": "•••@•••"}'),
        ("user&#64;example.com, user&commat;example.com", "•••@•••, •••@•••"),
        ("tel:%2B1%20555%20010%200199", "tel:%2B•••"),
        ("+1/555/010/0199 or +1+555+010+0199", "••• or •••"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
    ],
)
def test_a_foreign_text_names_nobody(text: str, shown: str) -> None:
    """Emails and runs of six or more digits are masked, then the text is cut to 200 characters."""
    assert mask_text(text) == shown


def test_a_long_word_is_masked_at_once() -> None:
    """A megabyte without a blank, as only somebody hostile sends, costs no more than its length."""
    assert mask_text("a." * 500_000) == ("a." * 100)[:199] + "…"


@given(st.text(max_size=150), st.from_regex(r"[0-9]{6,15}", fullmatch=True), st.text(max_size=150))
def test_no_long_number_survives(before: str, number: str, after: str) -> None:
    """Wherever it stands."""
    assert number not in mask_text(f"{before} {number} {after}", limit=10_000) or number in before + after


@pytest.mark.parametrize(
    ("customer", "known", "name"),
    [
        (Customer(email="e@x.y", phone="+1", name="Ada"), True, "Ada"),
        (Customer(email="e@x.y", phone="+1"), True, "+1"),
        (Customer(email="e@x.y"), True, "e@x.y"),
        (Customer(name="Ada"), False, "Ada"),
        (Customer(), False, "Anonymous caller"),
    ],
)
def test_what_a_caller_is_called(customer: Customer, known: bool, name: str) -> None:
    """The name, else the number, else the email; a name alone is nothing to look up."""
    assert (customer.known, customer.display_name) == (known, name)
