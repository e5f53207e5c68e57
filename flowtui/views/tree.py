"""A run as a tree: steps, foreach levels, tasks, attempts; which of it is unfolded, row by row.

A change costs what it touches: the rows of a step are looked at only when one of its tasks differs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate, groupby

from flowtui.lanes import SEVERITY, natural
from flowtui.model import FINISHED, State, StepStatus, Task
from flowtui.store import Applied, RunStore
from flowtui.task_filter import BadFilterError, TaskFilter
from flowtui.views.loops import looped
from flowtui.views.tree_nodes import ATTEMPTS, Branch, Fold, NodeId, Row, Unfolding
from flowtui.views.tree_step import StepRows

_GOING = frozenset({State.RUNNING, State.WAITING})
_UNKNOWN = StepStatus(State.PENDING, "")


class Tree:
    """The rows of a run that are to be seen, by their number from the top.

    To begin with, failures are unfolded and all else is folded. What the person folds or unfolds
    stays so while the run goes on; a filter has its own unfolding.
    """

    def __init__(self) -> None:
        self.filter_text = ""
        self.wrong: str | None = None
        self._store: RunStore | None = None
        self._unfolding, self._filtered = Unfolding(), Unfolding(ATTEMPTS - 1)
        self._filter: TaskFilter | None = None
        self._levels: frozenset[str] = frozenset()
        self._parallel: frozenset[str] = frozenset()
        self._steps: dict[str, StepRows] = {}
        self._names: list[str] = []
        self._places: dict[str, int] = {}
        self._starts: list[int] | None = None

    # Rows

    def __len__(self) -> int:
        return self._row_starts()[-1]

    def __getitem__(self, row: int) -> Row:
        step, within = self._at(row)
        return self._row(step, step.node(within), within)

    def node(self, row: int) -> NodeId:
        """What a row is about."""
        step, within = self._at(row)
        return step.node(within)

    def place(self, node: NodeId) -> int | None:
        """The row of a node, None when it is not shown."""
        step = self._steps.get(node.step)
        within = step.place(node) if step is not None else None
        if within is None:
            return None
        return self._row_starts()[self._places[node.step]] + within

    @property
    def deepest(self) -> int:
        """How many levels there are above the tasks."""
        return max((len(step.tasks.widest.levels) for step in self._steps.values()), default=1)

    def matching(self) -> int:
        """How many tasks the filter leaves."""
        roots = (step.branch(()) for step in self._steps.values())
        return sum(sum(root.counts.values()) for root in roots if root is not None)

    # What is known

    def show(self, store: RunStore) -> None:
        """Show all that the store knows."""
        self._store = store
        self._arrange()

    def update(self, applied: Applied) -> bool:
        """Follow what was applied to the store; whether a row came, went or moved."""
        store = self._store
        if store is None:
            return False
        by_step = groupby(sorted(applied.tasks, key=lambda task: task.step), lambda task: task.step)
        portions = {step: list(tasks) for step, tasks in by_step}
        new_level = self.filter_text and not self._levels_of(portions) <= self._levels
        if applied.graph or new_level or any(step not in self._steps for step in portions):
            self._arrange()
            return True
        moved = [self._steps[step].take(tasks) for step, tasks in portions.items()]
        if any(moved):
            self._starts = None
        return any(moved)

    def filter(self, text: str) -> None:
        """Leave the tasks that the text leaves, unfolded, and the steps that have such tasks.

        `wrong` is a sentence where it is no filter: nothing is left then.
        """
        if not self.filter_text:
            self._filtered = Unfolding(ATTEMPTS - 1)
        self.filter_text = text
        self._arrange()

    def _arrange(self) -> None:
        store = self._store
        if store is None:
            return
        self._names = [node.name for node in store.graph.nodes]
        self._levels = self._levels_of(self._names)
        self.wrong = self._filter = None
        try:
            self._filter = TaskFilter.parse(self.filter_text, sorted(self._levels))
        except BadFilterError as error:
            self.wrong = str(error)
        rounds = looped(store.graph)
        splits = [node for node in store.graph.nodes if node.type == "split-parallel"]
        self._parallel = frozenset(name for split in splits for name in split.next)
        self._places = {name: place for place, name in enumerate(self._names)}
        self._steps = {
            name: StepRows(
                name,
                store.tasks(name),
                self.unfolding,
                self._passer(name),
                looped=name in rounds,
            )
            for name in self._names
        }
        self._starts = None

    def _levels_of(self, steps: Iterable[str]) -> frozenset[str]:
        """The names of the foreach levels that tasks of these steps have."""
        tasks = (self._store.tasks(step) for step in steps) if self._store is not None else ()
        return frozenset(name for known in tasks for name, _ in known.widest.levels)

    def _passer(self, step: str) -> Callable[[Task], bool] | None:
        store, chosen = self._store, self._filter
        if chosen is None or store is None:
            return lambda _: False
        tasks = store.tasks(step)
        return (lambda task: chosen.leaves(task, tasks)) if chosen.words else None

    # What is unfolded

    @property
    def unfolding(self) -> Unfolding:
        """What is unfolded: of all, or of what the filter leaves."""
        return self._filtered if self.filter_text else self._unfolding

    def fold(self, node: NodeId) -> None:
        """Show of a node its own row alone."""
        self._refold(node, Fold.FOLDED)

    def unfold(self, node: NodeId) -> None:
        """Show what is below a node: the failures, if there are any, and then the rest."""
        step = self._steps[node.step]
        parent = node.parent
        if node.rest and parent is not None:
            self._refold(parent, Fold.ALL)
        elif node.task is not None:
            self._refold(node, Fold.ALL)
        elif step.fold(node) is Fold.FOLDED:
            self._refold(node, Fold.FAILURES if step.trouble(node.path) else Fold.ALL)

    def reveal(self, step: str, task: Task | None) -> NodeId | None:
        """Unfold what hides a task, or lift the filter that does; says what it is in the tree."""
        if task is None:
            return NodeId(step) if step in self._steps else None
        if step not in self._steps:
            return None
        node = NodeId(step, self._steps[step].path(task), task.id)
        if self.filter_text and self.place(NodeId(step)) is None:
            self.filter("")
        for depth in range(len(node.path) + 1):
            above = NodeId(step, node.path[:depth])
            below = NodeId(step, node.path[: depth + 1]) if depth < len(node.path) else node
            if self.place(below) is None:
                self.unfold(above)
            if self.place(below) is None:
                self._refold(above, Fold.ALL)
        if self.place(node) is None and self.filter_text:
            self.filter("")
            return self.reveal(step, task)
        return node

    def fold_to_steps(self) -> None:
        """Show the steps alone."""
        self._unfold_to(0, failures=False)

    def unfold_failures(self) -> None:
        """Show what failed, was lost or caught, and the steps."""
        self._unfold_to(0, failures=True)

    def unfold_more(self) -> None:
        """Show one level more of everything."""
        depth = self.unfolding.depth + 1
        self._unfold_to(
            depth if depth <= max(1, self.deepest) else ATTEMPTS + 1,
            failures=self.unfolding.failures,
        )

    def _unfold_to(self, depth: int, *, failures: bool) -> None:
        unfolding = self.unfolding
        unfolding.depth, unfolding.failures = depth, failures
        unfolding.own.clear()
        for step in self._steps.values():
            step.arrange()
        self._starts = None

    def _refold(self, node: NodeId, fold: Fold) -> None:
        self.unfolding.own[node] = fold
        self._steps[node.step].refold(node)
        self._starts = None

    # What the rows say

    def _row(self, step: StepRows, node: NodeId, within: int) -> Row:
        guides = step.guides(within)
        if node.rest:
            return self._rest_row(step, node, guides)
        if node.task is not None:
            task = step.tasks[node.task]
            if node.attempt is not None:
                return _attempt_row(node, task, guides)
            return self._task_row(step, node, task, guides)
        branch = step.branch(node.path)
        if not node.path:
            return self._step_row(step, node, branch)
        assert branch is not None  # noqa: S101
        going = _goes_on(branch.counts)
        return Row(
            node,
            _worst(branch.counts),
            node.path[-1],
            guides,
            step.fold(node),
            counts=+branch.counts,
            began=branch.extent.began,
            ended=None if going else branch.extent.ended,
            going=going,
        )

    def _step_row(self, step: StepRows, node: NodeId, branch: Branch | None) -> Row:
        store = self._store
        status = store.steps.get(node.step, _UNKNOWN) if store is not None else _UNKNOWN
        of_all = not self.filter_text or branch is None
        counts = branch.counts if self.filter_text and branch is not None else status.counts
        extent = branch.extent if self.filter_text and branch is not None else step.extent
        going = _goes_on(counts)
        tasks = step.tasks
        single = of_all and len(tasks) == 1 and (status.expected or 1) == 1
        only = next(iter(tasks.values())) if single else None
        return Row(
            node,
            status.state,
            node.step,
            fold=step.fold(node) if tasks else None,
            counts=dict(counts),
            total=status.expected if of_all else None,
            attempts=only.attempts if only is not None else (),
            began=extent.began,
            ended=None if going else extent.ended,
            going=going,
            why="" if tasks else status.reason,
            task=only,
        )

    def _task_row(self, step: StepRows, node: NodeId, task: Task, guides: tuple[bool, ...]) -> Row:
        label = task.labels[-1] if task.labels else ""
        branch = step.branch(node.path)
        if step.looped and branch is not None:
            label = f"round {bisect_right(branch.keys, natural(task.id))}"
        elif task.index == 0 and step.id.step in self._parallel:
            label = f"{label} control"
        return Row(
            node,
            task.state,
            task.id,
            guides,
            step.fold(node) if task.attempts else None,
            label,
            attempts=task.attempts,
            began=None if task.state is State.CLONED else task.started_at,
            ended=task.finished_at,
            going=task.state not in FINISHED and task.started_at is not None,
            task=task,
        )

    def _rest_row(self, step: StepRows, node: NodeId, guides: tuple[bool, ...]) -> Row:
        branch = step.branch(node.path)
        counts = branch.quiet_counts() if branch is not None else {}
        return Row(node, _worst(counts), "", guides, Fold.FOLDED, counts=counts)

    def _at(self, row: int) -> tuple[StepRows, int]:
        starts = self._row_starts()
        place = bisect_right(starts, row) - 1
        return self._steps[self._names[place]], row - starts[place]

    def _row_starts(self) -> list[int]:
        """The first row of each step, from the top, and the number of all rows."""
        if self._starts is None:
            self._starts = [0, *accumulate(len(self._steps[name]) for name in self._names)]
        return self._starts


def _attempt_row(node: NodeId, task: Task, guides: tuple[bool, ...]) -> Row:
    attempt = next(attempt for attempt in task.attempts if attempt.number == node.attempt)
    return Row(
        node,
        attempt.state,
        f"attempt {attempt.number}",
        guides,
        began=None if attempt.state is State.CLONED else attempt.started_at,
        ended=attempt.finished_at,
        going=attempt.state is State.RUNNING,
        why=attempt.reason,
    )


def _worst(counts: Mapping[State, int]) -> State:
    return next((state for state in SEVERITY if counts.get(state)), State.PENDING)


def _goes_on(counts: Mapping[State, int]) -> bool:
    return any(counts.get(state) for state in _GOING)
