"""The gateway's list of calls, page by page."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx2 as httpx

from cli.errors import CliError
from cli.gateway import out_of_reach, refusal

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
        self._headers = {"Authorization": f"Bearer {bearer}"}
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
        url = str(self._http.base_url).rstrip("/")
        try:
            answer = self._http.get("/calls", params=given, headers=self._headers)
        except httpx.TransportError as error:
            raise out_of_reach(url, error) from error
        if answer.status_code == 401:
            raise CliError(f"{url} refused the ops token (401): OPS_TOKEN here is not the gateway's.")
        if not answer.is_success:
            raise refusal(url, answer)
        told = answer.json()
        self.cursor = told["next_cursor"]
        return list(told["calls"])
