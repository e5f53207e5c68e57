"""The rows of one step in the tree: its tasks by foreach level, as far as they are unfolded.

They are a sorted list of keys, of which a change replaces the part that it touches. Folded steps
have one row, and nothing is kept of their tasks but when they began and ended.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from flowtui.lanes import NaturalKey, natural
from flowtui.model import State, Task
from flowtui.task_index import StepTasks
from flowtui.views.tree_nodes import (
    ATTEMPTS,
    TROUBLE,
    Branch,
    Extent,
    Fold,
    NodeId,
    Unfolding,
    has_trouble,
)

RowKey = tuple[tuple[Any, ...], ...]
"""Where a row stands: one part for each level; keys of one level compare as their rows stand."""

_GROUP, _TASK = 0, 1
_REST_PART = (2,)
_END = (3,)

_MANY = 256
"""From this many changed tasks on, arranging all anew is cheaper than moving each."""

_DEEPEST = 20
"""Levels of a foreach that have rows of their own: more than any flow has."""

Path = tuple[str, ...]
Place = tuple[Path, State]
"""Where a task is counted: in which groups, and as what."""


class StepRows:
    """Follows the tasks of a step; `passes` says which of them are listed, None: all."""

    def __init__(
        self,
        step: str,
        tasks: StepTasks,
        unfolding: Unfolding,
        passes: Callable[[Task], bool] | None,
        *,
        looped: bool,
    ) -> None:
        """`looped` is whether the step runs again in rounds, which stand below all labels."""
        self.id = NodeId(step)
        self.tasks = tasks
        self.extent = Extent()
        self.looped = looped
        self._unfolding, self._passes = unfolding, passes
        self._root: Branch | None = None
        self._known: dict[str, Place] = {}
        self._rows: list[RowKey] = []
        self.arrange()
        if self._root is not None and passes is None:
            self.extent = replace(self._root.extent)
        else:
            for task in tasks.values():
                self.extent.take(task)

    def __len__(self) -> int:
        return len(self._rows)

    # Rows

    def node(self, row: int) -> NodeId:
        """What a row is about."""
        step, key = self.id.step, self._rows[row]
        path = tuple(part[1][1] for part in key if part[0] == _GROUP)
        below = key[len(path) :]
        if not below or below[0] == _REST_PART:
            return NodeId(step, path, rest=bool(below))
        attempt = below[1][1] if len(below) > 1 else None
        return NodeId(step, path, below[0][1][1], attempt)

    def place(self, node: NodeId) -> int | None:
        """The row of a node, None when it is not shown."""
        key = self._key(node)
        row = bisect_left(self._rows, key)
        return row if row < len(self._rows) and self._rows[row] == key else None

    def guides(self, row: int) -> tuple[bool, ...]:
        """For each level from the first below the step on, whether more follows after the row."""
        rows, key = self._rows, self._rows[row]
        follows = []
        for depth in range(1, len(key) + 1):
            after = bisect_left(rows, (*key[:depth], _END))
            follows.append(after < len(rows) and rows[after][: depth - 1] == key[: depth - 1])
        return tuple(follows)

    def branch(self, path: Path) -> Branch | None:
        """The tasks below a group, or below the step; None where they are not known in parts."""
        branch = self._root
        for label in path:
            branch = branch.groups.get(label) if branch is not None else None
        return branch

    def path(self, task: Task) -> Path:
        """The groups that a task is in: the innermost label stands on the task's own row."""
        return (task.labels if self.looped else task.labels[:-1])[:_DEEPEST]

    def fold(self, node: NodeId) -> Fold:
        """How much is shown of what is below a node."""
        if node.task is not None:
            task = self.tasks[node.task]
            several = task.state in TROUBLE and len(task.attempts) > 1
            fold = self._unfolding.fold(node, ATTEMPTS, trouble=several)
            return Fold.FOLDED if fold is Fold.FOLDED else Fold.ALL
        return self._unfolding.fold(node, len(node.path), trouble=self.trouble(node.path))

    def trouble(self, path: Path) -> bool:
        """Whether a task of a group, or of the step, failed, was lost or caught."""
        branch = self.branch(path)
        return has_trouble(self.tasks.counts if branch is None else branch.counts)

    # Changes

    def arrange(self) -> None:
        """Make all rows anew, after what is unfolded or what is listed has changed."""
        self._root, self._known = None, {}
        if self._passes is None and self.fold(self.id) is Fold.FOLDED:
            self._rows = [()]
            return
        root = self._root = Branch()
        together: dict[Path, list[NaturalKey]] = {}
        for key in self.tasks.keys_in_order:
            task = self.tasks[key[1]]
            if self._passes is None or self._passes(task):
                path = self.path(task)
                self._known[task.id] = path, task.state
                together.setdefault(path, []).append(key)
        for path, keys in together.items():
            self._fill(root, path, keys)
        root.note_trouble()
        self._rows = list(self._below((), root)) if together or self._passes is None else []

    def _fill(self, root: Branch, path: Path, keys: list[NaturalKey]) -> None:
        """Take in all tasks that are right below a group."""
        tasks = [self.tasks[key[1]] for key in keys]
        counts, extent = Counter(task.state for task in tasks), Extent()
        for task in tasks:
            extent.take(task)
        chain = self._chain(root, path)
        chain[-1].keys = keys
        for branch in chain:
            branch.counts.update(counts)
            branch.extent.widen(extent.began, extent.ended)

    def refold(self, node: NodeId) -> None:
        """Show more or less of a node, after how much of it is unfolded has changed."""
        if (self._root is None) is not (self.fold(self.id) is Fold.FOLDED):
            self.arrange()
        elif node.task is not None:
            self._replace_task(node.path, self.tasks[node.task])
        else:
            self._replace(node.path)

    def take(self, changed: Collection[Task]) -> bool:
        """Follow tasks that are new or differ; whether a row came, went or moved."""
        for task in changed:
            self.extent.take(task)
        unfolded = self._passes is not None or self.fold(self.id) is not Fold.FOLDED
        if unfolded is not (self._root is not None) or (unfolded and len(changed) >= _MANY):
            self.arrange()
            return True
        if self._root is None:
            return False
        moved = [self._follow(self._root, self.tasks[task.id]) for task in changed]
        return any(moved)

    def _follow(self, root: Branch, task: Task) -> bool:
        old = self._known.pop(task.id, None)
        listed = self._passes is None or self._passes(task)
        new = (self.path(task), task.state) if listed else None
        paths = {place[0] for place in (old, new) if place is not None}
        touched = {path[:depth] for path in paths for depth in range(len(path) + 1)}
        before = {path: self._shape(path) for path in touched}
        self._recount(root, task, old, new)
        anew: list[Path] = []
        for path in sorted(touched, key=len):
            if self._shape(path) != before[path] and not _within(path, anew):
                self._replace(path)
                anew.append(path)
        left = [path for path in paths if not _within(path, anew)]
        moved = [self._replace_task(path, task) for path in left]
        return any(moved) or bool(anew)

    def _recount(self, root: Branch, task: Task, old: Place | None, new: Place | None) -> None:
        if old is not None and old != new:
            self._drop(root, task, *old)
        if new is None:
            return
        self._known[task.id] = new
        chain = self._chain(root, new[0])
        if old != new:
            insort(chain[-1].keys, natural(task.id))
            self._count(chain, new[1], 1)
        for branch in chain:
            branch.extent.take(task)

    def _shape(self, path: Path) -> tuple[object, ...] | None:
        """What decides which rows a group has, but for the tasks right below."""
        branch = self.branch(path)
        if branch is None or (self._passes is not None and not branch.counts.total()):
            return None
        fold = self.fold(NodeId(self.id.step, path))
        return branch.trouble, fold, fold is Fold.FAILURES and branch.quiet

    def _chain(self, root: Branch, path: Path) -> Sequence[Branch]:
        """The step's branch and those of the groups of a path, made where there are none."""
        chain = [root]
        for label in path:
            groups = chain[-1].groups
            branch = groups.get(label)
            if branch is None:
                branch = groups[label] = Branch()
            chain.append(branch)
        return chain

    def _count(self, chain: Sequence[Branch], state: State, sign: int) -> None:
        before = [branch.trouble for branch in chain]
        for branch in chain:
            branch.counts[state] += sign
        for above, branch, was in zip(chain, chain[1:], before[1:], strict=False):
            above.troubled_groups += branch.trouble - was

    def _drop(self, root: Branch, task: Task, path: Path, state: State) -> None:
        chain = self._chain(root, path)
        self._count(chain, state, -1)
        keys = chain[-1].keys
        del keys[bisect_left(keys, natural(task.id))]
        for above, label, branch in zip(chain[-2::-1], path[::-1], chain[:0:-1], strict=True):
            if not branch.keys and not branch.groups:
                del above.groups[label]

    def _replace(self, path: Path) -> None:
        """Make the rows of a group anew, none if it is not to be seen."""
        key = self._key(NodeId(self.id.step, path))
        start, stop = self._span(key)
        branch = self.branch(path)
        seen = branch is not None and self._shape(path) is not None and self._seen(path)
        self._rows[start:stop] = self._below(path, branch) if branch and seen else ()

    def _replace_task(self, path: Path, task: Task) -> bool:
        """Make the rows of a task anew; whether there are others than before."""
        key = self._key(NodeId(self.id.step, path, task.id))
        known = self._known.get(task.id)
        seen = known is not None and known[0] == path and self._shown(path, task.state in TROUBLE)
        start, stop = self._span(key)
        new = list(self._task_rows(path, task, key)) if seen else []
        if self._rows[start:stop] == new:
            return False
        self._rows[start:stop] = new
        return True

    def _span(self, key: RowKey) -> tuple[int, int]:
        return bisect_left(self._rows, key), bisect_left(self._rows, (*key, _END))

    def _seen(self, path: Path) -> bool:
        """Whether all that a group is in shows it."""
        return not path or self._shown(path[:-1], self.trouble(path))

    def _shown(self, path: Path, trouble: bool) -> bool:
        """Whether something right below a group, with or without trouble, is to be seen."""
        fold = self.fold(NodeId(self.id.step, path))
        shows = fold is Fold.ALL or (fold is Fold.FAILURES and trouble)
        return shows and self._seen(path)

    def _below(self, path: Path, branch: Branch, key: RowKey | None = None) -> Iterator[RowKey]:
        """The row of a group, or of the step, and those below it."""
        key = self._key(NodeId(self.id.step, path)) if key is None else key
        yield key
        fold = self.fold(NodeId(self.id.step, path))
        if fold is Fold.FOLDED:
            return
        for label_key, group in sorted((natural(label), label) for label in branch.groups):
            if fold is Fold.ALL or branch.groups[group].trouble:
                within = (*key, (_GROUP, label_key))
                yield from self._below((*path, group), branch.groups[group], within)
        for task_key in branch.keys:
            task = self.tasks[task_key[1]]
            if fold is Fold.ALL or task.state in TROUBLE:
                yield from self._task_rows(path, task, (*key, (_TASK, task_key)))
        if fold is Fold.FAILURES and branch.quiet:
            yield (*key, _REST_PART)

    def _task_rows(self, path: Path, task: Task, key: RowKey) -> Iterator[RowKey]:
        yield key
        if self.fold(NodeId(self.id.step, path, task.id)) is not Fold.FOLDED:
            for attempt in task.attempts:
                yield (*key, (_TASK, attempt.number))

    def _key(self, node: NodeId) -> RowKey:
        key: RowKey = tuple((_GROUP, natural(label)) for label in node.path)
        if node.rest:
            return (*key, _REST_PART)
        if node.task is not None:
            key = (*key, (_TASK, natural(node.task)))
        return (*key, (_TASK, node.attempt)) if node.attempt is not None else key


def _within(path: Path, others: Collection[Path]) -> bool:
    return any(path[: len(other)] == other for other in others)
