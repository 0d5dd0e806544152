"""What Temporal is told when our own database does not do what it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from activities.failures import failure
from activities.postgres.errors import StoreError
from workflows.domain.errors import Failure


@contextmanager
def reaching_ledger() -> Iterator[None]:
    """Around steps on PostgreSQL. Raises a retryable `LedgerUnavailable`."""
    try:
        yield
    except (StoreError, TimeoutError) as error:
        text = str(error) or "PostgreSQL did not answer in time"
        raise failure(Failure.LEDGER_UNAVAILABLE, text) from None
