"""The rules that turn tasks into the states of steps and runs, and say how many tasks to expect."""

from __future__ import annotations

import pytest

from flowtui.model import Attempt, Graph, Ms, Node, RunStatus, State, StepStatus, Task
from flowtui.status import Vital, run, terminal_outcome
from flowtui.steps import bypassed, expected_tasks, step

S = 1000
MINUTE = 60 * S
HOUR = 60 * MINUTE
NOW = Ms(10 * 24 * HOUR)
END = Ms(NOW - HOUR)

PENDING, RUNNING, WAITING = State.PENDING, State.RUNNING, State.WAITING
SUCCEEDED, FAILED, CAUGHT = State.SUCCEEDED, State.FAILED, State.CAUGHT
LOST, CLONED, SKIPPED = State.LOST, State.CLONED, State.SKIPPED


def a_task(name: str, state: State, reason: str, ended: Ms | None = END) -> Task:
    last = Attempt(0, state, reason, Ms(END - S), ended)
    return Task(name, "7", state, reason, (last,))


BROKEN = a_task("work", FAILED, "attempt_ok=False")
VANISHED = a_task("work", LOST, "exit by signal 9 (SIGKILL), no outcome recorded", None)


# Runs: (what, how it stands, the state, the reason)


def stands(
    vital: Vital,
    *,
    outcome: RunStatus | None = None,
    running: str | None = None,
    started: bool = True,
    failure: Task | None = None,
) -> tuple[str, str]:
    found = run(
        vital,
        outcome=outcome,
        running=running,
        started=started,
        first_failure=failure,
        finished_at=END,
    )
    return found.state, found.reason


DONE = RunStatus(SUCCEEDED, "fin/9 attempt 0: attempt_ok=True", END)
GONE = Vital(NOW, launcher_gone=True, last_sign=Ms(NOW - S))
LAUNCHED = Vital(NOW, launcher=99, last_sign=END)
SILENT = Vital(NOW, last_sign=END)


def beating(age: int) -> Vital:
    return Vital(NOW, heartbeat=Ms(NOW - age), last_sign=END)


RUNS: list[tuple[str, tuple[str, str], tuple[str, str]]] = [
    (
        "its terminal step's outcome comes before all else",
        stands(LAUNCHED, outcome=DONE, running="work/7: …", failure=BROKEN),
        ("succeeded", "fin/9 attempt 0: attempt_ok=True"),
    ),
    (
        "a running attempt keeps it alive, also beside a failure and without its launcher",
        stands(GONE, running="work/8: process 12 is alive", failure=BROKEN),
        ("running", "work/8: process 12 is alive"),
    ),
    (
        "its launcher keeps it alive, also beside a failure",
        stands(LAUNCHED, failure=BROKEN),
        ("running", "its launcher, process 99, is alive"),
    ),
    (
        "nothing has begun yet",
        stands(LAUNCHED, started=False),
        ("pending", "its launcher, process 99, is alive"),
    ),
    ("a heartbeat 360 s old", stands(beating(360 * S)), ("running", "its heartbeat arrives")),
    (
        "a heartbeat 361 s old",
        stands(beating(361 * S)),
        ("lost", "no heartbeat for 6 min, limit 360 s"),
    ),
    (
        "a heartbeat from a clock that is ahead",
        stands(beating(-HOUR)),
        ("running", "its heartbeat arrives"),
    ),
    (
        "a heartbeat 361 s old, and a failure",
        stands(beating(361 * S), failure=BROKEN),
        ("failed", "work/7 failed: attempt_ok=False"),
    ),
    (
        "a failure and no sign of life",
        stands(SILENT, failure=BROKEN),
        ("failed", "work/7 failed: attempt_ok=False"),
    ),
    (
        "a failure a second ago, by a launcher that is not known",
        stands(Vital(NOW, last_sign=Ms(NOW - S)), failure=BROKEN),
        ("failed", "work/7 failed: attempt_ok=False"),
    ),
    (
        "a lost task and no sign of life",
        stands(GONE, failure=VANISHED),
        ("failed", "work/7 lost: exit by signal 9 (SIGKILL), no outcome recorded"),
    ),
    (
        "between two steps of a run whose launcher cannot be seen",
        stands(Vital(NOW, last_sign=Ms(NOW - 60 * S))),
        ("running", "its newest record is less than 60 s old"),
    ),
    (
        "the same, too long",
        stands(Vital(NOW, last_sign=Ms(NOW - 61 * S))),
        ("lost", "nothing was written for 61 s, limit 60 s, and its terminal step has no outcome"),
    ),
    (
        "the same, but its launcher was seen to end",
        stands(GONE),
        ("lost", "its launcher is gone, and its terminal step has no outcome"),
    ),
    (
        "just registered",
        stands(Vital(NOW, last_sign=NOW), started=False),
        ("pending", "its newest record is less than 60 s old"),
    ),
    (
        "registered, and then nothing at all",
        stands(Vital(NOW), started=False),
        ("lost", "nothing was ever written, and its terminal step has no outcome"),
    ),
    (
        "its newest record is from the future",
        stands(Vital(NOW, last_sign=Ms(NOW + HOUR))),
        ("running", "its newest record is less than 60 s old"),
    ),
]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [(found, wanted) for _, found, wanted in RUNS],
    ids=[name for name, _, _ in RUNS],
)
def test_how_a_run_stands(found: tuple[str, str], wanted: tuple[str, str]) -> None:
    assert found == wanted


def test_a_run_ended_when_its_terminal_step_did_else_when_its_last_attempt_did() -> None:
    done = RunStatus(SUCCEEDED, "…", Ms(END + 5))
    common = {"running": None, "started": True, "finished_at": END}
    assert run(SILENT, outcome=done, first_failure=None, **common).finished_at == END + 5  # type: ignore[arg-type]
    assert run(SILENT, outcome=None, first_failure=BROKEN, **common).finished_at == END  # type: ignore[arg-type]
    alive = run(LAUNCHED, outcome=None, first_failure=None, **common)  # type: ignore[arg-type]
    assert alive.finished_at is None


@pytest.mark.parametrize(
    ("end", "state", "reason"),
    [
        (
            a_task("fin", SUCCEEDED, "attempt_ok=True"),
            SUCCEEDED,
            "fin/7 attempt 0: attempt_ok=True",
        ),
        (
            a_task("fin", CAUGHT, "handled by @catch"),
            SUCCEEDED,
            "fin/7 attempt 0: handled by @catch",
        ),
        (a_task("fin", CLONED, "cloned from F/1/fin/3"), SUCCEEDED, "fin/7 attempt 0: cloned from"),
        (a_task("fin", FAILED, "attempt_ok=False"), FAILED, "fin/7 failed: attempt_ok=False"),
        (a_task("fin", LOST, "exit code 1, no outcome"), FAILED, "fin/7 lost: exit code 1"),
    ],
)
def test_the_outcome_of_the_terminal_step_is_that_of_the_run(
    end: Task, state: State, reason: str
) -> None:
    found = terminal_outcome([end])
    assert found is not None
    assert found.state is state
    assert found.reason.startswith(reason)
    assert found.finished_at == END


@pytest.mark.parametrize("state", [PENDING, RUNNING, WAITING])
def test_a_terminal_step_that_may_still_succeed_has_no_outcome(state: State) -> None:
    assert terminal_outcome([]) is None
    assert terminal_outcome([a_task("fin", state, "…")]) is None


def test_one_terminal_task_that_succeeded_outweighs_one_that_did_not() -> None:
    found = terminal_outcome([a_task("fin", FAILED, "…"), a_task("fin", SUCCEEDED, "…")])
    assert found is not None
    assert found.state is SUCCEEDED


# Steps: tasks by state, how many there will be, whether the run is over, the state, the reason

STEPS: list[tuple[dict[State, int], int | None, bool, str, str]] = [
    ({}, 3, False, "pending", "not reached yet"),
    ({}, None, False, "pending", "not reached yet"),
    ({}, 3, True, "skipped", "never reached, and the run is over"),
    ({PENDING: 2}, 2, False, "pending", "2 of 2 tasks pending"),
    ({PENDING: 2}, 2, True, "skipped", "its tasks never started, and the run is over"),
    ({RUNNING: 1}, 1, False, "running", "1 of 1 task running"),
    ({RUNNING: 1, FAILED: 2}, 3, False, "running", "1 of 3 tasks running"),
    ({RUNNING: 1, SUCCEEDED: 1}, 5, False, "running", "1 of 5 tasks running"),
    ({WAITING: 1, SUCCEEDED: 2}, 3, False, "running", "1 of 3 tasks waiting for a retry"),
    ({SUCCEEDED: 2}, 3, False, "running", "2 of 3 tasks so far"),
    ({SUCCEEDED: 2, PENDING: 1}, 3, False, "running", "3 of 3 tasks so far"),
    ({SUCCEEDED: 2, PENDING: 1}, 3, True, "succeeded", "2 of 3 tasks succeeded"),
    ({SUCCEEDED: 2}, 3, True, "succeeded", "2 of 3 tasks succeeded"),
    ({SUCCEEDED: 3}, 3, False, "succeeded", "3 of 3 tasks succeeded"),
    ({SUCCEEDED: 3}, None, False, "succeeded", "3 of 3 tasks succeeded"),
    ({FAILED: 1, SUCCEEDED: 2}, 3, False, "failed", "1 of 3 tasks failed"),
    ({FAILED: 1, LOST: 1, CAUGHT: 1}, 3, True, "failed", "1 of 3 tasks failed"),
    ({LOST: 1, CAUGHT: 1, SUCCEEDED: 1}, 3, True, "lost", "1 of 3 tasks lost"),
    ({CAUGHT: 1, SUCCEEDED: 2}, 3, False, "caught", "1 of 3 tasks caught"),
    ({CLONED: 3}, 3, False, "cloned", "3 of 3 tasks cloned"),
    ({CLONED: 2, SUCCEEDED: 1}, 3, False, "succeeded", "1 of 3 tasks succeeded, 2 cloned"),
    ({CLONED: 2, FAILED: 1}, 3, True, "failed", "1 of 3 tasks failed"),
    # A loop: more tasks than a graph would promise.
    ({SUCCEEDED: 3}, 1, False, "succeeded", "3 of 3 tasks succeeded"),
]


@pytest.mark.parametrize(("counts", "expected", "over", "state", "reason"), STEPS)
def test_how_a_step_stands(
    counts: dict[State, int], expected: int | None, over: bool, state: str, reason: str
) -> None:
    found = step(counts, expected, run_over=over)
    assert (found.state, found.reason, found.counts) == (state, reason, counts)


def test_a_step_behind_one_that_still_runs_may_grow() -> None:
    growing = step({SUCCEEDED: 2}, None, run_over=False, growing=True)
    assert (growing.state, growing.reason) == ("running", "2 of 2 tasks so far")
    over = step({SUCCEEDED: 2}, None, run_over=True, growing=True)
    assert over.state is SUCCEEDED


def test_a_step_that_a_switch_passed_by_is_skipped_while_the_run_goes_on() -> None:
    found = step({}, None, run_over=False, bypassed=True)
    assert (found.state, found.reason, found.expected) == (
        "skipped",
        "the switch before it took another branch",
        0,
    )


# Switches

SWITCH = Graph(
    (
        Node("start", "split-switch", ("fast", "slow")),
        Node("fast", next=("end",)),
        Node("slow", next=("slower",)),
        Node("slower", next=("end",)),
        Node("end", "end"),
    ),
    "start",
    "end",
)


def of(state: State, count: int = 1) -> StepStatus:
    return StepStatus(state, "", {state: count} if count else {})


BYPASSED = StepStatus(SKIPPED, "the switch before it took another branch", {}, 0)


def test_the_branch_a_switch_did_not_take_is_bypassed_with_all_behind_it() -> None:
    known = {"start": of(SUCCEEDED), "fast": of(RUNNING)}
    assert bypassed("slow", SWITCH, known)
    assert bypassed("slower", SWITCH, known | {"slow": BYPASSED})
    assert not bypassed("end", SWITCH, known | {"slower": BYPASSED})


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"start": of(RUNNING)},
        {"start": of(FAILED), "fast": of(PENDING, 0)},
        {"start": of(SUCCEEDED)},
        {"start": of(SUCCEEDED), "fast": of(PENDING, 0)},
        # Inside a foreach: three tasks chose, of two it is known what.
        {"start": of(SUCCEEDED, 3), "fast": of(RUNNING, 2)},
    ],
    ids=["unknown", "choosing", "broken", "chosen", "chosen, nothing seen", "one unknown"],
)
def test_a_branch_is_not_bypassed_before_the_switch_is_seen_to_go_elsewhere(
    known: dict[str, StepStatus],
) -> None:
    assert not bypassed("slow", SWITCH, known)


def test_a_loop_is_never_taken_for_a_switch_that_went_on() -> None:
    loop = Graph(
        (
            Node("start", next=("work",)),
            Node("work", "split-switch", ("work", "end")),
            Node("end", "end"),
        ),
        "start",
        "end",
    )
    assert not bypassed("end", loop, {"start": of(SUCCEEDED), "work": of(SUCCEEDED, 2)})
    assert not bypassed("start", loop, {})


# How many tasks to expect, for every shape of graph


def shape(*nodes: Node, end: str = "end") -> Graph:
    return Graph(nodes, "start", end)


EXPECTED: list[tuple[str, Graph, dict[str, int], dict[str, int | None]]] = [
    (
        "a row of steps, whatever the last one is called",
        shape(Node("start", next=("mid",)), Node("mid", next=("fin",)), Node("fin"), end="fin"),
        {},
        {"start": 1, "mid": 1, "fin": 1},
    ),
    (
        "branches",
        shape(
            Node("start", "split-static", ("left", "right"), matching_join="join"),
            Node("left", next=("join",)),
            Node("right", next=("join",)),
            Node("join", "join", ("end",)),
            Node("end", "end"),
        ),
        {},
        {"start": 1, "left": 1, "right": 1, "join": 1, "end": 1},
    ),
    (
        "a foreach whose splits are not known yet",
        shape(
            Node("start", "split-foreach", ("body",), matching_join="join"),
            Node("body", next=("after",)),
            Node("after", next=("join",)),
            Node("join", "join", ("end",)),
            Node("end", "end"),
        ),
        {},
        {"start": 1, "body": None, "after": None, "join": 1, "end": 1},
    ),
    (
        "the same, with its splits",
        shape(
            Node("start", "split-foreach", ("body",), matching_join="join"),
            Node("body", next=("after",)),
            Node("after", next=("join",)),
            Node("join", "join", ("end",)),
            Node("end", "end"),
        ),
        {"start": 7},
        {"start": 1, "body": 7, "after": 7, "join": 1, "end": 1},
    ),
    (
        "a foreach in a foreach",
        shape(
            Node("start", "split-foreach", ("outer",), matching_join="join"),
            Node("outer", "split-foreach", ("inner",), matching_join="rejoin"),
            Node("inner", next=("rejoin",)),
            Node("rejoin", "join", ("join",)),
            Node("join", "join", ("end",)),
            Node("end", "end"),
        ),
        {"start": 3, "outer": 20},
        {"start": 1, "outer": 3, "inner": 20, "rejoin": 3, "join": 1, "end": 1},
    ),
    (
        "branches in a foreach",
        shape(
            Node("start", "split-foreach", ("fork",), matching_join="join"),
            Node("fork", "split-static", ("left", "right"), matching_join="rejoin"),
            Node("left", next=("rejoin",)),
            Node("right", next=("rejoin",)),
            Node("rejoin", "join", ("join",)),
            Node("join", "join", ("end",)),
            Node("end", "end"),
        ),
        {"start": 4},
        {"start": 1, "fork": 4, "left": 4, "right": 4, "rejoin": 4, "join": 1, "end": 1},
    ),
    (
        "num_parallel",
        shape(
            Node("start", "split-parallel", ("train",), num_parallel=3, matching_join="join"),
            Node("train", next=("join",)),
            Node("join", "join", ("end",)),
            Node("end", "end"),
        ),
        {"start": 3},
        {"start": 1, "train": 3, "join": 1, "end": 1},
    ),
    (
        "a switch, of whose branches one will run",
        SWITCH,
        {},
        {"start": 1, "fast": None, "slow": None, "slower": None, "end": 1},
    ),
    (
        "a loop",
        shape(
            Node("start", next=("work",)),
            Node("work", next=("check",)),
            Node("check", "split-switch", ("work", "end")),
            Node("end", "end"),
        ),
        {},
        {"start": 1, "work": None, "check": None, "end": 1},
    ),
    (
        "a step that no graph has",
        shape(Node("start", next=("end",)), Node("end", "end"), Node("stray", "unknown")),
        {},
        {"start": 1, "end": 1, "stray": None},
    ),
]


@pytest.mark.parametrize(
    ("graph", "splits", "wanted"),
    [row[1:] for row in EXPECTED],
    ids=[row[0] for row in EXPECTED],
)
def test_how_many_tasks_each_step_will_have(
    graph: Graph, splits: dict[str, int], wanted: dict[str, int | None]
) -> None:
    assert dict(expected_tasks(graph, splits)) == wanted
