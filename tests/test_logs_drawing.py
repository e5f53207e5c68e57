"""How a line looks: its margin, the rows it takes, and what is marked in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from flowtui.logs.drawing import (
    NO_INKS,
    TIME_WIDTH,
    WIDEST_LABEL,
    Inks,
    Looks,
    draw,
    folds,
    labels_of,
    row_count,
    time_of_day,
)
from flowtui.logs.mflog import NOTE, LogLine
from flowtui.logs.search import Pattern
from flowtui.logs.tails import Part
from tests.stored import Memory

INKS = Inks(*[Style(color=f"color({number})") for number in range(1, 8)])


def labelled(*labels: str) -> list[Part]:
    return [Part(Memory(), lambda: True, label=label) for label in labels]


def rows(text: str | bytes, looks: Looks, lane: int = 0) -> list[str]:
    raw = text if isinstance(text, bytes) else text.encode()
    return [row.plain for row in draw(LogLine(None, lane, raw), NO_INKS, looks)]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ([], []),
        (["a"], []),
        (["a", "a"], []),
        (["a", "bcd"], ["a  ", "bcd"]),
        (["名", "abc"], ["名 ", "abc"]),
        (["x" * 40, "y"], ["x" * 27 + "…", "y" + " " * 27]),
        (["名" * 20, "y"], ["名" * 13 + "… ", "y" + " " * 27]),
        (["\x1b[31m", "[/b]"], ["    ", "[/b]"]),
    ],
)
def test_labels_have_one_width_and_are_left_out_where_they_say_nothing(
    labels: list[str], shown: list[str]
) -> None:
    found = labels_of(labelled(*labels))
    assert list(found) == shown
    assert len({cell_len(label) for label in found}) <= 1
    assert all(cell_len(label) <= WIDEST_LABEL for label in found)


def test_a_row_starts_with_whose_line_it_is_and_a_bar_for_stderr() -> None:
    looks = Looks(labels=["a ", "bc"], stderr=[False, True])
    assert rows("text", looks, 0) == ["a    text"]
    assert rows("text", looks, 1) == ["bc ▎ text"]
    assert rows("text", looks, NOTE) == ["     text"]
    assert looks.margin == 5


def test_the_rows_of_a_folded_line_stand_below_each_other() -> None:
    looks = Looks(width=9, labels=["a ", "bc"], stderr=[False, True])
    assert rows("12345678x", looks, 1) == ["bc ▎ 1234", "   ▎ 5678", "   ▎ x"]
    assert rows("名名名", looks, 0) == ["a    名名", "     名"]
    assert rows("", looks, 0) == ["a    "]


def test_a_time_is_shown_or_left_blank() -> None:
    looks = Looks(timestamps=True)
    assert rows("x", looks) == [" " * TIME_WIDTH + "x"]
    (row,) = draw(LogLine(1_795_252_229_838_666, 0, b"x"), NO_INKS, looks)
    assert row.plain.endswith(":29.838 x")
    assert time_of_day(-(10**30)) == time_of_day(10**30) == " " * TIME_WIDTH


def test_json_takes_rows_of_its_own() -> None:
    looks = Looks(pretty=True, stderr=[True])
    assert rows('{"a": 1}', looks) == ["▎ {", '▎   "a": 1', "▎ }"]
    assert rows('{"a": 12345}', replace(looks, width=10)) == ["▎ {", '▎   "a": 1', "▎ 2345", "▎ }"]
    assert rows("{no", looks) == ["▎ {no"]


def test_matches_are_marked_where_they_are_shown() -> None:
    line = LogLine(None, 0, b"\x1b[31mab\x1b[0m cab")
    (row,) = draw(line, INKS, Looks(stderr=[False]), Pattern("ab"))
    marked = [(span.start, span.end) for span in row.spans if span.style == INKS.match]
    assert marked == [(2, 4), (6, 8)]
    (row,) = draw(line, INKS, Looks(), Pattern("ab"), current=True)
    marked = [(span.start, span.end) for span in row.spans if span.style == INKS.current_match]
    assert marked == [(0, 2), (4, 6)]


lines = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(str.encode),
    st.sampled_from(
        ["名" * 30, "a\tb\tc", "e\u0301" * 20, "\x1b[1m" * 9 + "x" * 30, "x" * 5000]
    ).map(str.encode),
    st.sampled_from(['{"a": [1, 2, {"b": "' + "名" * 20 + '"}]}', "[" * 9]).map(str.encode),
).map(lambda line: line.replace(b"\n", b""))


@given(lines, st.none() | st.integers(1, 50), st.booleans(), st.integers(0, 5) | st.just(70_000))
def test_a_line_takes_the_rows_that_are_drawn_and_none_is_too_wide(
    line: bytes, width: int | None, pretty: bool, beyond: int
) -> None:
    looks = Looks(width=width, pretty=pretty)
    drawn = draw(LogLine(None, 0, line, beyond), NO_INKS, looks)
    assert row_count(LogLine(None, 0, line, beyond), looks) == len(drawn) >= 1
    if width is not None and width > 1:
        assert all(cell_len(row.plain) <= width for row in drawn)


def test_where_text_folds() -> None:
    assert folds("", 4) == []
    assert folds("abcd", 4) == []
    assert folds("abcdefghi", 4) == [4, 8]
    assert folds("a名名b", 4) == [2]
