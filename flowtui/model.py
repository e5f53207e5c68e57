"""What a run is, in Metaflow's words: frozen values that every other part reads and none changes.

Times are integers, milliseconds since the epoch, UTC (Metaflow's own `ts_epoch`); `None` means that
the metadata does not say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, NewType

_NAME = re.compile(r"[^\s/\x00-\x1f\x7f-\x9f]+")

Ms = NewType("Ms", int)
"""Milliseconds since the epoch, UTC."""

Key = tuple[str, str]
"""Step and task id: what a task is told by within its run."""


class State(StrEnum):
    """A state of an attempt, a task, a step or a run; the value is the word shown and stored."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CAUGHT = "caught"
    LOST = "lost"
    CLONED = "cloned"
    SKIPPED = "skipped"


SETTLED = frozenset({State.SUCCEEDED, State.CAUGHT, State.CLONED})
"""States of an attempt or a task that nothing later can change."""

FINISHED = SETTLED | {State.FAILED, State.LOST, State.SKIPPED}
"""States in which nothing runs any more."""

_JOINED = frozenset({"split-static", "split-foreach", "split-parallel"})
"""The types of steps whose branches a join brings together again."""

UNSUCCESSFUL = frozenset({State.FAILED, State.LOST})
"""States that keep a run from its end."""

LEVELS_APART = " › "
"""What stands between the levels of a foreach label."""

STREAMS = ("stdout", "stderr")
"""What an attempt writes."""


@dataclass(frozen=True, slots=True)
class Decorator:
    """A step decorator with its attributes, as `_graph_info` has them (values may be strings)."""

    name: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A step as the flow declares it.

    `type` is Metaflow's word: `start`, `linear`, `split-static`, `split-foreach`, `split-parallel`,
    `split-switch`, `join`, `end`, or `unknown` for a step that has tasks but is in no graph.
    """

    name: str
    type: str = "linear"
    next: tuple[str, ...] = ()
    decorators: tuple[Decorator, ...] = ()
    foreach_artifact: str | None = None
    num_parallel: int | None = None
    condition: str | None = None
    switch_cases: Mapping[str, str] = field(default_factory=dict)
    matching_join: str | None = None
    doc: str = ""
    line: int | None = None
    source_file: str | None = None

    def decorator(self, name: str) -> Decorator | None:
        """The first decorator of that name, or None."""
        return next((deco for deco in self.decorators if deco.name == name), None)


@dataclass(frozen=True)
class Graph:
    """The steps of a flow, in topological order from its start step, back edges aside."""

    nodes: tuple[Node, ...] = ()
    start_step: str | None = None
    end_step: str | None = None
    file: str | None = None

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def predecessors(self) -> Mapping[str, tuple[str, ...]]:
        """Step name → the steps that lead to it, in graph order; a loop names itself."""
        before: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for successor in node.next:
                before.setdefault(successor, []).append(node.name)
        return {name: tuple(names) for name, names in before.items()}

    @cached_property
    def split_of(self) -> Mapping[str, str]:
        """Step name → the foreach or num_parallel split that it is inside of, the innermost."""
        # A join closes the innermost split that is open before it; one that splits again is no
        # `join` by its type.
        joins = {node.matching_join for node in self.nodes}
        opened: dict[str, tuple[str, ...]] = {}
        for node in self.nodes:
            before = next((n for n in self.predecessors[node.name] if n in opened), None)
            around = opened[before] if before is not None else ()
            if before is not None and self[before].type in _JOINED:
                around = (*around, before)
            closes = node.type == "join" or node.name in joins
            opened[node.name] = around[:-1] if closes else around
        innermost = {
            name: next((n for n in reversed(splits) if self[n].type != "split-static"), None)
            for name, splits in opened.items()
        }
        return {name: split for name, split in innermost.items() if split is not None}

    def __contains__(self, step: str) -> bool:
        return step in self.by_name

    def __getitem__(self, step: str) -> Node:
        return self.by_name[step]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a task; `number` counts from 0, as Metaflow does."""

    number: int
    state: State
    reason: str
    started_at: Ms | None = None
    finished_at: Ms | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One task with all its attempts.

    `index` is its position in the innermost foreach and `labels` one entry per nesting level
    (`("countries=FI", "titles=a")`), outermost first. `origin_task` is the pathspec it was cloned
    from. `retry_at` is when a waiting task's next attempt is due.
    """

    step: str
    id: str
    state: State
    reason: str
    attempts: tuple[Attempt, ...] = ()
    index: int | None = None
    labels: tuple[str, ...] = ()
    origin_task: str | None = None
    retry_at: Ms | None = None

    @property
    def key(self) -> Key:
        """(step, id): unique within the run."""
        return (self.step, self.id)

    @property
    def label(self) -> str | None:
        """The foreach label, levels joined by ` › `, or None outside a foreach."""
        return LEVELS_APART.join(self.labels) or None

    @property
    def started_at(self) -> Ms | None:
        return self.attempts[0].started_at if self.attempts else None

    @property
    def finished_at(self) -> Ms | None:
        """When the last attempt ended; None while the task runs, waits or is pending."""
        if self.state not in FINISHED or not self.attempts:
            return None
        return self.attempts[-1].finished_at


@dataclass(frozen=True, slots=True)
class Fact:
    """One record behind a state.

    `name` is the field of Metaflow's metadata (`attempt_ok`), an artifact that decided
    (`_catch_exception`), or says what else was looked at: `exit`, `heartbeat`, `process`,
    `process ended`. `attempt` is the attempt it is about, None for the task itself.
    """

    name: str
    value: str
    attempt: int | None
    at: Ms | None


@dataclass(frozen=True, slots=True)
class Artifact:
    """What is recorded of an artifact that an attempt stored; its value is not in it.

    `type` is the name of its Python type and `size` the bytes of its pickle, both as the attempt
    noted them in the datastore, or None. `sha` is the key of its bytes; `kind` and `root` say in
    which datastore they are.
    """

    step: str
    task: str
    attempt: int
    name: str
    type: str | None
    size: int | None
    sha: str
    kind: str
    root: str


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The artifacts of an attempt by name; `trouble` is why types and sizes are not known."""

    listed: tuple[Artifact, ...] = ()
    trouble: str | None = None


@dataclass(frozen=True, slots=True)
class FlowSource:
    """A flow's file as a run's code package holds it; `name` has no folder."""

    name: str
    text: bytes


@dataclass(frozen=True, slots=True)
class RunDescription:
    """What does not change while a run goes on; `graph` is empty until the run has stored one.

    `origin_runs` are the runs it goes back to, each resumed from the one before, oldest first.
    """

    flow: str
    run: str
    source: str
    user: str | None = None
    tags: tuple[str, ...] = ()
    system_tags: tuple[str, ...] = ()
    created_at: Ms | None = None
    graph: Graph = Graph()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    origin_runs: tuple[str, ...] = ()

    @property
    def origin_run(self) -> str | None:
        """The run that this one was resumed from."""
        return self.origin_runs[-1] if self.origin_runs else None

    @property
    def pathspec(self) -> str:
        return f"{self.flow}/{self.run}"


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How a run stands: `state` is pending, running, succeeded, failed or lost."""

    state: State
    reason: str
    finished_at: Ms | None = None


@dataclass(frozen=True, slots=True)
class StepStatus:
    """How a step stands; `counts` are tasks by state, `expected` is how many there will be."""

    state: State
    reason: str
    counts: Mapping[State, int] = field(default_factory=dict)
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process on this machine, told apart from later ones that get its pid.

    `started` is when, in seconds since the machine's start, as the kernel counts them; `command` is
    its command line, quoted for a shell.
    """

    pid: int
    started: float
    command: str


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """A live step process on this machine: its id, percent of one core, and resident bytes.

    `cpu` is None until the process has been looked at twice.
    """

    pid: int
    cpu: float | None
    memory: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What one poll found new: only what differs from the polls before it.

    `splits` counts, per split step, the tasks its foreach or num_parallel asked for so far;
    `now` is the source's clock. Three things are said anew each time: `processes`, the live step
    processes by task; `more`, whether the picture still lacks what a further poll will read at
    once; and `trouble`, a sentence on what could not be read and is left out.
    """

    now: Ms
    description: RunDescription | None = None
    status: RunStatus | None = None
    tasks: tuple[Task, ...] = ()
    splits: Mapping[str, int] = field(default_factory=dict)
    processes: Mapping[Key, ProcessUse] = field(default_factory=dict)
    more: bool = False
    trouble: str | None = None

    def __bool__(self) -> bool:
        return bool(self.description or self.status or self.tasks or self.splits)


def parse_flow(text: str) -> str:
    """Read the name of a flow; raises ValueError with a sentence that says what is wrong."""
    if not _NAME.fullmatch(text) or text in (".", "..", "@latest"):
        raise ValueError(f"{text!r} is not a flow, and no run: write FLOW or FLOW/RUN.")
    return text


@dataclass(frozen=True, slots=True)
class Target:
    """What the command line names: `Flow/run[/step[/task]]`; `run` may be `@latest`."""

    flow: str
    run: str
    step: str | None = None
    task: str | None = None

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read a target; raises ValueError with a sentence that says what is wrong with it."""
        parts = text.split("/")
        example = "write FLOW/RUN, FLOW/@latest, FLOW/RUN/STEP or FLOW/RUN/STEP/TASK"
        if not all(_NAME.fullmatch(part) and part not in (".", "..") for part in parts):
            raise ValueError(f"{text!r} is not a run: {example}.")
        if len(parts) == 1:
            raise ValueError(f"{text!r} names no run: write {text}/@latest for the newest one.")
        if len(parts) > 4:
            raise ValueError(f"{text!r} has too many parts: {example}.")
        if "@latest" in (parts[0], *parts[2:]):
            raise ValueError(f"{text!r} has @latest where no run is: {example}.")
        return cls(*parts)

    def __str__(self) -> str:
        return "/".join(part for part in (self.flow, self.run, self.step, self.task) if part)
