"""A request of the doctor's own to a vendor: named and written to the ledger like every other."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from activities.postgres.attempts import Attempt, Attempts
from activities.postgres.errors import StoreError
from activities.turn import DONE, outcome_of, request_id
from activities.zendesk.errors import VendorError
from activities.zendesk.message import Answer, Request, error_of
from activities.zendesk.wire import Wire
from cli.doctor.ground import PATIENCE_S, Ground

NAME = "doctor"


class Asked:
    """One request: its id, and its row once it is known what became of it, if the database is there."""

    def __init__(self, ground: Ground, step: str, method: str, path: str) -> None:
        self._ground = ground
        self._sent_at = datetime.now(UTC)
        self.request_id = request_id(NAME, step, 1)
        self._attempt = Attempt(
            call_id=NAME, generation=0, step=step, attempt=1, request_id=self.request_id, method=method, path=path
        )

    async def record(self, status: int | None, outcome: str) -> None:
        """Write the row."""
        if self._ground.database is None:
            return
        with suppress(StoreError):
            attempts = Attempts(self._ground.database)
            await attempts.record(self._attempt, sent_at=self._sent_at, http_status=status, outcome=outcome)


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whom to ask, at which address, with which token."""

    name: str
    base: str
    bearer: str = field(repr=False)


async def ask(ground: Ground, vendor: Vendor, step: str, request: Request) -> Answer:
    """Send one request and see the clock in its answer. Raises `VendorError` when there is no answer."""
    asked, before = Asked(ground, step, request.method, request.path), ground.now()
    wire = Wire(vendor.base, timeout_s=PATIENCE_S)
    headers: Mapping[str, str] = {"Authorization": f"Bearer {vendor.bearer}", "X-Request-ID": asked.request_id}
    try:
        answer = await wire.send(request, headers)
    except VendorError as error:
        await asked.record(error.status, outcome_of(error))
        raise
    finally:
        await wire.close()
    ground.saw_date(vendor.name, answer.headers.get("date"), before)
    refused = error_of(answer, datetime.now(UTC))
    await asked.record(answer.status, DONE if refused is None else outcome_of(refused))
    return answer
