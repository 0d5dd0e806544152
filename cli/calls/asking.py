"""The gateway's list of calls, page by page."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx2 as httpx

from cli.gateway import ask

LONGEST_PAGE = 200
Call = dict[str, Any]


class Pages:
    """The calls that match, newest first, `limit` at most; `cursor` is where the next ones begin, None at the end.

    Raises `CliError`.
    """

    def __init__(
        self, http: httpx.Client, bearer: str, wanted: Mapping[str, str], *, limit: int, cursor: str | None
    ) -> None:
        self._http = http
        self._bearer = bearer
        self._wanted = wanted
        self._left = limit
        self.cursor = cursor

    def __iter__(self) -> Iterator[list[Call]]:
        """The pages."""
        while self._left > 0:
            page = self._page(min(self._left, LONGEST_PAGE))
            self._left -= len(page)
            yield page
            if self.cursor is None or not page:
                return

    def _page(self, size: int) -> list[Call]:
        given = {**self._wanted, "limit": str(size), **({"cursor": self.cursor} if self.cursor else {})}
        told = ask(self._http, "GET", "/calls", self._bearer, query=given)
        self.cursor = told["next_cursor"]
        return list(told["calls"])
