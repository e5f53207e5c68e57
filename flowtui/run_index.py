"""Which runs are listed, in which order and groups: kept up to date run by run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from math import inf

from flowtui.lanes import SEVERITY, NaturalKey, natural
from flowtui.model import FINISHED, Ms, State
from flowtui.run_filter import RunFilter
from flowtui.run_summary import RunKey, RunListChanges, RunSummary

_RANKS: Mapping[State | None, int] = {state: rank for rank, state in enumerate((*SEVERITY, None))}

_natural = lru_cache(maxsize=10_000)(natural)
"""There are many runs of each flow and user."""

_MANY = 256
"""From this many changed runs on, sorting their groups anew is cheaper than moving each."""

_SortKey = tuple[float | NaturalKey, float, str, str]
"""What a run is ordered by, then its age, then flow and id, which end every tie."""

RowId = RunKey | str
"""What a row is told by: a run by its key, the head of a group by its name."""


class Order(StrEnum):
    """What runs are ordered by; the value is the column."""

    AGE = "age"
    STATE = "state"
    FLOW = "flow"
    TOOK = "took"
    USER = "user"


class Grouping(StrEnum):
    """What runs are put together by."""

    NONE = "none"
    FLOW = "flow"
    USER = "user"


@dataclass(slots=True, eq=False)
class Group:
    """Runs put together, and how many of them are in which state; None is not known yet."""

    name: str
    folded: bool = False
    counts: Counter[State | None] = field(default_factory=Counter)
    _keys: list[_SortKey] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._keys)


def took(run: RunSummary, now: Ms) -> int | None:
    """Milliseconds from a run's creation to its end, or until now; None when that is not known."""
    if run.created_at is None or run.state is None:
        return None
    end = run.finished_at
    if end is None and run.state not in FINISHED:
        end = now
    return end - run.created_at if end is not None else None


class RunIndex:
    """All runs, and those that pass the filters as rows, newest first to begin with.

    Groups come in the order of their first runs. A change costs what changed, by halves.
    """

    def __init__(self) -> None:
        self.runs: dict[RunKey, RunSummary] = {}
        self.counts: Counter[State | None] = Counter()
        self.order, self.reverse = Order.AGE, False
        self.grouping = Grouping.NONE
        self.text = ""
        self.states: frozenset[State] = frozenset()
        self._filter = RunFilter()
        self._now = Ms(0)
        self._groups: dict[str, Group] = {}
        self._folded: set[str] = set()
        self._known: dict[RunKey, tuple[str, _SortKey, State | None]] = {}
        self._going: set[RunKey] = set()
        self._ranked: list[tuple[_SortKey, str]] | None = None
        self._starts: list[int] | None = None

    # Rows

    def __len__(self) -> int:
        """How many rows there are, those of groups among them."""
        return self._row_starts()[-1]

    def __getitem__(self, row: int) -> RunSummary | Group:
        starts = self._row_starts()
        at = bisect_right(starts, row) - 1
        group = self._group_at(at)
        within = row - starts[at] - self._heads
        if within < 0:
            return group
        key = group._keys[len(group) - 1 - within if self.reverse else within]
        return self.runs[key[2:]]

    def id_at(self, row: int) -> RowId:
        """What the row is told by."""
        item = self[row]
        return item.name if isinstance(item, Group) else item.key

    def place(self, row_id: RowId) -> int | None:
        """The row of a run or of a group; None where it is filtered away or folded."""
        if isinstance(row_id, str):
            group = self._groups.get(row_id) if self._heads else None
            return self._row_starts()[self._place_of(group)] if group else None
        if row_id not in self._known:
            return None
        name, key, _ = self._known[row_id]
        group = self._groups[name]
        if group.folded:
            return None
        within = bisect_left(group._keys, key)
        within = len(group) - 1 - within if self.reverse else within
        return self._row_starts()[self._place_of(group)] + self._heads + within

    def group_of(self, run: RunKey) -> str | None:
        """The name of the group that a listed run is in; None without groups."""
        known = self._known.get(run)
        return known[0] if known and self._heads else None

    @property
    def listed(self) -> int:
        """How many runs the filters leave, folded ones among them."""
        return len(self._known)

    def unknown(self) -> Iterator[RunKey]:
        """The runs that would be listed were it not for their state, which is not known yet."""
        leaves = self._filter.leaves
        return (key for key, run in self.runs.items() if run.state is None and leaves(run))

    # Changes

    def apply(self, changes: RunListChanges) -> bool:
        """Take in what a poll found; whether a row came, went or moved."""
        self._now = changes.now
        for run in changes.runs:
            self._count(run.key, run)
        for key in changes.vanished:
            self._count(key, None)
        return self._follow([run.key for run in changes.runs] + list(changes.vanished))

    def tick(self, now: Ms) -> bool:
        """Follow the running times; whether a row moved."""
        self._now = now
        return self._follow(tuple(self._going))

    def _count(self, key: RunKey, run: RunSummary | None) -> None:
        before = self.runs.pop(key, None) if run is None else self.runs.get(key)
        if before is not None:
            self.counts[before.state] -= 1
        if run is not None:
            self.runs[key] = run
            self.counts[run.state] += 1

    def _follow(self, changed: Collection[RunKey]) -> bool:
        passes, key_of = self._passer(), self._keyer()
        moved, grown = False, set[Group]()
        for key in changed:
            run, old = self.runs.get(key), self._known.get(key)
            listed = run is not None and passes(run)
            new = (self._name(run), key_of(run), run.state) if run and listed else None
            if old == new:
                continue
            if old is not None and new is not None and old[:2] == new[:2]:
                counts = self._groups[old[0]].counts
                counts[old[2]] -= 1
                counts[new[2]] += 1
                self._known[key] = new
                self._note_going(key)
                continue
            moved = True
            if old is not None:
                self._drop(key, *old)
            if new is not None:
                grown.add(self._put(key, new, at_end=len(changed) >= _MANY))
        for group in grown if len(changed) >= _MANY else ():
            group._keys.sort()
        if moved:
            self._ranked = self._starts = None
        return moved

    def _drop(self, key: RunKey, name: str, sort_key: _SortKey, state: State | None) -> None:
        del self._known[key]
        self._going.discard(key)
        group = self._groups[name]
        group.counts[state] -= 1
        place = bisect_left(group._keys, sort_key)
        if place < len(group) and group._keys[place] == sort_key:
            del group._keys[place]
        else:
            # Others of this portion stand unsorted at its end.
            group._keys.remove(sort_key)
        if not group._keys:
            del self._groups[name]

    def _put(self, key: RunKey, new: tuple[str, _SortKey, State | None], *, at_end: bool) -> Group:
        name, sort_key, state = new
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = Group(name, name in self._folded)
        if at_end:
            group._keys.append(sort_key)
        else:
            insort(group._keys, sort_key)
        group.counts[state] += 1
        self._known[key] = new
        self._note_going(key)
        return group

    def _note_going(self, key: RunKey) -> None:
        if self.order is Order.TOOK and self.runs[key].state in (State.RUNNING, State.PENDING):
            self._going.add(key)
        else:
            self._going.discard(key)

    # What is asked for

    def sort(self, order: Order, *, reverse: bool) -> None:
        """Order the runs by this; `reverse` turns the whole list upside down."""
        anew, self.order, self.reverse = order is not self.order, order, reverse
        self._ranked = self._starts = None
        if anew:
            self._arrange()

    def group(self, by: Grouping) -> None:
        """Put the runs together by this, all groups unfolded."""
        self.grouping = by
        self._folded.clear()
        self._arrange()

    def fold(self, name: str, folded: bool) -> None:
        """Show of a group its head alone, or its runs too."""
        (self._folded.add if folded else self._folded.discard)(name)
        self._groups[name].folded = folded
        self._starts = None

    def filter(self, text: str, states: Collection[State]) -> None:
        """Leave the runs that the text leaves and that are in one of these states, of any if there
        is none."""
        self.text, self.states = text, frozenset(states)
        self._filter = RunFilter.parse(text)
        self._arrange()

    def _arrange(self) -> None:
        self._known, self._going, self._groups = {}, set(), {}
        self._ranked = self._starts = None
        passes, key_of = self._passer(), self._keyer()
        for key, run in self.runs.items():
            if passes(run):
                self._put(key, (self._name(run), key_of(run), run.state), at_end=True)
        for group in self._groups.values():
            group._keys.sort()

    def _passer(self) -> Callable[[RunSummary], bool]:
        leaves, states = self._filter.leaves, self.states
        if not states:
            return leaves
        return lambda run: run.state in states and leaves(run)

    def _keyer(self) -> Callable[[RunSummary], _SortKey]:
        now = self._now

        def longest(run: RunSummary) -> float:
            length = took(run, now)
            return inf if length is None else -length

        def user(run: RunSummary) -> NaturalKey:
            return _natural(run.user or "\U0010ffff")

        keyers: Mapping[Order, Callable[[RunSummary], float | NaturalKey]] = {
            Order.AGE: lambda _: 0,
            Order.STATE: lambda run: _RANKS[run.state],
            Order.FLOW: lambda run: _natural(run.flow),
            Order.TOOK: longest,
            Order.USER: user,
        }
        first = keyers[self.order]
        return lambda run: (first(run), -(run.created_at or 0), run.flow, run.run)

    # Groups

    @property
    def _heads(self) -> int:
        """Rows that stand before the runs of a group."""
        return 0 if self.grouping is Grouping.NONE else 1

    def _name(self, run: RunSummary) -> str:
        if self.grouping is Grouping.NONE:
            return ""
        return run.flow if self.grouping is Grouping.FLOW else run.user or ""

    def _rank(self, group: Group) -> tuple[_SortKey, str]:
        return group._keys[-1 if self.reverse else 0], group.name

    def _ranking(self) -> list[tuple[_SortKey, str]]:
        if self._ranked is None:
            self._ranked = sorted(map(self._rank, self._groups.values()))
        return self._ranked

    def _place_of(self, group: Group) -> int:
        """Which group it is, from the top."""
        at = bisect_left(self._ranking(), self._rank(group))
        return len(self._groups) - 1 - at if self.reverse else at

    def _group_at(self, at: int) -> Group:
        return self._groups[self._ranking()[-1 - at if self.reverse else at][1]]

    def _row_starts(self) -> list[int]:
        """The first row of each group, from the top, and the number of all rows."""
        if self._starts is None:
            heads = self._heads
            groups = map(self._group_at, range(len(self._groups)))
            rows = (heads + (0 if group.folded else len(group)) for group in groups)
            self._starts = [0, *accumulate(rows)]
        return self._starts
