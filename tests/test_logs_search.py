"""A search finds the lines that are shown as some that match, fast, and no prefix ever."""

from __future__ import annotations

import time
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.logs.sanitise import plain_text
from flowtui.logs.search import ERRORS, MOST_SPANS, Matcher, Pattern
from flowtui.logs.tails import Part, Tail
from tests.log_reader import Reader, written
from tests.stored import Memory


def found(lines: list[bytes], *patterns: str, led: bool = True) -> list[int]:
    """Which lines match, in a log of one source; `led` is with Metaflow's prefixes."""
    content = b"".join(written(i, line) if led else line + b"\n" for i, line in enumerate(lines))
    return in_log([content], *patterns)


def in_log(contents: list[bytes], *patterns: str) -> list[int]:
    tail = Tail([Part(Memory(content), lambda: True) for content in contents])
    matcher = Matcher([Pattern(pattern, invertible=True) for pattern in patterns])
    numbers: list[int] = []
    before = 0
    for block in Reader(tail).finish().in_order:
        numbers += [before + number for number in matcher.lines(tail, block)]
        before += block.lines
    return numbers


LINES = [
    b"Epoch 1",
    b"loss is 0.5",
    b"",
    b"\x1b[31merr\x1b[1mor\x1b[0m: red",
    b"10%\r50%\rdone 100%",
    b"a\tb",
    "größe ≥ 10 °C".encode(),
    b"bad \xff byte",
    b"task wrote [MFLOG|0| itself",
    b"WARNING (x",
    b"tail 2026 ",
]


@pytest.mark.parametrize("led", [True, False])
@pytest.mark.parametrize(
    ("pattern", "lines"),
    [
        ("epoch", [0]),
        ("EPOCH", []),
        ("Epoch", [0]),
        (r"\bor\b", []),
        ("error: red", [3]),
        ("error", [3]),
        (r"\x1b", []),
        ("31m", []),
        ("50%", []),
        ("done", [4]),
        ("^done", [4]),
        ("a       b", [5]),
        ("a b", []),
        (r"a\sb", []),
        (r"a {7}b", [5]),
        (r"a.b", []),
        (r"a.{7}b", [5]),
        (r"a[^x]{7}b", [5]),
        ("größe", [6]),
        ("GRÖSSE", []),
        ("größe|epoch", [0, 6]),
        ("≥ 1. °c", [6]),
        ("bad � byte", [7]),
        ("bad . byte", [7]),
        ("^task", [8]),
        ("task", [8]),
        ("MFLOG", [8]),
        ("2026", [10]),
        (r"2026-11", []),
        (r"^\[", []),
        ("(x", [9]),
        ("warning (x", [9]),
        ("WARNING (", [9]),
        ("[", [8]),
        ("x*(", []),
        ("^$", [2]),
        (r"\A\z", [2]),
        (r"\d$", [0, 1]),
        (r"\d\z", [0, 1]),
        (r"\ALoss", []),
        (r"\Aloss", [1]),
        (" $", [10]),
        ("0.5", [1]),
        (r"0\.5", [1]),
        ("[^a]\nb", []),
        ("!e", [1, 2, 5, 9, 10]),
        ("!(", [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]),
        ("!", []),
    ],
)
def test_lines_are_found_as_they_are_shown(pattern: str, lines: list[int], led: bool) -> None:
    assert found(LINES, pattern, led=led) == lines


@pytest.mark.parametrize("led", [True, False])
def test_a_block_of_plain_lines_is_searched_at_once_with_the_same_result(led: bool) -> None:
    lines = [b"task one", b"", b"two", b"three 3", b""]
    for pattern, expected in {
        "task": [0],
        "T": [],
        "t": [0, 2, 3],
        "^t": [0, 2, 3],
        "^$": [1, 4],
        "e$": [0],
        "x*": [0, 1, 2, 3, 4],
        r"\d|w": [2, 3],
        "!t": [1, 4],
        "MFLOG|2026|task]": [],
        "]": [],
        r"\btwo\b": [2],
        r"\Btwo": [],
        "two\nthree": [],
        r"two\nthree": [],
        r"two\sthree": [],
        r"o[^x]t": [],
        "(?s)two.three": [],
        r"\Athree": [3],
    }.items():
        assert found(lines, pattern, led=led) == expected, pattern


def test_all_of_several_patterns_must_match() -> None:
    lines = [b"a one", b"b one", b"a two", b"one a"]
    assert found(lines, "a", "one") == [0, 3]
    assert found(lines, "a", "!one") == [2]
    assert found(lines, "a", "nothing") == []


def test_lines_of_several_sources_are_found_in_their_merged_order() -> None:
    first = b"".join([written(second, f"a {second}") for second in (0, 2, 4)])
    second = b"".join([written(second, f"b {second}") for second in (1, 3, 5)])
    assert in_log([first, second], "^b") == [1, 3, 5]
    assert in_log([first, second], "[04]") == [0, 4]
    assert in_log([first, second], "task") == []


@pytest.mark.parametrize(
    ("line", "pattern", "is_found"),
    [
        (b"x" * 60_000 + b"needle", "needle", True),
        (b"needle" + b"x" * 200_000, "needle", True),
        (b"x" * 200_000 + b"needle", "needle", False),
        (b"x" * 200_000 + b"\rneedle", "needle", True),
        (b"needle" + b"x" * 200_000 + b"\rdone", "needle", False),
    ],
    ids=["far", "begin", "not looked at", "last state", "not shown"],
)
def test_of_a_long_line_what_may_be_shown_is_looked_through(
    line: bytes, pattern: str, is_found: bool
) -> None:
    assert found([b"first", line, b"last"], pattern) == [1] * is_found


def test_a_note_is_never_found() -> None:
    stored = Memory(b"line\n")
    tail = Tail([Part(stored, lambda: False)])
    reader = Reader(tail).catch_up()
    stored.content = b""
    (note,) = reader.poll().blocks
    assert note.note
    assert Matcher([Pattern("replaced")]).lines(tail, note) == array("I")
    assert Matcher([Pattern("!x", invertible=True)]).lines(tail, note) == array("I")


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a|a?)+b", "(.*)*x", "(a+)+(b+)+c"])
def test_a_pattern_made_to_be_slow_is_not(pattern: str) -> None:
    lines = [b"a" * 4000 + b"!"] * 10
    began = time.process_time()
    found(lines, pattern)
    Pattern(pattern).spans("a" * 4000 + "!")
    assert time.process_time() - began < 1


def test_a_pattern_that_matches_everywhere_is_not_slow() -> None:
    lines = [b"x" * 60 for _ in range(5000)]
    began = time.process_time()
    assert len(found(lines, "y*")) == 5000
    assert time.process_time() - began < 2


def test_spans_are_where_it_matches_in_what_is_shown() -> None:
    assert Pattern("ab").spans("ab xAB") == [(0, 2), (4, 6)]
    assert Pattern("Ab").spans("ab Ab") == [(3, 5)]
    assert Pattern("ö").spans("schön ö") == [(3, 4), (6, 7)]
    assert Pattern("x*").spans("axxa") == [(1, 3)]
    assert Pattern("a(").spans("a(a(") == [(0, 2), (2, 4)]
    assert Pattern("!a", invertible=True).spans("!a") == []
    assert Pattern("!a").spans("!a") == [(0, 2)]
    assert len(Pattern("a").spans("a" * 1000)) == MOST_SPANS


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        (b"Traceback (most recent call last):", True),
        (b"ValueError: no", True),
        (b"  raise my.CustomException", True),
        (b"ERROR something", True),
        (b"2026 [ERROR] x", True),
        (b"FATAL: x", True),
        (b"CRITICAL", True),
        (b"error rate is 0", False),
        (b"Errors: 0", False),
        (b"NO_ERROR", False),
        (b"all is well", False),
        (b"\x1b[31mERROR\x1b[0m", True),
    ],
)
def test_what_looks_like_an_error(line: bytes, is_error: bool) -> None:
    assert found([b"x", line, b"y"], ERRORS) == [1] * is_error


chunks = st.sampled_from(
    [
        b"a",
        b"b",
        b"A",
        b"0",
        b" ",
        b"  ",
        b"\t",
        b"\r",
        b"\x1b[1m",
        b"\xff",
        "é".encode(),
        b".",
        b"]",
    ]
)
log_lines = st.lists(st.lists(chunks, max_size=12).map(b"".join), max_size=15)
atoms = [
    "a",
    "b",
    "A",
    "0",
    " ",
    "\t",
    "é",
    "]",
    ".",
    "[^b]",
    r"\s",
    r"\b",
    r"\w",
    r"\.",
    r"\A",
    r"\z",
]
atoms += ["^", "$", "*", "+", "{2}", "|", "(", ")"]
expressions = st.lists(st.sampled_from(atoms), min_size=1, max_size=6).map("".join)


@settings(max_examples=300, deadline=None)
@given(log_lines, expressions, st.booleans(), st.booleans())
def test_a_whole_block_matches_as_its_lines_do_one_by_one(
    lines: list[bytes], expression: str, led: bool, inverted: bool
) -> None:
    text = f"!{expression}" if inverted else expression
    one_by_one = Pattern(text, invertible=True)
    expected = [
        number
        for number, line in enumerate(lines)
        if len(one_by_one.lines_in(plain_text(line).encode(), 1))
    ]
    assert found(lines, text, led=led) == expected


@pytest.mark.parametrize("pattern", ["^step 7", "(^step 7|^x)", r"\Astep 7", "[^a]^step 7|^step 7"])
def test_blocks_in_which_no_line_starts_like_that_are_passed_over(pattern: str) -> None:
    line, other = written(0, b"step 7"), written(1, b"a step 7")
    assert Pattern(pattern).may_match(other + line)
    assert Pattern(pattern).may_match(b"a\nstep 7\n")
    assert not Pattern(pattern).may_match(other + other)
    assert not Pattern(pattern).may_match(b"a\na step 7\n")
