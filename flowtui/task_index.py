"""A step's tasks as its views need them: in order, by id, and as codes that a picture is made of.

Taking a task in costs what the task holds and a search by halves, not what the step holds.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rich.cells import cell_len

from flowtui.model import LEVELS_APART, State, Task

SEVERITY: tuple[State, ...] = (
    State.FAILED,
    State.LOST,
    State.CAUGHT,
    State.WAITING,
    State.RUNNING,
    State.PENDING,
    State.SUCCEEDED,
    State.CLONED,
    State.SKIPPED,
)
"""Every state, what a person wants to see first coming first."""

_CODES: Mapping[State, int] = {state: code for code, state in enumerate(reversed(SEVERITY))}
_STATES: Sequence[State] = tuple(reversed(SEVERITY))
_PENDING = _CODES[State.PENDING]

_DIGITS = re.compile("([0-9]{1,18})")
"""At most as many as fit an ordinary integer: ids come from elsewhere."""

_MANY = 256
"""From this many new tasks on, sorting all is cheaper than inserting each."""

NaturalKey = tuple[tuple[str | int, ...], str]


def natural(text: str) -> NaturalKey:
    """Sorts numbers inside text as numbers: `2`, `10`, `10_node_1`; no two texts are equal."""
    if len(text) < 19 and text.isascii() and text.isdigit():
        return ("", int(text), ""), text
    parts = _DIGITS.split(text)
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts)), text


def level(label: str) -> tuple[str, str]:
    """The name and the value that one level's label tells: `country=FI`."""
    name, _, value = label.partition("=")
    return name, value


@dataclass(slots=True)
class Widest:
    """Cells of a step's widest id and foreach label, and its highest number of attempts.

    `levels` are the levels of the foreach, outermost first: name, and cells of its widest value, or
    of a label that is no value of it.
    """

    id: int = 0
    label: int = 0
    attempts: int = 0
    levels: list[tuple[str, int]] = field(default_factory=list)


class StepTasks(Mapping[str, Task]):
    """Tasks by id, in natural order of their ids; changed by its owner alone, read by all."""

    def __init__(self, tasks: Collection[Task] = ()) -> None:
        self.counts: Counter[State] = Counter()
        self.widest = Widest()
        self._tasks: dict[str, Task] = {}
        self._keys: list[NaturalKey] = []
        self._codes = bytearray()
        self._texts: dict[str, str] = {}
        self._label_keys: dict[str, NaturalKey] = {}
        self.take(tasks)

    def __getitem__(self, task_id: str) -> Task:
        return self._tasks[task_id]

    def __iter__(self) -> Iterator[str]:
        return (task_id for _, task_id in self._keys)

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, task_id: object) -> bool:
        return task_id in self._tasks

    @property
    def keys_in_order(self) -> Sequence[NaturalKey]:
        """The natural keys of the ids, sorted; each ends in its id."""
        return self._keys

    def take(self, tasks: Collection[Task]) -> None:
        """Take in tasks of this step that are new or differ."""
        new: list[NaturalKey] = []
        for task in tasks:
            old = self._tasks.get(task.id)
            self._tasks[task.id] = task
            self.counts[task.state] += 1
            self._texts.pop(task.id, None)
            self._label_keys.pop(task.id, None)
            self._measure(task)
            if old is None:
                new.append(natural(task.id))
                continue
            self.counts[old.state] -= 1
            # A task that is new in the same portion has no place yet.
            if old.state is not task.state and self._codes:
                place = bisect_left(self._keys, natural(task.id))
                if place < len(self._keys) and self._keys[place][1] == task.id:
                    self._codes[place] = _CODES[task.state]
        if new:
            self._place(new)

    def search_text(self, task: Task) -> str:
        """What a filter looks through: id and foreach label, folded; made when first wanted."""
        text = self._texts.get(task.id)
        if text is None:
            text = self._texts[task.id] = f"{task.id}\n{task.label or ''}".casefold()
        return text

    def label_key(self, task: Task) -> NaturalKey:
        """Sorts by foreach label; made when first wanted."""
        key = self._label_keys.get(task.id)
        if key is None:
            key = self._label_keys[task.id] = natural(task.label or "")
        return key

    def worst(self, cells: int, total: int | None = None) -> tuple[State, ...]:
        """The worst state in each of `cells` equal slices; at most one cell for a task.

        `total` is how many tasks there will be: those that are not known yet are pending, at the
        end.
        """
        count = max(len(self._codes), total or 0)
        if not count:
            return ()
        cells = min(cells, count)
        known = len(self._codes)
        worst: list[State] = []
        for start, stop in pairwise(cell * count // cells for cell in range(cells + 1)):
            code = max(self._codes[start:stop], default=_PENDING)
            worst.append(_STATES[max(code, _PENDING) if stop > known else code])
        return tuple(worst)

    def _measure(self, task: Task) -> None:
        widest = self.widest
        widest.id = max(widest.id, cell_len(task.id))
        widest.attempts = max(widest.attempts, len(task.attempts))
        cells = len(LEVELS_APART) * (len(task.labels) - 1)
        for at, label in enumerate(task.labels):
            if at == len(widest.levels):
                widest.levels.append((level(label)[0], 0))
            name, known = widest.levels[at]
            width = _cells(label)
            named = _cells(name) + 1 if label.startswith(f"{name}=") else 0
            widest.levels[at] = name, max(known, width - named)
            cells += width
        widest.label = max(widest.label, cells)

    def _place(self, new: list[NaturalKey]) -> None:
        new.sort()
        if not self._keys or new[0] > self._keys[-1]:
            self._keys += new
            self._codes += bytes(_CODES[self._tasks[task_id].state] for _, task_id in new)
        elif len(new) < _MANY:
            for key in new:
                place = bisect_left(self._keys, key)
                self._keys.insert(place, key)
                self._codes.insert(place, _CODES[self._tasks[key[1]].state])
        else:
            self._keys = sorted(self._keys + new)
            self._codes = bytearray(_CODES[self._tasks[task_id].state] for _, task_id in self._keys)


def _cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)
