"""The list of runs of a metaflow-service: one request for each flow, then pages, newest runs first.

A service tells of its runs flow by flow. Flows with runs in view or unfinished ones are asked for
news often, of the others a few in each poll, in turn.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flowtui.model import RunDescription
from flowtui.run_summary import RunKey
from flowtui.sources.base import RunSource, Unreachable
from flowtui.sources.metadata_rows import heartbeat, moment
from flowtui.sources.metaflow_run_list import MetaflowRunList
from flowtui.sources.provider import Provider
from flowtui.sources.run_end import RunEnds
from flowtui.sources.run_looks import Looks
from flowtui.sources.run_row import read_run
from flowtui.sources.run_rows import YOUNG, ListedRun, RowNews
from flowtui.sources.service import ServiceRecords, ServiceSource
from flowtui.sources.service_api import PAGE, Connection, FlowsApi, Page
from flowtui.status import RUN_HEARTBEAT_LIMIT

FIRST = 50
"""Runs on a flow's first page: mostly all of them, or all that are new."""

FLOWS_AGE = 10.0
"""Seconds for which the flows are not asked for again."""

BUSY_AGE = 2.0
"""Seconds for which a flow with watched runs, or one of a few flows, is not asked again."""

ROUND_AGE = 10.0
"""Seconds for which any other flow is not asked again."""

ROUND = 8
"""Flows without watched runs that are asked for news in each second at most; so many are few."""


@dataclass(slots=True)
class _Flow:
    """What is known of a flow: its runs, with their rows and heartbeats, and of pages still to be
    read the cursors, each with the moment before which its runs were begun."""

    runs: dict[str, tuple[RunDescription, int | None]] = field(default_factory=dict)
    older: list[tuple[str, float]] = field(default_factory=list)
    asked_at: float = -math.inf

    @property
    def all_since(self) -> float:
        """No run that was begun later, in milliseconds since the epoch, is still to be read."""
        if self.asked_at < 0:
            return math.inf
        return max((before for _, before in self.older), default=-math.inf)


class ServiceRows:
    """The rows of one flow's runs, or of all; `tag` is what all of them have that matter."""

    def __init__(
        self,
        connection: Connection,
        flow: str | None,
        tag: str | None,
        now: Callable[[], int],
        monotonic: Callable[[], float],
    ) -> None:
        """`now` gives milliseconds since the epoch by the service's clock."""
        self._connection, self._api = connection, FlowsApi(connection)
        self._flow, self._tag = flow, tag
        self._now, self._monotonic = now, monotonic
        self._flows: dict[str, _Flow] = {}
        self._flows_asked = self._round_began = -math.inf
        self._failed: dict[str, str] = {}
        self._found: list[ListedRun] = []
        self._gone: list[RunKey] = []

    @property
    def more(self) -> bool:
        return any(
            (known.older or known.asked_at < 0) and flow not in self._failed
            for flow, known in self._flows.items()
        )

    @property
    def all_since(self) -> float:
        return max((known.all_since for known in self._flows.values()), default=-math.inf)

    @property
    def trouble(self) -> str | None:
        sentences = [f"Runs of {flow} are missing: {why}" for flow, why in self._failed.items()]
        if len(sentences) < 2:
            return sentences[0] if sentences else None
        return f"{sentences[0]} {len(sentences) - 1} more flows cannot be read."

    def look(self, patience: float, watched: Collection[RunKey]) -> RowNews:
        """Ask for one page after the other; what was found before a failure is given next time."""
        now = self._monotonic()
        self._find_flows(now)
        few = len(self._flows) <= ROUND
        busy = self._flows.keys() if few else {flow for flow, _ in watched}
        for flow, cursor in self._requests(busy, now):
            known = self._flows[flow]
            try:
                page = self._api.runs(flow, self._tag, cursor, PAGE if cursor else FIRST)
            except Unreachable as error:
                # Is it the flow, or the whole service? Then this raises.
                self._api.flows()
                self._failed[flow] = str(error)
            else:
                self._failed.pop(flow, None)
                self._take(flow, known, page, cursor)
            if cursor is None:
                known.asked_at = now
            if self._monotonic() >= now + patience:
                break
        news = RowNews(tuple(self._found), tuple(self._gone))
        self._found, self._gone = [], []
        return news

    def forget(self, key: RunKey) -> None:
        if key[0] in self._flows:
            self._flows[key[0]].runs.pop(key[1], None)

    def close(self) -> None:
        self._connection.close()

    def _find_flows(self, now: float) -> None:
        if self._flow is not None:
            self._flows.setdefault(self._flow, _Flow())
            return
        if now - self._flows_asked < FLOWS_AGE:
            return
        rows = sorted(self._api.flows(), key=lambda row: -(moment(row.get("ts_epoch")) or 0))
        names = [str(row["flow_id"]) for row in rows]
        self._flows_asked = now
        for flow in self._flows.keys() - names:
            self._gone += [(flow, run) for run in self._flows.pop(flow).runs]
            self._failed.pop(flow, None)
        for flow in names:
            self._flows.setdefault(flow, _Flow())

    def _requests(self, busy: Collection[str], now: float) -> Iterator[tuple[str, str | None]]:
        """Flow and cursor of the pages to be read, the most wanted first; no cursor, its newest."""
        age = {flow: now - known.asked_at for flow, known in self._flows.items()}
        by_age = sorted(self._flows, key=lambda flow: (-age[flow], flow not in busy))
        yield from ((flow, None) for flow in by_age if age[flow] == math.inf)
        watched = [flow for flow in by_age if flow in busy]
        yield from ((flow, None) for flow in watched if BUSY_AGE <= age[flow] < math.inf)
        for flow in [*watched, *by_age]:
            while self._flows[flow].older and flow not in self._failed:
                yield flow, self._flows[flow].older[-1][0]
        if now - self._round_began < 1.0:
            return
        self._round_began = now
        others = [flow for flow in by_age if ROUND_AGE <= age[flow] < math.inf]
        yield from ((flow, None) for flow in [it for it in others if it not in busy][:ROUND])

    # Rows

    def _take(self, flow: str, known: _Flow, page: Page, cursor: str | None) -> None:
        rows = {str(row["run_number"]): row for row in page.rows}
        if cursor is None:
            for run in _missing(known, rows, page):
                del known.runs[run]
                self._gone.append((flow, run))
        else:
            known.older.pop()
        # Behind a page with known runs, all are known or will be read by another cursor.
        if page.older is not None and known.runs.keys().isdisjoint(rows):
            known.older.append((page.older, _oldest(page)))
        for run, row in rows.items():
            beat = heartbeat(row)
            told = read_run(flow, run, ServiceRecords.name, row)
            if known.runs.get(run) != (told, beat):
                known.runs[run] = (told, beat)
                self._found.append(ListedRun(told, self._may_go_on(told, beat)))

    def _may_go_on(self, row: RunDescription, beat: int | None) -> bool:
        if beat is not None:
            return self._now() - beat <= RUN_HEARTBEAT_LIMIT
        return self._now() - (row.created_at or 0) <= YOUNG


def _missing(known: _Flow, rows: Mapping[str, Any], page: Page) -> list[str]:
    """The known runs that the newest page would hold, and does not."""
    missing = known.runs.keys() - rows.keys()
    if page.older is None:
        return [*missing]
    last = _oldest(page)
    return [run for run in missing if (known.runs[run][0].created_at or 0) > last]


def _oldest(page: Page) -> float:
    """When the last run on a page was begun, in milliseconds since the epoch."""
    return min((moment(row.get("ts_epoch")) or 0 for row in page.rows), default=math.inf)


def service_run_list(
    provider: Provider,
    namespace: str | None,
    flow: str | None = None,
    *,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> MetaflowRunList:
    """The runs of a metaflow-service; `clock` is this machine's, in seconds."""
    connection = Connection(provider)

    def now() -> int:
        return int(clock() * 1000) + provider.ahead

    def open_run(flow: str, run: str) -> RunSource:
        return ServiceSource(
            provider, flow, run, clock=clock, monotonic=monotonic, shared=connection
        )

    return MetaflowRunList(
        ServiceRows(connection, flow, namespace, now, monotonic),
        Looks(open_run, RunEnds(provider).success),
        namespace,
        now=now,
        monotonic=monotonic,
    )
