"""Which line of one log belongs to which of another: pairs in order, found with bounded work."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

from flowtui.logs.likeness import common_ends, likeness

Pair = tuple[int, int]
Keys = Sequence[Hashable]
Matcher = Callable[["Gap"], Sequence[Pair]]

_STEPS = 1_500_000
"""What looking for the longest common blocks may cost, in lines of one log held against another."""

_SHARE = 8
"""One stretch may take this part of what is left of the steps; a longer one is halved before."""

_LIKENESSES = 250_000
"""Pairs of lines whose words are compared."""

_WINDOW = 4000
"""Of these, what one stretch may take; a longer one is halved before."""

_LIKE = 0.5
"""From this likeness on, two lines are one line that has changed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Lines of both logs between two pairs: `left[first:last]` and `right[...]`."""

    left: int
    left_end: int
    right: int
    right_end: int

    @property
    def cells(self) -> int:
        """Pairs of lines that are possible."""
        return (self.left_end - self.left) * (self.right_end - self.right)


class Alignment:
    """Pairs the lines of two logs by what they are equal in: text, template, looser template.

    `texts`, `templates`, `loose` and `words` each hold one sequence per log.
    """

    def __init__(
        self,
        texts: tuple[Keys, Keys],
        templates: tuple[Keys, Keys],
        loose: tuple[Keys, Keys],
        words: tuple[Sequence[frozenset[str]], Sequence[frozenset[str]]],
    ) -> None:
        self._texts, self._templates, self._words = texts, templates, words
        self._matchers: Sequence[Matcher] = (
            self._by_text,
            lambda gap: self._by_key(templates, gap),
            lambda gap: self._by_key(loose, gap),
            self._by_words,
        )
        self._steps = _STEPS
        self._likenesses = _LIKENESSES

    def pairs(self) -> list[Pair]:
        """(left, right) indices, both rising."""
        whole = Gap(0, len(self._texts[0]), 0, len(self._texts[1]))
        return list(self._pairs(whole, 0))

    def _pairs(self, gap: Gap, level: int) -> Iterator[Pair]:
        if not gap.cells or level == len(self._matchers):
            return
        found = self._matchers[level](gap)
        for between, pair in _around(gap, found):
            yield from self._pairs(between, level + 1)
            if pair is not None:
                yield pair

    def _by_text(self, gap: Gap) -> Sequence[Pair]:
        """Lines that occur once in each log, and are equal.

        Where the text is unique by its numbers alone, equality may be chance: two such lines have
        to agree on how far the logs are apart.
        """
        chain = _unique(*self._texts, gap)
        certain = set(_unique(*self._templates, gap))
        shifts = [left - right for left, right in chain]
        around = [None, *shifts, None]
        return [
            pair
            for at, pair in enumerate(chain)
            if pair in certain or shifts[at] in (around[at], around[at + 2])
        ]

    def _by_key(self, keys: tuple[Keys, Keys], gap: Gap) -> list[Pair]:
        """Lines of equal keys: common ends, then those that occur once, then the longest blocks."""
        head, tail, inner = _trimmed(*keys, gap)
        middle: list[Pair] = []
        if inner.cells:
            unique = _unique(*keys, inner)
            for between, pair in _around(inner, unique):
                if not unique:
                    middle += self._by_blocks(keys, between)
                elif between.cells:
                    middle += self._by_key(keys, between)
                if pair is not None:
                    middle.append(pair)
        return [*head, *middle, *tail]

    def _by_blocks(self, keys: tuple[Keys, Keys], gap: Gap) -> Iterator[Pair]:
        left = keys[0][gap.left : gap.left_end]
        right = keys[1][gap.right : gap.right_end]
        times = Counter(right)
        steps = [0, *accumulate(1 + times[key] for key in left)]
        if steps[-1] > self._steps // _SHARE:
            if len(left) > 1 and len(right) > 1:
                for half in _halves(gap):
                    yield from self._by_key(keys, half)
            return
        matcher = SequenceMatcher(None, left, right, autojunk=False)
        found: list[Pair] = []
        open_gaps = [Gap(0, len(left), 0, len(right))]
        while open_gaps:
            here = open_gaps.pop()
            self._steps -= steps[here.left_end] - steps[here.left]
            if self._steps < 0:
                break
            block = matcher.find_longest_match(here.left, here.left_end, here.right, here.right_end)
            if block.size:
                found += [(block.a + at, block.b + at) for at in range(block.size)]
                before = Gap(here.left, block.a, here.right, block.b)
                after = Gap(
                    block.a + block.size, here.left_end, block.b + block.size, here.right_end
                )
                open_gaps += [rest for rest in (before, after) if rest.cells]
        for a, b in sorted(found):
            yield gap.left + a, gap.right + b

    def _by_words(self, gap: Gap) -> list[Pair]:
        """The pairs of lines that are most alike, in order; of a long gap, near to each other."""
        if gap.cells > _WINDOW and gap.left_end - gap.left > 1 < gap.right_end - gap.right:
            return [pair for half in _halves(gap) for pair in self._by_words(half)]
        if gap.cells > self._likenesses:
            return []
        self._likenesses -= gap.cells
        rights = self._words[1][gap.right : gap.right_end]
        best = [[0.0] * (len(rights) + 1)]
        for line in range(gap.left, gap.left_end):
            before, row = best[-1], [0.0]
            some = self._words[0][line]
            for at, others in enumerate(rights):
                value = max(before[at + 1], row[at])
                alike = likeness(some, others)
                if alike >= _LIKE and before[at] + alike > value:
                    value = before[at] + alike
                row.append(value)
            best.append(row)
        return _traced(best, gap)


def _around(gap: Gap, pairs: Sequence[Pair]) -> Iterator[tuple[Gap, Pair | None]]:
    """What lies before each pair, with the pair; and what lies after the last, with None."""
    ends = [(gap.left - 1, gap.right - 1), *pairs, (gap.left_end, gap.right_end)]
    for (left, right), (next_left, next_right) in pairwise(ends):
        last = (next_left, next_right) == ends[-1]
        between = Gap(left + 1, next_left, right + 1, next_right)
        yield between, None if last else (next_left, next_right)


def _trimmed(left: Keys, right: Keys, gap: Gap) -> tuple[list[Pair], list[Pair], Gap]:
    """The pairs at the start and at the end of a gap, and what is left between them."""
    head, tail = common_ends(left[gap.left : gap.left_end], right[gap.right : gap.right_end])
    inner = Gap(gap.left + head, gap.left_end - tail, gap.right + head, gap.right_end - tail)
    return (
        [(gap.left + at, gap.right + at) for at in range(head)],
        [(inner.left_end + at, inner.right_end + at) for at in range(tail)],
        inner,
    )


def _unique(left: Keys, right: Keys, gap: Gap) -> list[Pair]:
    """The longest chain, in order, of keys that occur exactly once on either side."""
    places = _once(right, gap.right, gap.right_end)
    candidates = [
        (at, places[key])
        for key, at in _once(left, gap.left, gap.left_end).items()
        if key in places
    ]
    return _rising(candidates)


def _once(keys: Keys, first: int, last: int) -> dict[Hashable, int]:
    times = Counter(keys[first:last])
    return {keys[at]: at for at in range(first, last) if times[keys[at]] == 1}


def _rising(pairs: Sequence[Pair]) -> list[Pair]:
    """Of pairs with rising left sides, the most whose right sides rise too (patience sorting)."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, right) in enumerate(pairs):
        pile = bisect_left(tops, right)
        before.append(ends[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [right]
        ends[pile : pile + 1] = [number]
    chain: list[Pair] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _halves(gap: Gap) -> Sequence[Gap]:
    left = (gap.left + gap.left_end) // 2
    right = (gap.right + gap.right_end) // 2
    return Gap(gap.left, left, gap.right, right), Gap(left, gap.left_end, right, gap.right_end)


def _traced(best: Sequence[Sequence[float]], gap: Gap) -> list[Pair]:
    """The way back through the sums of likenesses."""
    pairs: list[Pair] = []
    left, right = gap.left_end - gap.left, gap.right_end - gap.right
    while left and right:
        value = best[left][right]
        if value == best[left - 1][right]:
            left -= 1
        elif value == best[left][right - 1]:
            right -= 1
        else:
            left, right = left - 1, right - 1
            pairs.append((gap.left + left, gap.right + right))
    return pairs[::-1]
