"""Places the labels of edges: beside a line that leads down, in a line that leads to the right."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.cells import cell_len

from flowtui.graph.dag import Pair
from flowtui.graph.geometry import MAX_LABEL, Caption
from flowtui.graph.text import fit

Named = Sequence[tuple[int, Pair]]
"""Edges that have a label, each with the column of its line, from left to right."""


def below_lines(
    named: Named, labels: Mapping[Pair, str], columns: Sequence[int], y: int
) -> Iterator[Caption]:
    """Labels in the row `y`, right of their lines, or left if only that fits; cut if neither does.

    `columns` are those of all lines that cross the row, in their order.
    """
    used = -2
    for x, edge in named:
        text = labels[edge]
        i = bisect_right(columns, x)
        before = max(columns[i - 2] if i > 1 else -2, used)
        room = (columns[i] - x - 3) if i < len(columns) else MAX_LABEL
        if cell_len(text) > room and cell_len(text) <= min(x - before - 3, x - 1):
            yield Caption(x - 1 - cell_len(text), y, text, edge)
            continue
        text = fit(text, room)
        if text:
            yield Caption(x + 2, y, text, edge)
            used = x + 1 + cell_len(text)


def in_lines(named: Named, labels: Mapping[Pair, str], y: int) -> Iterator[Caption]:
    """Labels that interrupt their lines from row `y` on; the drawing is still to be turned."""
    return (Caption(x, y, labels[edge], edge) for x, edge in named)


def in_stretch(
    edge: Pair, text: str, x: int, y0: int, y1: int, crossed: Iterable[int]
) -> Iterator[Caption]:
    """A label that interrupts the line from row `y0` to `y1` in column `x`, where nothing crosses
    it, cut if need be; the drawing is still to be turned."""
    ends = [y0, *sorted(y for y in crossed if y0 < y < y1), y1]
    length, start = max((b - a - 1, -a) for a, b in itertools.pairwise(ends))
    cut = fit(text, length - 4)
    if cut:
        yield Caption(x, 3 - start, cut, edge)
