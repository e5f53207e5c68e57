"""Heat strips: how a step's tasks stand, in one cell for each or, of many, for some of them.

The worst state of a cell wins, so that a failure is never averaged away. Tasks of a foreach within
a foreach stand apart by the outer one, and the control task of a num_parallel from its nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.cells import cell_len

from flowtui.graph.drawing import Piece, Row, row_width
from flowtui.graph.text import fit, pad
from flowtui.lanes import Lane
from flowtui.logs.sanitise import one_line
from flowtui.model import State, Task
from flowtui.store import RunStore
from flowtui.task_index import MAX_NESTED
from flowtui.theme import Look

STRIP = 16
"""Cells of a heat strip at most; where a step has fewer tasks, one cell for each."""

QUIET = "quiet"
"""The tag of what explains a box and says nothing of a state."""

_LABEL = 12
"""Cells of the label of a part."""

States = tuple[State, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Tasks that stand together; `worst` gives their states in so many cells, at most `size`."""

    label: str
    size: int
    worst: Callable[[int], States]


def parts(store: RunStore, step: str) -> Sequence[Part]:
    """What the strip of a step consists of; one part without a label where nothing sets tasks
    apart."""
    tasks, split = store.tasks(step), store.graph.split_of.get(step)
    expected = store.steps[step].expected
    count = max(len(tasks), expected or 0)
    if split is not None:
        outer = store.graph.split_of.get(split)
        if outer is None and store.graph[split].type == "split-parallel":
            # The control task's id begins those of its nodes, and so comes first. Of several
            # control tasks none is told apart.
            control = next(iter(tasks.values()), None)
            if control is not None and count > 1 and "_node_" not in control.id:
                nodes = partial(tasks.worst, total=expected, start=1)
                own = (control.state,)
                return Part("control", 1, lambda _: own), Part("nodes", count - 1, nodes)
        elif outer is not None:
            nested = _nested(store, step, split)
            if len(nested) > 1:
                return nested
    return (Part("", count, partial(tasks.worst, total=expected)),)


def _nested(store: RunStore, step: str, split: str) -> Sequence[Part]:
    """A part for each task of the split, in their order; nothing where that would hide a task."""
    tasks, outer = store.tasks(step), store.tasks(split)
    count = max(len(outer), store.steps[split].expected or 0)
    lanes = tasks.nested
    if count > MAX_NESTED or (tasks and not lanes):
        return ()
    found = [_part(task, lanes.get(task.labels)) for task in outer.values()]
    if sum(map(len, lanes.values())) < len(tasks) or lanes.keys() - {
        task.labels for task in outer.values()
    }:
        return ()
    return (*found, *[Part("", 1, _pending)] * (count - len(found)))


def _part(task: Task, lane: Lane | None) -> Part:
    label = one_line(task.labels[-1].partition("=")[2], 40) if task.labels else ""
    if not lane:
        return Part(label, 1, _pending)
    return Part(label, len(lane), lane.worst)


def _pending(_cells: int) -> States:
    return (State.PENDING,)


def strip(found: Sequence[Part], look: Look, width: int, cells: int = STRIP) -> Row:
    """The parts in one row of at most `cells` and the gaps' cells; with their labels if `width` has
    room for them."""
    sizes = _shared(found, cells)
    states = [part.worst(size) for part, size in zip(found, sizes, strict=True)]
    labelled: list[Piece] = []
    bare: list[Piece] = []
    for part, of_part in zip(found, states, strict=True):
        if bare:
            labelled.append(Piece("  "))
            bare.append(Piece(" "))
        label = fit(part.label, _LABEL)
        labelled += (Piece(f"{label} " if label else "", QUIET), *_bars(of_part, look))
        bare += _bars(of_part, look)
    return tuple(labelled if row_width(tuple(labelled)) <= width else bare)


def strips(found: Sequence[Part], look: Look, width: int) -> Sequence[Row]:
    """The parts one below the other, each with its label; a single one as `strip`."""
    if len(found) == 1:
        return (strip(found, look, width),)
    label = min(_LABEL, max(cell_len(part.label) for part in found))
    room = min(STRIP, width - label - 1)
    return [
        (Piece(f"{pad(part.label, label)} ", QUIET), *_bars(part.worst(min(part.size, room)), look))
        for part in found
    ]


def _shared(found: Sequence[Part], cells: int) -> Sequence[int]:
    """How many cells each part gets, one at least."""
    sizes = [max(1, part.size) for part in found]
    total, room = sum(sizes), cells - len(found) + 1
    if total <= room:
        return sizes
    return [max(1, size * room // total) for size in sizes]


def _bars(states: Iterable[State], look: Look) -> Iterable[Piece]:
    return (Piece(look.bar(state), str(state)) for state in states)
