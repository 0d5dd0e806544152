"""The audit on a small real run: nothing untrue in it, and a row that is tampered with is found."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from tests.e2e.stack import RECORD, Json, Stack
from tests.reliability.audit.check import check
from tests.reliability.audit.finding import Lie, Result
from tests.reliability.audit.load import load
from tests.reliability.audit.records import Records

CALLS = 8
FAULTS: tuple[tuple[str, str, Json], ...] = (
    ("search", "status", {"status": 503}),
    ("create_ticket", "drop_after", {}),
    ("update_ticket", "drop_before", {}),
    ("update_ticket", "malformed", {}),
    ("patch_call", "drop_after", {}),
    ("fetch_customer", "status", {"status": 429, "headers": {"Retry-After": "1"}}),
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A system that has played a few calls while the vendor misbehaved."""
    with Stack(folder=tmp_path_factory.mktemp("audit"), settings={"HTTP_TIMEOUT_S": "2"}) as stack:
        asyncio.run(stack.set_up())
        stack.start_workers(1)
        stack.start_gateway()
        for kind, fault, more in FAULTS:
            stack.fault(kind, fault, **more)
        play(stack)
        yield stack


def play(stack: Stack) -> None:
    """Pairs of calls from one customer each; of one call the beginning is never told."""
    callers = {
        f"a-{n}": {"email": f"a{n // 2}@example.com", "phone_number": f"+155501000{n // 2}"} for n in range(CALLS)
    }
    for call_id, caller in callers.items():
        stack.sim("PUT", "/customers", {"email": caller["email"], "properties": RECORD})
        if call_id != "a-3":
            stack.send("started", call_id, customer=caller)
    stack.until("a-0", lambda status: status["ticket_id"])
    for call_id, caller in callers.items():
        stack.send("answered", call_id, customer=caller)
    stack.until("a-1", lambda status: status["screen_pops"] and status["screen_pops"][0]["state"] != "pending")
    for call_id, caller in callers.items():
        stack.send("completed", call_id, customer=caller)
    for call_id in callers:
        stack.ended(call_id)


def records_of(stack: Stack) -> Records:
    """The three accounts, read now."""
    return asyncio.run(
        load(
            database_url=stack.postgres.url,
            temporal_address=stack.temporal.address,
            keys=stack.key,
            vendor=stack,
        )
    )


def audit(stack: Stack) -> Result:
    """What the audit says now."""
    return check(records_of(stack), timeout_s=2)


def test_a_run_with_a_vendor_at_fault_is_told_truly(stack: Stack) -> None:
    """Whatever the vendor does, ledger, histories and journal agree request by request."""
    result = audit(stack)
    assert list(map(str, result.findings)) == []
    assert result.compared["calls"] == CALLS
    assert result.compared["rows in the ledger"] == result.compared["requests in the vendor's journal"] > 4 * CALLS


@pytest.mark.parametrize(
    ("statement", "lie"),
    [
        ("DELETE FROM attempts WHERE step LIKE 'update_ticket-%' AND call_id = 'a-1'", Lie.UNLEDGERED),
        ("UPDATE attempts SET http_status = 201 WHERE call_id = 'a-2' AND outcome = 'done'", Lie.WRONG_STATUS),
        ("UPDATE calls SET ticket_id = 1 WHERE call_id = 'a-4'", Lie.TICKET),
        ("UPDATE calls SET state = 'missed' WHERE call_id = 'a-5'", Lie.STATE),
    ],
)
def test_a_tampered_ledger_is_found(stack: Stack, statement: str, lie: Lie) -> None:
    """What was true before and is no more."""
    before = audit(stack)
    with psycopg.connect(stack.postgres.url) as connection:
        connection.execute(statement.encode())
    assert lie not in {finding.lie for finding in before.findings}
    assert lie in {finding.lie for finding in audit(stack).findings}
