"""The preview of a resume: what is known of it before, and what is not."""

from __future__ import annotations

import pytest

from flowtui.actions.preview import StepPreview, preview, remarks
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


def test_from_a_step_that_step_and_all_after_it_run_again() -> None:
    left = tasks(start=[S], train=[S, C, F])
    splits = {"start": 3}
    assert counts(preview(FAILED, left, splits, step="train")) == {
        "start": (1, 0),
        "train": (0, 3),
        "join": (0, 1),
        "end": (0, 1),
    }
    assert counts(preview(FAILED, left, splits, step="end"))["train"] == (2, 1)
    assert preview(FAILED, left, splits, step="end") == preview(FAILED, left, splits)


def test_from_a_split_its_tasks_are_not_known_but_one_for_each_time_it_runs() -> None:
    left = tasks(start=[S], train=[S, S, S], join=[S], end=[S])
    steps = preview(FAILED, left, {"start": 3}, step="start")
    assert [(step.cloned, step.reruns, step.at_least) for step in steps] == [
        (0, 1, 1),
        (0, None, 1),
        (0, 1, 1),
        (0, 1, 1),
    ]


def test_a_branch_beside_the_step_is_treated_as_without_it() -> None:
    graph = Graph(
        (
            Node("start", "split-static", ("left", "right"), matching_join="join"),
            Node("left", "linear", ("join",)),
            Node("right", "linear", ("after",)),
            Node("after", "linear", ("join",)),
            Node("join", "join", ("end",)),
            Node("end", "end"),
        ),
        start_step="start",
        end_step="end",
    )
    left = tasks(start=[S], left=[S], right=[S], after=[F])
    assert counts(preview(graph, left, {}, step="left")) == {
        "start": (1, 0),
        "left": (0, 1),
        "right": (1, 0),
        "after": (0, 1),
        "join": (0, 1),
        "end": (0, 1),
    }


def test_a_loop_from_which_is_resumed_begins_anew_and_runs_once_at_least() -> None:
    graph = Graph(
        (
            Node("start", "start", ("work",)),
            Node("work", "split-switch", ("work", "end")),
            Node("end", "end"),
        ),
        start_step="start",
        end_step="end",
    )
    left = tasks(start=[S], work=[S, S, S], end=[S])
    work = preview(graph, left, {}, step="work")[1]
    assert (work.cloned, work.reruns, work.at_least) == (0, None, 1)
    assert counts(preview(graph, left, {}, step="end"))["work"] == (3, 0)


def test_of_a_preview_is_said_what_it_comes_to() -> None:
    done = tasks(start=[S], train=[S, C, C], join=[S], end=[S])
    assert remarks(preview(FAILED, done, {"start": 3}), going_on=False) == (
        "Nothing to rerun: every task would be cloned.",
        "2 tasks caught: cloned as it ended, not tried again.",
    )
    begun = tasks(start=[State.RUNNING])
    assert remarks(preview(FAILED, begun, {}), going_on=True) == (
        "0 tasks cloned, 4 or more to run.",
        "The run is still going on: what runs now would run a second time.",
    )
    assert remarks((), going_on=False)[0].startswith("The run has not stored its steps")


@pytest.mark.parametrize("step", [None, "a", "gone"])
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
def test_a_graph_that_makes_no_sense_is_previewed_without_a_claim(
    graph: Graph, step: str | None
) -> None:
    steps = preview(graph, tasks(a=[S, F], b=[L]), {}, step=step)
    assert [step.step for step in steps] == [node.name for node in graph.nodes]
