"""Runs told by their times alone: what ran from when to when, in seconds after the run began."""

from __future__ import annotations

from flowtui.graph.dag import order_nodes
from flowtui.model import (
    FINISHED,
    Attempt,
    Changes,
    Graph,
    Ms,
    Node,
    RunDescription,
    RunStatus,
    State,
    Task,
)
from flowtui.store import RunStore

BEGAN = Ms(1_795_254_600_000)
"""09:50:00 UTC on 21 November 2026."""

Ran = tuple[State, float | None, float | None]
"""A state of an attempt, with its start and end."""


def at(seconds: float) -> Ms:
    """So many seconds after the run began."""
    return Ms(BEGAN + round(seconds * 1000))


def task(
    name: str,
    *ran: Ran,
    state: State | None = None,
    labels: tuple[str, ...] = (),
    index: int | None = None,
) -> Task:
    """The task `step/id` with these attempts; it has the state of the last one, or this one."""
    step, _, task_id = name.partition("/")
    attempts = tuple(
        Attempt(
            number,
            told,
            f"is {told}",
            at(start) if start is not None else None,
            at(end) if end is not None else None,
        )
        for number, (told, start, end) in enumerate(ran)
    )
    last = attempts[-1].state if attempts else State.PENDING
    return Task(step, task_id, state or last, "…", attempts, index, labels)


def done(name: str, start: float, end: float, *labels: str, index: int | None = None) -> Task:
    """A task that succeeded at once."""
    return task(name, (State.SUCCEEDED, start, end), labels=labels, index=index)


def graph(**steps: str) -> Graph:
    """Step → the steps after it; one that is written `step*` is a foreach."""
    nodes = []
    for name, after in steps.items():
        following = tuple(after.replace("*", "").split())
        nodes.append(Node(name, "split-foreach" if "*" in after else "linear", following))
    return Graph(order_nodes(nodes, "start"), "start", "end")


def run(steps: Graph, *tasks: Task, now: float, state: State = State.SUCCEEDED) -> RunStore:
    """A run as it stands so many seconds after it began."""
    store = RunStore(RunDescription("TimedFlow", "1", "scripted", created_at=BEGAN, graph=steps))
    ended = at(now) if state in FINISHED else None
    store.apply(Changes(at(now), status=RunStatus(state, "…", ended), tasks=tasks))
    return store
