"""Long runs in small: nothing is lost when the token workflow continues as new, nothing grows, nothing slows down."""

from pathlib import Path

from tests.reliability.hygiene.ledgers import compare
from tests.reliability.hygiene.memory import Memory, Step, longest_list, measure
from tests.reliability.hygiene.token_runs import ask_throughout


async def test_every_question_is_answered_across_runs(tmp_path: Path) -> None:
    """Continued as new again and again, the token workflow loses no question and no refusal."""
    token = await ask_throughout(asks=60)
    assert token.lost == 0
    assert token.answered == 60
    assert token.runs >= 2
    memory = await measure(tmp_path, webhooks=80, seed=1, steps=2)
    assert (memory.calls, memory.ended, sum(memory.answers.values())) == (8, 8, 80)
    assert set(memory.answers) == {"accepted", "already_processed", "ignored"}


def test_growth_is_seen() -> None:
    """A process that grows by a third is not flat."""
    sizes = [Step(webhooks=n, gateway_mb=60, worker_mb=150 + n / 100) for n in (5_000, 10_000)]
    assert not Memory(calls=1, ended=1, answers={}, steps=sizes).flat
    assert Memory(calls=1, ended=1, answers={}, steps=[sizes[0], sizes[0]]).flat


def test_the_gateways_list_is_bounded() -> None:
    """However many different events are acknowledged."""
    most, bound = longest_list(130_000)
    assert most == bound


def test_no_statement_reads_a_whole_table() -> None:
    """With 50,000 calls every statement finds what it needs by an index; without one index it is seen."""
    studied = compare(calls=50_000, seed=1, times=3)
    assert [(plan.question, plan.scans, plan.pages) for plan in studied.bad] == []
    assert len(studied.plans) > 40


def test_a_missing_index_is_seen() -> None:
    """The self-check: lists of live calls look through everything without theirs."""
    studied = compare(calls=10_000, seed=1, times=2, only="list_calls", without_index="calls_by_state")
    assert {plan.question.detail for plan in studied.bad} >= {"ringing", "in_call"}
    assert {tuple(plan.scans) for plan in studied.bad} == {("calls",)}
