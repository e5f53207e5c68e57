"""The newest metadata of a run, read back to what was seen before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flowtui.model import Ms
from flowtui.sources.metadata_rows import Rows, moment
from flowtui.sources.service_api import PAGE, Page

NEWS = 200
"""Rows on the first page of news, which is mostly the only one."""

OVERLAP = 2.0
"""Seconds for which rows are looked for behind newer ones: writers may be done in another order."""


class News:
    """Tells the rows that came since the last look; `newest` is the time of the newest of all."""

    def __init__(self, page: Callable[[str | None, int], Page]) -> None:
        """`page` reads a page of so many rows, older than a cursor."""
        self._page = page
        self._seen: dict[Any, Ms] = {}
        self._looks: list[tuple[float, Ms]] = []
        self.newest = Ms(0)

    def read(self) -> Rows:
        """The rows not noted yet, newest first."""
        floor = self._floor()
        page = self._page(None, NEWS)
        found = self._unseen(page.rows, floor)
        while page.older is not None and page.rows and _time(page.rows[-1]) >= floor:
            page = self._page(page.older, PAGE)
            found += self._unseen(page.rows, floor)
        return found

    def _unseen(self, rows: Rows, floor: Ms) -> list[Mapping[str, Any]]:
        return [row for row in rows if _time(row) >= floor and row.get("id") not in self._seen]

    def note(self, rows: Rows, now: float) -> None:
        """These rows have been taken in; `now` is when they were read, on a steady clock."""
        self._seen |= {row.get("id"): _time(row) for row in rows}
        self.newest = max([self.newest, *(_time(row) for row in rows)])
        self._looks.append((now, self.newest))
        while len(self._looks) > 1 and self._looks[1][0] <= now - OVERLAP:
            del self._looks[0]
        floor = self._floor()
        self._seen = {row: written for row, written in self._seen.items() if written >= floor}

    def _floor(self) -> Ms:
        """The time behind which no row comes any more: what was newest `OVERLAP` seconds before the
        last look. What is written after a look may carry a time before it."""
        if not self._looks:
            return Ms(0)
        (looked, newest), (last, _) = self._looks[0], self._looks[-1]
        return newest if looked <= last - OVERLAP else Ms(newest - int(OVERLAP * 1000))


def _time(row: Any) -> Ms:
    return moment(row.get("ts_epoch")) or Ms(0)
