"""The store: changes applied in any portions give the same run, its steps and its counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowtui.model import (
    Attempt,
    Changes,
    Decorator,
    Graph,
    Ms,
    Node,
    RunDescription,
    RunStatus,
    State,
    Target,
    Task,
)
from flowtui.status import Budget
from flowtui.store import RunStore

GRAPH = Graph(
    (
        Node("start", "split-foreach", ("work",), matching_join="join"),
        Node("work", next=("join",)),
        Node("join", "join", ("end",)),
        Node("end", "end"),
    ),
    "start",
    "end",
)
RUN = RunDescription("F", "1", "test", graph=GRAPH)
S, R, F, L = State.SUCCEEDED, State.RUNNING, State.FAILED, State.LOST


def a_task(
    step: str, name: str, *states: State, ended: int | None = None, reason: str = "…"
) -> Task:
    attempts = tuple(
        Attempt(number, state, reason, Ms(number), Ms(ended) if ended is not None else None)
        for number, state in enumerate(states)
    )
    return Task(step, name, states[-1] if states else State.PENDING, reason, attempts)


def changed(*tasks: Task, **more: object) -> Changes:
    return Changes(Ms(1), tasks=tasks, **more)  # type: ignore[arg-type]


def store_of(*changes: Changes) -> RunStore:
    store = RunStore(RUN)
    for change in changes:
        store.apply(change)
    return store


def picture(store: RunStore) -> object:
    """All that can be seen of a run."""
    tasks = {task.key: task for task in store.all_tasks()}
    counts = {state: count for state, count in store.counts.items() if count}
    return (store.status, store.steps, counts, store.retried, store.expected, store.graph, tasks)


def test_counts_follow_a_task_from_state_to_state() -> None:
    store = store_of(changed(a_task("work", "2", R), a_task("work", "3")))
    assert store.counts == {State.RUNNING: 1, State.PENDING: 1}
    assert (store.finished, store.retried) == (0, 0)
    store.apply(changed(a_task("work", "2", F, R)))
    assert (store.finished, store.retried) == (0, 1)
    store.apply(changed(a_task("work", "2", F, S), a_task("work", "3", L)))
    assert {state: n for state, n in store.counts.items() if n} == {S: 1, L: 1}
    assert (store.finished, store.retried) == (2, 1)
    assert store.steps["work"].counts == {S: 1, L: 1}


def test_how_many_tasks_to_expect_is_known_with_the_splits() -> None:
    store = store_of(changed(a_task("start", "1", S)))
    assert store.expected is None
    store.apply(changed(splits={"start": 5}))
    assert store.expected == 8
    assert store.splits == {"start": 5}
    failed = RunStatus(F, "…")
    store.apply(changed(a_task("work", "2", F), status=failed))
    # `join` and `end` were not reached: a resume would run them.
    assert store.expected == 8
    store.apply(changed(status=RunStatus(S, "…")))
    assert store.expected == 6


def test_applying_says_what_it_touched() -> None:
    store = RunStore(RUN)
    applied = store.apply(changed(a_task("start", "1", R)))
    assert not applied.graph
    assert applied.steps == {"start"}
    applied = store.apply(changed(a_task("start", "1", S)))
    assert applied.steps == {"start"}
    assert applied.tasks == (a_task("start", "1", S),)
    applied = store.apply(changed())
    assert (applied.graph, applied.steps, applied.tasks) == (False, frozenset(), ())


def test_a_step_that_is_in_no_graph_stands_at_its_end() -> None:
    store = store_of(changed(a_task("stray", "9", R), a_task("start", "1", S)))
    assert [node.name for node in store.graph.nodes] == ["start", "work", "join", "end", "stray"]
    assert store.graph["stray"].type == "unknown"
    assert [task.key for task in store.all_tasks()] == [("start", "1"), ("stray", "9")]
    assert store.apply(changed(a_task("wild", "1", R))).graph


def test_a_graph_that_comes_late_takes_in_what_was_unknown() -> None:
    store = RunStore(RunDescription("F", "1", "test"))
    store.apply(changed(a_task("work", "2", R), a_task("stray", "9", R)))
    assert [node.type for node in store.graph.nodes] == ["unknown", "unknown"]
    assert store.apply(changed(description=RUN)).graph
    assert [node.name for node in store.graph.nodes] == ["start", "work", "join", "end", "stray"]
    assert store.graph["work"].type == "linear"


def test_the_first_failure_is_the_one_that_ended_first() -> None:
    store = store_of(
        changed(
            a_task("work", "2", F, ended=50),
            a_task("work", "3", F, ended=40),
            a_task("work", "4", L),
            a_task("work", "5", S, ended=1),
        )
    )
    first = store.first_failure()
    assert first is not None
    assert first.id == "3"
    assert store_of().first_failure() is None


def test_a_task_killed_because_another_failed_is_not_the_first_failure() -> None:
    killed = "killed by Metaflow's runtime, no outcome recorded"
    store = store_of(
        changed(
            a_task("work", "2", L, reason=killed, ended=10),
            a_task("work", "3", F, ended=40),
        )
    )
    first = store.first_failure()
    assert first is not None
    assert first.id == "3"
    alone = store_of(changed(a_task("work", "2", L, reason=killed))).first_failure()
    assert alone is not None
    assert alone.id == "2"


def test_what_a_target_names_and_the_run_does_not_have_is_told_with_what_it_has() -> None:
    store = store_of(changed(*(a_task("work", str(n), R) for n in range(10, 20))))
    assert store.missing(Target("F", "1")) is None
    assert store.missing(Target("F", "1", "end")) is None
    assert store.missing(Target("F", "1", "work", "12")) is None
    assert store.missing(Target("F", "1", "nope")) == (
        "Run F/1 has no step 'nope'. Steps: start, work, join, end."
    )
    assert store.missing(Target("F", "1", "work", "7")) == (
        "Step work has no task '7'. Tasks: 10, 11, 12, 13, 14, 15, 16, 17 and 2 more."
    )
    assert store.missing(Target("F", "1", "end", "7")) == (
        "Step end has no task '7'. Tasks: none yet."
    )
    empty = RunStore(RunDescription("F", "1", "test"))
    assert empty.missing(Target("F", "1", "x")) == "Run F/1 has no step 'x'. Steps: none yet."


STATES = st.lists(st.sampled_from([S, R, F, L, State.WAITING]), max_size=3)
TASKS = st.builds(
    lambda step, name, states: a_task(step, name, *states),
    st.sampled_from(["start", "work", "join", "end", "stray"]),
    st.sampled_from("123"),
    STATES,
)


@given(st.lists(TASKS, max_size=12), st.data())
def test_changes_in_portions_and_at_once_give_the_same_run(
    tasks: list[Task], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(tasks)), max_size=4)))
    portions = [tasks[a:b] for a, b in zip([0, *cuts], [*cuts, len(tasks)], strict=True)]
    at_once = store_of(changed(*tasks))
    assert picture(store_of(*(changed(*portion) for portion in portions))) == picture(at_once)
    last = {task.key: task for task in tasks}
    assert {task.key: task for task in at_once.all_tasks()} == last
    assert at_once.counts.total() == len(last)
    assert at_once.retried == sum(len(task.attempts) > 1 for task in last.values())


def test_the_budget_of_a_step_is_that_of_its_decorators() -> None:
    retry, catch = Decorator("retry", {"times": "2"}), Decorator("catch", {"var": "oops"})
    graph = Graph((Node("start", decorators=(retry, catch)), Node("end", "end")), "start", "end")
    here = RunStore(RunDescription("F", "1", "test", system_tags=("runtime:dev",), graph=graph))
    elsewhere = RunStore(RunDescription("F", "1", "test", graph=graph))
    assert here.budget("start") == Budget(3, 3, 0, "oops")
    assert elsewhere.budget("start") == Budget(3, 3, 120_000, "oops")
    assert here.budget("end") == here.budget("nowhere") == Budget(1, 0, 0, None)


def test_a_run_was_resumed_from_the_last_of_its_origins() -> None:
    assert RUN.origin_run is None
    assert RunDescription("F", "60", "test", origin_runs=("41", "57")).origin_run == "57"
