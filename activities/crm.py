"""The port `Crm` on a plain HTTP customer database: every failure is tried again, for as long as that helps."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.background import Background
from activities.failures import detail_of, failure, no_sooner_than
from activities.pace import Pace, Punctuality, now_s
from activities.postgres.attempts import Attempts
from activities.turn import DONE, answered, attempt_of, outcome_of
from activities.zendesk.errors import MalformedAnswer, NotFound, NotSent, RateLimited, VendorError
from activities.zendesk.message import Answer, Request, document
from activities.zendesk.wire import Wire
from workflows.domain.customer import Customer
from workflows.domain.errors import Failure
from workflows.ports import Crm, CustomerFetched, FetchCustomer

Record = dict[str, str | int | float | bool]

_LONGEST_VALUE = 1024
_LARGEST_INTEGER = 2**63 - 1
"""A longer one is sent as the text it is, so that it can be shortened like one."""
_KIND = "fetch_customer"
_MARGIN_S = 0.5
"""Kept free so that an attempt ends with our words, not with Temporal's time-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmAccount:
    """Where the CRM is, and its bearer token."""

    url: str
    token: str = field(repr=False)


class HttpCrm(Crm):
    """One per process; close it at the end. `timeout_s` bounds a request."""

    def __init__(self, account: CrmAccount, attempts: Attempts, *, timeout_s: float = 10.0) -> None:
        self._account = account
        self._attempts = attempts
        self._wire = Wire(account.url, timeout_s=timeout_s)
        self._pace = Pace()
        self._punctuality = Punctuality()
        self._background = Background()

    async def close(self) -> None:
        """Let rows that are still to be written be written, and close every connection."""
        await self._background.close()
        await self._wire.close()

    @activity.defn
    async def fetch_customer(self, command: FetchCustomer) -> CustomerFetched:
        """The caller's record, cut to the properties asked for; None when the CRM does not know the caller."""
        try:
            self._pace.check(_KIND)
            async with self._wire.slot():
                record = await self._ask(command)
        except VendorError as error:
            raise self._failure(error) from None
        return CustomerFetched(record=record, attempts=activity.info().attempt)

    async def _ask(self, command: FetchCustomer) -> Record | None:
        info = activity.info()
        left = self._punctuality.begin(info.started_time, info.start_to_close_timeout)
        timeout_s = left.seconds(at_most=self._wire.timeout_s + _MARGIN_S) - _MARGIN_S
        request = Request(method="GET", path="/customers", query=_query(command.customer))
        attempt, sent_at = attempt_of(command.ref, request), datetime.now(UTC)
        headers = {"Authorization": f"Bearer {self._account.token}", "X-Request-ID": attempt.request_id}
        began, status, outcome = now_s(), None, None
        try:
            answer = await self._wire.send(
                request, headers, timeout_s=timeout_s, before_send=left.before_sending(timeout_s)
            )
            status = answer.status
            record = _record(answer, command.properties)
            outcome = DONE
        except VendorError as error:
            status, outcome = status or error.status, outcome_of(error)
            raise
        finally:
            if outcome is not None:
                answered(_KIND, status, now_s() - began)
            row = partial(self._attempts.record, attempt, sent_at=sent_at, http_status=status, outcome=outcome)
            self._background.start(row, request_id=attempt.request_id)
        return record

    def _failure(self, error: VendorError) -> ApplicationError:
        text = detail_of(error, _KIND)
        if isinstance(error, RateLimited):
            self._pace.hold(_KIND, error.retry_after_s)
            wait = None if error.retry_after_s is None else no_sooner_than(error.retry_after_s)
            return failure(Failure.RATE_LIMITED, text, delay_s=wait)
        # Whatever else it is, it is tried again while it helps: a CRM never holds up a call.
        return failure(Failure.NOT_SENT if isinstance(error, NotSent) else Failure.UNAVAILABLE, text)


def _query(customer: Customer) -> dict[str, str]:
    given = {"email": customer.email, "phone": customer.phone}
    return {name: value for name, value in given.items() if value}


def _record(answer: Answer, properties: Sequence[str]) -> Record | None:
    try:
        record = document(answer).get("customer")
    except NotFound:
        return None
    if not isinstance(record, dict):
        raise MalformedAnswer("the answer holds no customer", status=answer.status)
    return cut(record, properties)


def cut(record: Mapping[str, object], properties: Sequence[str]) -> Record:
    """What is asked for of a record: plain values as they are, others as JSON text, absent ones left out.

    Numbers that JSON does not know (NaN, the infinite ones), which would spoil the whole request, count as absent.
    """
    given = {name: record[name] for name in properties if record.get(name) is not None}
    return {name: _plain(v) for name, v in given.items() if not isinstance(v, float) or math.isfinite(v)}


def _plain(value: object) -> str | int | float | bool:
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        value = str(value)
    if isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:_LONGEST_VALUE]
