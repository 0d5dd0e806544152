"""Log lines: one event name and its fields, as text or JSON on standard error; foreign texts masked."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from workflows.domain.customer import mask_text

_MAX_TRACEBACK = 8000
_FOREIGN_FIELDS = ("exception", "error", "detail")


def configure(log_format: str, level: str) -> None:
    """Send our log lines and those of the libraries one way. `log_format`: `console` or `json`."""
    as_json = log_format == "json"
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("uvicorn.error").addFilter(_STRANGERS)


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Exceptions and libraries may quote what a customer wrote; our own event names and fields never do."""
    for field in _FOREIGN_FIELDS:
        if isinstance(event.get(field), str):
            event[field] = mask_text(event[field], _MAX_TRACEBACK)
    name = str(event.get("logger", ""))
    # uvicorn tells of addresses and process ids, which look like numbers to call.
    if not name.startswith(("api.", "uvicorn")):
        event["event"] = mask_text(str(event.get("event", "")), _MAX_TRACEBACK)
    return event


class _Strangers(logging.Filter):
    """One line in `every_s` at most of each thing that any stranger can make uvicorn say."""

    _SAID = ("Invalid HTTP request received.", "Unsupported upgrade request.", "No supported WebSocket library")

    def __init__(self, every_s: float = 10.0) -> None:
        super().__init__()
        self._every_s = every_s
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log it."""
        said = next((text for text in self._SAID if str(record.msg).startswith(text)), None)
        if said is None:
            return True
        if record.created - self._last.get(said, -self._every_s) < self._every_s:
            return False
        self._last[said] = record.created
        return True


_STRANGERS = _Strangers()


class Sparing:
    """Logs at most one line in `every_s`, so that whoever sends forged requests cannot fill the disk."""

    def __init__(self, logger: structlog.stdlib.BoundLogger, event: str, every_s: float = 10.0) -> None:
        self._logger = logger
        self._event = event
        self._every_s = every_s
        self._unsaid = 0
        self._last: float | None = None
        self.told: dict[str, tuple[int, float]] = {}
        """By reason, how often since the start, and when last."""

    def tell(self, reason: str, now: float) -> None:
        """Count, and say it when it is time. `now` is any steady clock's seconds."""
        self.told[reason] = self.told.get(reason, (0, now))[0] + 1, now
        self._unsaid += 1
        if self._last is None or now - self._last >= self._every_s:
            self._logger.warning(self._event, reason=reason, count=self._unsaid)
            self._unsaid, self._last = 0, now
