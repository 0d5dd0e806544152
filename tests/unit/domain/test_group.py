"""The account of a group's mend adds up at every moment, and holds nothing of a customer."""

from hypothesis import given
from hypothesis import strategies as st

from workflows.domain.group import GroupCall, GroupEnd, GroupMend, mend_id, progress
from workflows.domain.mend import Mended

NAMES = [f"c-{number}" for number in range(20)]
GROUP = GroupMend(
    id="0123456789abcdef",
    action="retry",
    cause="StepRefused",
    step="final_update",
    by="Eve",
    reason="asked by ada@example.com, +1 555 123 4567",
    calls=[GroupCall(call_id=name) for name in NAMES],
)


@given(ends=st.lists(st.sampled_from(list(GroupEnd)), max_size=20), under_way=st.integers(0, 20), stopped=st.booleans())
def test_every_call_is_counted_once(ends: list[GroupEnd], under_way: int, stopped: bool) -> None:
    """Ended, under way or left; finished when nothing is under way and nothing will be begun."""
    ended = {name: Mended(result=end, text="why") for name, end in zip(NAMES, ends, strict=False)}
    out = set(NAMES[len(ends) : len(ends) + under_way])
    told = progress(GROUP, ended, out, started_at="2026-11-22T10:00:00.000Z", stopped=stopped)
    assert told.ended + told.under_way + told.left == told.total == 20
    assert told.ended == len(ends)
    assert told.finished == (not out and (stopped or len(ends) == 20))
    assert [each.end for each in told.troubles] == [end for end in ends if end in (GroupEnd.REFUSED, GroupEnd.FAILED)]


def test_a_customer_named_in_a_reason_is_not_told() -> None:
    """What a person typed is masked like every foreign text."""
    told = progress(GROUP, {}, (), started_at="2026-11-22T10:00:00.000Z", stopped=False)
    assert "ada@" not in told.reason
    assert "123 4567" not in told.reason


def test_a_calls_mend_has_the_same_name_however_often_it_is_sent() -> None:
    """It is made of the group's and the call's ids alone."""
    assert mend_id("g", "c-1") == mend_id("g", "c-1") == "g:c-1"
