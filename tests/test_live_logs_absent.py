"""Why a log is empty: with `live_logs` nothing was printed, without it nothing is stored yet."""

from __future__ import annotations

import pytest

from flowtui.logs.absent import why_empty
from flowtui.model import Attempt, Decorator, Graph, Node, RunDescription, State, Task

LOCAL = ("runtime:dev",)
LIVE = Graph((Node("train", decorators=(Decorator("retry"), Decorator("live_logs"))),))
PLAIN = Graph((Node("train", decorators=(Decorator("retry"),)),))


def reason(state: State, graph: Graph, system_tags: tuple[str, ...] = LOCAL) -> str:
    run = RunDescription("F", "1", "local", system_tags=system_tags, graph=graph)
    attempt = Attempt(0, state, "")
    return why_empty(run, Task("train", "2", state, "", (attempt,)), attempt, "stderr")


def test_a_live_log_that_is_empty_has_nothing_in_it_yet() -> None:
    assert reason(State.RUNNING, LIVE) == "Nothing on stderr yet."


@pytest.mark.parametrize("graph", [PLAIN, Graph()])
def test_without_live_logs_they_are_named_as_the_way(graph: Graph) -> None:
    assert reason(State.RUNNING, graph) == (
        "Nothing yet: Metaflow stores a local attempt's log when the attempt ends, "
        "or line by line in a run started `--with live_logs`."
    )


def test_a_run_elsewhere_stores_its_logs_as_they_come_anyway() -> None:
    assert reason(State.RUNNING, PLAIN, ()) == "Nothing on stderr yet."


def test_an_ended_attempt_wrote_nothing() -> None:
    assert reason(State.FAILED, LIVE) == "This attempt wrote nothing to stderr."


def test_of_an_attempt_that_was_lost_no_log_was_stored() -> None:
    assert reason(State.LOST, PLAIN) == (
        "No log was stored: whatever ran this attempt went away before it could."
    )
