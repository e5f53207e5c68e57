"""A recorded local run made as large as a real one: its foreach tasks, copied many times.

Metaflow's local metadata is a tree of small JSON files, one folder per task. A copy differs from
the task it is made of in its id, its place in the foreach, and its times, in file names and within.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pickle
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.runs import RecordedRun

SPACING = 10
"""Milliseconds from one copy to the next."""

_TIMED = re.compile(r"sysmeta_.+_(\d+)\.json")
_INNERMOST = re.compile(r"=[^=]*\Z")

_TASK, _INDEX, _TIME = "@task@", "@index@", "@time@"
"""What stands in a template for what each copy has of its own."""


def grow(run: RecordedRun, root: Path, split: str, step: str, n: int) -> RecordedRun:
    """A copy of a finished run under `root` whose foreach step has `n` tasks; `split` opens it.

    The copies get new ids, the following indices, and a place in time: after the tasks they are
    copied from, `SPACING` apart, and before the steps that follow. What came before them is moved
    into the past to make room. Files of the datastore are shared between copies: never change one.
    A copy that is there already is left as it is.
    """
    folder = root / ".metaflow" / run.flow
    grown = RecordedRun(run.flow, run.run, root, run.flow_file, run.exit_code)
    complete, which = root / "complete", f"{run.pathspec} {n}"
    if complete.exists() and complete.read_text() == which:
        return grown
    complete.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    for shared in ("_meta", "data"):
        shutil.copytree(run.directory.parent / shared, folder / shared)
    (folder / "latest_run").write_text(run.run)

    originals = sorted((p.name for p in (run.directory / step).glob("[!_]*")), key=int)
    times = [_time(path) for path in (run.directory / step).rglob("_meta/*.json")]
    begin, end = min(times), max(times)
    copies = n - len(originals)
    moving = _Moving(run.root, root, end, end - begin + copies * SPACING)
    for path in sorted(run.directory.rglob("*")):
        if path.is_file():
            moving.take(path, folder / run.run / path.relative_to(run.directory))
    _split_into(n, folder / run.run / split, folder / "data")

    first_free = 1 + max(int(p.name) for p in run.directory.glob("*/[!_]*"))
    templates = [_Template(folder / run.run / step / original) for original in originals]
    for at in range(copies):
        later = end - begin + (at + 1) * SPACING
        index = len(originals) + at
        templates[at % len(originals)].write(first_free + at, index, later)
    complete.write_text(which)
    return grown


def store_value(data: Path, value: object) -> str:
    """Put a value into a flow's folder of artifacts as Metaflow does; returns its key."""
    pickled = pickle.dumps(value, protocol=4)
    sha = hashlib.sha1(pickled).hexdigest()
    blob = data / sha[:2] / sha
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(gzip.compress(pickled, mtime=0))
    blob.with_name(f"{sha}_meta").write_text('{"cas_raw": false, "cas_version": 1}')
    return sha


@dataclass(frozen=True)
class _Moving:
    """Copies files to another root; what is not later than `until` is put `room` ms earlier."""

    old: Path
    new: Path
    until: int
    room: int

    def take(self, source: Path, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        if source.parent.name != "_meta":
            shutil.copyfile(source, to)
            return
        row = json.loads(source.read_text().replace(str(self.old), str(self.new)))
        name, when = to.name, row["ts_epoch"]
        if when <= self.until:
            row["ts_epoch"] = when - self.room
            if _TIMED.fullmatch(name):
                name = name.replace(f"_{when}.json", f"_{when - self.room}.json")
        to.with_name(name).write_text(json.dumps(row))


class _Template:
    """A task whose folder is written again under other ids."""

    def __init__(self, task: Path) -> None:
        self._step = task.parent
        self._linked = [path for path in task.iterdir() if path.is_file()]
        self._written = [_parts(path) for path in (task / "_meta").iterdir()]

    def write(self, task: int, index: int, later: int) -> None:
        """Add a copy, `later` ms after the original."""
        folder = f"{self._step}/{task}"
        os.makedirs(f"{folder}/_meta")
        for path in self._linked:
            os.link(path, f"{folder}/{path.name}")
        for name, text, when in self._written:
            own = {"task": task, "index": index, "time": when + later}
            handle = os.open(f"{folder}/_meta/{name % own}", os.O_WRONLY | os.O_CREAT, 0o600)
            os.write(handle, (text % own).encode())
            os.close(handle)


def _parts(path: Path) -> tuple[str, str, int]:
    """A metadata file's name and content, to be filled in with `%`, and its time."""
    row = json.loads(path.read_text())
    when = int(row["ts_epoch"])
    row |= {"task_id": _TASK, "ts_epoch": _TIME}
    if row.get("field_name") == "foreach-stack":
        row["value"][-1] = _INNERMOST.sub(f"={_INDEX}", row["value"][-1])
    elif row.get("field_name") == "foreach-execution-path":
        row["value"] = f"{row['value'].rpartition(':')[0]}:{_INDEX}"
    text = json.dumps(row).replace("%", "%%")
    text = text.replace(f'"{_TIME}"', "%(time)d")
    text = text.replace(_TASK, "%(task)d").replace(_INDEX, "%(index)d")
    name = path.name.replace("%", "%%")
    if _TIMED.fullmatch(path.name):
        name = name.replace(f"_{when}.json", "_%(time)d.json")
    return name, text, when


def _split_into(n: int, step: Path, data: Path) -> None:
    """Let the tasks of the step that opens the foreach say that it has `n`."""
    sha = store_value(data, n)
    for path in step.glob("[!_]*/_meta/*_artifact__foreach_num_splits.json"):
        _rewrite(path, {"sha": sha})
    for path in step.glob("[!_]*/*.data.json"):
        objects = json.loads(path.read_text())["objects"]
        _rewrite(path, {"objects": objects | {"_foreach_num_splits": sha}})


def _rewrite(path: Path, new: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | new))


def _time(path: Path) -> int:
    return int(json.loads(path.read_text())["ts_epoch"])


class Unfinished:
    """A grown run as it was before the last `count` tasks of its foreach had ended.

    What is taken out of the tree is kept beside it and put back by `finish`, and by `restore`.
    """

    def __init__(self, run: RecordedRun, step: str, count: int) -> None:
        self._aside = _aside(run)
        self._run = run.directory
        restore(run)
        tasks = sorted(int(p.name) for p in (self._run / step).glob("[!_]*"))
        self.tasks = [str(task) for task in tasks[-count:]]
        self._step = step
        self._aside.mkdir()
        for after in _steps_after(self._run, step):
            after.rename(self._aside / after.name)
        for task in self.tasks:
            self._move(self._run / step / task, self._aside / step / task)

    def finish(self, task: str) -> None:
        """Let a task end with the outcome that it had."""
        self._move(self._aside / self._step / task, self._run / self._step / task)

    @staticmethod
    def _move(source: Path, to: Path) -> None:
        (to / "_meta").mkdir(parents=True, exist_ok=True)
        for path in _written_at_the_end(source):
            path.rename(to / path.relative_to(source))


def restore(run: RecordedRun) -> None:
    """Put back what `Unfinished` took out, also when that was long ago."""
    aside = _aside(run)
    if not aside.exists():
        return
    for path in aside.rglob("*"):
        if path.is_file():
            to = run.directory / path.relative_to(aside)
            to.parent.mkdir(parents=True, exist_ok=True)
            path.rename(to)
    shutil.rmtree(aside)


def _aside(run: RecordedRun) -> Path:
    return run.root / f"{run.run}.aside"


def _steps_after(run: Path, step: str) -> list[Path]:
    """The folders of the steps whose tasks have higher ids than the recorded ones of `step`."""
    first = min(int(path.name) for path in (run / step).glob("[!_]*"))
    return [
        folder
        for folder in run.glob("[!_]*")
        if folder.name != step and min(int(p.name) for p in folder.glob("[!_]*")) > first
    ]


def _written_at_the_end(task: Path) -> Iterator[Path]:
    """A task's files that are not there while its only attempt runs."""
    for pattern in (
        "_meta/*_artifact_*",
        "0.data.json",
        "0.task_end",
        "0.DONE.lock",
        "0.runtime*",
        "_meta/sysmeta_attempt_ok_*",
        "_meta/sysmeta_attempt-done_*",
    ):
        yield from task.glob(pattern)
