"""Two logs beside each other: which lines are equal, changed, or in one of them only.

Made for two attempts of one program: lines that differ in numbers, times and ids belong together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from flowtui.logs.alignment import Alignment
from flowtui.logs.likeness import (
    Effort,
    Range,
    common_ends,
    differences,
    loose_template,
    template,
    values_that_differ,
    words,
)
from flowtui.logs.sanitise import plain_text

LIMIT = 5000
"""Lines from the end of each log that are compared, apart from what both start and end with."""

BYTES_LIMIT = 750_000
"""Bytes of these lines; what a long line has beyond what is shown of it does not count."""

_EFFORT = 1_500_000
"""Steps that finding the words that differ may cost."""

_NONE: tuple[Sequence[Range], Sequence[Range]] = ((), ())

_SHOWN = 16_000
"""Bytes that the shown part of a line has at most."""


class Kind(StrEnum):
    """How the two sides of a row stand to each other, as they are shown."""

    SAME = "same"
    ALIKE = "alike"
    """Equal apart from numbers, times, ids and padding."""
    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the left log, of the right one, or one of each; an index counts from 0.

    The ranges are the characters of the shown text (`plain_text`) that the other side has not.
    """

    kind: Kind
    left: int | None
    right: int | None
    left_ranges: Sequence[Range] = ()
    right_ranges: Sequence[Range] = ()


@dataclass(frozen=True)
class Comparison:
    """Two logs and the rows in which they face each other.

    Every line is in one row, but for `left_out` of them, left and right: they were too many to
    compare, and lie before row `left_out_at`.
    """

    left: Sequence[bytes]
    right: Sequence[bytes]
    rows: Sequence[Row]
    left_out: tuple[int, int] = (0, 0)
    left_out_at: int = 0

    @cached_property
    def counts(self) -> Mapping[Kind, int]:
        """How many rows there are of each kind."""
        return Counter(row.kind for row in self.rows)

    def texts(self, row: Row) -> tuple[str | None, str | None]:
        """Both sides of a row as they are shown, None where there is no line."""
        return (
            None if row.left is None else plain_text(self.left[row.left]),
            None if row.right is None else plain_text(self.right[row.right]),
        )


def compare(left: Sequence[bytes], right: Sequence[bytes]) -> Comparison:
    """Compare two logs; blocks for up to a second when they are long and have little in common."""
    head, tail = common_ends(left, right)
    first = _compared_from(left, head, len(left) - tail)
    second = _compared_from(right, head, len(right) - tail)
    rows = [
        *(Row(Kind.SAME, at, at) for at in range(head)),
        *_middle(left, right, range(first, len(left) - tail), range(second, len(right) - tail)),
        *(Row(Kind.SAME, len(left) - at, len(right) - at) for at in range(tail, 0, -1)),
    ]
    return Comparison(left, right, rows, (first - head, second - head), head)


def _compared_from(lines: Sequence[bytes], first: int, last: int) -> int:
    """The first of the lines from `first` to `last` that is near enough to the end."""
    size = 0
    for at in range(last - 1, max(first, last - LIMIT) - 1, -1):
        size += min(len(lines[at]), _SHOWN)
        if size > BYTES_LIMIT:
            return at + 1
    return max(first, last - LIMIT)


def _middle(left: Sequence[bytes], right: Sequence[bytes], some: range, others: range) -> list[Row]:
    texts = [plain_text(left[at]) for at in some], [plain_text(right[at]) for at in others]
    templates = [template(text) for text in texts[0]], [template(text) for text in texts[1]]
    loose = (
        [loose_template(key) for key in templates[0]],
        [loose_template(key) for key in templates[1]],
    )
    talk = [words(text) for text in texts[0]], [words(text) for text in texts[1]]
    pairs = Alignment(texts, templates, loose, talk).pairs()
    rows: list[Row] = []
    effort = Effort(_EFFORT)
    a = b = 0
    for a_next, b_next in [*pairs, (len(some), len(others))]:
        rows += [Row(Kind.REMOVED, at, None) for at in some[a:a_next]]
        rows += [Row(Kind.ADDED, None, at) for at in others[b:b_next]]
        a, b = a_next + 1, b_next + 1
        if a > len(some):
            break
        one, other = texts[0][a_next], texts[1][b_next]
        kind, ranges = Kind.SAME, _NONE
        if templates[0][a_next] == templates[1][b_next]:
            if one != other:
                kind, ranges = Kind.ALIKE, values_that_differ(one, other)
        else:
            kind, ranges = Kind.CHANGED, differences(one, other, effort)
        rows.append(Row(kind, some[a_next], others[b_next], *ranges))
    return rows
