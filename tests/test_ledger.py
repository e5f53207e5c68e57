"""The ledger: evidence in, and out only what differs from what was said before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flowtui.model import Decorator, Graph, Ms, Node, RunDescription, State
from flowtui.sources.ledger import Ledger
from flowtui.status import AttemptEvidence, Exit, TaskEvidence, Vital

GRAPH = Graph(
    (
        Node("start", "split-foreach", ("work",), matching_join="join"),
        Node("work", next=("join",), decorators=(Decorator("retry", {"times": 1}),)),
        Node("join", "join", ("fin",)),
        Node("fin", "end"),
    ),
    "start",
    "fin",
)
RUN = RunDescription("F", "1", "test", system_tags=("runtime:dev",), graph=GRAPH)
NOW = Ms(10_000_000)
ALIVE = Vital(NOW, launcher=99)
GONE = Vital(NOW, launcher_gone=True)


def tried(number: int = 0, **known: Any) -> AttemptEvidence:
    begun = Ms(NOW - 5000 + 1000 * number)
    return AttemptEvidence(number, started_at=begun, **{"last_sign": begun, **known})


def of(step: str, task: str, *attempts: AttemptEvidence, **known: Any) -> TaskEvidence:
    return TaskEvidence(step, task, attempts, **known)


def said(ledger: Ledger, vital: Vital = ALIVE, run: RunDescription = RUN) -> dict[str, str]:
    """What `changes` says now: tasks by `step/id`, the run as `run`."""
    changes = ledger.changes(run, vital, heartbeats=False)
    found = {f"{task.step}/{task.id}": str(task.state) for task in changes.tasks}
    if changes.status is not None:
        found["run"] = str(changes.status.state)
    return found


def test_only_what_differs_is_said() -> None:
    ledger = Ledger()
    assert said(ledger) == {"run": "pending"}
    ledger.record(of("start", "1", tried()))
    assert said(ledger) == {"run": "running", "start/1": "running"}
    assert said(ledger) == {}
    ledger.record(of("start", "1", tried(ok=True)))
    ledger.record(of("work", "2"))
    # Its launcher, no longer its first task, is what the run is known to live by.
    assert said(ledger) == {"start/1": "succeeded", "work/2": "pending", "run": "running"}
    assert said(ledger) == {}


def test_the_description_and_the_splits_are_said_once() -> None:
    ledger = Ledger()
    ledger.record_split("start", "1", 3)
    first = ledger.changes(RUN, ALIVE, heartbeats=False)
    assert (first.description, dict(first.splits)) == (RUN, {"start": 3})
    again = ledger.changes(RUN, ALIVE, heartbeats=False)
    assert (again.description, dict(again.splits)) == (None, {})
    assert not again
    ledger.record_split("start", "1", 3)
    assert not ledger.changes(RUN, ALIVE, heartbeats=False).splits
    ledger.record_split("start", "9", 4)
    assert dict(ledger.changes(RUN, ALIVE, heartbeats=False).splits) == {"start": 7}
    renamed = replace(RUN, user="ada")
    assert ledger.changes(renamed, ALIVE, heartbeats=False).description == renamed


def test_looking_for_doubts_says_nothing_and_takes_nothing_away() -> None:
    ledger = Ledger()
    ledger.record(of("start", "1", tried(exit=Exit(-9))))
    assert ledger.doubtful(RUN, ALIVE, heartbeats=False) == [("start", "1")]
    changes = ledger.changes(RUN, ALIVE, heartbeats=False)
    assert changes.description == RUN
    assert [task.state for task in changes.tasks] == [State.LOST]
    assert ledger.doubtful(RUN, ALIVE, heartbeats=False) == []


def test_final_tasks_need_not_be_fetched_again_and_others_do() -> None:
    ledger = Ledger()
    ledger.record(of("start", "1", tried(ok=True)))
    ledger.record(of("start", "2", tried(ok=False)))
    ledger.record(of("work", "3", tried(ok=False)))
    ledger.record(of("work", "4", tried(ok=False), tried(1, ok=False)))
    ledger.record(of("work", "5", tried()))
    said(ledger)
    assert ledger.final(("start", "1"))
    assert ledger.final(("start", "2"))
    assert not ledger.final(("work", "3"))
    assert ledger.final(("work", "4"))
    assert not ledger.final(("work", "5"))
    assert not ledger.final(("work", "unheard of"))
    ledger.record(of("start", "1", tried(ok=True)))
    assert not ledger.final(("start", "1"))


def test_a_clone_is_final_once_its_attempt_has_ended() -> None:
    ledger = Ledger()
    ledger.record(of("work", "2", tried(), origin_task="F/0/work/2"))
    assert said(ledger) == {"work/2": "cloned", "run": "running"}
    assert not ledger.final(("work", "2"))
    ledger.record(of("work", "2", tried(ok=True), origin_task="F/0/work/2"))
    said(ledger)
    assert ledger.final(("work", "2"))


def test_a_failure_read_before_the_graph_is_judged_anew_with_it() -> None:
    ledger = Ledger()
    ledger.record(of("work", "2", tried(ok=False)))
    assert said(ledger, run=replace(RUN, graph=Graph()))["work/2"] == "failed"
    assert not ledger.final(("work", "2"))
    assert said(ledger)["work/2"] == "waiting"


def test_tasks_are_said_in_the_order_of_their_numbers() -> None:
    ledger = Ledger()
    for task in ("10", "9", "2_node_1", "2", "x"):
        ledger.record(of("work", task))
    changes = ledger.changes(RUN, ALIVE, heartbeats=False)
    assert [task.id for task in changes.tasks] == ["x", "2", "2_node_1", "9", "10"]


def test_a_retry_turns_a_waiting_task_into_a_running_one() -> None:
    ledger = Ledger()
    ledger.record(of("work", "2", tried(ok=False)))
    assert said(ledger) == {"work/2": "waiting", "run": "running"}
    ledger.record(of("work", "2", tried(ok=False), tried(1)))
    assert said(ledger) == {"work/2": "running", "run": "running"}
    ledger.record(of("work", "2", tried(ok=False), tried(1, ok=False)))
    assert said(ledger) == {"work/2": "failed", "run": "running"}
    assert said(ledger, GONE) == {"run": "failed"}


def test_the_terminal_step_ends_the_run_whatever_it_is_called() -> None:
    ledger = Ledger()
    ledger.record(of("work", "2", tried()))
    ledger.record(of("fin", "3", tried(ok=True)))
    assert said(ledger) == {"work/2": "lost", "fin/3": "succeeded", "run": "succeeded"}
    named_end = Ledger()
    named_end.record(of("end", "3", tried(ok=True)))
    assert said(named_end)["run"] == "running"


def test_a_terminal_step_that_failed_for_good_fails_the_run_though_its_heartbeat_goes_on() -> None:
    ledger = Ledger()
    ledger.record(of("fin", "3", tried(ok=False)))
    beating = Vital(NOW, heartbeat=NOW)
    changes = ledger.changes(RUN, beating, heartbeats=True)
    assert changes.status is not None
    assert (changes.status.state, changes.status.reason) == (
        State.FAILED,
        "fin/3 failed: attempt_ok=False",
    )


def test_a_terminal_step_with_a_retry_left_does_not() -> None:
    retried = replace(GRAPH.nodes[3], decorators=(Decorator("retry", {"times": 1}),))
    run = replace(RUN, graph=replace(GRAPH, nodes=(*GRAPH.nodes[:3], retried)))
    ledger = Ledger()
    ledger.record(of("fin", "3", tried(ok=False)))
    assert said(ledger, run=run) == {"fin/3": "waiting", "run": "running"}


def test_a_mapper_is_lost_in_the_same_look_that_shows_its_control_task_going_on() -> None:
    ledger = Ledger()
    ledger.record(of("work", "2", tried(ok=True)), control=True)
    ledger.record(of("work", "2_node_1", tried(number=1)))
    assert said(ledger)["work/2_node_1"] == "lost"


def test_retries_are_known_as_soon_as_the_graph_is() -> None:
    ledger = Ledger()
    ledger.record(of("work", "2", tried(ok=False)))
    bare = replace(RUN, graph=Graph())
    assert said(ledger, run=bare)["work/2"] == "failed"
    assert said(ledger)["work/2"] == "waiting"


def test_a_failed_run_ended_with_the_last_sign_of_any_attempt() -> None:
    ledger = Ledger()
    ledger.record(of("start", "1", tried(ok=True, ended_at=Ms(NOW - 4000))))
    ledger.record(of("join", "2", tried(exit=Exit(-11), last_sign=Ms(NOW - 900))))
    changes = ledger.changes(RUN, GONE, heartbeats=False)
    assert changes.status is not None
    assert changes.status.finished_at == NOW - 900
