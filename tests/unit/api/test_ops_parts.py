"""What the pages draw alike."""

import pytest

from api.ops.pages import _templates


def drawn(what: str, **given: object) -> str:
    """A macro of `parts.html`."""
    return _templates.from_string('{% import "parts.html" as parts %}{{ parts.' + what + " }}").render(given)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("run `talkbridge doctor` there", "run <code>talkbridge doctor</code> there"),
        ("`a` or `<b>`", "<code>a</code> or <code>&lt;b&gt;</code>"),
        ("<i> without any", "&lt;i&gt; without any"),
        ("one ` alone", "one ` alone"),
        ("", ""),
    ],
)
def test_what_stands_between_backticks_is_code(text: str, shown: str) -> None:
    """And every other sign is text."""
    assert drawn("coded(text)", text=text) == shown


def test_nothing_is_green_beside_what_needs_a_person() -> None:
    """A completed call that is stuck is drawn plain; what is bad of itself stays so."""
    assert 'class="state good"' in drawn('state("completed")')
    assert 'class="state plain"' in drawn('state("completed", in_need=true)')
    assert 'class="state bad"' in drawn('state("missed", in_need=true)')


def test_a_step_that_waits_has_a_sign_that_fonts_have() -> None:
    """DejaVu Sans, the usual one on Linux, lacks an hourglass and draws a box for it."""
    assert '<span aria-hidden="true">‖</span> waiting' in drawn('state("waiting")')


def test_a_test_call_is_marked_wherever_it_stands() -> None:
    """Its red "missed" is no customer who was not answered; any other call has no mark."""
    mark = '<span class="mark">test</span>'
    assert drawn('call_link("talkbridge-test-0123456789ab")').endswith(f"</a> {mark}")
    assert mark not in drawn('call_link("c-1-talkbridge-test-0")')
    assert mark in drawn('test_mark("talkbridge-test-0123456789ab")')


def test_one_is_not_many() -> None:
    """A number with its word."""
    assert [drawn(f'counted({number}, "call")') for number in (0, 1, 2)] == ["0 calls", "1 call", "2 calls"]
