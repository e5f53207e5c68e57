"""The states of many tasks in their order, as codes: what a strip of them is made of."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise

from flowtui.model import State, Task

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


class Lane:
    """Tasks in natural order of their ids, each as the code of its state."""

    def __init__(self) -> None:
        self.keys: list[NaturalKey] = []
        self._codes = bytearray()

    def __len__(self) -> int:
        return len(self.keys)

    def worst(self, cells: int, total: int | None = None, start: int = 0) -> tuple[State, ...]:
        """The worst state in each of `cells` equal slices; at most one cell for a task.

        `total` is how many tasks there will be: those that are not known yet are pending, at the
        end. `start` is how many tasks are left out in front.
        """
        known = len(self._codes)
        count = max(known, total or 0) - start
        if count <= 0:
            return ()
        cells = min(cells, count)
        worst: list[State] = []
        for first, stop in pairwise(start + cell * count // cells for cell in range(cells + 1)):
            code = max(self._codes[first:stop], default=_PENDING)
            worst.append(_STATES[max(code, _PENDING) if stop > known else code])
        return tuple(worst)

    def add(self, new: list[NaturalKey], tasks: Mapping[str, Task]) -> None:
        """Take in tasks that are in `tasks`, by their keys."""
        new.sort()
        if not self.keys or new[0] > self.keys[-1]:
            self.keys += new
            self._codes += bytes(_CODES[tasks[task_id].state] for _, task_id in new)
        elif len(new) < _MANY:
            for key in new:
                place = bisect_left(self.keys, key)
                self.keys.insert(place, key)
                self._codes.insert(place, _CODES[tasks[key[1]].state])
        else:
            self.keys = sorted(self.keys + new)
            self._codes = bytearray(_CODES[tasks[task_id].state] for _, task_id in self.keys)

    def change(self, task: Task) -> None:
        """Take in a task's new state; one that is not here has no place yet."""
        place = self._place(task.id)
        if place is not None:
            self._codes[place] = _CODES[task.state]

    def drop(self, task_id: str) -> None:
        place = self._place(task_id)
        if place is not None:
            del self.keys[place], self._codes[place]

    def _place(self, task_id: str) -> int | None:
        place = bisect_left(self.keys, natural(task_id))
        return place if place < len(self.keys) and self.keys[place][1] == task_id else None
