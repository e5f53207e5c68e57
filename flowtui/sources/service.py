"""A metaflow-service at the cost of what changed: queries for the first picture, then the news.

The first look asks which tasks of each step have which outcome (`filtered_tasks`) and shows that;
times and foreach labels follow from the run's metadata, page by page, newest first. After that only
the newest page is read, back to what was seen before. A service that has no pages is read as the
reference source does.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from flowtui.model import Key, Ms
from flowtui.sources.base import NotFound
from flowtui.sources.client import ProviderRecords
from flowtui.sources.metadata_rows import Fields, Rows, heartbeat, moment, read_fields
from flowtui.sources.metaflow_run import MetaflowRun, in_view_first
from flowtui.sources.provider import Provider
from flowtui.sources.records import TaskRecord
from flowtui.sources.service_api import PAGE, Connection, Page, ServiceApi
from flowtui.sources.service_backlog import Backlog, by_task
from flowtui.sources.service_news import News
from flowtui.sources.service_outcomes import read_outcomes

PATIENCE = 0.3
"""Seconds that one poll reads of what can be read piece by piece."""

FEW = 8
"""Tasks of one step that are rather read one by one than by queries over the step."""

ONE_BY_ONE = 50
"""Tasks of one step that queries leave open and the first picture reads one by one."""

RUN_ROW_AGE = 10.0
"""Seconds for which the run's row is not asked for again once it has a heartbeat."""

HEARTBEAT_AGE = 30_000
"""Milliseconds after a task's last sign of life after which its heartbeat is asked for."""


class ServiceRecords(ProviderRecords):
    """The records of one run, read over HTTP; what is rarely asked is left to the provider.

    `_live` holds the rows of tasks that may still change. What was there before the first look and
    was not read yet is in `_backlog` and, to be read task by task, in `_unread`.
    """

    name = "service"
    patience = PATIENCE

    def __init__(
        self,
        provider: Provider,
        flow: str,
        run: str,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        shared: Connection | None = None,
    ) -> None:
        super().__init__(provider, flow, run)
        self._api = ServiceApi(provider, flow, run, shared)
        self._clock, self._monotonic = clock, monotonic
        self._run_row: Mapping[str, Any] | None = None
        self._run_asked = 0.0
        self._paged: bool | None = None
        self._news = News(self._page)
        self._known: set[Key] = set()
        self._live: dict[Key, dict[Any, Mapping[str, Any]]] = {}
        self._given: dict[Key, TaskRecord] = {}
        self._beats: dict[Key, Ms | None] = {}
        self._backlog = Backlog({})
        self._cursor: str | None = None
        self._unread: dict[Key, None] = {}
        self._attended: Sequence[Key] = ()

    @property
    def more(self) -> bool:
        return bool(len(self._backlog) or self._unread)

    @property
    def newest(self) -> Ms | None:
        return self._news.newest

    def attend(self, tasks: Sequence[Key]) -> None:
        self._attended = tasks

    def close(self) -> None:
        self._api.close()

    def run(self) -> Mapping[str, Any] | None:
        now = self._monotonic()
        beats = self._run_row is not None and heartbeat(self._run_row) is not None
        if not beats or now - self._run_asked >= RUN_ROW_AGE:
            self._run_row = self._api.run()
            self._run_asked = now
        return self._run_row

    def changed(self, final: Callable[[Key], bool]) -> Iterator[TaskRecord]:
        if self._paged is None:
            yield from self._first_picture()
        elif not self._paged:
            yield from super().changed(final)
        else:
            self._forget(final)
            yield from self._newly_written(final)
            yield from self._newly_beating()
            yield from self._rest(self._monotonic() + PATIENCE)

    def again(self, key: Key) -> TaskRecord | None:
        row = self._api.task(*key)
        if row is None:
            return None
        self._beats[key] = heartbeat(row)
        return self._read(key)

    def rows(self, key: Key) -> Rows | None:
        rows = self._api.task_metadata(*key)
        return rows if rows or self._api.task(*key) else None

    def origin(self, run: str, step: str, task: str) -> Fields:
        return read_fields(self._api.task_metadata(step, task, run=run))

    # The first look

    def _first_picture(self) -> Iterator[TaskRecord]:
        began = self._monotonic()
        page = self._page(None, PAGE)
        steps = [step for step in self._api.steps() if step != "_parameters"]
        listed = {step: self._api.tasks(step) for step in steps}
        created: dict[Key, Ms] = {}
        for step, rows in listed.items():
            for row in rows:
                key = (step, str(row["task_id"]))
                created[key] = moment(row.get("ts_epoch")) or Ms(0)
                self._beats[key] = heartbeat(row)
        self._known.update(created)
        if page.older is None:
            rows_of = by_task(page.rows)
            for key in created:
                yield self._take_in(key, rows_of.get(key, ()))
        else:
            self._backlog, self._cursor = Backlog(created), page.older
            self._backlog.add(page.rows)
            for step in steps:
                yield from self._outcomes(step, [key for key in created if key[0] == step])
        self._news.note(page.rows, began)
        self._paged = page.paged
        if not page.paged:
            self._live.clear()
            self._given.clear()

    def _outcomes(self, step: str, keys: Sequence[Key]) -> Iterator[TaskRecord]:
        """A step's tasks as far as queries tell; some of those they leave open are read."""
        outcomes = read_outcomes(self._api, step) if len(keys) > FEW else None
        if len(keys) > FEW and outcomes is None:
            # Without such queries nothing is certain before everything has been read.
            yield from self._rest(math.inf)
            return
        told = {key: outcomes.attempts(key[1]) if outcomes else None for key in keys}
        unclear = [key for key, fields in told.items() if fields is None]
        failed = [key for key, fields in told.items() if fields and not fields.attempts[-1].ok]
        for key in in_view_first(self._attended, [*unclear, *failed])[:ONE_BY_ONE]:
            told[key] = None
            if key in self._backlog and not (outcomes and key[1] in outcomes.cloned):
                yield self._read(key)
        for key, fields in told.items():
            if fields is not None:
                yield TaskRecord(key, fields)

    # What changes

    def _forget(self, final: Callable[[Key], bool]) -> None:
        """Let go of the rows of tasks that nothing can change any more."""
        for key in [key for key in self._live if final(key)]:
            del self._live[key]
            self._given.pop(key, None)
            self._beats.pop(key, None)

    def _newly_written(self, final: Callable[[Key], bool]) -> Iterator[TaskRecord]:
        began = self._monotonic()
        news = self._news.read()
        for key, rows in by_task(news).items():
            if key[0] == "_parameters":
                continue
            if key in self._live:
                yield self._take_in(key, rows)
            elif key not in self._known:
                self._known.add(key)
                yield self._take_in(key, rows)
            elif key in self._backlog or not final(key):
                yield self._read(key)
        self._news.note(news, began)

    def _newly_beating(self) -> Iterator[TaskRecord]:
        """The heartbeats of running tasks that gave no sign of life for a while."""
        now = int(self._clock() * 1000) + self._provider.ahead
        due: dict[str, list[Key]] = defaultdict(list)
        for key, record in self._given.items():
            attempts = record.fields.attempts
            if attempts and attempts[-1].ok is None:
                sign = max(record.fields.newest or 0, self._beats.get(key) or 0)
                if now - sign > HEARTBEAT_AGE:
                    due[key[0]].append(key)
        for step, keys in due.items():
            if len(keys) > FEW:
                rows = self._api.tasks(step)
            else:
                rows = [row for key in keys if (row := self._api.task(*key)) is not None]
            beats = {(step, str(row.get("task_id"))): heartbeat(row) for row in rows}
            for key in keys:
                if key in beats and beats[key] != self._beats.get(key):
                    self._beats[key] = beats[key]
                    yield self._give(key, self._given[key].fields)

    def _rest(self, deadline: float) -> Iterator[TaskRecord]:
        """More of what was there before the first look: one piece at least, until `deadline`."""
        for piece in self._pieces():
            yield from piece
            if self._monotonic() >= deadline:
                return

    def _pieces(self) -> Iterator[Iterable[TaskRecord]]:
        for key in self._attended:
            if key in self._backlog:
                yield [self._read(key)]
        while len(self._backlog):
            yield self._older_page()
        for key in in_view_first(self._attended, self._unread):
            yield [self._read(key)]

    def _older_page(self) -> Iterator[TaskRecord]:
        page = self._page(self._cursor, PAGE)
        self._backlog.add(page.rows)
        self._cursor = page.older
        for key, rows in self._backlog.whole(all_seen=page.older is None):
            fields = read_fields(rows)
            if fields.attempts and all(known.ok is not None for known in fields.attempts):
                yield TaskRecord(key, fields)
            else:
                self._unread[key] = None

    # Single tasks

    def _read(self, key: Key) -> TaskRecord:
        """All of a task's metadata."""
        rows = self._api.task_metadata(*key)
        self._backlog.drop(key)
        self._unread.pop(key, None)
        self._known.add(key)
        return self._take_in(key, rows)

    def _take_in(self, key: Key, rows: Rows) -> TaskRecord:
        live = self._live.setdefault(key, {})
        live.update({row.get("id"): row for row in rows})
        return self._give(key, read_fields(live.values()))

    def _give(self, key: Key, fields: Fields) -> TaskRecord:
        self._given[key] = TaskRecord(key, fields, self._beats.get(key))
        return self._given[key]

    def _page(self, older_than: str | None, limit: int) -> Page:
        page = self._api.metadata(older_than, limit)
        if page is None:
            raise NotFound(f"Run {'/'.join(self._path)} is no longer there.")
        return page


class ServiceSource(MetaflowRun):
    """One run of a metaflow-service."""

    def __init__(
        self,
        provider: Provider,
        flow: str,
        run: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        shared: Connection | None = None,
    ) -> None:
        """`shared` is a connection that is used with others, else the run has one of its own."""
        records = ServiceRecords(provider, flow, run, clock, monotonic, shared)
        super().__init__(records, provider, flow, run, clock=clock, monotonic=monotonic)
