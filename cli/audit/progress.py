"""How far a long audit has come: one line on stderr that rewrites itself, or a line now and then where nobody looks."""

import sys
import time
from datetime import datetime

from cli.audit.telling import moment
from cli.servers.progress import LINE_EVERY_S

_EVERY_S = 0.5


class Progress:
    """Told of every entry, it says something twice a second at most; nothing where the entries themselves are seen."""

    def __init__(self, since: datetime | None, until: datetime) -> None:
        self._since, self._until = since, until
        self._rewrites = sys.stderr.isatty()
        self._silent = sys.stdout.isatty()
        self._next = time.monotonic() + (_EVERY_S if self._rewrites else LINE_EVERY_S)
        self._told = False
        self.count = 0

    def came_to(self, at: datetime) -> None:
        """One entry more, of this moment."""
        self.count += 1
        # The clock is looked at for a few of them only.
        if self._silent or self.count % 100 or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (_EVERY_S if self._rewrites else LINE_EVERY_S)
        self._say(f"audit: {self.count:,} entries, up to {moment(at)}{self._share(at)}")

    def end(self) -> None:
        """Leave the line whole."""
        if self._told and self._rewrites:
            sys.stderr.write("\r\x1b[K")
        if self._told:
            sys.stderr.write(f"audit: {self.count:,} entries, done\n")

    def _share(self, at: datetime) -> str:
        """How much of the span is behind us; a span without a beginning has no share."""
        if self._since is None or self._until <= self._since:
            return ""
        return f" ({min(1.0, (at - self._since) / (self._until - self._since)):.0%} of the time asked for)"

    def _say(self, text: str) -> None:
        self._told = True
        sys.stderr.write(f"\r\x1b[K{text}" if self._rewrites else f"{text}\n")
        sys.stderr.flush()
