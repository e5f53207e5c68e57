"""The reference source: a run watched while it goes on, and what it does not read twice."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowtui.model import State
from flowtui.sources.base import NotFound, Unreachable
from flowtui.sources.client import ClientSource
from flowtui.sources.processes import ProcessWatch
from flowtui.sources.provider import Provider
from flowtui.store import RunStore
from tests.runs import RecordedRun, eventually, launch


class CountingProvider(Provider):
    """The real provider, which notes what was asked and may do something after an answer."""

    def __init__(self, root: Path) -> None:
        super().__init__(f"local@{root}", "")
        self.asked: Counter[tuple[str, ...]] = Counter()
        self.after: Callable[[str, str, tuple[str, ...]], None] = lambda *_: None

    def get(self, kind: str, part: str, *path: str, attempt: int | None = None) -> Any:
        self.asked[(kind, part, *path[2:])] += 1
        answer = super().get(kind, part, *path, attempt=attempt)
        self.after(kind, part, path[2:])
        return answer

    def of_tasks(self) -> Counter[tuple[str, ...]]:
        return Counter({key: count for key, count in self.asked.items() if key[0] == "task"})


class Clock:
    """This machine's clock, which a test can put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Watched:
    """A run being polled into a store."""

    source: ClientSource
    store: RunStore
    clock: Clock

    def poll(self) -> RunStore:
        self.store.apply(self.source.poll())
        return self.store

    def state(self, step: str) -> State | None:
        found = self.poll().steps.get(step)
        return found.state if found else None


def watch(root: Path, flow: str, run: str, provider: Provider | None = None) -> Watched:
    clock = Clock()
    source = ClientSource(provider or Provider(f"local@{root}", ""), flow, run, clock=clock)
    return Watched(source, RunStore(source.describe()), clock)


def copied(recorded: RecordedRun, root: Path) -> Path:
    """A copy of a recorded run, under a root of its own, that a test may damage."""
    kept = recorded.root / ".metaflow" / recorded.flow
    there = root / ".metaflow" / recorded.flow
    shutil.copytree(kept / recorded.run, there / recorded.run)
    shutil.copytree(kept / "_meta", there / "_meta")
    shutil.copytree(kept / "data", there / "data")
    return there / recorded.run


@contextmanager
def running(root: Path) -> Iterator[tuple[int, str, Path]]:
    """KilledFlow held at its gate in `wait`: the launcher's process id, the run, the gate."""
    gate = root / "gate"
    root.mkdir(parents=True, exist_ok=True)
    gate.touch()
    process, id_file = launch(root, "killed.py", "run", "--gate", str(gate))
    try:
        eventually(lambda: id_file.exists() and id_file.read_text(), "the run has an id")
        yield process.pid, id_file.read_text(), gate
    finally:
        gate.unlink(missing_ok=True)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def test_what_is_settled_is_never_fetched_again(runs: dict[str, RecordedRun]) -> None:
    provider = CountingProvider(runs["catch"].root)
    watched = watch(runs["catch"].root, "CatchFlow", runs["catch"].run, provider)
    watched.poll()
    once = provider.of_tasks()
    # Six tasks' metadata, the artifacts' names of @catch's three, and those of `_parameters`.
    assert sorted(once.values()) == [1] * 10
    for _ in range(3):
        assert not watched.source.poll()
    assert provider.of_tasks() == once


def test_a_failure_that_no_retry_can_follow_is_not_read_again(
    runs: dict[str, RecordedRun],
) -> None:
    provider = CountingProvider(runs["failed"].root)
    watched = watch(runs["failed"].root, "FailedFlow", runs["failed"].run, provider)
    watched.poll()
    provider.asked.clear()
    watched.poll()
    assert not provider.of_tasks()


def test_only_what_may_still_change_is_read_again(runs: dict[str, RecordedRun]) -> None:
    killed = runs["launcher_killed"]
    provider = CountingProvider(killed.root)
    watched = watch(killed.root, "KilledFlow", killed.run, provider)
    watched.poll()
    provider.asked.clear()
    watched.poll()
    assert provider.of_tasks() == {("task", "metadata", "wait", "2"): 1}


def test_a_run_is_followed_from_its_start_to_its_end(tmp_path: Path) -> None:
    with running(tmp_path) as (_, run, gate):
        watched = watch(tmp_path, "KilledFlow", run)
        store = watched.poll()
        assert store.status.state in (State.PENDING, State.RUNNING)
        eventually(lambda: watched.state("wait") is State.RUNNING, "`wait` runs")
        task = store.task("wait", "2")
        assert task is not None
        pid = int(task.reason.removeprefix("process ").removesuffix(" is alive"))
        assert "--task-id" in psutil.Process(pid).cmdline()
        assert (store.status.state, store.steps["end"].state) == (State.RUNNING, State.PENDING)
        assert store.expected == 3

        # An hour of silence is no reason to give up what lives.
        watched.clock.ahead = 3600
        assert watched.state("wait") is State.RUNNING
        watched.clock.ahead = 0

        gate.unlink()
        eventually(lambda: watched.poll().status.state is State.SUCCEEDED, "the run succeeds")
        assert store.status.reason == "end/3 attempt 0: attempt_ok=True"
        assert [status.state for status in store.steps.values()] == [State.SUCCEEDED] * 3
        assert not watched.source.poll()


def test_a_step_outlives_its_launcher_and_the_run_is_lost_after_it(tmp_path: Path) -> None:
    with running(tmp_path) as (launcher, run, gate):
        watched = watch(tmp_path, "KilledFlow", run)
        store = watched.store
        eventually(lambda: watched.state("wait") is State.RUNNING, "`wait` runs")
        os.kill(launcher, signal.SIGKILL)
        watched.clock.ahead = 3600
        assert watched.state("wait") is State.RUNNING
        assert store.status.state is State.RUNNING
        assert store.status.reason.startswith("wait/2: process ")
        watched.clock.ahead = 0
        gate.unlink()
        eventually(lambda: watched.state("wait") is State.SUCCEEDED, "`wait` ends by itself")
        eventually(lambda: watched.poll().status.state is State.LOST, "nobody starts `end`")
        assert store.status.reason == ("its launcher is gone, and its terminal step has no outcome")
        assert store.steps["end"].state is State.SKIPPED


def test_what_was_killed_while_watched_is_lost_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as (launcher, run, _):
        watched = watch(tmp_path, "KilledFlow", run)
        eventually(lambda: watched.state("wait") is State.RUNNING, "`wait` runs")
        os.killpg(launcher, signal.SIGKILL)
        eventually(lambda: watched.state("wait") is State.LOST, "`wait` is lost", seconds=20)
        assert watched.store.status.state is State.FAILED
        assert re.fullmatch(
            r"wait/2 lost: process \d+ and the run's launcher are gone", watched.store.status.reason
        )


def test_what_was_killed_unseen_is_lost_once_it_was_silent_for_a_minute(tmp_path: Path) -> None:
    with running(tmp_path) as (launcher, run, _):
        wait = tmp_path / ".metaflow" / "KilledFlow" / run / "wait"
        eventually(lambda: list(wait.glob("*/_meta/sysmeta_attempt_*")), "`wait` has started")
        os.killpg(launcher, signal.SIGKILL)
        eventually(lambda: not ProcessWatch(run).look(None, None).steps, "its processes are gone")
        watched = watch(tmp_path, "KilledFlow", run)
        store = watched.store
        assert (watched.state("wait"), store.status.state) == (State.RUNNING, State.RUNNING)
        watched.clock.ahead = 50
        assert watched.state("wait") is State.RUNNING
        watched.clock.ahead = 61
        assert watched.state("wait") is State.LOST
        assert store.status.state is State.FAILED
        assert "limit 60 s" in store.status.reason


def test_a_deleted_run_is_not_found(runs: dict[str, RecordedRun], tmp_path: Path) -> None:
    folder = copied(runs["linear"], tmp_path)
    watched = watch(tmp_path, "LinearFlow", runs["linear"].run)
    watched.poll()
    shutil.rmtree(folder)
    with pytest.raises(NotFound, match=r"^Run LinearFlow/\d+ is no longer there\.$"):
        watched.poll()


def test_a_root_that_has_gone_is_an_outage_that_ends_when_it_is_back(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    copied(runs["linear"], tmp_path)
    watched = watch(tmp_path, "LinearFlow", runs["linear"].run)
    away = (tmp_path / ".metaflow").rename(tmp_path / "away")
    with pytest.raises(Unreachable, match=r"^local@.* is no longer there\.$"):
        watched.poll()
    away.rename(tmp_path / ".metaflow")
    assert watched.poll().status.state is State.SUCCEEDED


def test_half_written_metadata_is_an_outage_after_which_nothing_is_missing(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["foreach"], tmp_path)
    watched = watch(tmp_path, "ForeachFlow", runs["foreach"].run)
    (record,) = (folder / "visit" / "3" / "_meta").glob("sysmeta_attempt_ok_*")
    whole = record.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"\xff\xfe"):
        record.write_bytes(damaged)
        with pytest.raises(Unreachable, match=r"^local@.* cannot be read: .*\.$"):
            watched.poll()
    record.write_bytes(whole)
    store = watched.poll()
    assert store.status.state is State.SUCCEEDED
    assert store.counts == {State.SUCCEEDED: 6}
    assert store.expected == 6


def test_an_attempt_that_ends_while_it_is_read_is_not_called_lost(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["failed"], tmp_path)
    meta = folder / "train" / "4" / "_meta"
    (record,) = meta.glob("sysmeta_attempt_ok_*")
    (done,) = meta.glob("sysmeta_attempt-done_*")
    done.unlink()
    late = record.rename(tmp_path / "late.json")
    provider = CountingProvider(tmp_path)

    def end(kind: str, part: str, path: tuple[str, ...]) -> None:
        if (kind, part, *path) == ("task", "metadata", "train", "4") and late.exists():
            late.rename(record)

    provider.after = end
    store = watch(tmp_path, "FailedFlow", runs["failed"].run, provider).poll()
    task = store.task("train", "4")
    assert task is not None
    assert (task.state, task.reason) == (State.FAILED, "attempt_ok=False")


def test_a_run_that_ends_while_it_is_read_has_no_lost_tasks(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["linear"], tmp_path)
    meta = folder / "middle" / "2" / "_meta"
    kept = [*meta.glob("sysmeta_attempt_ok_*"), *meta.glob("sysmeta_attempt-done_*")]
    (folder / "middle" / "2" / "0.runtime").unlink()
    late = {record: record.rename(tmp_path / record.name) for record in kept}
    provider = CountingProvider(tmp_path)

    def end(kind: str, part: str, path: tuple[str, ...]) -> None:
        if (kind, part, *path) == ("task", "metadata", "middle", "2"):
            for record, away in late.items():
                if away.exists():
                    away.rename(record)

    provider.after = end
    store = watch(tmp_path, "LinearFlow", runs["linear"].run, provider).poll()
    assert [status.state for status in store.steps.values()] == [State.SUCCEEDED] * 3


def test_the_source_clock_never_runs_behind_its_own_records(
    runs: dict[str, RecordedRun],
) -> None:
    watched = watch(runs["failed"].root, "FailedFlow", runs["failed"].run)
    watched.clock.ahead = -10 * 365 * 86400.0
    store = watched.poll()
    end = store.status.finished_at
    assert end is not None
    assert store.now >= end
    before = store.now
    watched.clock.ahead += 30
    assert 30_000 <= watched.poll().now - before < 60_000


@pytest.mark.parametrize(("age", "state"), [(50, State.PENDING), (61, State.LOST)])
def test_a_run_that_has_only_been_registered_is_pending_for_a_minute(
    age: int, state: State, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["linear"], tmp_path)
    for step in ("_parameters", "start", "middle", "end"):
        shutil.rmtree(folder / step)
    watched = watch(tmp_path, "LinearFlow", runs["linear"].run)
    created = watched.store.description.created_at
    assert created is not None
    watched.clock.ahead = created / 1000 + age - time.time()
    assert watched.poll().status.state is state


def test_a_catch_of_an_old_metaflow_is_told_by_success_alone(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["catch"], tmp_path)
    for artifact in (folder / "divide").glob("*/_meta/*_artifact__catch_exception.json"):
        artifact.unlink()
    store = watch(tmp_path, "CatchFlow", runs["catch"].run).poll()
    assert [task.state for task in store.tasks("divide").values()] == [
        State.CAUGHT,
        State.SUCCEEDED,
        State.SUCCEEDED,
    ]


def test_without_attempt_ok_the_artifact_task_ok_tells(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["failed"], tmp_path)
    for record in folder.glob("*/*/_meta/sysmeta_attempt_ok_*"):
        record.unlink()
    store = watch(tmp_path, "FailedFlow", runs["failed"].run).poll()
    assert [task.reason for task in store.tasks("train").values()] == [
        "attempt-done, _task_ok=True",
        "attempt-done, _task_ok=True",
        "attempt-done, _task_ok=False",
    ]


# The graph


def hide_parameters(folder: Path, away: Path) -> Callable[[], None]:
    """Take the run's `_parameters` away; calling what this returns brings them back."""
    (folder / "_parameters").rename(away)
    return lambda: void(away.rename(folder / "_parameters"))


def void(_: object) -> None:
    """For calls whose result is of no use."""


def test_a_graph_stored_late_is_described_late(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    bring_back = hide_parameters(copied(runs["foreach"], tmp_path), tmp_path / "away")
    watched = watch(tmp_path, "ForeachFlow", runs["foreach"].run)
    store = watched.poll()
    assert store.description.graph.nodes == ()
    assert {node.type for node in store.graph.nodes} == {"unknown"}
    assert set(store.steps) == {"start", "visit", "join", "end"}
    bring_back()
    changes = watched.source.poll()
    assert changes.description is not None
    assert changes.status is not None
    store.apply(changes)
    assert [node.name for node in store.graph.nodes] == ["start", "visit", "join", "end"]
    assert store.status.reason == "end/6 attempt 0: attempt_ok=True"


class Bomb:
    """Unpickled the ordinary way, it would leave a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_graph_that_is_no_plain_data_leaves_steps_of_unknown_type(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["foreach"], tmp_path)
    (listed,) = folder.glob("_parameters/*/_meta/0_artifact__graph_info.json")
    sha = json.loads(listed.read_text())["sha"]
    blob = folder.parent / "data" / sha[:2] / sha
    blob.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    provider = CountingProvider(tmp_path)
    store = watch(tmp_path, "ForeachFlow", runs["foreach"].run, provider).poll()
    assert not (tmp_path / "exploded").exists()
    assert {node.type for node in store.graph.nodes} == {"unknown"}
    assert store.counts == {State.SUCCEEDED: 6}
    # However many tasks there are, the description is looked for a few times, not for each.
    assert provider.asked[("run", "self")] <= 5


def test_parameters_that_are_no_plain_data_are_shown_by_their_size(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["linear"], tmp_path)
    (listed,) = folder.glob("_parameters/*/_meta/0_artifact_alpha.json")
    described = json.loads(listed.read_text())
    blob = folder.parent / "data" / described["sha"][:2] / described["sha"]
    blob.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert watch(tmp_path, "LinearFlow", runs["linear"].run).store.description.parameters == {
        "alpha": "<object, 23 bytes>"
    }
    blob.unlink()
    assert watch(tmp_path, "LinearFlow", runs["linear"].run).store.description.parameters == {
        "alpha": "<unreadable>"
    }
    listed.write_text(json.dumps(described | {"sha": "../../../../etc/passwd"}))
    assert watch(tmp_path, "LinearFlow", runs["linear"].run).store.description.parameters == {
        "alpha": "<unreadable>"
    }
