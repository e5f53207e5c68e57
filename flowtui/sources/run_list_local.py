"""The list of runs in local metadata: folders are listed where their time moved, newest runs first.

`<root>/<flow>/<run>/_meta/_self.json` is a run's row; tags are changed by writing it anew.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Collection, Iterator
from heapq import heapify, heappop, heappush

from flowtui.model import RunDescription
from flowtui.run_summary import RunKey
from flowtui.sources.base import RunSource, Unreachable
from flowtui.sources.local import LocalRecords, LocalSource
from flowtui.sources.local_tree import Damaged, Folder, entries, load
from flowtui.sources.metaflow_run_list import MetaflowRunList
from flowtui.sources.processes import Commands
from flowtui.sources.provider import Provider
from flowtui.sources.run_end import RunEnds
from flowtui.sources.run_looks import Looks
from flowtui.sources.run_row import read_run
from flowtui.sources.run_rows import YOUNG, ListedRun, RowNews

PROCESSES = 0.5
"""Seconds for which the list of this machine's processes serves all runs."""

RETRY = 1.0
"""Seconds after which a folder without a readable row is looked at again."""

_NO_RUNS = frozenset({"data", "latest_run"})
"""What Metaflow keeps in a flow's folder beside its runs."""

_Written = tuple[int, int]


class LocalRows:
    """The rows of one flow's runs, or of all; a run whose row was read is not touched again."""

    def __init__(
        self,
        provider: Provider,
        flow: str | None,
        commands: Commands,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._provider, self._flow, self._commands = provider, flow, commands
        self._clock, self._monotonic = clock, monotonic
        self._root = Folder(str(provider.local_root))
        self._flows: dict[str, Folder] = {}
        self._runs: dict[str, set[str]] = {}
        self._read: dict[RunKey, tuple[_Written, RunDescription]] = {}
        self._unread: list[tuple[int, RunKey]] = []
        self._rowless: dict[RunKey, float] = {}
        self._damage: dict[RunKey, str] = {}

    @property
    def more(self) -> bool:
        return bool(self._unread)

    @property
    def all_since(self) -> float:
        # Of those that wait, the newest is the first of the heap; it is counted in microseconds.
        return -self._unread[0][0] / 1000 if self._unread else -math.inf

    @property
    def trouble(self) -> str | None:
        """The first of what cannot be read, and how many more runs and flows are concerned."""
        sentences = list(self._damage.values())
        if len(sentences) < 2:
            return sentences[0] if sentences else None
        return f"{sentences[0]} {len(sentences) - 1} more cannot be read."

    def look(self, patience: float, watched: Collection[RunKey]) -> RowNews:
        """List what changed, then read rows, newest first; raises Unreachable without a root."""
        now = self._monotonic()
        if not os.path.isdir(self._root.path):
            raise Unreachable(f"{self._provider} is no longer there.")
        gone = [*self._find_flows(now)]
        for flow in list(self._flows):
            gone += self._find_runs(flow, now)
        for key in gone:
            self.forget(key)
        heapify(self._unread)
        runs = [*self._rewritten(watched), *self._alive(watched)]
        for key, tried_at in list(self._rowless.items()):
            if now - tried_at >= RETRY:
                # Behind all that were never looked at.
                heappush(self._unread, (0, key))
                del self._rowless[key]
        # Only now: with all runs listed, the newest are read first.
        until = self._monotonic() + patience
        while self._unread:
            found = self._first_read(heappop(self._unread)[1], now)
            if found is not None:
                runs.append(found)
            if self._monotonic() >= until:
                break
        return RowNews(tuple(runs), tuple(gone))

    def forget(self, key: RunKey) -> None:
        for known in (self._read, self._rowless, self._damage):
            known.pop(key, None)
        if key[0] in self._runs:
            self._runs[key[0]].discard(key[1])

    def close(self) -> None:
        """Nothing is held open between calls."""

    # Folders

    def _find_flows(self, now: float) -> Iterator[RunKey]:
        """Take in new flows; gives the runs of those that are gone."""
        if self._flow is not None:
            self._flows.setdefault(self._flow, Folder(os.path.join(self._root.path, self._flow)))
            self._runs.setdefault(self._flow, set())
            return
        try:
            if not self._root.may_differ(now):
                return
            names = set(entries(self._root.path))
        except OSError as error:
            raise Unreachable(f"{self._root.path} cannot be read: {error.strerror}.") from error
        for flow in self._flows.keys() - names:
            del self._flows[flow]
            self._damage.pop((flow, ""), None)
            yield from ((flow, run) for run in self._runs.pop(flow))
        for flow in names - self._flows.keys():
            self._flows[flow] = Folder(os.path.join(self._root.path, flow))
            self._runs[flow] = set()
        self._root.taken(now)

    def _find_runs(self, flow: str, now: float) -> Iterator[RunKey]:
        """Take in a flow's new runs, to be read; gives those that are gone."""
        folder, known = self._flows[flow], self._runs[flow]
        try:
            if not folder.may_differ(now):
                return
            names = {name for name in entries(folder.path) if name not in _NO_RUNS}
        except (FileNotFoundError, NotADirectoryError):
            names = set()
        except OSError as error:
            self._damage[flow, ""] = f"{folder.path} cannot be read: {error.strerror}."
            return
        self._damage.pop((flow, ""), None)
        yield from [(flow, run) for run in known - names]
        new = names - known
        known |= new
        self._unread += [(-_begun(folder.path, run), (flow, run)) for run in new]
        folder.taken(now)

    # Rows

    def _first_read(self, key: RunKey, now: float) -> ListedRun | None:
        """A run's row; None where there is none that can be read, yet."""
        if key[1] not in self._runs.get(key[0], ()):
            return None
        try:
            written = self._written(key)
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                self._damage[key] = f"{self._path(key)} cannot be read: {error.strerror}."
            written = None
        found = self._listed(key, written) if written is not None else None
        if found is None:
            self._rowless[key] = now
        return found

    def _rewritten(self, watched: Collection[RunKey]) -> Iterator[ListedRun]:
        for key in watched:
            known = self._read.get(key)
            try:
                written = self._written(key)
            except OSError:
                # Being deleted, or out of reach for now: what was known of it stays.
                continue
            if known is not None and written != known[0]:
                found = self._listed(key, written)
                if found is not None:
                    yield found

    def _alive(self, watched: Collection[RunKey]) -> Iterator[ListedRun]:
        """Runs that turn out to have a live process, however old they are."""
        if not self._read:
            # The first look at all processes takes longer than that at the first runs.
            return
        for run in self._commands.local_runs():
            for flow, known in self._runs.items():
                key = (flow, run)
                if run in known and key in self._read and key not in watched:
                    yield ListedRun(self._read[key][1], unfinished=True)

    def _listed(self, key: RunKey, written: _Written) -> ListedRun | None:
        try:
            content = load(self._path(key))
        except Damaged as damage:
            self._damage[key] = str(damage)
            return None
        self._damage.pop(key, None)
        row = read_run(*key, LocalRecords.name, content)
        self._read[key] = (written, row)
        age = self._clock() * 1000 - (row.created_at or 0)
        return ListedRun(row, unfinished=age < YOUNG)

    def _written(self, key: RunKey) -> _Written:
        found = os.stat(self._path(key))
        return (found.st_mtime_ns, found.st_ino)

    def _path(self, key: RunKey) -> str:
        return f"{self._root.path}/{key[0]}/{key[1]}/_meta/_self.json"


def _begun(folder: str, run: str) -> int:
    """When a run was begun, in microseconds: Metaflow's own ids tell."""
    if run.isdecimal():
        return int(run)
    try:
        return os.stat(f"{folder}/{run}").st_mtime_ns // 1000
    except OSError:
        return 0


def local_run_list(
    provider: Provider,
    namespace: str | None,
    flow: str | None = None,
    *,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> MetaflowRunList:
    """The runs of the local metadata tree; `clock` is this machine's, in seconds."""
    commands = Commands(PROCESSES)

    def open_run(flow: str, run: str) -> RunSource:
        return LocalSource(provider, flow, run, clock=clock, monotonic=monotonic, commands=commands)

    def records(flow: str, run: str) -> LocalRecords:
        return LocalRecords(provider, flow, run, monotonic)

    return MetaflowRunList(
        LocalRows(provider, flow, commands, clock, monotonic),
        Looks(open_run, RunEnds(provider, records).success),
        namespace,
        now=lambda: int(clock() * 1000),
        monotonic=monotonic,
    )
