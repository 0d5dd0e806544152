"""Logs of this process: one line an event, for people or for machines, and nowhere an email or a phone number."""

import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError

from workflows.domain.customer import mask_text
from workflows.domain.errors import Failure

OWN_IDS = frozenset(
    {
        *("activity_id", "activity_type", "attempt_id", "call_id", "earlier_call_id", "mend_id", "namespace"),
        *("request_id", "run_id", "step", "task_queue", "ticket_id", "timestamp"),
        *("workflow_id", "workflow_run_id", "workflow_type"),
    }
)
"""Fields that hold ids of ours, which may look like phone numbers and are left as they are."""

_LONGEST_TEXT = 100_000
_QUIET = ("httpx2", "httpcore2", "asyncio")


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask emails and runs of digits in every text of an event; the processor before the renderer."""
    return {name: value if name in OWN_IDS else _masked(value) for name, value in event.items()}


def in_one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A failure that Temporal retries tells its type and its words; where it was raised explains nothing."""
    error = event.get("exc_info")
    error = error[1] if isinstance(error, tuple) else error
    if isinstance(error, ApplicationError) and error.type in frozenset(Failure):
        del event["exc_info"]
        event["failure"], event["reason"] = error.type, error.message
    return event


def configure(log_format: str = "console", level: str = "INFO") -> None:
    """Send everything that is logged in this process, by whomever, to standard error in one form."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        in_one_line,
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.contextvars.merge_contextvars, structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                # After the masking: a moment is a run of digits too.
                structlog.processors.TimeStamper(fmt="iso"),
                _renderer(log_format),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    # The SDK would write its ids into the message, where they could not be told from a phone number.
    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False


def _renderer(log_format: str) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def _masked(value: object) -> Any:  # noqa: ANN401 - whatever somebody logs
    if isinstance(value, str):
        return mask_text(value, _LONGEST_TEXT)
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, Mapping):
        return {_masked(name): each if name in OWN_IDS else _masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(each) for each in value]
    return mask_text(str(value), _LONGEST_TEXT)
