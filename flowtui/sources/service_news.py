"""The newest metadata of a run, read back to what was seen before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flowtui.model import Ms
from flowtui.sources.metadata_rows import Rows, moment
from flowtui.sources.service_api import Page

NEWS = 200
"""Rows on a page of news."""

OVERLAP = 3.0
"""Seconds for which rows are looked for behind newer ones: writers may be done in another order."""


class News:
    """Tells the rows that came since the last look; `newest` is the time of the newest of all."""

    def __init__(self, page: Callable[[str | None, int], Page]) -> None:
        """`page` reads a page of so many rows, older than a cursor."""
        self._page = page
        self._seen: dict[Any, Ms] = {}
        self._looks: list[tuple[float, Ms]] = []
        self.newest = Ms(0)

    def read(self, now: float) -> Rows:
        """The rows not noted yet, newest first; `now` is in seconds of a steady clock."""
        floor = self._floor(now)
        cursor: str | None = None
        found = []
        while True:
            page = self._page(cursor, NEWS)
            fresh = [
                row for row in page.rows if _time(row) >= floor and row.get("id") not in self._seen
            ]
            found += fresh
            cursor = page.older
            if cursor is None or not fresh:
                return found

    def note(self, rows: Rows, now: float) -> None:
        """These rows have been taken in; `now` is when they were read."""
        self._seen |= {row.get("id"): _time(row) for row in rows}
        self.newest = max([self.newest, *(_time(row) for row in rows)])
        self._looks.append((now, self.newest))
        floor = self._floor(now)
        while len(self._looks) > 1 and self._looks[1][0] <= now - OVERLAP:
            del self._looks[0]
        self._seen = {row: written for row, written in self._seen.items() if written >= floor}

    def _floor(self, now: float) -> Ms:
        """The time behind which nothing new is expected: what was newest `OVERLAP` seconds ago."""
        settled = [newest for looked, newest in self._looks if looked <= now - OVERLAP]
        if settled:
            return settled[-1]
        first = self._looks[0][1] if self._looks else Ms(0)
        return Ms(first - int(OVERLAP * 1000))


def _time(row: Any) -> Ms:
    return moment(row.get("ts_epoch")) or Ms(0)
