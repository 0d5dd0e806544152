"""The gateway's log lines: for people or machines, customer data masked."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from api.log import Sparing, configure

NOTHING: dict[str, str] = {}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # A server that another test ran in this process may have set up, silenced or switched off uvicorn's loggers.
    uvicorn = [logging.getLogger(name) for name in ("uvicorn", "uvicorn.error")]
    before = [(each.level, each.propagate, each.disabled) for each in uvicorn]
    for each in uvicorn:
        each.setLevel(logging.NOTSET)
        each.propagate, each.disabled = True, False
    yield
    root.handlers, root.level = handlers, level
    for each, (quiet, propagate, disabled) in zip(uvicorn, before, strict=True):
        each.setLevel(quiet)
        each.propagate, each.disabled = propagate, disabled
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What was logged, as JSON."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_exceptions_are_logged_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """An exception may quote a customer; its place in the code is kept."""
    configure("json", "INFO")
    log = structlog.stdlib.get_logger("api.test")
    try:
        _ = NOTHING["planted.person@example.com and +15550199"]
    except KeyError:
        log.exception("request_failed", call_id="c-1234567890")
    (line,) = lines(capsys)
    assert (line["event"], line["call_id"], line["level"]) == ("request_failed", "c-1234567890", "error")
    assert "planted.person" not in str(line)
    assert "5550199" not in str(line)
    assert "test_exceptions_are_logged_masked" in str(line["exception"])


def test_libraries_are_masked_and_the_servers_address_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """A library may quote anything; uvicorn quotes addresses and process ids."""
    configure("json", "INFO")
    logging.getLogger("temporalio.client").warning("call of %s failed", "+15550199")
    logging.getLogger("uvicorn.error").info("Uvicorn running on http://127.0.0.1:8080")
    logging.getLogger("uvicorn.error").debug("not shown")
    assert [line["event"] for line in lines(capsys)] == [
        "call of ••• failed",
        "Uvicorn running on http://127.0.0.1:8080",
    ]


def test_console_lines_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The other format."""
    configure("console", "INFO")
    structlog.stdlib.get_logger("api.test").info("webhook_accepted", call_id="c-1")
    assert "webhook_accepted" in capsys.readouterr().err


def test_refusals_are_told_sparingly(capsys: pytest.CaptureFixture[str]) -> None:
    """One line in ten seconds with the number of them, however many come."""
    configure("json", "INFO")
    sparing = Sparing(structlog.stdlib.get_logger("api.test"), "webhook_signature_refused")
    for moment in (0.0, 1.0, 2.0, 10.0):
        sparing.tell("wrong", moment)
    assert [(line["reason"], line["count"]) for line in lines(capsys)] == [("wrong", 1), ("wrong", 3)]
