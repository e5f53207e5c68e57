"""How a step stands, from its tasks and the steps before it: pure rules, no I/O."""

from __future__ import annotations

from collections.abc import Mapping

from flowtui.model import SETTLED, Graph, Node, State, StepStatus


def step(
    counts: Mapping[State, int],
    expected: int | None,
    *,
    run_over: bool,
    bypassed: bool = False,
    growing: bool = False,
) -> StepStatus:
    """The state of a step from its tasks by state.

    `expected` is how many tasks it will have, None when that is unknown; `bypassed` is whether a
    switch before it has gone another way, `growing` whether a step before it still runs, so that
    more tasks may come. A step never reached keeps what it was expected to have: a resume runs it.
    """
    total = sum(counts.values())
    if run_over and total and counts.get(State.PENDING) == total:
        reason = "its tasks never started, and the run is over"
        return StepStatus(State.SKIPPED, reason, dict(counts), expected)
    if not total:
        if bypassed:
            return StepStatus(State.SKIPPED, "the switch before it took another branch", {}, 0)
        if run_over:
            return StepStatus(State.SKIPPED, "never reached, and the run is over", {}, expected)
        return StepStatus(State.PENDING, "not reached yet", {}, expected)
    # In a run that is over, what has not started never will.
    more = growing or total < (expected or 0) or bool(counts.get(State.PENDING))
    unfinished = more and not run_over
    state = _step_state(counts, total, unfinished)
    return StepStatus(state, _step_reason(state, counts, expected), dict(counts), expected)


def _step_reason(state: State, counts: Mapping[State, int], expected: int | None) -> str:
    of = max(sum(counts.values()), expected or 0)
    tasks = f"{of} task{'s' if of != 1 else ''}"
    if state is State.RUNNING and not counts.get(State.RUNNING):
        if counts.get(State.WAITING):
            return f"{counts[State.WAITING]} of {tasks} waiting for a retry"
        return f"{sum(counts.values())} of {tasks} so far"
    if state is State.SUCCEEDED and counts.get(State.CLONED):
        return f"{counts[State.SUCCEEDED]} of {tasks} succeeded, {counts[State.CLONED]} cloned"
    return f"{counts.get(state, 0)} of {tasks} {state}"


def _step_state(counts: Mapping[State, int], total: int, unfinished: bool) -> State:
    if counts.get(State.RUNNING) or counts.get(State.WAITING):
        return State.RUNNING
    if counts.get(State.PENDING) == total:
        return State.PENDING
    if unfinished:
        return State.RUNNING
    for state in (State.FAILED, State.LOST, State.CAUGHT):
        if counts.get(state):
            return state
    return State.CLONED if counts.get(State.CLONED) == total else State.SUCCEEDED


def bypassed(step_name: str, graph: Graph, statuses: Mapping[str, StepStatus]) -> bool:
    """Whether every way to a step without tasks is closed: switches have gone other ways.

    `statuses` holds the steps before it in graph order. A switch has gone another way once all its
    tasks are done and its other branches have as many tasks. Loops are never judged.
    """
    before = graph.predecessors.get(step_name, ())
    return bool(before) and all(_closed(name, step_name, graph, statuses) for name in before)


def _closed(name: str, towards: str, graph: Graph, statuses: Mapping[str, StepStatus]) -> bool:
    node, status = graph[name], statuses.get(name)
    if status is None or name in node.next:
        return False
    if status.state is State.SKIPPED:
        # A step that was bypassed needs no task; one that a failed run never reached still does.
        return status.expected == 0
    done = sum(count for state, count in status.counts.items() if state in SETTLED)
    if node.type != "split-switch" or not done or done != sum(status.counts.values()):
        return False
    others = (statuses.get(other) for other in node.next if other != towards)
    return sum(sum(other.counts.values()) for other in others if other) >= done


def expected_tasks(graph: Graph, splits: Mapping[str, int]) -> Mapping[str, int | None]:
    """How many tasks each step will have, None where that cannot be known yet.

    `splits` counts, per split step, the tasks its foreach or num_parallel asked for. Steps behind a
    switch may never run, and loops run as often as they like: unknown.
    """
    expected: dict[str, int | None] = {}
    for node in graph.nodes:
        expected[node.name] = _expected(node, graph, splits, expected)
    return expected


def _expected(
    node: Node, graph: Graph, splits: Mapping[str, int], expected: Mapping[str, int | None]
) -> int | None:
    if node.name == graph.start_step:
        return 1
    if node.name == graph.end_step:
        return 1
    before = [graph[name] for name in graph.predecessors.get(node.name, ())]
    if not before or any(other.type == "split-switch" for other in before):
        return None
    if node.type == "join":
        matching = [other for other in graph.nodes if other.matching_join == node.name]
        return expected.get(matching[0].name) if matching else None
    first = before[0]
    if first.type in ("split-foreach", "split-parallel"):
        return splits.get(first.name)
    return expected.get(first.name)
