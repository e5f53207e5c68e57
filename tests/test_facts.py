"""What is recorded of a task: the same from every source, read anew, from whatever thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowtui.model import Fact, Key
from flowtui.sources import facts
from flowtui.sources.base import NotFound, RunSource, Unreachable
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from flowtui.sources.service import ServiceSource
from tests.contract import OVER_LOCAL, OVER_SERVICE, Clocks, Watched, copied, held, watch
from tests.metadata_service import MetadataService
from tests.metadata_service_runs import ServedRuns, served_runs
from tests.runs import SCENARIOS, RecordedRun, eventually

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""

Facts = Mapping[Key, list[Fact]]


@pytest.fixture(scope="module")
def served(pytestconfig: pytest.Config) -> ServedRuns:
    return served_runs(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")


@pytest.fixture(scope="module")
def service(
    served: ServedRuns, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MetadataService]:
    with MetadataService(db=served.database(tmp_path_factory.mktemp("served"))) as service:
        yield service


def read(watched: Watched) -> Facts:
    """Everything that is recorded of each task of a run."""
    tasks = watched.poll().all_tasks()
    return {task.key: list(watched.source.facts(*task.key)) for task in tasks}


def opened(over: str, pathspec: str, metadata: str) -> Watched:
    flow, _, run = pathspec.partition("/")
    # An hour later: what was killed has been silent for long enough.
    return watch({**OVER_LOCAL, **OVER_SERVICE}[over], metadata, flow, run, Clocks(_HOUR_LATER))


_HOUR_LATER = time.time() + 3600


def of(found: list[Fact], name: str) -> list[tuple[str, int | None]]:
    return [(fact.value, fact.attempt) for fact in found if fact.name == name]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_ways_to_read_local_metadata_tell_the_same(
    scenario: str, runs: dict[str, RecordedRun]
) -> None:
    recorded = runs[scenario]
    reference, fast = (
        read(opened(over, recorded.pathspec, f"local@{recorded.root}")) for over in OVER_LOCAL
    )
    assert fast == reference
    assert all(of(found, "attempt") for found in fast.values())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_ways_to_read_a_service_tell_the_same(
    scenario: str, served: ServedRuns, service: MetadataService
) -> None:
    reference, fast = (
        read(opened(over, served.pathspecs[scenario], f"service@{service.url}"))
        for over in OVER_SERVICE
    )
    assert fast == reference
    assert all(of(found, "attempt") for found in fast.values())


@pytest.fixture(params=[*OVER_LOCAL, *OVER_SERVICE])
def over(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def facts_of(over: str, runs: dict[str, RecordedRun], request: pytest.FixtureRequest) -> _FactsOf:
    if over in OVER_LOCAL:
        where = f"local@{runs['linear'].root}"
        return _FactsOf(over, where, {name: run.pathspec for name, run in runs.items()})
    served: ServedRuns = request.getfixturevalue("served")
    url = request.getfixturevalue("service").url
    return _FactsOf(over, f"service@{url}", served.pathspecs)


class _FactsOf:
    """The facts of the only task of a step, or of the one at `index` of a foreach."""

    def __init__(self, over: str, metadata: str, pathspecs: Mapping[str, str]) -> None:
        self._over, self._metadata, self._pathspecs = over, metadata, pathspecs

    def __call__(self, scenario: str, step: str, index: int | None = None) -> list[Fact]:
        watched = opened(self._over, self._pathspecs[scenario], self._metadata)
        tasks = watched.poll().tasks(step).values()
        (task,) = [task for task in tasks if index in (None, task.index)]
        return list(watched.source.facts(step, task.id))


def test_each_row_is_there_with_its_attempt_and_its_time(facts_of: _FactsOf) -> None:
    found = facts_of("retry", "flaky")
    assert of(found, "attempt") == [("0", 0), ("1", 1), ("2", 2)]
    assert of(found, "attempt_ok") == [("False", 0), ("False", 1), ("True", 2)]
    assert of(found, "attempt-done") == [("0", 0), ("1", 1), ("2", 2)]
    assert of(found, "origin-run-id") == [("None", 0), ("None", 1), ("None", 2)]
    assert of(found, "exit") == [("exit code 1", 0), ("exit code 1", 1), ("exit code 0", 2)]
    times = [fact.at for fact in found]
    assert None not in times
    assert times == sorted(times, key=lambda at: at or 0)
    names = {"heartbeat", "process", "process ended", "_catch_exception"}
    assert not names & {fact.name for fact in found}


def test_an_end_by_a_signal_is_told_and_what_made_a_catch_of_an_attempt(
    facts_of: _FactsOf,
) -> None:
    crashed = facts_of("segfault", "crash")
    assert of(crashed, "exit") == [("exit by signal 11 (SIGSEGV)", n) for n in (0, 1)]
    assert of(crashed, "attempt_ok") == []
    doomed = facts_of("catch_killed", "doomed")
    assert of(doomed, "exit")[:2] == [("exit by signal 9 (SIGKILL)", n) for n in (0, 1)]
    assert of(doomed, "_catch_exception") == [("registered", 2)]
    assert doomed[-1] == Fact("_catch_exception", "registered", 2, None)
    assert of(facts_of("catch", "divide", 0), "_catch_exception") == [("registered", 2)]
    assert of(facts_of("catch", "divide", 1), "_catch_exception") == []


def test_a_clone_tells_what_it_was_cloned_from(facts_of: _FactsOf) -> None:
    found = facts_of("resumed", "start")
    ((origin, attempt),) = of(found, "origin-task-id")
    assert attempt == 0
    assert origin.isdigit()
    assert of(found, "exit") == []


def test_a_heartbeat_is_told_where_there_is_no_outcome(facts_of: _FactsOf, over: str) -> None:
    found = facts_of("launcher_killed", "wait")
    assert (of(found, "heartbeat") != []) == (over in OVER_SERVICE)
    for fact in found:
        if fact.name == "heartbeat":
            assert fact.at is not None
            assert fact.attempt is None
            assert fact.value.endswith(" ago")


def test_a_task_that_is_not_there_is_not_found(facts_of: _FactsOf, over: str) -> None:
    watched = opened(over, facts_of._pathspecs["linear"], facts_of._metadata)
    for step, task in (("start", "999999"), ("nowhere", "1")):
        with pytest.raises(NotFound, match=f"{step}/{task} is not there"):
            watched.source.facts(step, task)


def test_the_process_of_a_running_attempt_is_told_and_its_end(tmp_path: Path) -> None:
    with held(tmp_path) as live:
        source = LocalSource(Provider(f"local@{tmp_path}", ""), live.flow, live.run)

        def named(name: str) -> list[tuple[str, int | None]]:
            source.poll()
            try:
                return of(list(source.facts("wait", "2")), name)
            except NotFound:
                return []

        eventually(lambda: named("process"), "the step process is seen")
        ((pid, attempt),) = named("process")
        assert (pid.isdigit(), attempt) == (True, 0)
        assert named("process ended") == []
        live.kill()
        eventually(lambda: named("process ended") == [(pid, 0)], "its end is seen")
        assert named("process") == []


@contextmanager
def read_in_another_thread(source: RunSource, *key: str) -> Iterator[list[object]]:
    """Facts read again and again while the block runs; what came of it."""
    done, seen = threading.Event(), list[object]()

    def read_on() -> None:
        while not done.is_set():
            try:
                seen.append(source.facts(*key))
            except Exception as error:
                seen.append(error)

    thread = threading.Thread(target=read_on)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("name", OVER_SERVICE)
def test_facts_are_read_while_another_thread_polls(
    name: str, served: ServedRuns, service: MetadataService
) -> None:
    watched = opened(name, served.pathspecs["catch"], f"service@{service.url}")
    step, task = next(watched.poll().all_tasks()).key
    alone = watched.source.facts(step, task)
    with read_in_another_thread(watched.source, step, task) as seen:
        for _ in range(20):
            opened(name, served.pathspecs["catch"], f"service@{service.url}").poll()
            watched.poll()
        eventually(lambda: len(seen) > 20, "facts were read meanwhile")
    assert all(each == alone for each in seen), [e for e in seen if e != alone][:1]


def test_facts_cost_one_request_and_a_failing_service_is_said(
    served: ServedRuns, service: MetadataService
) -> None:
    flow, _, run = served.pathspecs["retry"].partition("/")
    source = ServiceSource(Provider(f"service@{service.url}", ""), flow, run)
    source.poll()
    (task,) = [key for key in source._kept if key[0] == "flaky"]
    before = len(service.requests)
    source.facts(*task)
    assert len(service.requests) - before == 1
    service.fault = "500"
    try:
        with pytest.raises(Unreachable, match="HTTP status 500"):
            source.facts(*task)
    finally:
        service.fault = None


def test_a_damaged_row_hides_no_other_and_values_have_an_end(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["linear"], tmp_path) / "start" / "1" / "_meta"
    (ok,) = folder.glob("sysmeta_attempt_ok_*.json")
    (root,) = folder.glob("sysmeta_ds-root_*.json")
    ok.write_text("{")
    row = json.loads(root.read_text())
    root.write_text(json.dumps(row | {"value": "x" * 20_000}))
    (stored,) = folder.glob("sysmeta_ds-type_*.json")
    stored.write_text(json.dumps(row | {"field_name": "odd", "value": [1, None], "tags": None}))
    source = LocalSource(Provider(f"local@{tmp_path}", ""), "LinearFlow", runs["linear"].run)
    found = list(source.facts("start", "1"))
    assert of(found, "attempt") == [("0", 0)]
    assert of(found, "ds-root") == [("x" * facts.VALUE_LENGTH, 0)]
    assert of(found, "odd") == [("[1, null]", None)]
