"""Local metadata at the cost of what changed: reads the tree of files that Metaflow writes.

Below `<root>/<flow>/<run>/<step>/<task>/_meta` each row of metadata is a file that is never written
again, `sysmeta_<field>_<ms>.json`, and each artifact one, `<attempt>_artifact_<name>.json`: names
tell most of it, and only the files whose value is needed are opened.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from flowtui.model import Key
from flowtui.sources.client import ProviderRecords
from flowtui.sources.local_tree import Damaged, Folder, entries, load
from flowtui.sources.metadata_rows import READ, Fields, Rows, read_fields
from flowtui.sources.metaflow_run import MetaflowRun
from flowtui.sources.processes import Commands
from flowtui.sources.provider import Provider
from flowtui.sources.records import TaskRecord

OF_TASK = frozenset(
    {
        "attempt",
        "attempt_ok",
        "foreach-execution-path",
        "foreach-stack",
        "internal_task_type",
        "origin-task-id",
        "parallel-world-size",
    }
)
"""The fields whose value differs from task to task and is shown."""

OF_RUN = frozenset({"ds-root", "ds-type", "origin-run-id"})
"""The fields that have the same value in every task of a run: read once."""

_ROW = "sysmeta_"
_JSON = ".json"
_FIELDS = {_ROW + field: field for field in READ}


class LocalRecords(ProviderRecords):
    """The records of one run, read from its folder; what is rarely asked is left to the provider.

    A folder whose time did not move is not listed again, and a final task is not looked at again.
    """

    name = "local"

    def __init__(
        self, provider: Provider, flow: str, run: str, monotonic: Callable[[], float]
    ) -> None:
        super().__init__(provider, flow, run)
        self._flow_folder = os.path.join(str(provider.local_root), flow)
        self._run_folder = os.path.join(self._flow_folder, run)
        self._monotonic = monotonic
        self._row: Mapping[str, Any] | None = None
        self._row_written: tuple[int, int] | None = None
        self._run_watch = Folder(self._run_folder)
        self._steps: dict[str, Folder] = {}
        self._listed: dict[str, set[str]] = {}
        self._tasks: dict[Key, Folder] = {}
        self._wanted: frozenset[str] = OF_TASK | OF_RUN
        self._damage: dict[Key, str] = {}
        self._newest = 0

    def run(self) -> Mapping[str, Any] | None:
        """The run's row; tags are changed by writing it anew."""
        path = os.path.join(self._run_folder, "_meta", "_self.json")
        try:
            found = os.stat(path)
        except OSError:
            self._row_written = None
            return super().run()
        written = (found.st_mtime_ns, found.st_ino)
        if written != self._row_written:
            self._row = super().run()
            self._row_written = written
        return self._row

    def changed(self, final: Callable[[Key], bool]) -> Iterator[TaskRecord]:
        now = self._monotonic()
        self._find_steps(now)
        for step in self._steps:
            self._find_tasks(step, now)
        for key, folder in list(self._tasks.items()):
            if final(key) and key not in self._damage:
                del self._tasks[key]
                continue
            try:
                if not folder.may_differ(now):
                    continue
                record = self._read(key)
            except (FileNotFoundError, NotADirectoryError):
                # Not yet written as far as that, or gone: what was known of it stays.
                self._damage.pop(key, None)
                continue
            except OSError as error:
                self._damage[key] = f"{folder.path} cannot be read: {error.strerror}."
                continue
            if record is not None:
                yield record
            if key not in self._damage:
                folder.taken(now)

    def again(self, key: Key) -> TaskRecord | None:
        try:
            return self._read(key)
        except OSError:
            return None

    def artifact_names(self, key: Key, attempt: int) -> Collection[str]:
        prefix = f"{attempt}_artifact_"
        try:
            files = os.listdir(self._meta(self._run_folder, *key))
        except OSError:
            return ()
        return {
            file[len(prefix) : -len(_JSON)]
            for file in files
            if file.startswith(prefix) and file.endswith(_JSON)
        }

    def artifacts(self, key: Key, attempt: int) -> Rows:
        meta = self._meta(self._run_folder, *key)
        names = self.artifact_names(key, attempt)
        return _readable(meta, [f"{attempt}_artifact_{name}{_JSON}" for name in names])

    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        step = os.path.join(self._run_folder, "_parameters")
        for task in entries(step) if os.path.isdir(step) else ():
            key = ("_parameters", task)
            found = {
                name: artifact
                for name in self.artifact_names(key, 0)
                if (artifact := self.artifact(key, 0, name)) is not None
            }
            if "_graph_info" in found:
                return found
        return {}

    def artifact(self, key: Key, attempt: int, name: str) -> Mapping[str, Any] | None:
        file = f"{attempt}_artifact_{name}{_JSON}"
        path = os.path.join(self._meta(self._run_folder, *key), file)
        try:
            return load(path) if os.path.exists(path) else None
        except Damaged as damage:
            raise self._provider.strange() from damage

    def rows(self, key: Key) -> Rows | None:
        meta = self._meta(self._run_folder, *key)
        try:
            return _readable(meta, _Listing(os.listdir(meta)).rows())
        except OSError:
            return super().rows(key)

    def origin(self, run: str, step: str, task: str) -> Fields:
        meta = self._meta(os.path.join(self._flow_folder, run), step, task)
        try:
            wanted = chain.from_iterable(_Listing(os.listdir(meta)).read.values())
        except OSError:
            return super().origin(run, step, task)
        return read_fields(_readable(meta, wanted))

    @property
    def trouble(self) -> str | None:
        """The first of what cannot be read, and how many more tasks are concerned."""
        sentences = list(self._damage.values())
        if len(sentences) < 2:
            return sentences[0] if sentences else None
        return f"{sentences[0]} {len(sentences) - 1} more tasks cannot be read whole."

    @staticmethod
    def _meta(run_folder: str, step: str, task: str) -> str:
        return f"{run_folder}/{step}/{task}/_meta"

    def _find_steps(self, now: float) -> None:
        if not self._run_watch.may_differ(now):
            return
        for step in entries(self._run_folder):
            if step != "_parameters" and step not in self._steps:
                self._steps[step] = Folder(os.path.join(self._run_folder, step))
                self._listed[step] = set()
        self._run_watch.taken(now)

    def _find_tasks(self, step: str, now: float) -> None:
        folder, listed = self._steps[step], self._listed[step]
        try:
            if not folder.may_differ(now):
                return
            names = entries(folder.path)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._damage[step, ""] = f"{folder.path} cannot be read: {error.strerror}."
            return
        self._damage.pop((step, ""), None)
        for task in names:
            if task not in listed:
                listed.add(task)
                self._tasks[step, task] = Folder(self._meta(self._run_folder, step, task))
        folder.taken(now)

    def _read(self, key: Key) -> TaskRecord | None:
        """A task from its files; None when it is not registered yet."""
        meta = self._meta(self._run_folder, *key)
        files = os.listdir(meta)
        listed = _Listing(files)
        if "attempt" not in listed.read and "_self.json" not in files:
            return None
        self._damage.pop(key, None)
        found = self._fields(key, meta, self._needed(listed))
        if any(attempt.ok is None for attempt in found.attempts):
            # Without an outcome it counts when an attempt last wrote anything.
            found = self._fields(key, meta, listed.rows())
        self._newest = max(self._newest, found.newest or 0)
        return TaskRecord(key, found)

    def _fields(self, key: Key, meta: str, files: Iterable[str]) -> Fields:
        rows = []
        for file in files:
            try:
                rows.append(load(f"{meta}/{file}"))
            except Damaged as damage:
                self._damage[key] = str(damage)
        if len(self._wanted) > len(OF_TASK):
            self._wanted -= OF_RUN & {str(row.get("field_name")) for row in rows}
        return read_fields(rows)

    def _needed(self, listed: _Listing) -> Collection[str]:
        """The files of a task that is taken to have an outcome, as far as they count."""
        started, ended = listed.read.get("attempt", ()), listed.read.get("attempt_ok", ())
        if len(ended) < max(1, len(started)):
            return listed.rows()
        wanted = OF_TASK | OF_RUN if "origin-task-id" in listed.read else self._wanted
        chosen = [file for field, files in listed.read.items() if field in wanted for file in files]
        if listed.newest > self._newest and listed.last not in chosen:
            chosen.append(listed.last)
        return chosen


def _readable(meta: str, files: Iterable[str]) -> Rows:
    """The rows that can be read: a damaged one does not hide the others."""
    rows = []
    for file in files:
        with suppress(Damaged):
            rows.append(load(f"{meta}/{file}"))
    return rows


class _Listing:
    """The metadata files of a task, as their names tell them.

    `read` are the files by field, of fields that are ever read; `last` is the newest file, written
    at `newest`, in milliseconds since the epoch.
    """

    __slots__ = ("_files", "last", "newest", "read")

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self.read: dict[str, list[str]] = {}
        self.last = last = ""
        for file in files:
            if file.startswith(_ROW):
                start, _, written = file.rpartition("_")
                field = _FIELDS.get(start)
                if field is not None:
                    self.read.setdefault(field, []).append(file)
                if written > last:
                    last, self.last = written, file
        stamp = last.removesuffix(_JSON)
        self.newest = int(stamp) if stamp.isdecimal() else 0

    def rows(self) -> Collection[str]:
        """All files that hold a row."""
        return [file for file in self._files if file.startswith(_ROW) and file.endswith(_JSON)]


class LocalSource(MetaflowRun):
    """One run in the local metadata tree."""

    def __init__(
        self,
        provider: Provider,
        flow: str,
        run: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        commands: Commands | None = None,
    ) -> None:
        """`monotonic` counts the seconds for which a folder's time has stood still."""
        super().__init__(
            LocalRecords(provider, flow, run, monotonic),
            *(provider, flow, run),
            clock=clock,
            monotonic=monotonic,
            commands=commands,
        )
