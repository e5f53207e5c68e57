"""Two logs are aligned: every line once, in order, and what belongs together faces each other."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtui.logs.diff import BYTES_LIMIT, LIMIT, Comparison, Kind, compare
from flowtui.logs.folds import Part, blocks, fold_text, picture, unified
from flowtui.logs.likeness import Range
from flowtui.logs.sanitise import plain_text

MARKS = {Kind.SAME: "=", Kind.ALIKE: "≈", Kind.CHANGED: "~", Kind.REMOVED: "-", Kind.ADDED: "+"}


def raw(text: str) -> list[bytes]:
    """The lines of an indented text, without the indentation and the empty lines."""
    return [line.strip().encode() for line in text.splitlines() if line.strip()]


def shape(comparison: Comparison) -> list[str]:
    """Each row as its mark and its line numbers, left and right."""
    return [
        " ".join([MARKS[row.kind], *(str(at) for at in (row.left, row.right) if at is not None)])
        for row in comparison.rows
    ]


def outside(text: str, ranges: Sequence[Range]) -> str:
    """What of a text is in none of the ranges."""
    for first, last in reversed(ranges):
        text = text[:first] + text[last:]
    return text


def inside(text: str, ranges: Sequence[Range]) -> list[str]:
    return [text[first:last] for first, last in ranges]


ALIGNED = {
    "the same": ("a \n b", "a \n b", ["= 0 0", "= 1 1"]),
    "nothing on the left": ("", "a \n b", ["+ 0", "+ 1"]),
    "nothing on the right": ("a", "", ["- 0"]),
    "a line more": ("a \n c", "a \n b \n c", ["= 0 0", "+ 1", "= 1 2"]),
    "a line less": ("a \n b \n c", "a \n c", ["= 0 0", "- 1", "= 2 1"]),
    "another line": ("a \n hello \n c", "a \n world \n c", ["= 0 0", "- 1", "+ 1", "= 2 2"]),
    "a word": ("could not open it", "could not close it", ["~ 0 0"]),
    "numbers": ("epoch 1 loss 0.5", "epoch 2 loss 1e-05", ["≈ 0 0"]),
    "times": ("2026-11-21T09:10:29.838 up", "2026-11-22T10:00:00.1 up", ["≈ 0 0"]),
    "ids": (
        "run 0x7f3a at 2ecb5c7427 of 123e4567-e89b-12d3-a456-426614174000",
        "run 0x12 at a71e186 of 223e4567-e89b-12d3-a456-42661417400f",
        ["≈ 0 0"],
    ),
    "padding": ("loss    3", "loss   12", ["≈ 0 0"]),
    "signs": ("gain -3", "gain 4", ["≈ 0 0"]),
    "not a number": ("loss 0.5", "loss nan", ["~ 0 0"]),
    "hosts": ("on pod-x7k2 now", "on pod-q9z now", ["~ 0 0"]),
    "a traceback after a while": (
        "start 1 \n step 2 of 9 \n step 3 of 9 \n Traceback: \n ValueError: bad",
        "start 8 \n step 2 of 9 \n step 3 of 9 \n step 4 of 9 \n done",
        ["≈ 0 0", "= 1 1", "= 2 2", "- 3", "- 4", "+ 3", "+ 4"],
    ),
    "numbered lines of which the first is gone": (
        "task 1 ok \n task 2 ok \n task 3 ok \n task 4 ok",
        "task 2 ok \n task 3 ok \n task 4 ok",
        ["- 0", "= 1 0", "= 2 1", "= 3 2"],
    ),
    "equal by chance": (
        "head \n loss 5 \n loss 6 \n loss 7 \n loss 8 \n tail 1",
        "head \n loss 1 \n loss 2 \n loss 3 \n loss 5 \n tail 2",
        ["= 0 0", "≈ 1 1", "≈ 2 2", "≈ 3 3", "≈ 4 4", "≈ 5 5"],
    ),
    "colours and redrawn progress": ("\x1b[31mred\x1b[0m \n 9%\r100%", "red \n 100%", None),
}


@pytest.mark.parametrize("case", ALIGNED)
def test_lines_that_belong_together_face_each_other(case: str) -> None:
    left, right, expected = ALIGNED[case]
    if expected is None:
        comparison = compare([b"\x1b[31mred\x1b[0m", b"9%\r100%"], [b"red", b"100%"])
        expected = ["= 0 0", "= 1 1"]
    else:
        comparison = compare(raw(left), raw(right))
    assert shape(comparison) == expected


@pytest.mark.parametrize(
    ("left", "right", "gone", "new"),
    [
        ("epoch 1 loss 0.5", "epoch 1 loss 0.25", ["0.5"], ["0.25"]),
        ("could not open it", "could not close it", ["open"], ["close"]),
        ("a word more here", "a word more and here", [], ["and "]),
        ("read one two rows ok", "read three four rows ok", ["one two"], ["three four"]),
        ("大阪は晴れです", "東京は晴れです", ["大阪"], ["東京"]),
        ("cafe\u0301 is open now", "cafe is open now", ["cafe\u0301"], ["cafe"]),
    ],
)
def test_the_words_that_differ_are_marked(
    left: str, right: str, gone: list[str], new: list[str]
) -> None:
    (row,) = compare([left.encode()], [right.encode()]).rows
    assert inside(left, row.left_ranges) == gone
    assert inside(right, row.right_ranges) == new


lines = st.lists(
    st.one_of(
        st.sampled_from(
            [b"", b"a", b"b", b"step 1", b"step 2", b"loss 0.5", b"\x1b[31ma", b"a b c"]
        ),
        st.text(alphabet="ab 01-.:e\u00e9界\u0301\t", max_size=12).map(str.encode),
        st.binary(max_size=12),
    ),
    max_size=30,
)


@given(lines, lines)
def test_every_line_is_in_one_row_and_rows_are_in_order(
    left: list[bytes], right: list[bytes]
) -> None:
    rows = compare(left, right).rows
    assert [row.left for row in rows if row.left is not None] == list(range(len(left)))
    assert [row.right for row in rows if row.right is not None] == list(range(len(right)))
    for row in rows:
        assert (row.right is None) == (row.kind is Kind.REMOVED)
        assert (row.left is None) == (row.kind is Kind.ADDED)


@given(lines, lines)
def test_rows_are_what_they_are_called_and_their_ranges_are_what_differs(
    left: list[bytes], right: list[bytes]
) -> None:
    comparison = compare(left, right)
    for row in comparison.rows:
        one, other = comparison.texts(row)
        if one is None or other is None:
            continue
        assert (row.kind is Kind.SAME) == (one == other)
        for text, ranges in ((one, row.left_ranges), (other, row.right_ranges)):
            bounds = [at for both in ranges for at in both]
            assert bounds == sorted(set(bounds))
            assert all(0 <= at <= len(text) for at in bounds)
        rest = outside(one, row.left_ranges), outside(other, row.right_ranges)
        assert "".join(rest[0].split()) == "".join(rest[1].split())


@given(lines)
def test_a_log_is_equal_to_itself(log: list[bytes]) -> None:
    assert {row.kind for row in compare(log, list(log)).rows} <= {Kind.SAME}


def test_only_the_end_of_what_differs_is_compared() -> None:
    head, tail = [b"hello"] * 7, [b"bye"] * 3
    comparison = compare(
        [*head, *[b"old %d" % at for at in range(LIMIT + 4)], *tail], [*head, b"new", *tail]
    )
    assert comparison.left_out == (4, 0)
    assert comparison.left_out_at == 7
    assert [row.left for row in comparison.rows if row.left is not None] == [
        *range(7),
        *range(11, LIMIT + 14),
    ]
    assert shape(comparison)[-4:] == ["+ 7", "= 5011 8", "= 5012 9", "= 5013 10"]


def test_of_long_lines_fewer_are_compared() -> None:
    left = [b"%04d" % at * 1000 for at in range(1000)]
    comparison = compare(left, [b"x"])
    assert comparison.left_out == (1000 - BYTES_LIMIT // 4000, 0)


HOSTILE = {
    "one line over and over, and another": ([b"a"] * LIMIT, [b"b"] * LIMIT),
    "the same two lines in turn": ([b"a", b"b"] * (LIMIT // 2), [b"b", b"a"] * (LIMIT // 2)),
    "one template, ends unlike": (
        [b"x", *(b"loss %d" % at for at in range(LIMIT - 2)), b"y"],
        [b"u", *(b"loss %d" % -at for at in range(LIMIT - 2)), b"v"],
    ),
    "long lines of few words": (
        [b"ab ba " * 600 + b"%d" % at for at in range(LIMIT)],
        [b"ba ab aa " * 400 + b"%d" % at for at in range(LIMIT)],
    ),
    "escapes alone": ([b"\x1b[31m\x1b[1mx" * 400] * LIMIT, [b"\x1b[32m\x1b[0my" * 400] * LIMIT),
    "noise": ([os.urandom(80) for _ in range(LIMIT)], [os.urandom(80) for _ in range(LIMIT)]),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_logs_take_no_longer_than_others(case: str) -> None:
    before = time.process_time()
    compare(*HOSTILE[case])
    assert time.process_time() - before < 8


# Folding


def story(comparison: Comparison, **options: object) -> list[str]:
    """The picture as text: rows by their number, folds by what stands in their place."""
    found = blocks(comparison, numbers=bool(options.pop("numbers", False)))
    told = []
    for line in picture(comparison, found, **options):  # type: ignore[arg-type]
        if line.part in (Part.FOLD, Part.LEFT_OUT):
            told.append(fold_text(comparison, line))
        elif line.part is Part.BOTH:
            told.append(str(line.row) if line.right is None else f"{line.row}|{line.right}")
        else:
            told.append(f"{line.row}{'-' if line.part is Part.LEFT else '+'}")
    return told


def changed_at(places: Sequence[int], count: int) -> Comparison:
    """`count` lines, of which those at `places` differ in a word."""
    same = [b"line of letters %c" % (97 + at % 26) for at in range(count)]
    other = [line + b" changed" if at in places else line for at, line in enumerate(same)]
    return compare(same, other)


def test_equal_lines_far_from_a_difference_are_folded() -> None:
    assert story(changed_at([10], 20)) == [
        "… 7 equal lines",
        *("7", "8", "9", "10", "11", "12", "13"),
        "… 6 equal lines",
    ]


def test_a_fold_that_would_save_nothing_is_none() -> None:
    assert story(changed_at([4, 12], 17)) == [str(at) for at in range(17)]
    assert "… 2 equal lines" in story(changed_at([4, 13], 18))


def test_folds_are_opened_one_by_one_or_all() -> None:
    comparison = changed_at([10], 20)
    assert story(comparison, opened={14}) == ["… 7 equal lines", *map(str, range(7, 20))]
    assert story(comparison, unfolded=True) == [str(at) for at in range(20)]


def test_logs_without_a_difference_are_one_fold() -> None:
    assert story(changed_at([], 1234)) == ["… 1,234 equal lines"]


def test_lines_that_differ_in_numbers_alone_are_folded_until_these_count() -> None:
    comparison = compare(
        [b"x", *(b"loss %d" % at for at in range(5))],
        [b"x", *(b"loss %d" % at for at in range(5, 10))],
    )
    assert story(comparison) == ["… 6 equal lines, 5 of them apart from numbers"]
    assert story(comparison, numbers=True) == ["0", "1", "2", "3", "4", "5"]
    assert story(compare([b"a 1"] * 9, [b"a 2"] * 9)) == ["… 9 lines equal apart from numbers"]


def test_what_is_in_one_log_only_faces_what_is_in_its_place() -> None:
    comparison = compare(raw("a \n hello \n there \n b"), raw("a \n world \n b"))
    assert story(comparison) == ["0", "1|3", "2", "4"]
    comparison = compare(raw("a \n hello \n b"), raw("a \n some \n world \n b"))
    assert story(comparison) == ["0", "1|2", "3|3", "4"]


def test_in_one_column_the_sides_are_below_each_other() -> None:
    comparison = compare(raw("could not open it \n b \n c"), raw("could not close it \n b \n d"))
    assert story(comparison, columns=1) == ["0-", "0+", "1", "2-", "3+"]


def test_what_was_left_out_is_told_in_its_place() -> None:
    comparison = compare([b"a", *[b"b"] * (LIMIT + 1)], [b"a", b"c"])
    assert story(comparison)[:2] == ["0", "… lines not compared: 1 left, 0 right"]


# Copying


def text_of(left: str, right: str, *, numbers: bool = False) -> list[str]:
    comparison = compare(raw(left), raw(right))
    found = blocks(comparison, numbers=numbers)
    return unified(comparison, found, ("attempt 0 stdout", "attempt 1 stdout")).splitlines()


def test_differences_are_copied_as_unified_text() -> None:
    same = " \n ".join("abcdefghij")
    assert text_of(f"{same} \n could not open it", f"new \n {same} \n could not close it") == [
        *("--- attempt 0 stdout", "+++ attempt 1 stdout"),
        *("@@ -1,3 +1,4 @@", "+new", " a", " b", " c"),
        *("@@ -8,4 +9,4 @@", " h", " i", " j", "-could not open it", "+could not close it"),
    ]


def test_a_copy_takes_for_equal_what_the_screen_does() -> None:
    assert text_of("a 1", "a 2") == []
    assert text_of("a 1", "a 2", numbers=True)[2:] == ["@@ -1,1 +1,1 @@", "-a 1", "+a 2"]
    assert text_of("a 1", "a 2 \n b")[2:] == ["@@ -1,1 +1,2 @@", " a 2", "+b"]


def test_a_copy_holds_what_is_shown_and_nothing_else() -> None:
    comparison = compare([b"\x1b]0;title\x07\x1b[31mred"], [b""])
    copied = unified(comparison, blocks(comparison, numbers=False), ("l", "r"))
    assert copied == "--- l\n+++ r\n@@ -1,1 +1,1 @@\n-red\n+"
    assert plain_text(comparison.left[0]) == "red"
