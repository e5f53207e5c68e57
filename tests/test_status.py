"""The rules that turn evidence into the states of attempts and tasks, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from flowtui.model import Attempt, Decorator, Ms, Node, State, Task
from flowtui.status import (
    AttemptEvidence,
    Budget,
    Context,
    Exit,
    TaskEvidence,
    Vital,
    attempt,
    budget,
    task,
)

S = 1000
MINUTE = 60 * S
HOUR = 60 * MINUTE
NOW = Ms(10 * 24 * HOUR)
"""The clock of all these tests; evidence is dated by how long before it something was."""


def ago(milliseconds: int) -> Ms:
    return Ms(NOW - milliseconds)


def tried(number: int = 0, started: int | None = 10 * S, **known: Any) -> AttemptEvidence:
    """An attempt that started so long ago, with whatever else is known of it."""
    begun = None if started is None else ago(started)
    return AttemptEvidence(number, started_at=begun, **{"last_sign": begun, **known})


def judged(
    evidence: AttemptEvidence,
    *others: AttemptEvidence,
    context: Context | None = None,
    limits: Budget | None = None,
    **of_task: Any,
) -> tuple[str, str]:
    """State and reason of the first attempt; the others belong to the same task."""
    attempts = tuple(sorted((evidence, *others), key=lambda one: one.number))
    owner = TaskEvidence("work", of_task.pop("id", "2"), attempts, **of_task)
    found = attempt(evidence, owner, limits or Budget(), context or Context(NOW))
    return found.state, found.reason


LOCAL = Context(NOW)
SERVICE = Context(NOW, heartbeats=True)
OVER = Context(NOW, over="end/9 attempt 0: attempt_ok=True")
SEGFAULT = Exit(-11)
VAR = Budget(tries=1, fallbacks=3, catch_var="oops")

# What is known, and what it means: the rules in their order.
ATTEMPTS: list[tuple[str, tuple[str, str], tuple[str, str]]] = [
    ("ok", judged(tried(ok=True)), ("succeeded", "attempt_ok=True")),
    (
        "caught into a variable",
        judged(tried(ok=True, caught=True), limits=VAR),
        ("caught", "@catch stored it in oops"),
    ),
    (
        "caught without a variable",
        judged(tried(ok=True, caught=True), limits=Budget(fallbacks=3)),
        ("caught", "handled by @catch"),
    ),
    (
        "caught, in a run without a graph",
        judged(tried(ok=True, caught=True)),
        ("caught", "handled by @catch"),
    ),
    (
        "caught by a Metaflow too old for _catch_exception",
        judged(tried(ok=True, success=False), limits=VAR),
        ("caught", "@catch stored it in oops"),
    ),
    (
        "_success=False where there is no @catch",
        judged(tried(ok=True, success=False)),
        ("succeeded", "attempt_ok=True"),
    ),
    ("not ok", judged(tried(ok=False)), ("failed", "attempt_ok=False")),
    (
        "not ok, then tried again",
        judged(tried(ok=False), tried(1)),
        ("failed", "attempt_ok=False, attempt 1 followed"),
    ),
    (
        "not ok, then attempt 1 left no trace",
        judged(tried(ok=False), tried(2), tried(3)),
        ("failed", "attempt_ok=False, attempt 2 followed"),
    ),
    (
        "done, _task_ok is True",
        judged(tried(done=True, task_ok=True)),
        ("succeeded", "attempt-done, _task_ok=True"),
    ),
    (
        "done, _task_ok is False",
        judged(tried(done=True, task_ok=False), tried(1)),
        ("failed", "attempt-done, _task_ok=False, attempt 1 followed"),
    ),
    (
        "done, _task_ok cannot be read",
        judged(tried(done=True)),
        ("lost", "attempt-done without attempt_ok, and _task_ok cannot be read"),
    ),
    (
        "segfault",
        judged(tried(exit=SEGFAULT)),
        ("lost", "exit by signal 11 (SIGSEGV), no outcome recorded"),
    ),
    (
        "segfault, then tried again",
        judged(tried(exit=SEGFAULT), tried(1)),
        ("lost", "exit by signal 11 (SIGSEGV), no outcome recorded, attempt 1 followed"),
    ),
    (
        "a signal without a name",
        judged(tried(exit=Exit(-250))),
        ("lost", "exit by signal 250, no outcome recorded"),
    ),
    (
        "an exit code",
        judged(tried(exit=Exit(3))),
        ("lost", "exit code 3, no outcome recorded"),
    ),
    (
        "killed by the runtime because another task failed",
        judged(tried(exit=Exit(-15, killed=True))),
        ("lost", "killed by Metaflow's runtime, no outcome recorded"),
    ),
    (
        "followed without an outcome",
        judged(tried(), tried(1)),
        ("lost", "no outcome recorded, attempt 1 followed"),
    ),
    (
        "the run is over",
        judged(tried(), context=OVER),
        (
            "lost",
            "no outcome recorded, and the run is over: end/9 attempt 0: attempt_ok=True",
        ),
    ),
    (
        "a mapper whose control task went on",
        judged(
            tried(), id="2_node_1", context=Context(NOW, control_over=frozenset({("work", "2")}))
        ),
        ("lost", "no outcome recorded, and its control task 2 went on"),
    ),
    (
        "a mapper whose control task is still at it",
        judged(
            tried(), id="2_node_1", context=Context(NOW, control_over=frozenset({("work", "3")}))
        ),
        ("running", "started, no outcome yet"),
    ),
    (
        "a mapper of another step's control task",
        judged(
            tried(), id="2_node_1", context=Context(NOW, control_over=frozenset({("fit", "2")}))
        ),
        ("running", "started, no outcome yet"),
    ),
    (
        "a heartbeat 60 s old",
        judged(tried(started=HOUR), context=SERVICE, heartbeat=ago(60 * S)),
        ("running", "started, no outcome yet"),
    ),
    (
        "a heartbeat 61 s old",
        judged(tried(started=HOUR), context=SERVICE, heartbeat=ago(61 * S)),
        ("lost", "no heartbeat for 61 s, limit 60 s"),
    ),
    (
        "a heartbeat of the attempt before this one",
        judged(tried(1, started=50 * S), tried(0), context=SERVICE, heartbeat=ago(20 * MINUTE)),
        ("running", "started, no outcome yet"),
    ),
    (
        "a heartbeat of the attempt before, and none since",
        judged(tried(1, started=3 * MINUTE), tried(0), context=SERVICE, heartbeat=ago(HOUR)),
        ("lost", "no heartbeat for 3 min, limit 60 s"),
    ),
    (
        "no heartbeat yet, for 24 h",
        judged(tried(started=24 * HOUR), context=SERVICE),
        ("running", "started, no outcome yet"),
    ),
    (
        "no heartbeat ever, for longer",
        judged(tried(started=24 * HOUR + 1), context=SERVICE),
        ("lost", "no heartbeat at all for 24 h"),
    ),
    (
        "a heartbeat from the future",
        judged(tried(), context=SERVICE, heartbeat=Ms(NOW + HOUR)),
        ("running", "started, no outcome yet"),
    ),
    (
        "a local attempt silent for 60 s",
        judged(tried(started=60 * S)),
        ("running", "started, no outcome yet"),
    ),
    (
        "a local attempt silent for 74 s",
        judged(tried(started=74 * S)),
        ("lost", "no process on this machine and nothing written for 74 s, limit 60 s"),
    ),
    (
        "a local attempt that wrote 5 s ago",
        judged(tried(started=HOUR, last_sign=ago(5 * S))),
        ("running", "started, no outcome yet"),
    ),
    (
        "a silent local attempt whose process lives",
        judged(tried(started=3 * HOUR, process=4711)),
        ("running", "process 4711 is alive"),
    ),
    (
        "a process that outlived its attempt",
        judged(tried(process=4711), tried(1)),
        ("lost", "no outcome recorded, attempt 1 followed"),
    ),
    (
        "started in the future, by another clock",
        judged(tried(started=-HOUR)),
        ("running", "started, no outcome yet"),
    ),
    ("not started", judged(tried(started=None)), ("pending", "no attempt has started")),
    (
        "not started, in a run that is over",
        judged(tried(started=None), context=OVER),
        ("lost", "no outcome recorded, and the run is over: end/9 attempt 0: attempt_ok=True"),
    ),
]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [(found, wanted) for _, found, wanted in ATTEMPTS],
    ids=[name for name, _, _ in ATTEMPTS],
)
def test_an_attempt_is_judged_by_the_first_rule_that_matches(
    found: tuple[str, str], wanted: tuple[str, str]
) -> None:
    assert found == wanted


# Each piece of evidence beats all that stand below it.
PRECEDENCE: list[tuple[str, dict[str, Any]]] = [
    ("succeeded", {"ok": True}),
    ("failed", {"ok": False}),
    ("succeeded", {"done": True, "task_ok": True}),
    ("lost", {"exit": SEGFAULT}),
    ("running", {"process": 4711}),
]


@pytest.mark.parametrize("upper", range(len(PRECEDENCE)))
def test_stronger_evidence_wins_over_all_weaker_evidence(upper: int) -> None:
    state, known = PRECEDENCE[upper]
    weaker: dict[str, Any] = {}
    for _, evidence in PRECEDENCE[upper:]:
        weaker = evidence | weaker
    assert judged(tried(started=HOUR, **(weaker | known)))[0] == state


def test_a_clone_is_cloned_whatever_else_is_known() -> None:
    for known in ({"ok": True, "caught": True}, {"ok": False}, {"done": True}, {"exit": SEGFAULT}):
        assert judged(tried(**known), origin_task="F/1/work/7", context=OVER) == (
            "cloned",
            "cloned from F/1/work/7",
        )


def test_only_an_attempt_that_is_finished_has_an_end() -> None:
    running = tried(ended_at=ago(S), process=1)
    ended = tried(ended_at=ago(S), ok=True)
    owner = TaskEvidence("work", "2", (running,))
    assert attempt(running, owner, Budget(), LOCAL).finished_at is None
    assert attempt(ended, owner, Budget(), LOCAL).finished_at == ago(S)


# Retry budget


def step_with(*decorators: tuple[str, dict[str, Any]]) -> Node:
    return Node("work", decorators=tuple(Decorator(name, kept) for name, kept in decorators))


RETRY_TWICE = ("retry", {"times": 2, "minutes_between_retries": 3})
CATCH = ("catch", {"var": "oops", "print_exception": True})


@pytest.mark.parametrize(
    ("node", "attempts", "tries"),
    [
        (None, 1, 1),
        (step_with(), 1, 1),
        (step_with(RETRY_TWICE), 3, 3),
        # `--with retry` leaves Metaflow's defaults, which are strings.
        (step_with(("retry", {"times": "3", "minutes_between_retries": "2"})), 4, 4),
        (step_with(("retry", {})), 4, 4),
        (step_with(("retry", {"times": 0})), 1, 1),
        (step_with(("retry", {"times": "many"})), 4, 4),
        (step_with(("retry", {"times": -7})), 1, 1),
        # @catch adds NUM_FALLBACK_RETRIES = 3, within MAX_ATTEMPTS = 6.
        (step_with(CATCH), 4, 1),
        (step_with(RETRY_TWICE, CATCH), 6, 3),
        (step_with(("retry", {"times": 4}), CATCH), 6, 5),
        (step_with(("retry", {"times": 99})), 6, 100),
    ],
)
def test_how_often_a_task_may_be_tried(node: Node | None, attempts: int, tries: int) -> None:
    found = budget(node, delayed=True)
    assert (found.attempts, found.tries) == (attempts, tries)


def test_only_another_engine_than_metaflows_launcher_waits_between_retries() -> None:
    node = step_with(RETRY_TWICE)
    assert budget(node, delayed=True).delay == 3 * MINUTE
    assert budget(node, delayed=False).delay == 0
    assert budget(step_with(("retry", {"times": 1})), delayed=True).delay == 2 * MINUTE


def test_the_variable_of_catch_is_known_when_there_is_one() -> None:
    assert budget(step_with(CATCH), delayed=True).catch_var == "oops"
    assert budget(step_with(("catch", {"var": None})), delayed=True).catch_var is None


# Tasks

THRICE = Budget(tries=3)
ALIVE = Vital(NOW, launcher=99)
SEEN_GONE = Vital(NOW, launcher_gone=True)


def taken(
    *attempts: AttemptEvidence,
    limits: Budget | None = None,
    vital: Vital = ALIVE,
    alive: bool = True,
    context: Context | None = None,
) -> Task:
    limits = limits or Budget()
    evidence = TaskEvidence("work", "2", attempts)
    judged_attempts: list[Attempt] = [
        attempt(one, evidence, limits, context or Context(NOW)) for one in attempts
    ]
    return task(evidence, judged_attempts, limits, vital, alive)


def test_a_task_without_attempts_is_pending() -> None:
    found = taken()
    assert (found.state, found.reason, found.attempts) == ("pending", "no attempt has started", ())


def test_a_task_is_what_its_last_attempt_is() -> None:
    found = taken(tried(ok=False), tried(1, ok=True), limits=THRICE)
    assert (found.state, found.reason) == ("succeeded", "try 2 of 3: attempt_ok=True")
    only = taken(tried(ok=True))
    assert (only.state, only.reason) == ("succeeded", "attempt_ok=True")


def test_the_attempt_after_all_tries_is_the_fallback_of_catch() -> None:
    limits = Budget(tries=2, fallbacks=3, catch_var="oops")
    found = taken(
        tried(ok=False), tried(1, exit=SEGFAULT), tried(2, ok=True, caught=True), limits=limits
    )
    assert (found.state, found.reason) == (
        "caught",
        "fallback after 2 tries: @catch stored it in oops",
    )


def test_a_failure_with_tries_left_waits_for_its_retry() -> None:
    found = taken(tried(ok=False, ended_at=ago(5 * S)), limits=Budget(tries=3, delay=MINUTE))
    assert (found.state, found.reason) == ("waiting", "attempt 0 failed, attempt 1 is due")
    assert found.retry_at == NOW + 55 * S
    assert found.finished_at is None
    assert [one.state for one in found.attempts] == ["failed"]


def test_a_lost_attempt_is_retried_from_its_last_sign() -> None:
    found = taken(tried(exit=SEGFAULT, last_sign=ago(5 * S)), limits=THRICE)
    assert (found.state, found.reason) == ("waiting", "attempt 0 lost, attempt 1 is due")
    assert found.retry_at == ago(5 * S)


def test_the_last_try_is_final() -> None:
    found = taken(tried(ok=False), tried(1, ok=False), tried(2, ok=False), limits=THRICE)
    assert (found.state, found.retry_at) == ("failed", None)
    assert found.reason == "try 3 of 3: attempt_ok=False"


@pytest.mark.parametrize(
    "end", [Exit(-15, killed=True), Exit(202)], ids=["killed by the runtime", "exit code 202"]
)
@pytest.mark.parametrize("ok", [None, False])
def test_what_metaflow_does_not_retry_does_not_wait(end: Exit, ok: bool | None) -> None:
    found = taken(tried(exit=end, ok=ok), limits=THRICE)
    assert found.state == ("lost" if ok is None else "failed")
    assert found.retry_at is None


def test_nobody_retries_once_the_launcher_is_seen_gone() -> None:
    found = taken(tried(ok=False), limits=THRICE, vital=SEEN_GONE, alive=False)
    assert (found.state, found.retry_at) == ("failed", None)


@pytest.mark.parametrize(("late", "state"), [(60, "waiting"), (61, "failed")])
def test_a_retry_overdue_by_a_minute_is_not_waited_for_in_a_run_that_is_not_known_alive(
    late: int, state: str
) -> None:
    ended = ago(3 * MINUTE + late * S)
    limits = Budget(tries=3, delay=3 * MINUTE)
    unknown = Vital(NOW)
    found = taken(tried(ok=False, ended_at=ended), limits=limits, vital=unknown, alive=False)
    assert found.state == state


def test_a_retry_however_late_is_waited_for_while_the_run_is_alive() -> None:
    found = taken(tried(started=3 * HOUR, ok=False, ended_at=ago(2 * HOUR)), limits=THRICE)
    assert (found.state, found.retry_at) == ("waiting", ago(2 * HOUR))


def test_states_are_the_words_that_the_document_shows() -> None:
    words = "pending running waiting succeeded failed caught lost cloned skipped"
    assert [str(state) for state in State] == words.split()
