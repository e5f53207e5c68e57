"""The local source: what it reads of the metadata tree, and what it does not read again."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flowtui.model import State
from flowtui.sources.local import LocalSource
from flowtui.sources.local_tree import Damaged, Folder, load
from flowtui.sources.provider import Provider
from flowtui.store import RunStore
from tests.runs import RecordedRun
from tests.test_client_source import copied

_ROW = re.compile(r"sysmeta_(.+)_\d+\.json")


class Touched:
    """The files opened and the folders listed while it is recording."""

    def __init__(self) -> None:
        self.recording: Path | None = None
        self.opened: list[Path] = []
        self.listed: list[Path] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.recording is None or event not in ("open", "os.listdir", "os.scandir"):
            return
        path = Path(str(arguments[0]))
        if path.is_relative_to(self.recording):
            (self.opened if event == "open" else self.listed).append(path)

    def fields(self) -> Counter[str]:
        """How many rows of each field were opened."""
        rows = (_ROW.fullmatch(path.name) for path in self.opened)
        return Counter(row[1] for row in rows if row)


_touched = Touched()
"""An audit hook stays for good: there is one."""


@contextmanager
def touching(folder: Path) -> Iterator[Touched]:
    _touched.opened.clear()
    _touched.listed.clear()
    _touched.recording = folder
    try:
        yield _touched
    finally:
        _touched.recording = None


class Watched:
    """A run polled into a store; seconds pass when told to."""

    def __init__(self, folder: Path) -> None:
        self.seconds = 1000.0
        provider = Provider(f"local@{folder.parents[2]}", "")
        self.source = LocalSource(
            provider, folder.parent.name, folder.name, monotonic=lambda: self.seconds
        )
        self.store = RunStore(self.source.describe())

    def poll(self) -> RunStore:
        self.seconds += 1
        self.store.apply(self.source.poll())
        return self.store

    def settle(self) -> None:
        """Poll until folders are trusted and final tasks are let go of."""
        for _ in range(3):
            self.poll()


# What is read


def test_of_a_finished_task_only_the_files_whose_value_is_shown_are_opened(
    runs: dict[str, RecordedRun],
) -> None:
    run = runs["foreach"]
    with touching(run.directory / "visit") as touched:
        Watched(run.directory).poll()
        opened = touched.fields()
    assert opened["attempt"] == opened["attempt_ok"] == 3
    assert opened["foreach-stack"] == opened["foreach-execution-path"] == 3
    # Besides, at most the newest row of each task: it tells what time it is over there.
    assert sum(opened.values()) <= 4 * 3 + 3
    assert not [path for path in touched.opened if "_artifact_" in path.name]


def test_what_all_tasks_of_a_run_share_is_read_once(runs: dict[str, RecordedRun]) -> None:
    run = runs["foreach"]
    with touching(run.directory) as touched:
        Watched(run.directory).settle()
        opened = touched.fields()
    assert (opened["origin-run-id"], opened["ds-type"], opened["ds-root"]) == (1, 1, 1)


def test_whether_catch_handled_it_is_told_by_names_alone(runs: dict[str, RecordedRun]) -> None:
    run = runs["catch"]
    with touching(run.directory / "divide") as touched:
        store = Watched(run.directory).poll()
    assert [task.state for task in store.tasks("divide").values()] == [
        State.CAUGHT,
        State.SUCCEEDED,
        State.SUCCEEDED,
    ]
    assert not [path for path in touched.opened if "_catch_exception" in path.name]


def test_a_task_without_a_self_file_is_known_by_its_attempt(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["linear"], tmp_path)
    (folder / "middle" / "2" / "_meta" / "_self.json").unlink()
    assert Watched(folder).poll().tasks("middle")["2"].state is State.SUCCEEDED


# What is not read again


def test_a_finished_run_is_neither_listed_nor_opened_again(runs: dict[str, RecordedRun]) -> None:
    watched = Watched(runs["catch"].directory)
    watched.settle()
    with touching(runs["catch"].directory) as touched:
        assert not watched.source.poll()
    assert (touched.opened, touched.listed) == ([], [])


def test_only_the_folder_that_changed_is_looked_into(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["foreach"], tmp_path)
    ends = {
        task: [*(folder / "visit" / task / "_meta").glob("sysmeta_attempt[_-][od]*")]
        for task in ("2", "3")
    }
    aside = tmp_path / "aside"
    aside.mkdir()
    for path in [path for paths in ends.values() for path in paths]:
        shutil.move(path, aside / f"{path.parents[1].name}-{path.name}")
    shutil.rmtree(folder / "join")
    shutil.rmtree(folder / "end")
    watched = Watched(folder)
    watched.settle()
    assert watched.store.tasks("visit")["2"].state is not State.SUCCEEDED
    for path in ends["2"]:
        shutil.move(aside / f"2-{path.name}", path)
    with touching(folder) as touched:
        store = watched.poll()
    assert store.tasks("visit")["2"].state is State.SUCCEEDED
    inside = folder / "visit" / "2"
    assert touched.listed
    assert all(path.is_relative_to(inside) for path in [*touched.listed, *touched.opened])


def test_tasks_that_come_later_are_found(runs: dict[str, RecordedRun], tmp_path: Path) -> None:
    folder = copied(runs["foreach"], tmp_path)
    kept = tmp_path / "kept"
    shutil.move(folder / "visit" / "4", kept)
    shutil.move(folder / "end", tmp_path / "end")
    watched = Watched(folder)
    watched.settle()
    assert [*watched.store.tasks("visit")] == ["2", "3"]
    shutil.move(kept, folder / "visit" / "4")
    assert [*watched.poll().tasks("visit")] == ["2", "3", "4"]
    shutil.move(tmp_path / "end", folder / "end")
    assert watched.poll().status.state is State.SUCCEEDED


# Folders and files


def test_a_folder_is_listed_until_its_time_has_stood_still(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert folder.may_differ(0.5)
    folder.taken(0.5)
    assert folder.may_differ(1.0)
    folder.taken(1.0)
    # What comes within the same tick of the file system's clock does not move the time.
    assert folder.may_differ(1.05)
    folder.taken(1.05)
    assert folder.may_differ(1.2)
    folder.taken(1.2)
    assert not folder.may_differ(1.3)
    os.utime(tmp_path, ns=(1, 1))
    assert folder.may_differ(1.4)


def test_a_folder_that_could_not_be_taken_in_is_listed_again(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    assert [folder.may_differ(now) for now in (1.0, 2.0, 3.0)] == [True, True, True]


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "gone"))
    assert folder.may_differ(1.0)
    with pytest.raises(FileNotFoundError):
        folder.may_differ(2.0)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it holds no JSON"),
        (b'{"field_name": "att', "it holds no JSON"),
        (b"\xff\xfe{}", "it holds no JSON"),
        (b"[1]", "it holds no row of metadata"),
        (b"null", "it holds no row of metadata"),
    ],
)
def test_a_damaged_file_is_named(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "sysmeta_attempt_1.json"
    path.write_bytes(content)
    with pytest.raises(Damaged, match=says) as found:
        load(str(path))
    assert str(path) in str(found.value)


def test_a_folder_or_a_pipe_in_place_of_a_file_holds_nothing_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(Damaged, match=name):
            load(str(tmp_path / name))


def test_a_long_row_is_read_whole(tmp_path: Path) -> None:
    row = {"field_name": "foreach-stack", "value": ["x" * 200_000]}
    (tmp_path / "row").write_text(json.dumps(row))
    assert load(str(tmp_path / "row")) == row
