"""What `resume` would do to each step: how many tasks are cloned, how many run again. Pure.

Follows `clone_original_run` and `_queue_tasks` in Metaflow's `runtime.py`: every task of the origin
that finished ok is cloned, one whose failure @catch handled included; all other tasks that the flow
asks for are run. Tasks of a num_parallel step are cloned only if their control task finished ok.
Of the step that a resume names, and of all steps after it, no task is cloned; steps beside it are
treated as without it. A switch that is cloned takes the branch it took, whichever step is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowtui.model import SETTLED, Graph, Node, State, Task


@dataclass(frozen=True, slots=True)
class StepPreview:
    """One step of a resumed run.

    `cloned` tasks are copied, `caught` of them with the exception that @catch stored. `reruns`
    tasks are executed; None when that is only known once they run (a switch not taken yet, a
    foreach not reached, one more round of a loop): then it is `at_least` that many, if the run gets
    as far as this step.
    """

    step: str
    cloned: int
    caught: int
    reruns: int | None
    at_least: int


def preview(
    graph: Graph,
    tasks: Mapping[str, Sequence[Task]],
    splits: Mapping[str, int],
    *,
    step: str | None = None,
) -> tuple[StepPreview, ...]:
    """What a resume of the run with these `tasks` (by step) does, per step in graph order.

    `splits` counts, per split step, the tasks its foreach or num_parallel asked for
    (`Changes.splits`). The tasks themselves do not tell: those still queued when a run fails are
    never registered. `step` is the one to resume from, None for what did not finish.
    """
    executions = _Executions(graph, tasks, splits, _and_after(graph, step))
    return tuple(executions.preview(node) for node in graph.nodes)


def remarks(steps: Sequence[StepPreview], *, going_on: bool) -> tuple[str, ...]:
    """What a preview says in sum, a sentence each; `going_on` is whether tasks still run."""
    if not steps:
        return ("The run has not stored its steps: what is cloned shows once it is resumed.",)
    cloned, caught = sum(step.cloned for step in steps), sum(step.caught for step in steps)
    least = sum(step.at_least for step in steps)
    exact = all(step.reruns is not None for step in steps)
    told = [f"{_count(cloned)} cloned, {least}{'' if exact else ' or more'} to run."]
    if exact and not least:
        told = ["Nothing to rerun: every task would be cloned."]
    if caught:
        told.append(f"{_count(caught)} caught: cloned as it ended, not tried again.")
    if going_on:
        told.append("The run is still going on: what runs now would run a second time.")
    return tuple(told)


def _count(tasks: int) -> str:
    return f"{tasks} task{'' if tasks == 1 else 's'}"


def _and_after(graph: Graph, step: str | None) -> frozenset[str]:
    """The step and all that it leads to (`NativeRuntime._steps_to_rerun`)."""
    if step is None:
        return frozenset()
    found, waiting = {step}, [step]
    while waiting:
        name = waiting.pop()
        reached = set(graph[name].next if name in graph else ()) - found
        found |= reached
        waiting.extend(reached)
    return frozenset(found)


class _Executions:
    """Works out how often each step is executed in a complete run, step by step in graph order.

    None stands for a number that only the resumed run will know.
    """

    def __init__(
        self,
        graph: Graph,
        tasks: Mapping[str, Sequence[Task]],
        splits: Mapping[str, int],
        rerun: frozenset[str],
    ) -> None:
        """`rerun` are steps of which nothing is cloned."""
        self._graph = graph
        self._tasks = tasks
        self._splits = splits
        self._rerun = rerun
        self._before = _predecessors(graph)
        self._opened_by = {
            node.matching_join: node.name for node in graph.nodes if node.matching_join
        }
        self._scopes = _scopes(graph, self._before, self._opened_by)
        self._implied = _implied(graph)
        self._entered: dict[str, int | None] = {}
        self._executed: dict[str, int | None] = {}
        self._least: dict[str, int] = {}
        self._cloned: dict[str, list[Task]] = {}

    def preview(self, node: Node) -> StepPreview:
        """The preview of a step; those of the steps before it must have been asked for."""
        tasks = self._tasks.get(node.name, ())
        cloned = self._cloned[node.name] = self._clones(node, tasks)
        executed = self._entered[node.name] = self._entries(node)
        if node.name in node.next:
            # A loop: its rounds are known only if it was left, as often as it was entered.
            executed = len(cloned) if self._choices(node) is not None else None
        self._executed[node.name] = executed
        least = self._least[node.name] = self._at_least(node) if executed is None else executed
        return StepPreview(
            step=node.name,
            cloned=len(cloned),
            caught=sum(task.state is State.CAUGHT for task in cloned),
            reruns=None if executed is None else max(0, executed - len(cloned)),
            at_least=max(0, least - len(cloned)),
        )

    def _at_least(self, node: Node) -> int:
        """How often a step is executed at least, where there is no telling how often.

        What was queued is queued again, unless a step before it may decide otherwise. And no
        foreach may be empty (`FlowSpec.next`).
        """
        begun = 0 if node.name in self._rerun else len(self._tasks.get(node.name, ()))
        entered = self._entered[node.name]
        if entered is None:
            entered = sum(self._leads_on(before, node) for before in self._before[node.name])
            if node.name in self._opened_by:
                entered = self._least.get(self._opened_by[node.name], 0)
        return max(begun, entered)

    def _leads_on(self, before: Node, node: Node) -> int:
        if before.type != "split-switch":
            return self._least[before.name]
        choices = self._choices(before)
        return 0 if choices is None else choices[node.name]

    def _clones(self, node: Node, tasks: Sequence[Task]) -> list[Task]:
        if node.name in self._rerun:
            return []
        settled = [task for task in tasks if task.state in SETTLED]
        if not any(before.type == "split-parallel" for before in self._before[node.name]):
            return settled
        # Metaflow calls a mapper <control task>_node_<index>. A control task that @catch rescued
        # has no mappers any more (`CatchDecorator.task_exception`).
        controls = {task.id: task.state for task in settled if _is_control(task)}
        mapped = {control for control, state in controls.items() if state is not State.CAUGHT}
        return [
            task
            for task in settled
            if task.id in controls or task.id.partition("_node_")[0] in mapped
        ]

    def _all_cloned(self, node: Node) -> bool:
        return 0 < len(self._cloned[node.name]) == len(self._tasks.get(node.name, ()))

    def _entries(self, node: Node) -> int | None:
        """How often the step is come to from the steps before it."""
        scope = self._scopes[node.name]
        entry = self._graph.start_step if scope is None else self._graph[scope].next[0]
        if entry is not None and node.name in self._implied.get(entry, ()):
            return 1 if scope is None else self._children(self._graph[scope])
        if node.name in self._opened_by:
            return self._executed.get(self._opened_by[node.name])
        arriving = [self._from(before, node) for before in self._before[node.name]]
        known = [count for count in arriving if count is not None]
        return sum(known) if arriving and len(known) == len(arriving) else None

    def _from(self, before: Node, node: Node) -> int | None:
        if before.type == "split-switch":
            choices = self._choices(before)
            return None if choices is None else choices[node.name]
        if _is_foreach(before):
            return self._children(before)
        return self._executed[before.name]

    def _children(self, split: Node) -> int | None:
        """How many tasks a foreach or num_parallel step asks for, over all its executions."""
        executed = self._executed.get(split.name)
        if executed is None:
            return None
        if split.type == "split-parallel":
            cloned = self._cloned.get(split.next[0], ())
            if sum(_is_control(task) for task in cloned) == executed:
                return len(cloned)
            if split.num_parallel:
                return executed * split.num_parallel
        # A split that runs again may ask for another number.
        if not self._all_cloned(split) or executed != len(self._tasks[split.name]):
            return None
        return self._splits.get(split.name)

    def _choices(self, switch: Node) -> Mapping[str, int] | None:
        """How often a switch that is cloned went to each other step, told by the tasks there."""
        entered = self._entered[switch.name]
        if not entered or not self._all_cloned(switch):
            return None
        ways = [n.name for n in self._graph.nodes if n.name in switch.next and n is not switch]
        seen = {way: len(self._tasks.get(way, ())) for way in ways}
        if entered == 1:
            # One that leads on to another stands before it in graph order.
            taken = next((way for way in ways if seen[way]), None)
            return None if taken is None else {way: int(way == taken) for way in ways}
        seen = {way: count for way, count in seen.items() if len(self._before[way]) == 1}
        if sum(seen.values()) != entered:
            return None
        return {way: seen.get(way, 0) for way in ways}


def _is_foreach(node: Node) -> bool:
    return node.type in ("split-foreach", "split-parallel")


def _is_control(task: Task) -> bool:
    return "_node_" not in task.id


def _predecessors(graph: Graph) -> Mapping[str, list[Node]]:
    """The steps that lead to each step from further up the graph; loops are left out."""
    before: dict[str, list[Node]] = {}
    for node in graph.nodes:
        names = graph.predecessors[node.name]
        before[node.name] = [graph[name] for name in names if name in before and name != node.name]
    return before


def _scopes(
    graph: Graph, before: Mapping[str, list[Node]], opened_by: Mapping[str, str]
) -> Mapping[str, str | None]:
    """Step → the innermost foreach or num_parallel split that it runs within."""
    scopes: dict[str, str | None] = {}
    for node in graph.nodes:
        first = next(iter(before[node.name]), None)
        if node.name in opened_by:
            scopes[node.name] = scopes.get(opened_by[node.name])
        elif first is None:
            scopes[node.name] = None
        else:
            scopes[node.name] = first.name if _is_foreach(first) else scopes[first.name]
    return scopes


def _implied(graph: Graph) -> Mapping[str, frozenset[str]]:
    """Step → the steps that are executed whenever it is, itself included, whatever switches do."""
    implied: dict[str, frozenset[str]] = {}
    for node in reversed(graph.nodes):
        after = [implied[name] for name in node.next if name in implied and name != node.name]
        if node.type == "split-switch" and after:
            reached = frozenset.intersection(*after)
        else:
            reached = frozenset().union(*after)
        implied[node.name] = reached | {node.name}
    return implied
