"""What is shown of a comparison: its differences with the lines around them, the rest folded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import Enum, auto
from itertools import zip_longest
from typing import NamedTuple

from flowtui.logs.diff import Comparison, Kind, Row

CONTEXT = 3
"""Equal lines shown before and after each difference."""

_WORTH_FOLDING = 2
"""Rows: folding one would save nothing."""


class Part(Enum):
    """What a line of the picture shows of its row."""

    BOTH = auto()
    LEFT = auto()
    RIGHT = auto()
    FOLD = auto()
    """Rows that are folded."""
    LEFT_OUT = auto()
    """That lines before the row are not compared."""


class Line(NamedTuple):
    """One line of the picture; a fold stands for `rows` rows from `row` on.

    `right` is the row of the right side where it is another one: what is in one log only faces
    what is in its place in the other.
    """

    part: Part
    row: int
    rows: int = 1
    right: int | None = None


def differs(row: Row, *, numbers: bool) -> bool:
    """Whether a row counts as different; `numbers`: also when it is in numbers alone."""
    return row.kind is not Kind.SAME and (numbers or row.kind is not Kind.ALIKE)


def blocks(comparison: Comparison, *, numbers: bool) -> Sequence[range]:
    """The differences: each run of rows that differ."""
    found: list[range] = []
    for at, row in enumerate(comparison.rows):
        if differs(row, numbers=numbers):
            if found and found[-1].stop == at:
                found[-1] = range(found[-1].start, at + 1)
            else:
                found.append(range(at, at + 1))
    return found


def picture(
    comparison: Comparison,
    differences: Sequence[range],
    *,
    unfolded: bool = False,
    opened: Collection[int] = (),
    columns: int = 2,
) -> Sequence[Line]:
    """The lines to show, in order.

    `opened` are the first rows of folds to show all the same. With one column, the sides of a
    difference come one below the other.
    """
    lines: list[Line] = []
    for stretch, different in _stretches(comparison, differences):
        if stretch.start == comparison.left_out_at and any(comparison.left_out):
            lines.append(Line(Part.LEFT_OUT, stretch.start))
        if different:
            draw = _below_each_other if columns == 1 else _facing
            lines += draw(comparison.rows, stretch)
        elif unfolded:
            lines += [Line(Part.BOTH, at) for at in stretch]
        else:
            lines += _folded(stretch, len(comparison.rows), opened)
    return lines


def fold_text(comparison: Comparison, line: Line) -> str:
    """What stands in the place of rows that are folded, or of lines that were left out."""
    if line.part is Part.LEFT_OUT:
        left, right = comparison.left_out
        return f"… lines not compared: {left:,} left, {right:,} right"
    folded = comparison.rows[line.row : line.row + line.rows]
    alike = sum(row.kind is Kind.ALIKE for row in folded)
    if alike == line.rows:
        return f"… {line.rows:,} lines equal apart from numbers"
    some = f", {alike:,} of them apart from numbers" if alike else ""
    return f"… {line.rows:,} equal lines{some}"


def unified(comparison: Comparison, differences: Sequence[range], names: tuple[str, str]) -> str:
    """The differences as `diff -u` writes them, empty when there are none.

    A line that counts as equal although its numbers differ is the right one's.
    """
    if not differences:
        return ""
    out = [f"--- {names[0]}", f"+++ {names[1]}"]
    hunk: list[range] = []
    for block in differences:
        if hunk and block.start - hunk[-1].stop > 2 * CONTEXT:
            out += _hunk(comparison, hunk)
            hunk = []
        hunk.append(block)
    return "\n".join([*out, *_hunk(comparison, hunk)])


def _stretches(
    comparison: Comparison, differences: Sequence[range]
) -> Iterator[tuple[range, bool]]:
    """Every row in turn, as runs of equal ones and differences; a gap in the rows ends a run."""
    gap = comparison.left_out_at if any(comparison.left_out) else 0
    at = 0
    for block in [*differences, range(len(comparison.rows), len(comparison.rows))]:
        if at < gap <= block.start:
            yield range(at, gap), False
            at = gap
        if at < block.start:
            yield range(at, block.start), False
        if block:
            yield block, True
        at = block.stop


def _folded(stretch: range, end: int, opened: Collection[int]) -> Iterator[Line]:
    first = stretch.start + (CONTEXT if stretch.start else 0)
    last = stretch.stop - (CONTEXT if stretch.stop < end else 0)
    if last - first < _WORTH_FOLDING or first in opened:
        first = last = stretch.stop
    yield from (Line(Part.BOTH, at) for at in range(stretch.start, first))
    if first < last:
        yield Line(Part.FOLD, first, last - first)
    yield from (Line(Part.BOTH, at) for at in range(last, stretch.stop))


def _facing(rows: Sequence[Row], block: range) -> Iterator[Line]:
    removed: list[int] = []
    added: list[int] = []
    for at in block:
        kind = rows[at].kind
        if kind is Kind.ADDED:
            added.append(at)
            continue
        if added or kind is not Kind.REMOVED:
            yield from _faced(removed, added)
            removed, added = [], []
        if kind is Kind.REMOVED:
            removed.append(at)
        else:
            yield Line(Part.BOTH, at)
    yield from _faced(removed, added)


def _faced(removed: Sequence[int], added: Sequence[int]) -> Iterator[Line]:
    for left, right in zip_longest(removed, added):
        yield Line(Part.BOTH, right if left is None else left, right=right)


def _below_each_other(rows: Sequence[Row], block: range) -> Iterator[Line]:
    for at in block:
        if rows[at].left is not None:
            yield Line(Part.LEFT, at)
        if rows[at].right is not None:
            yield Line(Part.RIGHT, at)


def _hunk(comparison: Comparison, hunk: Sequence[range]) -> Iterator[str]:
    gap = comparison.left_out_at if any(comparison.left_out) else 0
    first = max(hunk[0].start - CONTEXT, gap)
    last = min(hunk[-1].stop + CONTEXT, len(comparison.rows))
    rows = comparison.rows[first:last]
    lefts = [row.left for row in rows if row.left is not None]
    rights = [row.right for row in rows if row.right is not None]
    yield f"@@ -{_place(lefts)} +{_place(rights)} @@"
    at = first
    for block in [*hunk, range(last, last)]:
        for row in comparison.rows[at : block.start]:
            yield f" {comparison.texts(row)[1]}"
        texts = [comparison.texts(row) for row in comparison.rows[block.start : block.stop]]
        yield from (f"-{left}" for left, _ in texts if left is not None)
        yield from (f"+{right}" for _, right in texts if right is not None)
        at = block.stop


def _place(lines: Sequence[int]) -> str:
    return f"{lines[0] + 1},{len(lines)}" if lines else "0,0"
