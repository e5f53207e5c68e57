"""Recorded runs played once more, moment by moment, as files or as rows of a metadata service."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract import Clocks, with_flow
from tests.metadata_service import MetadataService
from tests.runs import RecordedRun

SOON = 0.005
"""Seconds between the last record of a moment and the look that is taken at it."""

STEP = 1.0
"""Seconds by which the steady clock goes on from one moment to the next."""

AFTERWARDS = (30.0, 59.0, 62.0, 359.0, 362.0, 25 * 3600.0)
"""Seconds after the last record at which a run is looked at again: some fall silent in between."""

_TELLING = (
    "_self",
    "attempt",
    "attempt_ok",
    "attempt-done",
    "origin-task-id",
    "origin-run-id",
    "foreach-stack",
    "foreach-execution-path",
    "parallel-world-size",
    "internal_task_type",
    "_graph_info",
    "_catch_exception",
    "_success",
    "_task_ok",
    "_foreach_num_splits",
    "runtime record",
)
"""Names of records before and after which a picture may differ."""

_FILE = re.compile(
    r"(?:.*/)?(?:(?P<self>_self)\.json|sysmeta_(?P<field>.+)_\d+\.json"
    r"|\d+_artifact_(?P<artifact>.+)\.json|(?P<exit>\d+\.runtime))"
)


_LATE = ("_graph_info", "_catch_exception")
"""Artifacts, which come after the metadata that tells of their task's end."""

LATE = 6
"""Such artifacts just before and after which a source looks."""


def cuts(
    telling: Sequence[bool],
    most: int,
    seed: str,
    *,
    between: Collection[int] = (),
    never: Collection[int] = (),
) -> list[int]:
    """After how many records to look: before and after what tells something, at most so often.

    By chance, but the same each time; besides, always at the places `between` and at the end.
    """
    count = len(telling)
    places = {at for i, tells in enumerate(telling) if tells for at in (i, i + 1) if 0 < at < count}
    places -= set(never)
    chosen = random.Random(seed).sample(sorted(places), min(most - 1, len(places)))
    chosen += [at for late in between for at in (late, late + 1) if 0 < at < count]
    chosen = [at for at in chosen if at not in never]
    return [*sorted(set(chosen)), count]


@dataclass(frozen=True)
class _Row:
    """A row of one of the service's tables, or of `files`: one that a run left in its datastore."""

    table: str
    columns: dict[str, Any]

    @property
    def when(self) -> int:
        return int(self.columns["ts_epoch"])

    @property
    def name(self) -> str:
        return str(self.columns.get("field_name") or self.columns.get("name") or "_self")

    @property
    def tells(self) -> bool:
        return self.name in _TELLING and not (
            self.name == "_graph_info" and self.columns["step_name"] != "_parameters"
        )


class FileReplay:
    """The files of a local run written anew, in the order in which Metaflow wrote them.

    The directories' times of change are set by hand: one for each moment, or one for all of them
    (`instant`), as on a file system whose clock is coarse.
    """

    def __init__(
        self,
        recorded: RecordedRun,
        root: Path,
        clocks: Clocks,
        *,
        most: int,
        instant: bool = False,
        origin: RecordedRun | None = None,
    ) -> None:
        """`origin` is the run that a resumed one was resumed from; it is there from the start."""
        self.metadata = f"local@{root}"
        self._recorded, self._clocks, self._instant = recorded, clocks, instant
        self._folder = root / ".metaflow" / recorded.flow / recorded.run
        with_flow(recorded, root)
        if origin is not None:
            shutil.copytree(origin.directory, self._folder.with_name(origin.run))
        files = [path for path in recorded.directory.rglob("*") if path.is_file()]
        self._files = sorted(
            (path for path in files if path.suffix != ".log"),
            key=lambda path: (path.stat().st_mtime_ns, _rank(path), path.name),
        )
        # There is no run before its registration.
        registration = recorded.directory / "_meta" / "_self.json"
        self._files.remove(registration)
        self._files.insert(0, registration)
        telling = [_file_tells(path) for path in self._files]
        late = [at for at, path in enumerate(self._files) if _named(path) in _LATE and telling[at]]
        self._cuts = cuts(telling, most, f"{recorded.flow} {instant}", between=late[:LATE])
        self._stamp = self._files[0].stat().st_mtime_ns

    def __iter__(self) -> Iterator[str]:
        """The name of every moment, once its files are written and the clocks are set."""
        done = 0
        for cut in self._cuts:
            changed = set()
            for path in self._files[done:cut]:
                changed |= self._write(path)
            if cut < len(self._files):
                changed |= self._begin(self._files[cut])
            written = self._files[cut - 1].stat().st_mtime_ns
            if not self._instant:
                self._stamp = max(self._stamp + 1, written)
                self._clocks.steady += STEP
            for folder in changed:
                os.utime(folder, ns=(self._stamp, self._stamp))
            self._clocks.now = max(self._clocks.now, written / 1e9 + SOON)
            done = cut
            yield f"with {cut} of {len(self._files)} files"
        yield from _afterwards(self._clocks)

    def _write(self, recorded: Path) -> set[Path]:
        """Write a file as a whole; the directories in which something changed."""
        path = self._folder / recorded.relative_to(self._recorded.directory)
        changed = {path.parent}
        for folder in path.parents:
            if folder.exists():
                break
            changed.add(folder.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._half_of(path).unlink(missing_ok=True)
        path.write_bytes(recorded.read_bytes())
        return changed

    def _begin(self, recorded: Path) -> set[Path]:
        """Half of a file under the passing name under which Metaflow writes it."""
        path = self._folder / recorded.relative_to(self._recorded.directory)
        if path.parent.name != "_meta" or not path.parent.exists():
            return set()
        content = recorded.read_bytes()
        self._half_of(path).write_bytes(content[: len(content) // 2])
        return {path.parent}

    @staticmethod
    def _half_of(path: Path) -> Path:
        return path.with_name("tmpk3w9x_a1")


def _named(path: Path) -> str:
    match = _FILE.fullmatch(path.name)
    if match is None:
        return ""
    if match["exit"]:
        return "runtime record"
    return match["self"] or match["field"] or match["artifact"]


def _rank(path: Path) -> int:
    """Of files written in the same instant, the telling ones in the order of Metaflow's tasks."""
    name = _named(path)
    return _TELLING.index(name) if name in _TELLING else len(_TELLING)


def _file_tells(path: Path) -> bool:
    name = _named(path)
    return name in _TELLING and (name != "_graph_info" or "_parameters" in path.parts)


class RowReplay:
    """The rows of a served run inserted anew, in the order of their times and ids.

    They name a local datastore of their own, in which the runtime records appear with them.

    `hold_back` seconds is by how much all that some tasks write comes later than what others wrote
    after it; the steady clock then keeps pace with the rows' own times. No moment falls between a
    task's registration and its first metadata, some milliseconds later: only who lists all tasks
    each time knows of such a task.
    """

    def __init__(
        self,
        recorded: Path,
        pathspec: str,
        service: MetadataService,
        datastore: Path,
        clocks: Clocks,
        *,
        most: int,
        origin: str | None = None,
        hold_back: float = 0.0,
    ) -> None:
        """`recorded` is a database that has the run and, if it is a resumed one, `origin` too."""
        self._service, self._clocks, self._hold_back = service, clocks, hold_back
        self.flow, _, self.run = pathspec.partition("/")
        self._datastore = datastore / ".metaflow"
        with closing(sqlite3.connect(recorded)) as database:
            database.row_factory = sqlite3.Row
            [(root,)] = database.execute(
                "SELECT DISTINCT value FROM metadata WHERE field_name = 'ds-root'"
            )
            self._recorded = Path(root)
            data = Path(self.flow, "data")
            shutil.copytree(self._recorded / data, self._datastore / data)
            self._insert(_rows(database, "flows", "flow_id", self.flow))
            if origin is not None:
                self._insert(_of_run(database, origin.partition("/")[2]))
            rows = _of_run(database, self.run)
        exits = (self._recorded / pathspec).glob("*/*/*.runtime")
        rows = sorted([*rows, *map(_file, exits)], key=_place)
        rows = _held_back(rows, int(hold_back * 1000)) if hold_back else rows
        self._all = _with_metadata(rows)
        tasks = [at for at, row in enumerate(self._all, 1) if row.table == "tasks"]
        telling = [row.tells for row in self._all]
        late = [at for at, row in enumerate(self._all) if row.tells and row.name in _LATE]
        self._cuts = cuts(telling, most, pathspec, between=late[:LATE], never=tasks)

    def __iter__(self) -> Iterator[str]:
        """The name of every moment, once its rows are inserted and the clocks are set."""
        done = 0
        for cut in self._cuts:
            self._insert(self._all[done:cut])
            now = max(self._clocks.now, self._all[cut - 1].when / 1000 + SOON)
            self._clocks.steady += now - self._clocks.now if self._hold_back and done else STEP
            self._clocks.now = now
            done = cut
            self._beat(self._all[:cut], int(now))
            yield f"with {cut} of {len(self._all)} rows"
        yield from _afterwards(self._clocks)

    def _beat(self, rows: Sequence[_Row], now: int) -> None:
        """Let no heartbeat be later than this moment; the recorded ones are the last of each."""
        for row in rows:
            last = row.columns.get("last_heartbeat_ts")
            if row.table in ("runs", "tasks") and last is not None:
                column = "run_number" if row.table == "runs" else "task_id"
                self._service.store.sql(
                    f"UPDATE {row.table} SET last_heartbeat_ts = ? WHERE {column} = ?",
                    min(last, now),
                    row.columns[column],
                )

    def _insert(self, rows: Sequence[_Row]) -> None:
        for row in rows:
            if row.table == "files":
                path = self._datastore / Path(row.columns["path"]).relative_to(self._recorded)
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(row.columns["path"], path)
                continue
            moved = {
                name: value.replace(str(self._recorded), str(self._datastore))
                if name in ("value", "location")
                else value
                for name, value in row.columns.items()
            }
            self._service.bulk(row.table, [moved])


def _with_metadata(rows: Sequence[_Row]) -> list[_Row]:
    """The rows, each task's registration just before its first metadata."""
    waiting: dict[int, _Row] = {}
    placed: list[_Row] = []
    for row in rows:
        task = row.columns.get("task_id")
        if row.table == "tasks":
            waiting[row.columns["task_id"]] = row
            continue
        if row.table in ("metadata", "artifacts") and task in waiting:
            placed.append(waiting.pop(task))
        placed.append(row)
    return [*placed, *waiting.values()]


def _held_back(rows: Sequence[_Row], longest: int) -> list[_Row]:
    """The rows, those of every other task by up to `longest` ms behind their place."""
    chance = random.Random(len(rows))
    tasks = sorted({row.columns["task_id"] for row in rows if row.table == "tasks"})
    late = {task: chance.randrange(longest) for task in tasks[::2]}
    return sorted(rows, key=lambda row: row.when + late.get(row.columns.get("task_id", 0), 0))


def _afterwards(clocks: Clocks) -> Iterator[str]:
    """Moments after the last record, at which nothing but the clocks has gone on."""
    end = clocks.now
    for later in AFTERWARDS:
        clocks.steady += end + later - clocks.now
        clocks.now = end + later
        yield f"{later:.0f} s after the end"


_ORDER = ("runs", "steps", "tasks", "metadata", "artifacts", "files")
"""The tables: a row may need one of a table before its own."""

_KEY = {"runs": "run_number", "metadata": "id", "tasks": "task_id"}


def _of_run(recorded: sqlite3.Connection, run: str) -> list[_Row]:
    rows = [row for table in _ORDER[:-1] for row in _rows(recorded, table, "run_number", run)]
    return sorted(rows, key=_place)


def _place(row: _Row) -> tuple[int, int, int]:
    number = row.columns.get(_KEY.get(row.table, ""), 0)
    return (row.when, _ORDER.index(row.table), int(number))


def _rows(recorded: sqlite3.Connection, table: str, column: str, value: str) -> list[_Row]:
    found = recorded.execute(f"SELECT * FROM {table} WHERE {column} = ?", (value,))
    return [_Row(table, dict(row)) for row in found]


def _file(path: Path) -> _Row:
    task = path.parent.name.partition("_")[0]
    when = path.stat().st_mtime_ns // 1_000_000
    return _Row("files", {"path": path, "ts_epoch": when, "task_id": int(task)})
