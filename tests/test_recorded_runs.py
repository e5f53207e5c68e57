"""What each recorded run must look like to every source: one table, written from what flows do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowtui.model import State, Task
from flowtui.store import RunStore
from tests.contract import OVER_LOCAL, OVER_SERVICE, Clocks, Open, watch
from tests.metadata_service import MetadataService
from tests.metadata_service_runs import ServedRuns, served_runs
from tests.runs import SCENARIOS, RecordedRun

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""

S, F, C, L = "succeeded", "failed", "caught", "lost"
CLONED, SKIPPED = "cloned", "skipped"


@dataclass(frozen=True)
class Row:
    """A task: its foreach labels, its index in the innermost foreach, its attempts, its state."""

    attempts: str
    labels: tuple[str, ...] = ()
    index: int | None = None
    reason: str = ""

    @property
    def state(self) -> str:
        return self.attempts.split()[-1]


@dataclass(frozen=True)
class Seen:
    """A run: its state, a part of its reason, and each step's state, reason and tasks."""

    state: str
    reason: str
    steps: dict[str, tuple[str, str, list[Row]]]
    expected: int | None
    finished: int


def one(attempts: str = S, reason: str = "attempt_ok=True") -> tuple[str, str, list[Row]]:
    """A step of one task outside any foreach."""
    row = Row(attempts, reason=reason)
    return row.state, f"1 of 1 task {row.state}", [row]


BYPASSED: tuple[str, str, list[Row]] = (SKIPPED, "the switch before it took another branch", [])
NEVER: tuple[str, str, list[Row]] = (SKIPPED, "never reached, and the run is over", [])
CAUGHT_BY_RETRY = "try 3 of 3: @catch stored it in divide_failed"
SILENT = "no process on this machine and nothing written for"
BREATHLESS = "no heartbeat for"

TABLE: dict[str, Seen] = {
    "linear": Seen(
        S,
        "end/3 attempt 0: attempt_ok=True",
        {"start": one(), "middle": one(), "end": one()},
        expected=3,
        finished=3,
    ),
    "branch": Seen(
        S,
        "end/5 attempt 0: attempt_ok=True",
        {"start": one(), "left": one(), "right": one(), "join": one(), "end": one()},
        expected=5,
        finished=5,
    ),
    "foreach": Seen(
        S,
        "end/6 attempt 0: attempt_ok=True",
        {
            "start": one(),
            "visit": (
                S,
                "3 of 3 tasks succeeded",
                [
                    Row(S, ("countries=FI",), 0),
                    Row(S, ("countries=SE",), 1),
                    Row(S, ("countries=NO",), 2),
                ],
            ),
            "join": one(),
            "end": one(),
        },
        expected=6,
        finished=6,
    ),
    "nested_foreach": Seen(
        S,
        "end/11 attempt 0: attempt_ok=True",
        {
            "start": one(),
            "country": (
                S,
                "2 of 2 tasks succeeded",
                [Row(S, ("countries=FI",), 0), Row(S, ("countries=SE",), 1)],
            ),
            "title": (
                S,
                "4 of 4 tasks succeeded",
                [
                    Row(S, ("countries=FI", "titles=a"), 0),
                    Row(S, ("countries=FI", "titles=b"), 1),
                    Row(S, ("countries=SE", "titles=a"), 0),
                    Row(S, ("countries=SE", "titles=b"), 1),
                ],
            ),
            "join_titles": (
                S,
                "2 of 2 tasks succeeded",
                [Row(S, ("countries=FI",), 0), Row(S, ("countries=SE",), 1)],
            ),
            "join_countries": one(),
            "end": one(),
        },
        expected=11,
        finished=11,
    ),
    "switch": Seen(
        S,
        "end/3 attempt 0: attempt_ok=True",
        {"start": one(), "fast": one(), "slow": BYPASSED, "end": one()},
        expected=None,
        finished=3,
    ),
    "loop": Seen(
        S,
        "end/5 attempt 0: attempt_ok=True",
        {
            "start": one(),
            "work": (S, "3 of 3 tasks succeeded", [Row(S), Row(S), Row(S)]),
            "end": one(),
        },
        expected=None,
        finished=5,
    ),
    "parallel": Seen(
        S,
        "end/4 attempt 0: attempt_ok=True",
        {
            "start": one(),
            "train": (
                S,
                "3 of 3 tasks succeeded",
                [Row(S, ("node=0",), 0), Row(S, ("node=1",), 1), Row(S, ("node=2",), 2)],
            ),
            "join": one(),
            "end": one(),
        },
        expected=6,
        finished=6,
    ),
    "retry": Seen(
        S,
        "end/3 attempt 0: attempt_ok=True",
        {
            "start": one(),
            "flaky": one(f"{F} {F} {S}", "try 3 of 3: attempt_ok=True"),
            "end": one(),
        },
        expected=3,
        finished=3,
    ),
    "catch": Seen(
        S,
        "end/6 attempt 0: attempt_ok=True",
        {
            "start": one(),
            "divide": (
                C,
                "1 of 3 tasks caught",
                [
                    Row(f"{F} {F} {C}", ("divisors=0",), 0, CAUGHT_BY_RETRY),
                    Row(S, ("divisors=1",), 1, "try 1 of 3: attempt_ok=True"),
                    Row(S, ("divisors=2",), 2, "try 1 of 3: attempt_ok=True"),
                ],
            ),
            "join": one(),
            "end": one(),
        },
        expected=6,
        finished=6,
    ),
    "catch_killed": Seen(
        S,
        "end/3 attempt 0: attempt_ok=True",
        {
            "start": one(),
            "doomed": one(f"{L} {L} {C}", "fallback after 2 tries: @catch stored it in doom"),
            "end": one(),
        },
        expected=3,
        finished=3,
    ),
    "timeout": Seen(
        S,
        "end/3 attempt 0: attempt_ok=True",
        {"start": one(), "slow": one(f"{F} {S}", "try 2 of 2: attempt_ok=True"), "end": one()},
        expected=3,
        finished=3,
    ),
    "segfault": Seen(
        F,
        "crash/2 lost: try 2 of 2: exit by signal 11 (SIGSEGV), no outcome recorded",
        {
            "start": one(),
            "crash": one(f"{L} {L}", "exit by signal 11 (SIGSEGV)"),
            "end": NEVER,
        },
        expected=3,
        finished=2,
    ),
    "failed": Seen(
        F,
        "train/4 failed: attempt_ok=False",
        {
            "start": one(),
            "train": (
                F,
                "1 of 3 tasks failed",
                [
                    Row(S, ("countries=FI",), 0),
                    Row(S, ("countries=SE",), 1),
                    Row(F, ("countries=NO",), 2, "attempt_ok=False"),
                ],
            ),
            "join": NEVER,
            "end": NEVER,
        },
        expected=6,
        finished=4,
    ),
    "resumed": Seen(
        S,
        "end/6 attempt 0: attempt_ok=True",
        {
            "start": one(CLONED, "cloned from FailedFlow/"),
            "train": (
                S,
                "1 of 3 tasks succeeded, 2 cloned",
                [
                    Row(CLONED, ("countries=FI",), 0, "cloned from FailedFlow/"),
                    Row(CLONED, ("countries=SE",), 1, "cloned from FailedFlow/"),
                    Row(S, ("countries=NO",), 2),
                ],
            ),
            "join": one(),
            "end": one(),
        },
        expected=6,
        finished=6,
    ),
    "launcher_killed": Seen(
        F,
        f"wait/2 lost: {SILENT}",
        {"start": one(), "wait": one(L, SILENT), "end": NEVER},
        expected=3,
        finished=2,
    ),
}


BY_HEARTBEAT: dict[str, Seen] = {
    "launcher_killed": Seen(
        F,
        f"wait/2 lost: {BREATHLESS}",
        {"start": one(), "wait": one(L, BREATHLESS), "end": NEVER},
        expected=3,
        finished=2,
    ),
}
"""What a metadata service shows otherwise: its tasks send heartbeats, their processes are away."""


@dataclass(frozen=True)
class Recordings:
    """Every recorded run, as one of the sources reads it."""

    name: str
    open_it: Open
    metadata: str
    pathspecs: Mapping[str, str]

    @property
    def by_heartbeat(self) -> bool:
        return self.name in OVER_SERVICE

    def read(self, scenario: str) -> RunStore:
        """The run as one look at it gives it."""
        flow, _, run = self.pathspecs[scenario].partition("/")
        # An hour later: recorded a moment ago, what was killed would not have been silent enough.
        clocks = Clocks(time.time() + 3600)
        return watch(self.open_it, self.metadata, flow, run, clocks).poll()

    def wanted(self, scenario: str) -> Seen:
        return (BY_HEARTBEAT if self.by_heartbeat else {}).get(scenario, TABLE[scenario])

    def comparable(self, reason: str) -> str:
        """A reason as the table has it: a service counts tasks of all runs, not of each."""
        return re.sub(r"/\d+", "/#", reason) if self.by_heartbeat else reason


@pytest.fixture(scope="module")
def served(pytestconfig: pytest.Config) -> ServedRuns:
    return served_runs(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")


@pytest.fixture(scope="module")
def address(served: ServedRuns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service with all recorded runs."""
    with MetadataService(db=served.database(tmp_path_factory.mktemp("served"))) as service:
        yield service.url


@pytest.fixture(params=[*OVER_LOCAL, *OVER_SERVICE])
def recordings(request: pytest.FixtureRequest, runs: dict[str, RecordedRun]) -> Recordings:
    name = request.param
    if name in OVER_LOCAL:
        pathspecs = {scenario: recorded.pathspec for scenario, recorded in runs.items()}
        return Recordings(name, OVER_LOCAL[name], f"local@{runs['linear'].root}", pathspecs)
    served: ServedRuns = request.getfixturevalue("served")
    metadata = f"service@{request.getfixturevalue('address')}"
    return Recordings(name, OVER_SERVICE[name], metadata, served.pathspecs)


def by_label(tasks: Iterator[Task]) -> list[Task]:
    """Tasks of a step by their foreach position: ids of clones come in varying order."""
    return sorted(tasks, key=lambda task: (task.labels[:-1], task.index or 0, task.id))


@pytest.mark.parametrize("scenario", TABLE)
def test_a_recorded_run_reads_as_its_flow_went(scenario: str, recordings: Recordings) -> None:
    wanted, store = recordings.wanted(scenario), recordings.read(scenario)
    assert store.status.state == wanted.state
    assert recordings.comparable(wanted.reason) in recordings.comparable(store.status.reason)
    assert [node.name for node in store.graph.nodes] == list(wanted.steps)
    for step, (state, reason, rows) in wanted.steps.items():
        status = store.steps[step]
        assert (step, status.state, status.reason) == (step, state, reason)
        tasks = by_label(iter(store.tasks(step).values()))
        assert [(task.state, task.labels, task.index) for task in tasks] == [
            (row.state, row.labels, row.index) for row in rows
        ]
        for task, row in zip(tasks, rows, strict=True):
            assert " ".join(attempt.state for attempt in task.attempts) == row.attempts
            assert [attempt.number for attempt in task.attempts] == list(range(len(task.attempts)))
            assert row.reason in task.reason
    assert (store.expected, store.finished) == (wanted.expected, wanted.finished)


def test_every_scenario_has_its_row() -> None:
    assert set(TABLE) == set(SCENARIOS)


def test_earlier_attempts_say_what_followed_them(recordings: Recordings) -> None:
    (flaky,) = recordings.read("retry").tasks("flaky").values()
    assert [attempt.reason for attempt in flaky.attempts] == [
        "attempt_ok=False, attempt 1 followed",
        "attempt_ok=False, attempt 2 followed",
        "attempt_ok=True",
    ]
    (doomed,) = recordings.read("catch_killed").tasks("doomed").values()
    assert [attempt.reason for attempt in doomed.attempts] == [
        "exit by signal 9 (SIGKILL), no outcome recorded, attempt 1 followed",
        "exit by signal 9 (SIGKILL), no outcome recorded, attempt 2 followed",
        "@catch stored it in doom",
    ]


def test_a_resumed_run_names_the_run_and_the_tasks_it_was_cloned_from(
    recordings: Recordings,
) -> None:
    origin, store = recordings.read("failed"), recordings.read("resumed")
    assert store.description.origin_run == origin.description.run
    originals = {
        task.labels: f"{recordings.pathspecs['failed']}/train/{task.id}"
        for task in origin.tasks("train").values()
    }
    for task in store.tasks("train").values():
        cloned = task.state is State.CLONED
        assert task.origin_task == (originals[task.labels] if cloned else None)
    assert origin.description.origin_run is None


def test_times_are_in_order_and_within_the_run(recordings: Recordings) -> None:
    for scenario in TABLE:
        store = recordings.read(scenario)
        created, finished = store.description.created_at, store.status.finished_at
        assert created is not None
        assert finished is not None
        for task in store.all_tasks():
            for attempt in task.attempts:
                assert attempt.started_at is not None
                ended = attempt.finished_at
                assert (ended is None) == (attempt.state is State.LOST), (scenario, attempt)
                assert created <= attempt.started_at <= (ended or finished) <= finished


def test_a_description_says_who_when_and_with_what(recordings: Recordings) -> None:
    run = recordings.read("linear").description
    assert f"{run.flow}/{run.run}" == recordings.pathspecs["linear"]
    assert run.source == recordings.name.partition(" ")[0]
    assert (run.user, run.tags) == ("tester", ())
    assert {"user:tester", "runtime:dev"} <= set(run.system_tags)
    assert run.parameters == {"alpha": 0.5}
    assert (run.graph.start_step, run.graph.end_step) == ("start", "end")
    assert run.graph.file == "linear.py"
