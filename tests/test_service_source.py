"""The service source: what it asks of a metaflow-service, and what it shows first."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flowtui.model import Changes, State
from flowtui.report.document import run_document
from flowtui.sources.base import NotFound, Unreachable
from flowtui.sources.client import ClientSource
from flowtui.sources.provider import Provider
from flowtui.sources.service import ServiceSource
from flowtui.store import RunStore
from tests.metadata_service import MetadataService
from tests.metadata_service_runs import ServedRuns, served_runs

_METADATA = "GET /flows/{flow}/runs/{run}/metadata"
_TASK = "GET /flows/{flow}/runs/{run}/steps/{step}/tasks/{task}"
_TASKS = "GET /flows/{flow}/runs/{run}/steps/{step}/tasks"
_QUERY = "GET /flows/{flow}/runs/{run}/steps/{step}/filtered_tasks"
_ATTEMPT_ARTIFACTS = _TASK + "/attempt/{attempt}/artifacts"
_RUN = "GET /flows/{flow}/runs/{run}"


@pytest.fixture(scope="module")
def served(pytestconfig: pytest.Config) -> ServedRuns:
    return served_runs(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")


class Watched:
    """A run polled into a store; time passes when told to, and by `step` with each look at it."""

    def __init__(self, service: MetadataService, pathspec: str, step: float = 0.0) -> None:
        self.service = service
        self.seconds, self.step, self.ahead = 1000.0, step, 0.0
        self.flow, _, self.run = pathspec.partition("/")
        self.source = ServiceSource(
            Provider(f"service@{service.url}", ""),
            self.flow,
            self.run,
            clock=lambda: time.time() + self.ahead,
            monotonic=self._monotonic,
        )
        self.store = RunStore(self.source.describe())

    def _monotonic(self) -> float:
        self.seconds += self.step
        return self.seconds

    def poll(self) -> Changes:
        self.seconds += 1
        changes = self.source.poll()
        self.store.apply(changes)
        return changes

    def complete(self) -> RunStore:
        while self.poll().more:
            pass
        return self.store

    def counted(self) -> Counter[str]:
        """What one more poll asks for."""
        self.service.reset()
        self.poll()
        return Counter(self.service.counts)

    def document(self) -> dict[str, Any]:
        return run_document(self.store) | {"source": ""}


def reference(service: MetadataService, pathspec: str) -> dict[str, Any]:
    """The document as the reference source gives it."""
    flow, _, run = pathspec.partition("/")
    source = ClientSource(Provider(f"service@{service.url}", ""), flow, run)
    store = RunStore(source.describe())
    store.apply(source.poll())
    return run_document(store) | {"source": ""}


@contextmanager
def serving(
    served: ServedRuns, folder: Path, *, paging: bool = True, filtered_tasks: bool = True
) -> Iterator[MetadataService]:
    database = Path(shutil.copy(served.database(folder), folder / "served.db"))
    with MetadataService(db=database, paging=paging, filtered_tasks=filtered_tasks) as service:
        yield service


# The first look


def test_the_first_look_at_many_tasks_asks_for_outcomes_not_for_tasks(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        service.grow(served.pathspecs["foreach"], "visit", 60)
        watched = Watched(service, served.pathspecs["foreach"])
        service.reset()
        changes = watched.poll()
        asked = Counter(service.counts)
    assert watched.store.counts[State.SUCCEEDED] == 63
    assert watched.store.status.state is State.SUCCEEDED
    # Succeeded, failed, cloned, a second attempt; and the one task each of the other three steps.
    assert (asked[_QUERY], asked[_METADATA], asked[_TASKS]) == (4, 1, 4)
    assert asked[_TASK + "/metadata"] == 3
    assert changes.more
    assert {task.label for task in watched.store.tasks("visit").values()} == {None}


def test_times_and_labels_follow_and_then_it_equals_the_reference(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        pathspec = served.pathspecs["foreach"]
        service.grow(pathspec, "visit", 60)
        watched = Watched(service, pathspec)
        watched.complete()
        assert watched.document() == reference(service, pathspec)
        assert not watched.poll()


def test_tasks_in_view_are_read_first(served: ServedRuns, tmp_path: Path) -> None:
    with serving(served, tmp_path) as service:
        service.grow(served.pathspecs["foreach"], "visit", 120)
        # With a second at each look at the clock, a poll reads one piece.
        watched = Watched(service, served.pathspecs["foreach"], step=1.0)
        watched.poll()
        tasks = [*watched.store.tasks("visit")]
        in_view = tasks[40]
        assert watched.store.tasks("visit")[in_view].started_at is None
        watched.source.attend([("visit", in_view)])
        watched.poll()
        known = [task.id for task in watched.store.tasks("visit").values() if task.started_at]
        assert known == [in_view]
        assert watched.store.tasks("visit")[in_view].label is not None


def test_retried_failed_and_running_tasks_are_told_apart_at_the_first_look(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        pathspec = served.pathspecs["foreach"]
        service.grow(pathspec, "visit", 70)
        (number,) = service.store.sql("SELECT run_number FROM runs WHERE flow_id = 'ForeachFlow'")[
            0
        ]
        visits = [
            row[0]
            for row in service.store.sql(
                f"SELECT task_id FROM tasks WHERE run_number = {number} AND step_name = 'visit'"
                " ORDER BY task_id"
            )
        ]
        failed, silent, again = visits[10], visits[11], visits[12]
        of = "UPDATE metadata SET value = 'False' WHERE field_name = 'attempt_ok' AND task_id = ?"
        service.store.sql(of, failed)
        ended = "DELETE FROM metadata WHERE field_name IN ('attempt_ok', 'attempt-done')"
        service.store.sql(f"{ended} AND task_id = ?", silent)
        # A first attempt without an outcome, and a second that went well.
        second = "UPDATE metadata SET value = '1', tags = '[\"attempt_id:1\"]'"
        service.store.sql(
            f"{second} WHERE field_name IN ('attempt', 'attempt-done') AND task_id = ?", again
        )
        service.store.sql(
            "UPDATE metadata SET tags = '[\"attempt_id:1\"]'"
            " WHERE field_name = 'attempt_ok' AND task_id = ?",
            again,
        )
        watched = Watched(service, pathspec)
        watched.poll()
        visit = watched.store.tasks("visit")
        assert visit[str(failed)].state is State.FAILED
        assert visit[str(silent)].state is State.LOST
        assert visit[str(again)].state is State.SUCCEEDED
        watched.complete()
        assert watched.document() == reference(service, pathspec)


# What later looks cost


@pytest.mark.parametrize("tasks", [3, 60])
def test_a_later_look_takes_one_request_whatever_the_number_of_tasks(
    tasks: int, served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        service.grow(served.pathspecs["foreach"], "visit", tasks)
        watched = Watched(service, served.pathspecs["foreach"])
        watched.complete()
        for _ in range(4):
            watched.poll()
        assert watched.counted() == {_METADATA: 1}


def test_the_row_of_the_run_is_asked_for_every_ten_seconds(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        watched = Watched(service, served.pathspecs["linear"])
        watched.complete()
        service.reset()
        for _ in range(20):
            watched.poll()
        assert service.counts[_RUN] == 2


def test_a_caught_attempt_is_looked_up_once(served: ServedRuns, tmp_path: Path) -> None:
    with serving(served, tmp_path) as service:
        watched = Watched(service, served.pathspecs["catch"])
        service.reset()
        watched.complete()
        for _ in range(3):
            watched.poll()
        assert service.counts[_ATTEMPT_ARTIFACTS] == 3
        states = Counter(task.state for task in watched.store.tasks("divide").values())
        assert states == {State.CAUGHT: 1, State.SUCCEEDED: 2}


def test_what_there_was_no_time_to_look_up_is_said_and_looked_up_next(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        watched = Watched(service, served.pathspecs["catch"], step=1.0)
        changes = watched.poll()
        divide = watched.store.tasks("divide").values()
        assert changes.more
        assert {task.attempts[-1].reason for task in divide} >= {
            "attempt_ok=True, whether @catch handled it is not read yet"
        }
        watched.complete()
        assert watched.document() == reference(service, served.pathspecs["catch"])


# Rows that come late


def test_a_row_written_behind_newer_ones_is_still_seen(served: ServedRuns, tmp_path: Path) -> None:
    with serving(served, tmp_path) as service:
        end = "field_name = 'attempt_ok' AND step_name = 'end' AND run_number = ("
        end += "SELECT run_number FROM runs WHERE flow_id = 'LinearFlow')"
        columns = (
            "id, run_number, step_name, task_id, field_name, value, type, user_name, ts_epoch,"
            " tags, system_tags"
        )
        [late] = service.store.sql(f"SELECT {columns} FROM metadata WHERE {end}")
        service.store.sql(f"DELETE FROM metadata WHERE {end}")
        watched = Watched(service, served.pathspecs["linear"])
        watched.complete()
        assert watched.store.status.reason != "end/3 attempt 0: attempt_ok=True"
        marks = ", ".join("?" * len(late))
        service.store.sql(f"INSERT INTO metadata ({columns}) VALUES ({marks})", *late)
        watched.poll()
        assert watched.store.status.state is State.SUCCEEDED


# Clocks


@pytest.mark.parametrize("days", [0, 2])
@pytest.mark.parametrize(("silent", "state"), [(20, State.RUNNING), (100, State.LOST)])
def test_silence_is_counted_by_the_clock_of_the_service(
    silent: int, state: State, days: int, served: ServedRuns, tmp_path: Path
) -> None:
    # A run whose step process was killed. Its records are of the past or, moved, of the future.
    with serving(served, tmp_path) as service:
        for table in ("runs", "steps", "tasks", "metadata", "artifacts"):
            service.store.sql(f"UPDATE {table} SET ts_epoch = ts_epoch + ?", days * 86_400_000)
        for table in ("runs", "tasks"):
            moved = f"UPDATE {table} SET last_heartbeat_ts = last_heartbeat_ts + ?"
            service.store.sql(moved, days * 86_400)
        last = "SELECT max(last_heartbeat_ts) FROM tasks WHERE step_name = 'wait'"
        [(beat,)] = service.store.sql(last)
        service.ahead = beat + silent - time.time()
        watched = Watched(service, served.pathspecs["launcher_killed"])
        [task] = watched.complete().tasks("wait").values()
        assert task.state is state


# Services that can do less, or nothing


@pytest.mark.parametrize(("paging", "filtered_tasks"), [(True, False), (False, False)])
def test_an_old_service_gives_the_same_more_slowly(
    paging: bool, filtered_tasks: bool, served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path, paging=paging, filtered_tasks=filtered_tasks) as service:
        pathspec = served.pathspecs["foreach"]
        service.grow(pathspec, "visit", 60)
        watched = Watched(service, pathspec)
        assert not watched.poll().more
        assert watched.document() == reference(service, pathspec)
        assert not watched.poll()


def test_an_outage_in_the_middle_of_the_first_look_loses_nothing(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        pathspec = served.pathspecs["catch"]
        watched = Watched(service, pathspec)
        service.fault, service.fault_on = "503", "/attempt/"
        with pytest.raises(Unreachable, match="does not answer"):
            watched.poll()
        service.fault = None
        watched.complete()
        assert watched.document() == reference(service, pathspec)


def test_a_run_that_is_missed_for_a_while_is_found_again(
    served: ServedRuns, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        watched = Watched(service, served.pathspecs["linear"])
        watched.complete()
        service.fault = "404"
        with pytest.raises(NotFound, match="is no longer there"):
            watched.poll()
        service.fault = None
        assert not watched.poll().tasks
        assert watched.store.status.state is State.SUCCEEDED
