"""The metadata that a run had before it was opened, put together task by task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from flowtui.model import Key, Ms
from flowtui.sources.metadata_rows import READ, Rows, moment

MARGIN = 10_000
"""Milliseconds by which a task's first row may be older than the task: clocks differ."""


class Backlog:
    """Rows come in newest first; a task is whole once everything since its creation was seen.

    Only the fields that are shown are kept: a run of 10,000 tasks has 270,000 rows.
    """

    def __init__(self, created: Mapping[Key, Ms]) -> None:
        """`created` tells when each task was created that is not known whole."""
        self._newest_last = sorted(created, key=lambda key: created[key])
        self._created = created
        self._rows: dict[Key, list[Mapping[str, Any]]] = {key: [] for key in created}
        self._seen_from: Ms | None = None

    def __contains__(self, key: Key) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: Rows) -> None:
        """Take in the next older rows."""
        for row in rows:
            key = _key(row)
            if key in self._rows and row.get("field_name") in READ:
                self._rows[key].append(row)
            self._seen_from = moment(row.get("ts_epoch")) or self._seen_from

    def drop(self, key: Key) -> None:
        """Leave out a task that has been read by itself."""
        self._rows.pop(key, None)

    def whole(self, *, all_seen: bool) -> Iterator[tuple[Key, Rows]]:
        """The tasks that have become whole, each once; all that are left with `all_seen`."""
        while self._newest_last:
            key = self._newest_last[-1]
            since = self._created[key] - MARGIN
            if not all_seen and (self._seen_from is None or self._seen_from >= since):
                return
            self._newest_last.pop()
            rows = self._rows.pop(key, None)
            if rows is not None:
                yield key, rows


def by_task(rows: Rows) -> Mapping[Key, Rows]:
    """Rows of metadata by the task that they belong to."""
    tasks: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        tasks[_key(row)].append(row)
    return tasks


def _key(row: Mapping[str, Any]) -> Key:
    return (str(row.get("step_name")), str(row.get("task_id")))
