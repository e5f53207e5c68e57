"""Counts of rows and hits per block: sums, positions, and which hit is the next."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtui.logs.blocks import Block
from flowtui.logs.counts import Counts
from flowtui.logs.hits import Hits, Place
from flowtui.logs.search import Pattern


@given(st.lists(st.tuples(st.integers(-20, 20), st.none() | st.integers(0, 5)), max_size=60))
def test_counts_are_those_of_a_list_of_all(changes: list[tuple[int, int | None]]) -> None:
    counts, plain = Counts(), dict[int, int]()
    for at, count in changes:
        if count is None:
            counts.discard(at)
            plain.pop(at, None)
        else:
            counts.set(at, count)
            plain[at] = count
        everyone = [(at, n) for at in sorted(plain) for n in range(plain[at])]
        assert counts.total == len(everyone)
        for number, place in enumerate(everyone):
            assert counts.find(number) == place
        for at in range(-21, 22):
            assert counts.before(at) == sum(other < at for other, _ in everyone)
            assert counts[at] == plain.get(at, 0)
            assert (at in counts) == (at in plain)
        if plain:
            assert counts.last == max(plain)


def block(at: int) -> Block:
    return Block(at, (), 100, "")


def hits_in(found: dict[int, list[int]]) -> Hits:
    hits = Hits(Pattern("x"))
    hits.add((block(at), array("I", lines)) for at, lines in found.items())
    return hits


FOUND = {3: [0, 7], -2: [5], 0: [], 1: [1]}
"""In the order in which a scan may find them."""


@pytest.mark.parametrize(
    ("place", "after", "before"),
    [
        ((-9, 0), (-2, 5), None),
        ((-2, 4), (-2, 5), None),
        ((-2, 5), (1, 1), None),
        ((-2, 6), (1, 1), (-2, 5)),
        ((0, 3), (1, 1), (-2, 5)),
        ((1, 0), (1, 1), (-2, 5)),
        ((1, 1), (3, 0), (-2, 5)),
        ((2, 50), (3, 0), (1, 1)),
        ((3, 0), (3, 7), (1, 1)),
        ((3, 6), (3, 7), (3, 0)),
        ((3, 7), None, (3, 0)),
        ((8, 0), None, (3, 7)),
    ],
)
def test_the_next_hit_and_the_one_before(
    place: tuple[int, int], after: tuple[int, int] | None, before: tuple[int, int] | None
) -> None:
    hits = hits_in(FOUND)
    assert hits.after(Place(*place), wrap=False) == after
    assert hits.before(Place(*place), wrap=False) == before
    assert hits.after(Place(*place)) == (after or (-2, 5))
    assert hits.before(Place(*place)) == (before or (3, 7))


def test_without_hits_there_is_no_next_one() -> None:
    hits = hits_in({0: []})
    assert hits.after(Place(0, 0)) is None
    assert hits.before(Place(0, 0)) is None
    assert (hits.total, list(hits.within(0)), list(hits.within(9))) == (0, [], [])


def test_what_is_found_in_a_block_takes_the_place_of_what_was() -> None:
    hits = hits_in(FOUND)
    hits.add([(block(3), array("I", [9])), (block(1), array("I"))])
    assert hits.total == 2
    assert hits.after(Place(-2, 5)) == (3, 9)
    hits.current = Place(3, 9)
    hits.forget()
    assert [hits.total, hits.current] == [0, None]


def test_the_summary_says_where_one_is_and_how_far_the_search() -> None:
    hits = hits_in(FOUND)
    hits.progress = 0.421
    assert hits.summary == "0/4 42%"
    hits.progress = 1.0
    hits.current = Place(3, 0)
    assert hits.summary == "3/4"
    hits.add([(block(-5), array("I", range(1000)))])
    assert hits.summary == "1,003/1,004"
