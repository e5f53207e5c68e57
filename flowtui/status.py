"""What Metaflow's metadata says about an attempt, a task and a run: pure rules, no I/O.

Evidence goes in, a state and its reason come out. The rules are tried in order and the first that
matches decides; each names the part of Metaflow that leaves the evidence.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flowtui.model import (
    FINISHED,
    SETTLED,
    UNSUCCESSFUL,
    Attempt,
    Ms,
    Node,
    RunDescription,
    RunStatus,
    State,
    Task,
)
from flowtui.times import age

TASK_HEARTBEAT_LIMIT = 60_000
"""Milliseconds without a task heartbeat, or without any sign of a local attempt: it is lost."""

NEVER_BEAT_LIMIT = 24 * 3600_000
"""Milliseconds after which an attempt that never sent a heartbeat is lost."""

RUN_HEARTBEAT_LIMIT = 360_000
"""Milliseconds without a run heartbeat: the run is not alive."""

MAX_ATTEMPTS = 6
"""Metaflow's `MAX_ATTEMPTS`: no task is executed more often."""

FALLBACKS = 3
"""@catch's `NUM_FALLBACK_RETRIES`: attempts after the retries that only record the catch."""

EXIT_DISALLOW_RETRY = 202
"""Metaflow's `METAFLOW_EXIT_DISALLOW_RETRY`: the runtime does not retry after this exit code."""


@dataclass(frozen=True, slots=True)
class Exit:
    """The `<attempt>.runtime` record that Metaflow's runtime leaves when a step process ends."""

    code: int
    killed: bool = False

    def __str__(self) -> str:
        if self.killed:
            return "killed by Metaflow's runtime"
        if self.code >= 0:
            return f"exit code {self.code}"
        try:
            return f"exit by signal {-self.code} ({signal.Signals(-self.code).name})"
        except ValueError:
            return f"exit by signal {-self.code}"


@dataclass(frozen=True, slots=True)
class AttemptEvidence:
    """What is known of one attempt.

    `ok` is `attempt_ok`, `done` whether `attempt-done` exists, `task_ok` the artifact `_task_ok`
    (read only when done without `attempt_ok`), `caught` whether the artifact `_catch_exception` is
    registered (None: not looked up yet), `success` the artifact `_success` (read only where @catch
    may have left no `_catch_exception`), `process` the process id while it lives on this machine,
    `process_ended` that id when the process is gone and its launcher too, `last_sign` the newest
    record.
    """

    number: int
    started_at: Ms | None = None
    ended_at: Ms | None = None
    ok: bool | None = None
    done: bool = False
    task_ok: bool | None = None
    caught: bool | None = False
    success: bool | None = None
    exit: Exit | None = None
    process: int | None = None
    process_ended: int | None = None
    last_sign: Ms | None = None


@dataclass(frozen=True, slots=True)
class TaskEvidence:
    """What is known of one task; `heartbeat` is None for providers without heartbeats."""

    step: str
    id: str
    attempts: tuple[AttemptEvidence, ...] = ()
    index: int | None = None
    labels: tuple[str, ...] = ()
    origin_task: str | None = None
    heartbeat: Ms | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.step, self.id)


@dataclass(frozen=True, slots=True)
class Budget:
    """How often a step's tasks may be tried, from its decorators.

    `delay` is in milliseconds. Metaflow's own launcher retries at once; `minutes_between_retries`
    holds where another engine schedules the attempts.
    """

    tries: int = 1
    fallbacks: int = 0
    delay: int = 0
    catch_var: str | None = None

    @property
    def attempts(self) -> int:
        return min(MAX_ATTEMPTS, self.tries + self.fallbacks)


def delays_retries(run: RunDescription) -> bool:
    """Whether retries wait: Metaflow's own launcher (`runtime:dev`) retries at once."""
    return "runtime:dev" not in run.system_tags


def budget(node: Node | None, *, delayed: bool) -> Budget:
    """The retry budget of a step; `delayed` is False for runs that Metaflow's launcher drives."""
    if node is None:
        return Budget()
    retry, catch = node.decorator("retry"), node.decorator("catch")
    tries, delay = 1, 0
    if retry is not None:
        tries += _whole(retry.attributes.get("times"), 3)
        if delayed:
            delay = _whole(retry.attributes.get("minutes_between_retries"), 2) * 60_000
    variable = catch.attributes.get("var") if catch else None
    return Budget(
        tries=tries,
        fallbacks=FALLBACKS if catch else 0,
        delay=delay,
        catch_var=str(variable) if variable else None,
    )


def _whole(value: object, default: int) -> int:
    """A decorator attribute as a number: `_graph_info` holds defaults as strings."""
    try:
        return max(0, int(str(value)))
    except ValueError:
        return default


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule needs to know beyond the task itself.

    `over` is why nothing of the run can still be running (its terminal step has an outcome), or
    None. `heartbeats` says whether the provider keeps them. `control_over` names steps' control
    tasks that went on, for their num_parallel mappers.
    """

    now: Ms
    over: str | None = None
    heartbeats: bool = False
    control_over: frozenset[tuple[str, str]] = frozenset()


def attempt(
    evidence: AttemptEvidence, task: TaskEvidence, limits: Budget, context: Context
) -> Attempt:
    """The state of one attempt (DESIGN: attempt rules 1 to 7, in their order)."""
    state, reason = _attempt_state(evidence, task, limits, context)
    return Attempt(
        number=evidence.number,
        state=state,
        reason=reason,
        started_at=evidence.started_at,
        finished_at=evidence.ended_at if state in FINISHED else None,
    )


def _attempt_state(
    evidence: AttemptEvidence, task: TaskEvidence, limits: Budget, context: Context
) -> tuple[State, str]:
    followed = _followed(evidence, task)
    if task.origin_task is not None:
        return State.CLONED, f"cloned from {task.origin_task}"
    if evidence.ok:
        # Metaflow too old for `_catch_exception` tells by `_success` alone.
        if evidence.caught or (limits.fallbacks and evidence.success is False):
            stored = f"@catch stored it in {limits.catch_var}" if limits.catch_var else None
            return State.CAUGHT, stored or "handled by @catch"
        if evidence.caught is None:
            return State.SUCCEEDED, "attempt_ok=True, whether @catch handled it is not read yet"
        return State.SUCCEEDED, "attempt_ok=True"
    if evidence.ok is False:
        return State.FAILED, "attempt_ok=False" + followed
    if evidence.done:
        return _settled_by_task_ok(evidence, followed)
    lost = _lost(evidence, task, followed, context)
    if lost is not None:
        return State.LOST, lost
    if evidence.started_at is None:
        return State.PENDING, "no attempt has started"
    if evidence.process is not None:
        return State.RUNNING, f"process {evidence.process} is alive"
    return State.RUNNING, "started, no outcome yet"


def _followed(evidence: AttemptEvidence, task: TaskEvidence) -> str:
    later = [other.number for other in task.attempts if other.number > evidence.number]
    return f", attempt {min(later)} followed" if later else ""


def _settled_by_task_ok(evidence: AttemptEvidence, followed: str) -> tuple[State, str]:
    if evidence.task_ok:
        return State.SUCCEEDED, "attempt-done, _task_ok=True"
    if evidence.task_ok is False:
        return State.FAILED, "attempt-done, _task_ok=False" + followed
    return State.LOST, "attempt-done without attempt_ok, and _task_ok cannot be read" + followed


def _lost(
    evidence: AttemptEvidence, task: TaskEvidence, followed: str, context: Context
) -> str | None:
    """Why an attempt without an outcome will never have one, or None while it still may."""
    if evidence.exit is not None:
        return f"{evidence.exit}, no outcome recorded" + followed
    if followed:
        return "no outcome recorded" + followed
    if context.over is not None:
        return f"no outcome recorded, and the run is over: {context.over}"
    control = task.id.partition("_node_")[0]
    if control != task.id and (task.step, control) in context.control_over:
        return f"no outcome recorded, and its control task {control} went on"
    if evidence.started_at is None or evidence.process is not None:
        return None
    if evidence.process_ended is not None:
        return f"process {evidence.process_ended} and the run's launcher are gone"
    if context.heartbeats:
        return _heart_stopped(evidence, task, context)
    silence = context.now - (evidence.last_sign or evidence.started_at)
    if silence > TASK_HEARTBEAT_LIMIT:
        return f"no process on this machine and nothing written for {age(silence)}, limit 60 s"
    return None


def _heart_stopped(evidence: AttemptEvidence, task: TaskEvidence, context: Context) -> str | None:
    if task.heartbeat is None:
        silence = context.now - (evidence.started_at or context.now)
        return "no heartbeat at all for 24 h" if silence > NEVER_BEAT_LIMIT else None
    # A heartbeat of the attempt before says nothing about this one: its start counts too.
    silence = context.now - max(task.heartbeat, evidence.started_at or 0)
    if silence > TASK_HEARTBEAT_LIMIT:
        return f"no heartbeat for {age(silence)}, limit 60 s"
    return None


def task(
    evidence: TaskEvidence, attempts: Sequence[Attempt], limits: Budget, vital: Vital, alive: bool
) -> Task:
    """The state of a task from those of its attempts; `alive` is whether the run is."""
    state, reason, retry_at = State.PENDING, "no attempt has started", None
    if attempts:
        last = attempts[-1]
        state, reason = last.state, last.reason
        if len(attempts) > 1 or limits.attempts > 1:
            reason = f"{_which(last.number, limits)}: {reason}"
        if state in UNSUCCESSFUL and _retries_left(evidence, limits):
            due = Ms((last.finished_at or evidence.attempts[-1].last_sign or 0) + limits.delay)
            # A retry that is due is a sign of life by itself, for as long as an attempt may be.
            if alive or (not vital.launcher_gone and vital.now - due <= TASK_HEARTBEAT_LIMIT):
                retry_at = due
                reason = f"attempt {last.number} {state}, attempt {last.number + 1} is due"
                state = State.WAITING
    return Task(
        step=evidence.step,
        id=evidence.id,
        state=state,
        reason=reason,
        attempts=tuple(attempts),
        index=evidence.index,
        labels=evidence.labels,
        origin_task=evidence.origin_task,
        retry_at=retry_at,
    )


def is_final(task: Task, evidence: TaskEvidence, limits: Budget, *, graph_known: bool) -> bool:
    """Whether no later record can change what `task` says.

    A clone is cloned from its first record on, and is final once its attempt has ended. A failure
    is final once no retry can follow, which takes the graph to know.
    """
    last = evidence.attempts[-1] if evidence.attempts else None
    if last is None or (last.ok is None and not last.done):
        return False
    if task.state in SETTLED:
        return True
    return task.state is State.FAILED and graph_known and not _retries_left(evidence, limits)


def _which(number: int, limits: Budget) -> str:
    if number >= limits.tries and limits.fallbacks:
        return f"fallback after {limits.tries} tries"
    return f"try {number + 1} of {limits.tries}"


def _retries_left(evidence: TaskEvidence, limits: Budget) -> bool:
    last = evidence.attempts[-1]
    if last.exit is not None and (last.exit.killed or last.exit.code == EXIT_DISALLOW_RETRY):
        return False
    return last.number + 1 < limits.attempts


@dataclass(frozen=True, slots=True)
class Vital:
    """What speaks for a run being alive, apart from its attempts; None is unknown.

    `heartbeat` is the run's own, `launcher` the process id of its launcher on this machine,
    `launcher_gone` whether that process was seen and has ended, `last_sign` the newest record of
    the run.
    """

    now: Ms
    heartbeat: Ms | None = None
    launcher: int | None = None
    launcher_gone: bool = False
    last_sign: Ms | None = None

    def alive(self) -> str | None:
        """Why the run is alive, or None."""
        if self.launcher is not None:
            return f"its launcher, process {self.launcher}, is alive"
        if self.heartbeat is not None and self.now - self.heartbeat <= RUN_HEARTBEAT_LIMIT:
            return "its heartbeat arrives"
        return None


def terminal_outcome(tasks: Iterable[Task]) -> RunStatus | None:
    """The run's status when its terminal step has an outcome, from that step's tasks.

    A failure is an outcome when no retry can follow: the task is not `waiting`.
    """
    ends = tuple(tasks)
    for end in ends:
        if end.state in SETTLED:
            last = end.attempts[-1]
            reason = f"{end.step}/{end.id} attempt {last.number}: {last.reason}"
            return RunStatus(State.SUCCEEDED, reason, last.finished_at)
    for end in ends:
        if end.state in UNSUCCESSFUL:
            reason = f"{end.step}/{end.id} {end.state}: {end.reason}"
            return RunStatus(State.FAILED, reason, end.finished_at)
    return None


def run(
    vital: Vital,
    *,
    outcome: RunStatus | None,
    running: str | None,
    started: bool,
    first_failure: Task | None,
    finished_at: Ms | None,
) -> RunStatus:
    """The state of a run: its terminal step's outcome, else life, else failures, else lost.

    `running` names an attempt that runs or a retry that is due, `started` is whether any attempt
    has begun, `finished_at` the newest end of an attempt.
    """
    if outcome is not None:
        return outcome
    alive = running or vital.alive()
    if alive is None and first_failure is None and _recently(vital):
        alive = "its newest record is less than 60 s old"
    if alive is not None:
        return RunStatus(State.RUNNING if started else State.PENDING, alive)
    if first_failure is not None:
        where = f"{first_failure.step}/{first_failure.id}"
        reason = f"{where} {first_failure.state}: {first_failure.reason}"
        return RunStatus(State.FAILED, reason, finished_at)
    if vital.heartbeat is not None:
        silence = age(vital.now - vital.heartbeat)
        return RunStatus(State.LOST, f"no heartbeat for {silence}, limit 360 s", finished_at)
    if vital.launcher_gone:
        why = "its launcher is gone"
    elif vital.last_sign is not None:
        why = f"nothing was written for {age(vital.now - vital.last_sign)}, limit 60 s"
    else:
        why = "nothing was ever written"
    return RunStatus(State.LOST, f"{why}, and its terminal step has no outcome", finished_at)


def _recently(vital: Vital) -> bool:
    if vital.launcher_gone or vital.last_sign is None:
        return False
    return vital.now - vital.last_sign <= TASK_HEARTBEAT_LIMIT
