"""What a compared line is marked with, and where the two logs have their place."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style

from flowtui.logs.diff import Kind
from flowtui.logs.likeness import Range
from flowtui.theme import Look

NARROW = 100
"""Columns below which one column holds both logs."""


def halves(width: int) -> tuple[int, int]:
    """Cells for the left and for the right log, with one for a line between them."""
    left = (width - 1) // 2
    return left, max(0, width - 1 - left)


def mark(kind: Kind, look: Look) -> str:
    """One cell that says without colour how a row stands."""
    marks = {Kind.REMOVED: "-", Kind.ADDED: "+", Kind.CHANGED: "~", Kind.SAME: " "}
    return marks.get(kind, ":" if look.ascii else "≈")


def marked(text: str, ranges: Sequence[Range], base: Style, different: Style) -> list[Segment]:
    """`text` in the base style, with its ranges in the other."""
    segments: list[Segment] = []
    end = 0
    for first, last in ranges:
        segments += [Segment(text[end:first], base), Segment(text[first:last], different)]
        end = last
    return [segment for segment in [*segments, Segment(text[end:], base)] if segment.text]
