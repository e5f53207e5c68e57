"""How the steps of a run stand, kept up to date at the cost of the steps that something touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush

from flowtui import steps as rules
from flowtui.model import Graph, Node, State, StepStatus
from flowtui.task_index import StepTasks


class StepIndex:
    """`steps` are by name in graph order, derived from the tasks in `tasks` by name.

    A step depends on its own tasks, on the steps before it, and behind a switch on how many tasks
    the other branches have; back edges aside, that is settled in graph order.
    """

    def __init__(
        self, graph: Graph, splits: Mapping[str, int], tasks: Mapping[str, StepTasks]
    ) -> None:
        self.steps: dict[str, StepStatus] = {}
        self._graph = graph
        self._tasks = tasks
        self._run_over = False
        self._place = {node.name: place for place, node in enumerate(graph.nodes)}
        self._expected = rules.expected_tasks(graph, splits)
        self._before = {node.name: self._earlier(node) for node in graph.nodes}
        self._dependent = {node.name: self._behind(node) for node in graph.nodes}
        self.renew(self._place)

    def expect(self, splits: Mapping[str, int]) -> Iterable[str]:
        """Take in what the splits asked for; says which steps are to be renewed for that."""
        before, self._expected = self._expected, rules.expected_tasks(self._graph, splits)
        return [name for name, count in self._expected.items() if before[name] != count]

    def end(self, over: bool) -> Iterable[str]:
        """Take in whether the run is over; says which steps are to be renewed for that."""
        if over is self._run_over:
            return ()
        self._run_over = over
        return self._place

    def renew(self, touched: Iterable[str]) -> frozenset[str]:
        """Derive these steps anew and those that depend on them; says which now differ."""
        differ = set()
        due = {self._place[name] for name in touched}
        queue = list(due)
        heapify(queue)
        while queue:
            place = heappop(queue)
            due.discard(place)
            node = self._graph.nodes[place]
            status = self._status(node)
            if self.steps.get(node.name) == status:
                continue
            self.steps[node.name] = status
            differ.add(node.name)
            for other in self._dependent[node.name]:
                if other not in due:
                    due.add(other)
                    heappush(queue, other)
        return frozenset(differ)

    def _status(self, node: Node) -> StepStatus:
        tasks = self._tasks.get(node.name)
        counts = {state: count for state, count in tasks.counts.items() if count} if tasks else {}
        before = self._before[node.name]
        known = (self.steps[name] for name in before)
        # A loop's steps wait for each other: they are never judged, nor do they keep growing.
        looped = len(before) < len(self._graph.predecessors[node.name])
        return rules.step(
            counts,
            self._expected[node.name],
            run_over=self._run_over,
            bypassed=not counts
            and not looped
            and rules.bypassed(node.name, self._graph, self.steps),
            growing=any(status.state is State.RUNNING for status in known),
        )

    def _earlier(self, node: Node) -> tuple[str, ...]:
        place = self._place[node.name]
        names = self._graph.predecessors.get(node.name, ())
        return tuple(name for name in names if self._place[name] < place)

    def _behind(self, node: Node) -> tuple[int, ...]:
        """The places of the steps that depend on this one."""
        names = [name for name in node.next if name in self._place]
        for before in self._graph.predecessors[node.name]:
            if self._graph[before].type == "split-switch":
                names += self._graph[before].next
        # A back edge leads to a step that does not look at this one.
        return tuple(
            {self._place[name] for name in names if name in self._place} - {self._place[node.name]}
        )
