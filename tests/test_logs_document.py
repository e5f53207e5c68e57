"""A log laid out: which line is in which row, what is marked, kept, counted and given away."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.logs import blocks, tails
from flowtui.logs.blocks import Block
from flowtui.logs.document import LogDocument
from flowtui.logs.drawing import NO_INKS
from flowtui.logs.hits import Hits, Place
from flowtui.logs.search import Matcher, Pattern
from flowtui.logs.tails import Growth, Part, Tail
from tests.log_reader import written
from tests.stored import Memory, part

SMALL = 300
ALL_OF_IT = dict.fromkeys(range(9), (0, -1)).get


def make_small(monkeypatch: pytest.MonkeyPatch, end_bytes: int = 10**9) -> None:
    for module in (blocks, tails):
        monkeypatch.setattr(module, "BLOCK_BYTES", SMALL)
    monkeypatch.setattr(tails, "END_BYTES", end_bytes)
    monkeypatch.setattr(tails, "_HEAD_PORTION", 2)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


class Shown:
    """A document and the tail that it follows."""

    def __init__(self, *parts: Part) -> None:
        self.tail = Tail(parts)
        self.document = LogDocument()
        self.document.clear(self.tail)
        self.grow()

    def grow(self) -> Sequence[Growth]:
        """Take in all that there is at once."""
        growths = [self.grow_once()]
        while self.tail.more:
            growths.append(self.grow_once())
        return growths

    def grow_once(self) -> Growth:
        growth = self.tail.poll()
        self.document.grow(growth)
        return growth

    def filter(self, pattern: str) -> Hits:
        hits = Hits(Pattern(pattern, invertible=True))
        self.document.filter_by(hits)
        self.scan(self.document.blocks_from(Place(0, 0)))
        return hits

    def scan(self, found_in: Sequence[Block]) -> None:
        hits = self.document.filter
        assert hits is not None
        matcher = Matcher([hits.pattern])
        hits.add([(block, matcher.lines(self.tail, block)) for block in found_in])
        self.document.filtered(found_in)

    def measure(self) -> None:
        while self.document.measure(0, self.document.row_count):
            pass

    @property
    def rows(self) -> list[str]:
        """What is drawn in each row."""
        drawn = []
        for row in range(self.document.row_count):
            place, part_of_it = self.document.locate(row)
            drawn.append(self.document.draw(place, NO_INKS)[part_of_it].plain)
        return drawn


def numbered(count: int, start: int = 0) -> Memory:
    return Memory(b"".join([written(i, f"line {i}") for i in range(start, start + count)]))


def test_lines_are_counted_and_found_by_row_and_number(small: None) -> None:
    shown = Shown(Part(numbered(20), lambda: True))
    assert (shown.document.line_count, shown.document.row_count) == (20, 20)
    assert shown.rows == [f"line {i}" for i in range(20)]
    for row in range(20):
        place, _ = shown.document.locate(row)
        assert shown.document.line_number(place) == row + 1
        assert shown.document.row_of(place) == shown.document.row_of_line(row + 1) == row
        assert shown.document.line(place).text.decode() == f"line {row}"
    assert shown.document.row_of_line(-5) == 0
    assert shown.document.row_of_line(99) == 19
    assert shown.document.locate(-1) == shown.document.locate(0)
    assert shown.document.locate(99) == shown.document.locate(19)


def test_an_empty_log_has_no_rows() -> None:
    for document in (LogDocument(), Shown(part()).document):
        assert (document.row_count, document.line_count) == (0, 0)
        assert document.locate(0) == (Place(0, 0), 0)
        assert (document.row_of(Place(3, 3)), document.row_of_line(1)) == (0, 0)
        assert document.line(Place(0, 0)).text == b""
        assert (list(document.last_lines(9)), list(document.contents())) == ([], [])
        assert document.text_between(0, 5, ALL_OF_IT) == ""
        assert not document.measure(0, 10)


def test_a_block_that_was_replaced_is_shown_as_it_is_now(small: None) -> None:
    stored = Memory(b"one\ntw")
    shown = Shown(Part(stored, lambda: False))
    shown.document.fit(3, wrap=True)
    assert shown.rows == ["one", "tw"]
    stored.append(b"o and more\nthree\n")
    shown.grow()
    shown.measure()
    assert shown.rows == ["one", "two", " an", "d m", "ore", "thr", "ee"]
    assert shown.document.line_count == 3


def test_the_head_that_is_yet_to_be_read_has_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch, end_bytes=400)
    stored = numbered(100)
    tail = Tail([Part(stored, lambda: True)])
    document = LogDocument()
    document.clear(tail)
    document.grow(tail.poll())
    gap, first, *_ = [document.line(document.locate(row)[0]).text for row in range(3)]
    assert gap.decode().endswith("MB to be read yet")
    assert document.line_number(document.locate(1)[0]) is None
    place = document.locate(1)[0]
    number = int(first.split()[1])
    while tail.more:
        document.grow(tail.poll())
    assert document.row_count == document.line_count == 100
    assert document.row_of(place) == number
    assert document.line_number(place) == number + 1


def test_a_log_that_starts_again_forgets_what_was_known() -> None:
    stored = Memory(b"one\ntwo\nthree\n")
    shown = Shown(Part(stored, lambda: False))
    shown.filter("t")
    shown.document.search = Hits(Pattern("w"))
    shown.document.search.add(
        [(block, array("I", [1])) for block in shown.document.blocks_from(Place(0, 0))]
    )
    shown.document.search.current = shown.document.target = Place(0, 1)
    stored.content = b"new\n"
    growths = shown.grow()
    assert growths[0].restarted
    assert {shown.document.target, shown.document.search.current} == {None}
    assert shown.document.search.total == 0
    shown.document.filter_by(None)
    assert len(shown.rows) == 2
    assert shown.rows[1] == "new"
    assert shown.document.line_count == 1


def test_another_log_closes_the_one_before_and_loses_its_labels() -> None:
    stored = Memory(b"x\n")
    shown = Shown(
        Part(stored, lambda: True, "stdout", "a"), Part(Memory(b"y\n"), lambda: True, "stderr", "b")
    )
    assert shown.rows == ["a   x", "b ▎ y"]
    other = Tail([part("x"), part("z")])
    shown.document.lay_out(timestamps=True)
    shown.document.clear(other)
    assert stored.closed
    shown.document.grow(other.poll())
    assert (shown.document.looks.labels, shown.document.looks.stderr) == ((), ())
    assert shown.document.looks.timestamps


def test_a_part_that_comes_with_a_label_narrows_the_text_of_all() -> None:
    shown = Shown(part("x" * 10, ended=lambda: False))
    shown.document.fit(10, wrap=True)
    shown.measure()
    assert shown.document.row_count == 1
    shown.tail.add([Part(Memory(b"y\n"), lambda: True, "stdout", "label")])
    shown.grow()
    shown.measure()
    assert shown.rows == ["      xxxx", "      xxxx", "      xx", "label y"]


# Rows

line_texts = st.sampled_from(
    [
        b"",
        b"short",
        b"x" * 30,
        b"y" * 700,
        "名".encode() * 9,
        b"a\tb",
        b'{"a": 1, "b": [2, 3]}',
        b"[x",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(line_texts, max_size=40),
    st.none() | st.integers(1, 40),
    st.booleans(),
    st.sampled_from(["", "x", "!x", "nothing"]),
    st.booleans(),
)
def test_each_row_leads_to_its_line_and_back(
    texts: list[bytes], width: int | None, pretty: bool, pattern: str, timestamps: bool
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_small(monkeypatch)
        shown = Shown(part(*texts))
        document = shown.document
        document.lay_out(pretty=pretty, timestamps=timestamps)
        document.fit(width or 80, wrap=width is not None)
        if pattern:
            shown.filter(pattern)
        matching = {"": b"", "x": b"x", "!x": b"x", "nothing": b"nothing"}[pattern]
        kept = [
            number
            for number, text in enumerate(texts)
            if (matching in text) != pattern.startswith("!")
        ]
        # Before anything is measured every line has a row at least, in order.
        places = [document.locate(row)[0] for row in range(document.row_count)]
        assert places == sorted(places)
        assert [document.line_number(place) for place in dict.fromkeys(places)] == [
            number + 1 for number in kept
        ]
        shown.measure()
        rows = [document.locate(row) for row in range(document.row_count)]
        expected = [
            (place, index)
            for place in dict.fromkeys(place for place, _ in rows)
            for index in range(len(document.draw(place, NO_INKS)))
        ]
        assert rows == expected
        assert [document.row_of(*where) for where in rows] == list(range(len(rows)))
        assert [
            document.line_number(place) for place in dict.fromkeys(place for place, _ in rows)
        ] == [number + 1 for number in kept]
        assert not document.measure(0, document.row_count)


def test_where_every_line_has_a_row_there_is_nothing_to_measure(small: None) -> None:
    shown = Shown(part(*["x" * 1000] * 20))
    assert shown.document.row_count == 20
    assert not shown.document.measure(0, 20)


def test_only_blocks_in_view_are_measured(small: None) -> None:
    class Counted(Memory):
        reads = 0

        def read(self, offset: int, count: int) -> bytes:
            self.reads += 1
            return super().read(offset, count)

    stored = Counted(b"".join(written(i, "x" * 30) for i in range(1000)))
    shown = Shown(Part(stored, lambda: True))
    shown.document.fit(20, wrap=True)
    before = stored.reads
    shown.document.measure(shown.document.row_count - 6, shown.document.row_count)
    assert 0 < stored.reads - before < 10


def test_a_widget_that_is_not_shown_changes_no_row() -> None:
    shown = Shown(part("x" * 30))
    shown.document.fit(10, wrap=True)
    shown.measure()
    shown.document.fit(0, wrap=True)
    assert shown.document.row_count == 3


def test_a_line_that_is_filtered_out_leads_to_the_next_one() -> None:
    shown = Shown(part("a0", "b1", "a2", "b3", "a4"))
    shown.filter("a")
    assert shown.rows == ["a0", "a2", "a4"]
    assert [shown.document.row_of(Place(0, line)) for line in range(5)] == [0, 1, 1, 2, 2]
    assert shown.document.line_number(Place(0, 2)) == 3
    shown.document.filter_by(None)
    assert len(shown.rows) == 5


def test_lines_that_come_are_shown_when_the_filter_has_found_them() -> None:
    stored = Memory(b"a0\nb1\n")
    shown = Shown(Part(stored, lambda: False))
    shown.filter("a")
    stored.append(b"a2\n")
    (growth,) = shown.grow()
    assert shown.rows == ["a0"]
    shown.scan(growth.blocks)
    assert shown.rows == ["a0", "a2"]


def test_what_was_found_in_a_block_that_is_another_now_does_no_harm(small: None) -> None:
    """Of two sources, that the second has more makes the block they shared shorter."""
    first, second = Memory(b"".join(written(i + 5, f"x {i}") for i in range(2))), Memory()
    shown = Shown(*[Part(stored, lambda: False) for stored in (first, second)])
    shown.document.fit(40, wrap=True)
    hits = shown.filter("x")
    old = shown.document.blocks_from(Place(0, 0))
    second.append(b"".join(written(i / 10, f"y {i}") for i in range(9)))
    shown.grow()
    for late in ([], old):
        hits.add([(block, array("I", [0, 1, 7])) for block in late])
        shown.document.filtered(late)
        shown.measure()
        assert len(shown.rows) == shown.document.row_count
        list(shown.document.contents())
    shown.scan(shown.document.blocks_from(Place(0, 0)))
    assert shown.rows == ["x 0", "x 1"]


# Text


def test_rows_are_given_as_text_and_folded_lines_as_one() -> None:
    shown = Shown(
        Part(Memory(b"0123456789\nabc\n"), lambda: True, "stdout"),
        Part(Memory(), lambda: True, "stderr"),
    )
    shown.document.fit(6, wrap=True)
    shown.measure()
    assert shown.rows == ["  0123", "  4567", "  89", "  abc"]
    whole = shown.document.text_between(0, 99, dict.fromkeys(range(99), (2, -1)).get)
    assert whole == "0123456789\nabc"
    spans = {0: (4, -1), 1: (0, -1), 2: (0, -1), 3: (2, 4)}
    assert shown.document.text_between(0, 3, spans.get) == "23456789\nab"


def test_rows_of_json_are_given_as_they_are_shown() -> None:
    shown = Shown(part('{"a": 1}', "x"))
    shown.document.lay_out(pretty=True)
    shown.measure()
    text = shown.document.text_between(0, 9, ALL_OF_IT)
    assert text == '{\n  "a": 1\n}\nx'


@pytest.mark.parametrize("wrap", [False, True])
def test_the_last_lines_are_whole_lines_however_they_fold(small: None, wrap: bool) -> None:
    shown = Shown(part(*[f"{number}" * 30 for number in range(100, 200)]))
    shown.document.fit(20, wrap=wrap)
    expected = [f"{number}" * 30 for number in range(100, 200)]
    assert shown.document.last_lines(7) == expected[-7:]
    assert shown.document.last_lines(1000) == expected
    assert shown.document.last_lines(0) == []
    shown.filter("5$")
    assert shown.document.last_lines(2) == ["185" * 30, "195" * 30]


def test_the_first_match_of_a_line_is_told_in_cells() -> None:
    shown = Shown(part("名 xx xx"))
    shown.document.search = Hits(Pattern("x+"))
    assert shown.document.first_match(Place(0, 0)) == (3, 5, 8)


def test_contents_are_what_was_written_also_of_long_lines_that_a_filter_leaves() -> None:
    lines = [b"a", b"x" * 200_000, b"b \xff\0", b"x" * 70_000, b"a x"]
    content = b"\n".join(lines)
    shown = Shown(Part(Memory(content), lambda: True))
    assert b"".join(shown.document.contents()) == content
    shown.filter("x")
    assert b"".join(shown.document.contents()) == b"\n".join(lines[1::2] + lines[4:])


def test_contents_leave_out_notes() -> None:
    stored = Memory(b"one\ntwo\n")
    shown = Shown(Part(stored, lambda: False))
    stored.content = b"new"
    shown.grow()
    assert len(shown.rows) == 2
    assert b"".join(shown.document.contents()) == b"new"


def test_each_line_of_contents_ends_before_the_next_begins(small: None) -> None:
    """Both sources go on in a line that is too long to share a block."""
    sources = [Part(Memory(text * 1000), lambda: True) for text in (b"a", b"b")]
    content = b"".join(Shown(*sources).document.contents())
    assert content == b"a" * 1000 + b"\n" + b"b" * 1000


def test_to_keep_a_few_lines_of_a_block_it_is_read_once() -> None:
    class Counted(Memory):
        asked = 0

        def read(self, offset: int, count: int) -> bytes:
            self.asked += count
            return super().read(offset, count)

    stored = Counted(b"".join([b"%06d\n" % number for number in range(50_000)]))
    shown = Shown(Part(stored, lambda: True))
    shown.filter("[13579]$")
    stored.asked = 0
    assert b"".join(shown.document.contents()).count(b"\n") == 25_000
    assert stored.asked < 3 * len(stored.content or b"")
