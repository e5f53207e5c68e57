"""What the tree is made of: what its rows are about, and which of them are unfolded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from flowtui.lanes import NaturalKey
from flowtui.model import Attempt, Ms, State, Task

TROUBLE = frozenset({State.FAILED, State.LOST, State.CAUGHT})
"""States that are not hidden unless the person folds them away."""

ATTEMPTS = 100
"""The depth from which on tasks show their attempts; no foreach is nested as deep."""


class NodeId(NamedTuple):
    """What a row is about: a step, a group of its tasks by the labels that they share, a task, an
    attempt, or the rest of a step or group that is not shown."""

    step: str
    path: tuple[str, ...] = ()
    task: str | None = None
    attempt: int | None = None
    rest: bool = False

    @property
    def parent(self) -> NodeId | None:
        """What the row stands below; None for a step."""
        if self.attempt is not None:
            return NodeId(self.step, self.path, self.task)
        if self.task is not None or self.rest:
            return NodeId(self.step, self.path)
        return NodeId(self.step, self.path[:-1]) if self.path else None


class Fold(StrEnum):
    """How much of what is below a row is shown."""

    FOLDED = "folded"
    FAILURES = "failures"
    ALL = "all"


@dataclass(slots=True)
class Unfolding:
    """Which rows are unfolded: all above `depth`, below that the `failures`, if so wanted.

    What the person has folded or unfolded, `own`, comes first.
    """

    depth: int = 0
    failures: bool = True
    own: dict[NodeId, Fold] = field(default_factory=dict)

    def fold(self, node: NodeId, depth: int, *, trouble: bool) -> Fold:
        """How much is shown of a node at this depth, in which there is trouble or not."""
        own = self.own.get(node) if self.own else None
        if own is not None:
            return own
        if depth < self.depth:
            return Fold.ALL
        return Fold.FAILURES if trouble and self.failures else Fold.FOLDED


@dataclass(slots=True)
class Extent:
    """When the first of some tasks started and the last one ended, as far as they have."""

    began: Ms | None = None
    ended: Ms | None = None

    def take(self, task: Task) -> None:
        """Take in a task; one that was cloned took no time in this run."""
        if task.state is State.CLONED or not task.attempts:
            return
        self.widen(task.attempts[0].started_at, task.attempts[-1].finished_at)

    def widen(self, began: Ms | None, ended: Ms | None) -> None:
        """Take in another start and end."""
        if began is not None and (self.began is None or began < self.began):
            self.began = began
        if ended is not None and (self.ended is None or ended > self.ended):
            self.ended = ended


@dataclass(slots=True, eq=False)
class Branch:
    """Tasks of a step that share the outer levels of their foreach labels.

    `keys` are those of the tasks right below, in order; `groups` hold all others.
    """

    counts: Counter[State] = field(default_factory=Counter)
    extent: Extent = field(default_factory=Extent)
    keys: list[NaturalKey] = field(default_factory=list)
    groups: dict[str, Branch] = field(default_factory=dict)
    troubled_groups: int = 0

    @property
    def trouble(self) -> bool:
        """Whether a task failed, was lost or caught."""
        return has_trouble(self.counts)

    def note_trouble(self) -> None:
        """Count, here and below, the groups in which there is trouble."""
        for group in self.groups.values():
            group.note_trouble()
        self.troubled_groups = sum(group.trouble for group in self.groups.values())

    @property
    def quiet(self) -> bool:
        """Whether something right below is without trouble."""
        if len(self.groups) > self.troubled_groups:
            return True
        return bool(self.keys) and any(
            count and state not in TROUBLE for state, count in self._own_counts().items()
        )

    def quiet_counts(self) -> Counter[State]:
        """How the tasks stand that are not shown where only failures are."""
        quiet = Counter[State]()
        for group in self.groups.values():
            if not group.trouble:
                quiet.update(group.counts)
        own = self._own_counts()
        quiet.update({state: own[state] for state in own if state not in TROUBLE})
        return +quiet

    def _own_counts(self) -> Counter[State]:
        if not self.groups:
            return self.counts
        own = Counter(self.counts)
        for group in self.groups.values():
            own.subtract(group.counts)
        return own


def has_trouble(counts: Mapping[State, int]) -> bool:
    """Whether of the tasks counted one failed, was lost or caught."""
    return any(counts.get(state) for state in TROUBLE)


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is to be drawn.

    `guides` says for each level from the first below the step on whether more follows on it after
    this row; `fold` is None where there is nothing to unfold. `name` and `label` are as they came
    from the run. `counts` are of many tasks, `total` how many there will be; `attempts` are of one
    task. `ended` is None while something goes on. `task` is the task that the row is about, also
    where it is the only one of a step.
    """

    id: NodeId
    state: State
    name: str
    guides: tuple[bool, ...] = ()
    fold: Fold | None = None
    label: str = ""
    counts: Mapping[State, int] = field(default_factory=dict)
    total: int | None = None
    attempts: tuple[Attempt, ...] = ()
    began: Ms | None = None
    ended: Ms | None = None
    going: bool = False
    why: str = ""
    task: Task | None = None
