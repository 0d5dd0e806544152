"""What Temporal is told of an error."""

from collections.abc import Iterator

import pytest

from activities.failures import failure_of, kind_of
from activities.turn import outcome_of, request_id
from activities.zendesk import errors
from workflows.domain.errors import Failure


def leaves(kind: type[errors.VendorError]) -> Iterator[type[errors.VendorError]]:
    """The tree's leaves."""
    below = kind.__subclasses__()
    if not below:
        yield kind
    for each in below:
        yield from leaves(each)


@pytest.mark.parametrize("leaf", list(leaves(errors.VendorError)), ids=lambda leaf: leaf.__name__)
def test_every_leaf_is_drawn_and_has_a_failure(leaf: type[errors.VendorError]) -> None:
    """The tree drawn in the docstring has every leaf; each is a retryable failure with a masked text."""
    assert leaf.__name__ in (errors.__doc__ or "")
    error = failure_of(leaf("it failed", vendor_text="for +15550100"), "update_ticket", 1)
    assert error.type == kind_of(leaf("x"))
    assert not error.non_retryable
    assert error.message == "update_ticket: it failed: for •••"
    assert outcome_of(leaf("x")) == (leaf.__name__ if leaf.sent else "not_sent")


def test_a_long_text_is_cut() -> None:
    """A vendor's text is at most 200 characters."""
    error = failure_of(errors.ServerFault("answered 500", vendor_text="x" * 5000), "search", 1)
    assert len(error.message) == 200


def test_a_token_is_looked_for_sooner_at_first() -> None:
    """0.5 s, doubling to 5."""
    delays = [failure_of(errors.Unauthorized("x"), "search", attempt).next_retry_delay for attempt in range(1, 7)]
    assert [delay.total_seconds() for delay in delays if delay] == [0.5, 1, 2, 4, 5, 5]


def test_a_pause_without_a_length_is_the_workflows() -> None:
    """429 without `Retry-After` leaves the delay to the back-off."""
    assert failure_of(errors.RateLimited("x"), "search", 1).next_retry_delay is None
    assert kind_of(errors.RateLimited("x")) == Failure.RATE_LIMITED


def test_what_was_not_sent_comes_back_in_a_second() -> None:
    """A step that found no connection is not punished by a growing back-off."""
    delay = failure_of(errors.NotSent("x"), "search", 9).next_retry_delay
    assert delay is not None
    assert 1 <= delay.total_seconds() <= 1.2


def test_a_request_id_is_readable_unique_and_safe() -> None:
    """Whatever is not `[A-Za-z0-9._:@-]` becomes `_`; two are never the same."""
    made = request_id("c 1/é", "patch_call-2", 3)
    assert made[:-8] == "c_1__.patch_call-2.3."
    assert made != request_id("c 1/é", "patch_call-2", 3)
