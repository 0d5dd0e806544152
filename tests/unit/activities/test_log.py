"""Logs show ids of ours and no customer data, whoever writes them."""

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator

import pytest
import structlog
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError

from activities import log
from activities.failures import failure
from workflows.domain.errors import Failure

Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """The lines logged as JSON; afterwards logging is as before."""
    written = io.StringIO()
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", written)
    log.configure("json", "INFO")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.captureWarnings(capture=False)
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    activity.logger.activity_info_on_message = True
    workflow.logger.workflow_info_on_message = True


def test_customer_data_is_masked_wherever_it_stands(lines: Lines) -> None:
    """In the message, its arguments, fields, nested fields and exceptions, of both kinds of logger."""
    logger = logging.getLogger("a.library")
    logger.warning("call from %s", "+1 (555) 010-0199", extra={"customer": {"email": "bob@corp.example"}})
    structlog.get_logger("ours").info("said", who=["bob@corp.example", 5], reason=ValueError("+15550100"))
    try:
        int("bob@corp.example")
    except ValueError:
        logger.exception("failed")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("bob@corp.example", stacklevel=1)
    shown = lines()
    assert len(shown) == 4
    text = json.dumps(shown)
    assert "corp" not in text
    assert "555" not in text
    assert shown[0]["event"] == "call from •••"
    assert shown[2]["level"] == "error"


def test_a_vendors_failure_is_one_line_and_a_fault_of_ours_has_its_traceback(lines: Lines) -> None:
    """What Temporal retries names its type and says why; only what nobody expected shows where it was raised."""
    for error in (failure(Failure.UNAVAILABLE, "search: 503, said bob@corp.example"), ApplicationError("odd")):
        try:
            raise error
        except ApplicationError:
            logging.getLogger("temporalio").warning("Completing activity as failed", exc_info=True)
    expected, unexpected = lines()
    assert (expected["failure"], expected["reason"]) == ("Unavailable", "search: 503, said •••@•••")
    assert "exception" not in expected
    assert "Traceback" in str(unexpected["exception"])


def test_ids_of_ours_stay_readable(lines: Lines) -> None:
    """Known fields keep their digits, at any depth, and the time is a time."""
    ids = {"call_id": "c-1234567890", "ticket_id": 1234567, "request_id": "c-1234567890.create_ticket.1.12345678"}
    logging.getLogger("x").info("sent", extra={**ids, "temporal_activity": {"workflow_id": "call-c-1234567890"}})
    (line,) = lines()
    assert {name: line[name] for name in ids} == ids
    assert line["temporal_activity"] == {"workflow_id": "call-c-1234567890"}
    assert str(line["timestamp"]).endswith("Z")


def test_the_http_library_is_quiet(lines: Lines) -> None:
    """Its lines would hold addresses, and so customers."""
    logging.getLogger("httpx2").info("GET http://h/?query=x")
    assert lines() == []
