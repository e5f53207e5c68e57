"""The preview of a resume: what is known of it before, and what is not."""

from __future__ import annotations

import pytest

from flowtui.actions.resume import StepPreview, preview
from flowtui.model import Graph, Node, State, Task

S, F, C, L = State.SUCCEEDED, State.FAILED, State.CAUGHT, State.LOST

FAILED = Graph(
    (
        Node("start", "split-foreach", ("train",), matching_join="join"),
        Node("train", "linear", ("join",)),
        Node("join", "join", ("end",)),
        Node("end", "end"),
    ),
    start_step="start",
    end_step="end",
    file="failed.py",
)


def tasks(**steps: list[State]) -> dict[str, list[Task]]:
    """Tasks by step, their ids counting from 0."""
    return {
        step: [Task(step, str(at), state, "") for at, state in enumerate(states)]
        for step, states in steps.items()
    }


def counts(steps: tuple[StepPreview, ...]) -> dict[str, tuple[int, int | None]]:
    return {step.step: (step.cloned, step.reruns) for step in steps}


def test_a_foreach_whose_split_runs_again_has_an_unknown_number_of_tasks() -> None:
    steps = preview(FAILED, tasks(start=[F]), {})
    assert counts(steps) == {"start": (0, 1), "train": (0, None), "join": (0, 1), "end": (0, 1)}


def test_without_splits_a_foreach_says_how_many_rerun_at_least() -> None:
    train = preview(FAILED, tasks(start=[S], train=[S, F, L, State.RUNNING]), {})[1]
    assert (train.cloned, train.reruns, train.at_least) == (1, None, 3)


def test_of_a_succeeded_run_all_is_cloned_and_caught_tasks_are_told_apart() -> None:
    steps = preview(FAILED, tasks(start=[S], train=[S, C, C], join=[S], end=[S]), {"start": 3})
    assert [step.reruns for step in steps] == [0, 0, 0, 0]
    assert [step.caught for step in steps] == [0, 2, 0, 0]


def test_clones_of_a_resumed_run_are_cloned_again() -> None:
    left = tasks(start=[State.CLONED], train=[State.CLONED, F])
    assert counts(preview(FAILED, left, {"start": 2}))["train"] == (1, 1)


def test_nested_foreach_counts_over_all_outer_tasks() -> None:
    graph = Graph(
        (
            Node("start", "split-foreach", ("outer",), matching_join="outer_join"),
            Node("outer", "split-foreach", ("inner",), matching_join="inner_join"),
            Node("inner", "linear", ("inner_join",)),
            Node("inner_join", "join", ("outer_join",)),
            Node("outer_join", "join", ("end",)),
            Node("end", "end"),
        ),
        start_step="start",
        end_step="end",
    )
    left = tasks(start=[S], outer=[S, S], inner=[S, S, S, F], inner_join=[S])
    assert counts(preview(graph, left, {"start": 2, "outer": 5})) == {
        "start": (1, 0),
        "outer": (2, 0),
        "inner": (3, 2),
        "inner_join": (1, 1),
        "outer_join": (0, 1),
        "end": (0, 1),
    }
    half = tasks(start=[S], outer=[S, F], inner=[S, F])
    assert counts(preview(graph, half, {"start": 2, "outer": 2})) == {
        "start": (1, 0),
        "outer": (1, 1),
        "inner": (1, None),
        "inner_join": (0, 2),
        "outer_join": (0, 1),
        "end": (0, 1),
    }


def test_a_switch_within_a_foreach_is_known_once_every_task_has_gone_one_way() -> None:
    graph = Graph(
        (
            Node("start", "split-foreach", ("choose",), matching_join="join"),
            Node("choose", "split-switch", ("fast", "slow")),
            Node("fast", "linear", ("merge",)),
            Node("slow", "linear", ("merge",)),
            Node("merge", "linear", ("join",)),
            Node("join", "join", ("end",)),
            Node("end", "end"),
        ),
        start_step="start",
        end_step="end",
    )
    all_chosen = tasks(start=[S], choose=[S, S, S], fast=[S, F], slow=[S], merge=[S])
    assert counts(preview(graph, all_chosen, {"start": 3})) == {
        "start": (1, 0),
        "choose": (3, 0),
        "fast": (1, 1),
        "slow": (1, 0),
        "merge": (1, 2),
        "join": (0, 1),
        "end": (0, 1),
    }
    some_chosen = tasks(start=[S], choose=[S, S, S], fast=[F])
    steps = counts(preview(graph, some_chosen, {"start": 3}))
    assert steps["fast"] == (0, None)
    assert steps["merge"] == (0, 3)


def test_a_switch_that_skipped_to_a_shared_step_has_skipped_the_other_branch() -> None:
    graph = Graph(
        (
            Node("start", "split-switch", ("extra", "publish")),
            Node("extra", "linear", ("publish",)),
            Node("publish", "linear", ("end",)),
            Node("end", "end"),
        ),
        start_step="start",
        end_step="end",
    )
    assert counts(preview(graph, tasks(start=[S], publish=[F]), {}))["extra"] == (0, 0)
    assert counts(preview(graph, tasks(start=[S], extra=[S]), {}))["extra"] == (1, 0)
    assert counts(preview(graph, tasks(start=[S]), {}))["extra"] == (0, None)


@pytest.mark.parametrize(
    "graph",
    [
        Graph(),
        Graph((Node("a", "unknown"),)),
        Graph((Node("a", "split-foreach", ("gone",)), Node("b", "linear", ("a",))), "gone"),
        Graph((Node("a", "split-parallel", ("a",)), Node("b", "join")), "a", "b"),
        Graph((Node("a", "split-switch", ()), Node("b", "split-foreach", ())), "a"),
    ],
)
def test_a_graph_that_makes_no_sense_is_previewed_without_a_claim(graph: Graph) -> None:
    steps = preview(graph, tasks(a=[S, F], b=[L]), {})
    assert [step.step for step in steps] == [node.name for node in graph.nodes]
