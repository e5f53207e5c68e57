"""Blocks are whole lines of about one size, merged by time, and places are found by halving."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.logs import blocks
from flowtui.logs.blocks import (
    Block,
    Lane,
    Piece,
    first_line_from,
    first_time,
    next_block,
    start_near_end,
    with_unfinished,
)
from tests.log_reader import START_MICROSECONDS, written
from tests.stored import Memory

SMALL = 300


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", SMALL)


def lanes_of(*contents: bytes) -> Sequence[Lane]:
    lanes = [Lane(number, Memory(content)) for number, content in enumerate(contents)]
    for lane, content in zip(lanes, contents, strict=True):
        lane.reach(len(content))
    return lanes


def cut(*contents: bytes) -> Sequence[Block]:
    lanes = lanes_of(*contents)
    found: list[Block] = []
    while (block := next_block(lanes, len(found))) is not None:
        found.append(block)
    return found


def shape(found: Sequence[Block]) -> list[tuple[list[tuple[int, int, int]], int]]:
    return [
        ([(lane, start, end) for lane, start, end in block.pieces], block.lines) for block in found
    ]


def test_one_source_is_cut_behind_the_last_newline_that_fits() -> None:
    content = (b"x" * 99 + b"\n") * 3 + (b"y" * 98 + b"\n") * 4
    assert shape(cut(content)) == [([(0, 0, 300)], 3), ([(0, 300, 597)], 3), ([(0, 597, 696)], 1)]


def test_a_line_longer_than_a_block_has_one_of_its_own() -> None:
    content = b"a\nb\n" + b"x" * 1000 + b"\nc\n"
    assert shape(cut(content)) == [([(0, 0, 4)], 2), ([(0, 4, 1005)], 1), ([(0, 1005, 1007)], 1)]


@pytest.mark.parametrize("size", [SMALL - 1, SMALL, SMALL + 1])
def test_lines_about_as_long_as_a_block(size: int) -> None:
    assert shape(cut((b"x" * size + b"\n") * 2)) == [
        ([(0, 0, size + 1)], 1),
        ([(0, size + 1, 2 * size + 2)], 1),
    ]


def test_what_has_no_newline_yet_is_left() -> None:
    assert cut(b"half") == []
    assert cut(b"x" * 5000) == []
    assert shape(cut(b"one\nhalf")) == [([(0, 0, 4)], 1)]


def test_what_is_later_than_the_end_of_what_was_seen_of_another_waits() -> None:
    # Three of these fit into a block.
    dense = b"".join([written(second, "d") for second in range(6)])
    sparse = b"".join([written(second, "s") for second in (1.5, 2.5, 4.5)])
    length = len(written(0, "d"))
    assert 3 * length < SMALL < 4 * length
    assert shape(cut(dense, sparse)) == [
        # Up to second 2 of both, as more of the dense one is to come; then the rest.
        ([(0, 0, 3 * length), (1, 0, length)], 4),
        ([(0, 3 * length, 6 * length), (1, length, 3 * length)], 5),
    ]


def test_a_long_line_waits_for_what_is_earlier() -> None:
    long = written(2, b"x" * 1000)
    short = b"".join([written(second, "s") for second in (1, 3)])
    half = len(short) // 2
    assert shape(cut(long, short)) == [
        ([(1, 0, half)], 1),
        ([(0, 0, len(long))], 1),
        ([(1, half, 2 * half)], 1),
    ]


def test_a_line_without_time_stays_behind_the_one_before_it() -> None:
    other = b"".join([written(second, "o") for second in range(9)])
    length = len(written(0, "o"))
    content = written(1, "timed") + b"at x\n at y\n" + written(8.5, "later")
    first, *_ = cut(content, other)
    (_, _, end), _ = first.pieces
    assert content[:end].endswith(b" at y\n")
    assert first.pieces[1] == Piece(1, 0, 3 * length)


def test_unfinished_lines_come_last_and_join_the_last_block() -> None:
    lanes = lanes_of(b"a\nhalf", b"b\n", b"x" * 1000)
    whole = next_block(lanes, 0)
    assert whole is not None
    joined = with_unfinished(lanes, 0, whole)
    assert joined is not None
    assert shape([joined]) == [([(0, 0, 6), (1, 0, 2)], 3)]
    alone = with_unfinished(lanes, 1, None)
    assert alone is not None
    assert shape([alone]) == [([(2, 0, 1000)], 1)]
    assert with_unfinished(lanes, 2, None) is None


def test_nothing_joins_a_block_that_is_one_long_line() -> None:
    lanes = lanes_of(b"x" * 1000 + b"\nhalf")
    whole = next_block(lanes, 0)
    assert with_unfinished(lanes, 0, whole) is whole
    assert with_unfinished(lanes, 1, None) is not None


def test_a_newline_that_was_looked_for_is_not_looked_for_again() -> None:
    stored = Memory(b"x" * 1000)
    lane = Lane(0, stored)
    lane.reach(1000)
    assert not lane.fill()
    stored.content = b"y" * 1000 + b"z\n"
    lane.reach(1002)
    assert lane.fill()
    assert lane.take() == (Piece(0, 0, 1002), 1)


# Where the end of a log begins


@pytest.mark.parametrize(
    ("content", "wanted", "start"),
    [
        (b"aaa\nbbb\nccc\n", 6, 8),
        (b"aaa\nbbb\nccc\n", 9, 4),
        (b"aaa\nbbb\nccc\n", 12, 0),
        (b"aaa\nbbb\nccc\n", 100, 0),
        (b"aaa\nbbb\nccc", 5, 8),
        (b"a\n" + b"x" * 50 + b"\n", 10, 0),
        (b"a\n" * 100 + b"x" * 50 + b"\n", 10, 92),
        (b"x" * 5000, 10, 0),
        (b"", 10, 0),
    ],
)
def test_the_end_starts_with_a_whole_line(content: bytes, wanted: int, start: int) -> None:
    assert start_near_end(Memory(content), len(content), wanted) == start


def test_the_first_time_is_looked_for_nearby() -> None:
    line = written(3, "x")
    assert first_time(Memory(b"plain\n" + line), 0) == START_MICROSECONDS + 3_000_000
    assert first_time(Memory(b"plain\n" + line), 6) == START_MICROSECONDS + 3_000_000
    assert first_time(Memory(b"plain [MFLOG|0|\n"), 0) is None
    assert first_time(Memory(b"plain\n" * 1000 + line), 0) is None


def by_going_through(content: bytes, time: float) -> int:
    """The start of the first line not earlier than `time`, found by reading every line."""
    offset = 0
    for line in content.splitlines(keepends=True):
        stamp = line[9:35].decode("latin-1")
        if line.startswith(b"[MFLOG|0|") and stamp >= stamp_of(time):
            return offset
        if line.endswith(b"\n"):
            offset += len(line)
    return offset


def stamp_of(second: float) -> str:
    return written(second, "")[9:35].decode()


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 5, 100, 280, 900])), max_size=60),
    st.integers(0, 120),
    st.booleans(),
)
def test_the_first_line_of_a_moment_is_found_as_by_going_through_all(
    lines: list[tuple[int, int]], second: int, ends: bool
) -> None:
    now, content = 0, b""
    for pause, size in lines:
        now += pause
        content += written(now, b"x" * size)
    content = content if ends else content[:-1]
    found = first_line_from(Memory(content), len(content), START_MICROSECONDS + second * 1_000_000)
    assert found == by_going_through(content, second)


@pytest.mark.parametrize(
    "untimed", [b"plain\n" * 5, b"x" * 2000 + b"\n", b"\n" * 50], ids=["few", "long", "empty"]
)
@pytest.mark.parametrize("second", [0, 10, 49, 50, 51, 99, 100])
def test_lines_without_a_time_do_not_hide_those_with_one(untimed: bytes, second: int) -> None:
    content = b"".join([written(i, "timed") + untimed for i in range(100)])
    found = first_line_from(Memory(content), len(content), START_MICROSECONDS + second * 1_000_000)
    assert found == by_going_through(content, second)


def test_of_a_log_without_times_no_more_is_read_than_is_worth_it() -> None:
    asked: list[int] = []

    class Counted(Memory):
        def read(self, offset: int, count: int) -> bytes:
            asked.append(count)
            return super().read(offset, count)

    content = b"plain\n" * 100_000
    first_line_from(Counted(content), len(content), START_MICROSECONDS)
    assert sum(asked) < 100 * SMALL
