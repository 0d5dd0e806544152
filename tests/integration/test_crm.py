"""The CRM over real HTTP: the caller's record, and every failure one that is tried again."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from temporalio.runtime import MetricBuffer, MetricBufferDurationFormat, Runtime, TelemetryConfig

from simulator.server import Running, running
from tests.unit.activities.twins import Bench, bench
from workflows.domain.customer import Customer
from workflows.domain.errors import Failure
from workflows.ports import CallRef, FetchCustomer

REF = CallRef(call_id="c-1234567890", generation=1, step="fetch_customer")
RECORD = {"crm_customer_id": "CUST_999888", "account_status": "Premium", "last_ticket_date": "2023-10-01T14:30:00Z"}
FETCH = FetchCustomer(
    ref=REF,
    customer=Customer(email="user@example.com", phone="+15550100"),
    properties=["account_status", "crm_customer_id", "absent"],
)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Running]:
    """One simulator for the module."""
    with running() as simulator:
        yield simulator


@pytest.fixture
async def desk(vendor: Running) -> AsyncIterator[Bench]:
    """A fresh world that knows one customer."""
    vendor.world.reset()
    vendor.world.crm.put("user@example.com", None, {**RECORD, "nested": {"a": [1]}, "none": None})
    async with bench(vendor) as made:
        yield made


async def test_the_record_is_cut_to_the_properties_asked_for(desk: Bench) -> None:
    """Only the properties named come back; the request carries its id; its row is written afterwards."""
    fetched = await desk.run(desk.crm.fetch_customer, FETCH)
    assert fetched.record == {"account_status": "Premium", "crm_customer_id": "CUST_999888"}
    (sent,) = desk.sent("fetch_customer")
    assert sent.query == {"email": "user@example.com", "phone": "+15550100"}
    assert (sent.request_id or "").startswith("c-1234567890.fetch_customer.1.")
    await desk.crm.close()
    (row,) = desk.attempts.rows
    assert (row.http_status, row.outcome, row.attempt.path) == (200, "done", "/customers")


async def test_values_that_are_not_plain_become_text(desk: Bench) -> None:
    """A nested value is its JSON text, a null is left out."""
    fetched = await desk.run(desk.crm.fetch_customer, replace(FETCH, properties=["nested", "none"]))
    assert fetched.record == {"nested": '{"a": [1]}'}


async def test_an_unknown_caller_has_no_record(desk: Bench) -> None:
    """404 is an answer."""
    stranger = replace(FETCH, customer=Customer(phone="+15550199"))
    assert (await desk.run(desk.crm.fetch_customer, stranger)).record is None
    assert desk.sent("fetch_customer")[0].query == {"phone": "+15550199"}


@pytest.mark.parametrize("status", [302, 400, 401, 403, 405, 409, 422, 500, 503])
async def test_every_refusal_is_tried_again_and_none_alerted(desk: Bench, status: int) -> None:
    """Whatever the CRM says, it is unavailable, with the workflow's back-off."""
    desk.break_("fetch_customer", "status", status=status)
    error = await desk.fails(desk.crm.fetch_customer, FETCH)
    assert (error.type, error.next_retry_delay, error.non_retryable) == (Failure.UNAVAILABLE, None, False)
    assert desk.tokens.told == []


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "malformed", "wrong_shape", "huge"])
async def test_a_broken_answer_is_tried_again(desk: Bench, fault: str) -> None:
    """An answer that cannot be used is none."""
    desk.break_("fetch_customer", fault)
    assert (await desk.fails(desk.crm.fetch_customer, FETCH)).type == Failure.UNAVAILABLE


async def test_a_pause_the_crm_asks_for_is_kept(desk: Bench) -> None:
    """After a 429 this process asks nothing until the pause is over."""
    desk.break_("fetch_customer", "status", status=429, headers={"Retry-After": "20"})
    for _ in range(2):
        error = await desk.fails(desk.crm.fetch_customer, FETCH)
        assert error.type == Failure.RATE_LIMITED
        assert error.next_retry_delay is not None
        assert 19 < error.next_retry_delay.total_seconds() <= 24
    assert len(desk.sent("fetch_customer")) == 1


async def test_a_crm_that_hangs_is_left_before_the_attempt_ends(desk: Bench) -> None:
    """The time-out shrinks to what the attempt has."""
    desk.break_("fetch_customer", "hang")
    error = await desk.fails(desk.crm.fetch_customer, FETCH, limit_s=0.8)
    assert error.message == "fetch_customer: no answer in time"


async def test_a_ledger_out_of_reach_changes_nothing(desk: Bench) -> None:
    """A read needs no row."""
    desk.attempts.down = True
    assert (await desk.run(desk.crm.fetch_customer, FETCH)).record is not None


async def test_requests_are_counted_and_timed(desk: Bench) -> None:
    """Each vendor request counts by its name and status."""
    buffer = MetricBuffer(1000, duration_format=MetricBufferDurationFormat.SECONDS)
    desk.meter = Runtime(telemetry=TelemetryConfig(metrics=buffer)).metric_meter
    await desk.run(desk.crm.fetch_customer, FETCH)
    updates = {update.metric.name: update for update in buffer.retrieve_updates()}
    counted = updates["talkbridge_vendor_requests"]
    assert (counted.value, counted.attributes["request"], counted.attributes["status"]) == (1, "fetch_customer", "200")
    assert 0 < updates["talkbridge_vendor_request_duration"].value < 5
