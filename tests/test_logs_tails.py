"""A tail gives every line once, in order, as logs appear, grow, vanish and end."""

from __future__ import annotations

import os
import threading
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.logs import blocks, tails
from flowtui.logs.mflog import NOTE, LogLine
from flowtui.logs.stored import StoredFile
from flowtui.logs.tails import Part, Settling, Tail
from tests.log_reader import START_MICROSECONDS, Reader, written
from tests.runs import RecordedRun
from tests.stored import Memory

SMALL = 300
"""Bytes of a block where the tests make them small."""


def texts(lines: Sequence[LogLine]) -> list[str]:
    return [line.text.decode() for line in lines]


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def make_small(monkeypatch: pytest.MonkeyPatch, end_bytes: int = 10**9) -> None:
    """Blocks of a few lines, and a few of them at a time."""
    for module in (blocks, tails):
        monkeypatch.setattr(module, "BLOCK_BYTES", SMALL)
    monkeypatch.setattr(blocks, "_SCAN_BYTES", 2 * SMALL)
    monkeypatch.setattr(tails, "END_BYTES", end_bytes)
    monkeypatch.setattr(tails, "_PORTION", 3)
    monkeypatch.setattr(tails, "_HEAD_PORTION", 2)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


class Attempt:
    """An attempt's log files in a directory, and the time that has passed."""

    def __init__(self, directory: Path) -> None:
        self.task = directory / "0.task_stdout.log"
        self.runtime = directory / "0.runtime_stdout.log"
        self.ended = False
        self.now = 0.0

    def reader(self) -> Reader:
        over = Settling(lambda: self.ended, self.runtime.exists, lambda: self.now)
        paths = (self.runtime, self.task)
        return Reader(Tail([Part(StoredFile(path), over, "stdout") for path in paths]))


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


def recorded(
    run: RecordedRun, step: str, task: str, attempt: int, *streams: str
) -> Sequence[LogLine]:
    folder = run.directory / step / task
    files = [
        (stream, StoredFile(folder / f"{attempt}.{source}_{stream}.log"))
        for stream in streams
        for source in ("runtime", "task")
    ]
    tail = Tail([Part(stored, lambda: True, stream) for stream, stored in files])
    lines = Reader(tail).finish().lines
    tail.close()
    return lines


# Logs of real runs


@pytest.mark.parametrize("number", [0, 1])
def test_each_attempt_of_a_real_task_has_its_own_log(
    runs: dict[str, RecordedRun], number: int
) -> None:
    assert texts(recorded(runs["catch"], "divide", "2", number, "stdout")) == ["dividing by 0"]
    stderr = texts(recorded(runs["catch"], "divide", "2", number, "stderr"))
    assert stderr[0] == "to stderr"
    assert any("ZeroDivisionError: division by zero" in line for line in stderr)


def test_catch_prints_to_stdout_what_it_caught(runs: dict[str, RecordedRun]) -> None:
    stdout = texts(recorded(runs["catch"], "divide", "2", 2, "stdout"))
    assert stdout[0] == "dividing by 0"
    assert stdout[1].startswith("@catch caught an exception")
    assert texts(recorded(runs["catch"], "divide", "2", 2, "stderr")) == ["to stderr"]


def test_real_lines_carry_their_times(runs: dict[str, RecordedRun]) -> None:
    lines = recorded(runs["linear"], "middle", "2", 0, "stdout")
    assert lines
    created = int(runs["linear"].run)
    assert all(line.time is not None and 0 <= line.time - created < 600e6 for line in lines)


def test_both_real_streams_are_merged_by_time(runs: dict[str, RecordedRun]) -> None:
    lines = recorded(runs["catch"], "divide", "2", 0, "stdout", "stderr")
    assert texts(lines)[:2] in (["dividing by 0", "to stderr"], ["to stderr", "dividing by 0"])
    times = [line.time for line in lines if line.time is not None]
    assert times == sorted(times)
    # Sources 0 and 1 are of stdout, 2 and 3 of stderr.
    assert {line.lane // 2 for line in lines} == {0, 1}


def test_the_last_line_of_a_real_crash_has_no_newline_and_is_shown(
    runs: dict[str, RecordedRun],
) -> None:
    raw = runs["segfault"].directory / "crash" / "2" / "0.runtime_stderr.log"
    assert not raw.read_bytes().endswith(b"\n")
    lines = recorded(runs["segfault"], "crash", "2", 0, "stderr")
    assert texts(lines)[-1] == "Task failed with a segmentation fault."


# Appearing, growing, ending


def test_there_is_nothing_as_long_as_there_is_no_file(attempt: Attempt) -> None:
    reader = attempt.reader()
    assert not reader.poll().blocks
    append(attempt.task, written(0, "first"))
    assert reader.catch_up().texts == ["first"]
    assert not reader.poll().blocks
    append(attempt.task, written(1, "second"), written(2, "third"))
    assert reader.catch_up().texts == ["first", "second", "third"]
    assert not reader.tail.finished


def test_a_line_is_shown_as_it_comes(attempt: Attempt) -> None:
    line = written(0, "a word")
    reader = attempt.reader()
    for end in range(len(line) - 6, len(line)):
        attempt.task.write_bytes(line[:end])
        assert len(reader.catch_up().lines) == 1
    assert reader.texts == ["a word"]
    append(attempt.task, b"\n", b"[MFLOG|0|2026")
    assert reader.catch_up().texts == ["a word", "[MFLOG|0|2026"]
    assert list(reader.blocks) == [0]


def test_in_order_half_a_line_waits_for_the_other_half_or_the_end() -> None:
    stored, ended = Memory(), False
    reader = Reader(Tail([Part(stored, lambda: ended)], in_order=True))
    for byte in written(0, "whole").removesuffix(b"\n"):
        stored.append(bytes([byte]))
        assert not reader.poll().blocks
    stored.append(b"\nhalf")
    assert reader.catch_up().texts == ["whole"]
    ended = True
    assert reader.finish().texts == ["whole", "half"]
    assert not reader.poll().blocks


def test_both_writers_are_merged_by_time(attempt: Attempt) -> None:
    append(attempt.task, written(1, "b"), written(3, "d"), b"untimed\n")
    append(attempt.runtime, written(0, "a"), written(2, "c"), written(9, "e"))
    reader = attempt.reader().catch_up()
    assert reader.texts == ["a", "b", "c", "d", "untimed", "e"]
    assert [line.lane for line in reader.lines] == [0, 1, 0, 1, 1, 0]


def test_the_times_are_utc(attempt: Attempt) -> None:
    append(attempt.task, written(2.5, "x"))
    (line,) = attempt.reader().catch_up().lines
    assert line.time == START_MICROSECONDS + 2_500_000


def test_a_long_line_of_one_source_stays_in_its_place_among_those_of_another(small: None) -> None:
    long = written(5, "long " + "x" * 2 * SMALL)
    other = b"".join([written(second, f"{second}") for second in range(10)])
    reader = Reader(Tail([Part(Memory(content), lambda: True) for content in (long, other)]))
    starts = [text[:5] for text in reader.finish().texts]
    assert starts in (
        ["0", "1", "2", "3", "4", "5", "long ", "6", "7", "8", "9"],
        ["0", "1", "2", "3", "4", "long ", "5", "6", "7", "8", "9"],
    )


@pytest.mark.parametrize("bar", [b"0%", b"0%" * SMALL], ids=["short", "long"])
def test_a_line_that_goes_on_stays_one_while_others_pass_it(small: None, bar: bytes) -> None:
    drawn, printed = Memory(written(0, bar).removesuffix(b"\n")), Memory()
    reader = Reader(Tail([Part(stored, lambda: False) for stored in (drawn, printed)]))
    for second in range(30):
        printed.append(written(second, f"line {second}"))
        drawn.append(b"\r%d%%" % second)
        reader.catch_up()
        bars = [line for line in reader.lines if line.lane == 0]
        assert [line.text.rpartition(b"\r")[2] for line in bars] == [b"%d%%" % second]
    passed = [text for text in reader.texts if text.startswith("line")]
    assert passed == [f"line {second}" for second in range(30)]


def test_two_long_lines_that_go_on_at_once_stay_two(small: None) -> None:
    sources = [Memory(written(i, b"x" * SMALL).removesuffix(b"\n")) for i in range(2)]
    reader = Reader(Tail([Part(stored, lambda: False) for stored in sources]))
    for _ in range(5):
        reader.catch_up()
        assert sorted(line.lane for line in reader.lines) == [0, 1]
        for stored in sources:
            stored.append(b"y" * 100)
    sources[0].append(b"\nnext\n")
    assert sorted(line.lane for line in reader.catch_up().lines) == [0, 0, 1]


def test_a_part_that_is_added_is_read_from_its_start() -> None:
    opened = True
    first = Memory(written(0, "one") + written(9, "three"))
    tail = Tail([Part(first, lambda: True)], open_ended=lambda: opened)
    reader = Reader(tail).catch_up()
    assert (reader.texts, tail.finished) == (["one", "three"], False)
    tail.add([Part(Memory(written(5, "two")), lambda: True, interval=1.0)])
    assert reader.catch_up().texts == ["one", "two", "three"]
    assert tail.interval == 1.0
    opened = False
    assert reader.finish().texts == ["one", "two", "three"]


def test_a_tail_without_parts_waits_for_some() -> None:
    opened = True
    tail = Tail([], open_ended=lambda: opened)
    assert (tail.poll().blocks, tail.finished) == ([], False)
    opened = False
    tail.poll()
    assert tail.finished


def test_an_ended_attempt_is_given_time_to_store_its_log(attempt: Attempt) -> None:
    attempt.ended = True
    reader = attempt.reader()
    assert not reader.poll().blocks
    assert not reader.tail.finished
    append(attempt.runtime, written(0, "stored last of all"))
    assert reader.finish().texts == ["stored last of all"]


def test_an_attempt_that_never_stores_a_log_is_not_waited_for_long(attempt: Attempt) -> None:
    attempt.ended = True
    append(attempt.task, b"all there is")
    reader = attempt.reader().catch_up()
    assert not reader.tail.finished
    attempt.now = tails.SETTLE_SECONDS - 0.1
    assert not reader.catch_up().tail.finished
    attempt.now = tails.SETTLE_SECONDS
    assert reader.finish().texts == ["all there is"]


def test_an_attempt_that_goes_on_after_all_settles_anew() -> None:
    now, ended = 0.0, True
    settling = Settling(lambda: ended, lambda: False, lambda: now)
    assert not settling()
    ended, now = False, 100.0
    assert not settling()
    ended = True
    assert not settling()
    now = 100.0 + tails.SETTLE_SECONDS
    assert settling()


@dataclass
class Portions(Memory):
    """What there is of it shows in portions, as with logs that are fetched."""

    whole: bytes
    portion: int
    seen: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def look(self) -> int | None:
        self.seen = min(len(self.whole), self.seen + self.portion)
        self.content = self.whole[: self.seen]
        return self.seen


@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("portion", [37, 250, 1000])
def test_a_source_that_comes_in_portions_is_read_to_its_end(
    small: None, in_order: bool, portion: int
) -> None:
    sources = [
        Portions(b"".join([written(2 * i + n, f"{n} {i}") for i in range(20)]) + b"end", portion)
        for n in range(2)
    ]
    tail = Tail([Part(stored, lambda: True) for stored in sources], in_order=in_order)
    reader = Reader(tail).finish()
    for number in range(2):
        lines = [line for line in reader.lines if line.lane == number]
        assert texts(lines) == [*(f"{number} {i}" for i in range(20)), "end"]


# Opening at the end


@dataclass
class Counting(Memory):
    """Notes what is read of it."""

    size: int
    line: Callable[[int], bytes]
    asked: list[range] = field(default_factory=list)

    def __post_init__(self) -> None:
        lines = []
        total = number = 0
        while total < self.size:
            lines.append(self.line(number))
            total += len(lines[-1])
            number += 1
        super().__init__(b"".join(lines))

    def read(self, offset: int, count: int) -> bytes:
        data = super().read(offset, count)
        self.asked.append(range(offset, offset + len(data)))
        return data


def test_a_long_log_opens_at_its_end() -> None:
    stored = Counting(20_000_000, lambda number: b"%099d\n" % number)
    reader = Reader(Tail([Part(stored, lambda: True)]))
    growth = reader.poll()
    assert stored.content is not None
    assert min(asked.start for asked in stored.asked) >= len(stored.content) - tails.END_BYTES - 100
    assert sum(map(len, stored.asked)) < 3 * tails.END_BYTES
    assert int(reader.texts[-1]) == 199_999
    known = sum(block.size for block in reader.blocks.values())
    assert tails.END_BYTES / 2 < known <= tails.END_BYTES
    assert growth.unread == len(stored.content) - known
    assert reader.tail.more
    assert [block.at >= 0 for block in growth.blocks] == [True] * len(growth.blocks)


def test_the_head_follows_from_the_start_until_all_is_there() -> None:
    stored = Counting(40_000_000, lambda number: b"%099d\n" % number)
    reader = Reader(Tail([Part(stored, lambda: True)]))
    unread = [reader.poll().unread]
    while unread[-1]:
        unread.append(reader.poll().unread)
        assert reader.growths[-1].blocks[0].at < 0
    assert len(unread) > 2
    assert unread == sorted(unread, reverse=True)
    assert reader.finish().contents == stored.content
    # All of it is read once to find the lines, and once more here; little is looked at again.
    assert sum(map(len, stored.asked)) < 2.3 * 40_000_000


@pytest.mark.parametrize("untimed", [0, 1, 2])
def test_several_long_sources_open_at_one_moment(untimed: int) -> None:
    """The second has ten times as many lines in the same time."""
    wide = Counting(8_000_000, lambda number: written(number, "w" * 9000))
    dense = Counting(8_000_000, lambda number: written(number / 10, "d" * 900))
    short = Memory(written(3, "short") + b"no time\n" * untimed)
    reader = Reader(Tail([Part(stored, lambda: True) for stored in (wide, dense, short)]))
    reader.poll()
    first = {lane: _first(reader.lines, lane) for lane in (0, 1)}
    assert 0 <= first[0] - first[1] <= 1_000_000 or 0 <= first[1] - first[0] <= 1_000_000
    assert sum(block.size for block in reader.blocks.values()) <= 2 * tails.END_BYTES
    assert "short" not in reader.texts
    reader.finish()
    times = [line.time for line in reader.lines if line.time is not None]
    assert times == sorted(times)
    sizes = [len(source.content or b"") for source in (wide, dense, short)]
    assert sum(block.size for block in reader.blocks.values()) == sum(sizes)


def _first(lines: Sequence[LogLine], lane: int) -> int:
    return next(line.time for line in lines if line.lane == lane and line.time is not None)


def test_a_long_log_without_times_beside_one_with_times_is_not_read_from_its_start() -> None:
    plain = Counting(20_000_000, lambda number: b"%099d\n" % number)
    timed = Counting(20_000_000, lambda number: written(number, "t" * 900))
    reader = Reader(Tail([Part(stored, lambda: True) for stored in (plain, timed)]))
    reader.poll()
    assert sum(map(len, plain.asked)) < 4 * tails.END_BYTES
    assert "000199999" in reader.texts[-1] or reader.texts[-1].startswith("t")
    assert any(text.endswith("199999") for text in reader.texts)


def test_a_log_that_grows_long_while_it_is_watched_has_no_head() -> None:
    stored = Memory()
    reader = Reader(Tail([Part(stored, lambda: False)]))
    for number in range(6):
        stored.append(b"x" * 999_999 + b"\n")
        assert reader.catch_up().growths[-1].unread == 0
        assert len(reader.lines) == number + 1
    assert min(reader.blocks) == 0


def test_lines_are_written_to_the_end_while_the_head_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_small(monkeypatch, end_bytes=500)
    stored = Memory(b"".join(written(i, f"{i}") for i in range(100)))
    reader = Reader(Tail([Part(stored, lambda: False)]))
    for number in range(100, 120):
        reader.poll()
        stored.append(written(number, f"{number}"))
    assert reader.catch_up().texts == [f"{number}" for number in range(120)]


# Every line once, in the order of the times

Line = tuple[bool, bytes]
"""Whether it has a time, and its text."""

message = st.one_of(
    st.binary(max_size=20), st.binary(min_size=1, max_size=2).map(lambda some: some * 400)
).map(lambda some: some.replace(b"\n", b"").replace(b"\r", b""))
sources = st.lists(
    st.lists(st.tuples(st.integers(0, 4).map(bool), message), max_size=25), min_size=1, max_size=4
)


def encoded(lines: Sequence[Line], lane: int, lanes: int, pace: int) -> bytes:
    """A source: its n-th line at second `n * pace`, no two lines of two sources at one moment."""
    return b"".join(
        written(number * pace + lane / lanes, text) if timed else text + b"\n"
        for number, (timed, text) in enumerate(lines)
    )


def is_of(line: LogLine, text: bytes) -> bool:
    """Whether a line is the one with this text, perhaps shortened."""
    return text[: len(line.text)] == line.text and len(line.text) + line.beyond == len(text)


def check_lanes(lines: Sequence[LogLine], expected: Sequence[Sequence[bytes]]) -> None:
    for lane, texts_of_lane in enumerate(expected):
        found = [line for line in lines if line.lane == lane]
        assert len(found) == len(texts_of_lane)
        assert all(map(is_of, found, texts_of_lane))
    assert len(lines) == sum(map(len, expected))


def check_order(
    lines: Sequence[LogLine], written_lines: Sequence[Sequence[Line]], paces: Sequence[int]
) -> None:
    """The times never decrease; a line without one has that of the line before it."""
    seen = [0] * len(written_lines)
    known = [-1.0] * len(written_lines)
    latest = -1.0
    for line in lines:
        number = seen[line.lane]
        seen[line.lane] += 1
        if written_lines[line.lane][number][0]:
            known[line.lane] = number * paces[line.lane] + line.lane / len(written_lines)
        assert known[line.lane] >= latest or known[line.lane] < 0
        latest = max(latest, known[line.lane])


@settings(max_examples=120, deadline=None)
@given(sources, st.lists(st.integers(1, 20), min_size=4, max_size=4), st.booleans())
def test_the_lines_of_all_sources_come_in_the_order_of_their_times(
    lines: list[list[Line]], paces: list[int], in_order: bool
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_small(monkeypatch)
        stored = [
            Memory(encoded(some, lane, len(lines), paces[lane])) for lane, some in enumerate(lines)
        ]
        tail = Tail([Part(source, lambda: True) for source in stored], in_order=in_order)
        reader = Reader(tail).finish()
        check_lanes(reader.lines, [[text for _, text in some] for some in lines])
        check_order(reader.lines, lines, paces)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.lists(message, max_size=40), min_size=1, max_size=4),
    st.lists(st.integers(1, 20), min_size=4, max_size=4),
    st.integers(100, 1500),
)
def test_head_and_end_of_a_long_log_fit_together(
    messages: list[list[bytes]], paces: list[int], end_bytes: int
) -> None:
    lines = [[(True, text) for text in some] for some in messages]
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_small(monkeypatch, end_bytes)
        stored = [
            Memory(encoded(some, lane, len(lines), paces[lane])) for lane, some in enumerate(lines)
        ]
        reader = Reader(Tail([Part(source, lambda: True) for source in stored])).finish()
        check_lanes(reader.lines, messages)
        check_order(reader.lines, lines, paces)
        given_once = [block.at for growth in reader.growths for block in growth.blocks]
        assert len(set(given_once)) == len(reader.blocks)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.one_of(message, st.sampled_from([b"\n", b"\n\n", b"half\nhalf"])),
        ),
        max_size=60,
    ),
    st.booleans(),
)
def test_however_logs_grow_each_line_is_there_once(
    steps: list[tuple[int, bytes]], in_order: bool
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_small(monkeypatch)
        stored = [Memory() for _ in range(3)]
        ended = False
        tail = Tail([Part(source, lambda: ended) for source in stored], in_order=in_order)
        reader = Reader(tail)
        for lane, data in steps:
            stored[lane].append(data)
            reader.catch_up()
            assert sorted(reader.blocks) == list(range(len(reader.blocks)))
            so_far = [lines_of(source.content or b"", whole=in_order) for source in stored]
            check_lanes(reader.lines, so_far)
        ended = True
        check_lanes(reader.finish().lines, [lines_of(s.content or b"") for s in stored])
        given_out = [block.at for growth in reader.growths for block in growth.blocks]
        if in_order:
            assert given_out == list(range(len(given_out)))


def lines_of(content: bytes, *, whole: bool = False) -> Sequence[bytes]:
    lines = content.split(b"\n")
    return lines[:-1] if whole or not lines[-1] else lines


# Strange content


def only(content: bytes) -> tuple[LogLine, Tail]:
    tail = Tail([Part(Memory(content), lambda: True)])
    (line,) = Reader(tail).finish().lines
    return line, tail


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_of_a_line_longer_than_a_block_the_beginning_is_read(ending: bytes) -> None:
    line, _ = only(b"x" * 100_000 + ending)
    assert line.text == b"x" * blocks.BLOCK_BYTES
    assert line.beyond == 100_000 - blocks.BLOCK_BYTES


def test_what_a_long_line_lacks_is_counted_without_its_prefix() -> None:
    line, _ = only(written(1, "y" * 100_000))
    assert set(line.text) == set(b"y")
    assert len(line.text) + line.beyond == 100_000
    assert line.time == START_MICROSECONDS + 1_000_000


def test_a_line_as_long_as_a_block_is_whole() -> None:
    for size in (blocks.BLOCK_BYTES - 1, blocks.BLOCK_BYTES):
        for ending in (b"", b"\n"):
            line, _ = only(b"z" * size + ending)
            assert (len(line.text), line.beyond) == (size, 0)


def test_of_a_long_line_that_is_redrawn_the_last_state_is_read() -> None:
    line, _ = only(written(1, b"".join([b"\r%5d of 20000" % i for i in range(20_001)])))
    assert (line.text, line.beyond) == (b"20000 of 20000", 0)


def test_a_reader_may_ask_for_more_of_a_long_line() -> None:
    tail = Tail([Part(Memory(b"x" * 200_000 + b"\n"), lambda: True)])
    (block,) = Reader(tail).finish().in_order
    assert len(tail.lines(block, 150_000)[0].text) == 150_000
    assert tail.lines(block, 150_000)[0].beyond == 50_000
    assert len(tail.lines(block, 300_000)[0].text) == 200_000


def test_a_hundred_megabytes_without_newline_take_little_memory_and_time(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(b"one\n")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
    tail = Tail([Part(StoredFile(path), lambda: True)])
    tracemalloc.start()
    began = time.process_time()
    reader = Reader(tail).finish()
    first, line = reader.lines
    assert time.process_time() - began < 3
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert first.text == b"one"
    assert len(line.text) + line.beyond == 100_000_000
    assert sum(map(len, tail.contents(reader.in_order[-1]))) == 100_000_000
    tail.close()


def test_a_line_that_grows_without_end_is_not_read_again_each_time() -> None:
    stored = Counting(0, bytes)
    reader = Reader(Tail([Part(stored, lambda: False)]))
    for _ in range(50):
        stored.append(b"x" * 1_000_000)
        reader.catch_up()
    assert sum(map(len, stored.asked)) < 2 * 50_000_000


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\0\n\0\n",
        b"\xff\xfe\x80\n\xc3\n\xe2\x82",
        b"\n" * 1000,
        b"\n" * 200_000,
        b"\r\n\r\n",
        b"no newline at the end",
        b"\x1b[31m\x1b]0;title",
        b"a\x0bb\x0cc\x85\xe2\x80\xa8d\n",
    ],
    ids=["NULs", "no UTF-8", "empty", "much empty", "CRLF", "unfinished", "escapes", "breaks"],
)
@pytest.mark.parametrize("in_order", [False, True])
def test_only_a_newline_ends_a_line_and_no_byte_is_lost(content: bytes, in_order: bool) -> None:
    reader = Reader(Tail([Part(Memory(content), lambda: True)], in_order=in_order)).finish()
    assert [line.text for line in reader.lines] == list(lines_of(content))
    assert reader.contents == content


def test_two_sources_of_empty_lines_are_no_trouble() -> None:
    parts = [Part(Memory(b"\n" * 200_000), lambda: True) for _ in range(2)]
    began = time.process_time()
    assert len(Reader(Tail(parts)).finish().lines) == 400_000
    assert time.process_time() - began < 5


def test_nothing_at_all_ends_too() -> None:
    assert Reader(Tail([Part(Memory(b""), lambda: True)])).finish().lines == []
    assert Reader(Tail([Part(Memory(None), lambda: True)])).finish().lines == []


# What was written, byte for byte


@pytest.mark.parametrize(
    "messages",
    [
        [b"one", b"two"],
        [b"one", b"", b"\0\xff"],
        [b"x" * 200_000, b"after", b"y" * 70_000],
        [b"line %d" % i for i in range(5000)],
    ],
    ids=["short", "odd", "long", "many"],
)
@pytest.mark.parametrize("ends", [True, False])
def test_contents_are_what_was_written_without_prefixes(messages: list[bytes], ends: bool) -> None:
    content = b"".join([written(i, text) for i, text in enumerate(messages)])
    expected = b"".join([text + b"\n" for text in messages])
    if not ends:
        content, expected = content[:-1], expected[:-1]
    reader = Reader(Tail([Part(Memory(content), lambda: True)])).finish()
    assert reader.contents == expected


def test_contents_of_two_sources_are_merged_and_end_as_the_last_line_does() -> None:
    first = b"".join([written(second, f"a{second}") for second in range(0, 3000, 2)])
    second = b"".join([written(second, f"b{second}") for second in range(1, 3001, 2)])
    long = written(1000.5, "long" * 50_000)
    third = b"".join([long, written(5000, "last")]).removesuffix(b"\n")
    tail = Tail([Part(Memory(content), lambda: True) for content in (first, second, third)])
    expected = [f"{'ab'[second % 2]}{second}" for second in range(3000)]
    expected.insert(1001, "long" * 50_000)
    assert Reader(tail).finish().contents.decode() == "\n".join([*expected, "last"])


# Broken, cut short, gone


def test_a_log_that_was_cut_short_is_read_again_with_a_note(attempt: Attempt) -> None:
    append(attempt.task, written(0, "one"), written(1, "two"))
    reader = attempt.reader().catch_up()
    attempt.task.write_bytes(written(0, "new"))
    assert reader.poll().restarted
    note, line = reader.catch_up().lines
    assert (note.lane, line.text) == (NOTE, b"new")
    assert "cut short or replaced" in note.text.decode()


def test_a_log_that_was_replaced_is_read_again_with_a_note(
    attempt: Attempt, tmp_path: Path
) -> None:
    append(attempt.task, written(0, "one"))
    reader = attempt.reader().catch_up()
    other = tmp_path / "other"
    append(other, written(0, "uno"), written(1, "due"))
    other.replace(attempt.task)
    assert reader.catch_up().texts[1:] == ["uno", "due"]
    assert reader.lines[0].lane == NOTE


def test_what_was_read_of_a_deleted_log_stays_readable(attempt: Attempt) -> None:
    append(attempt.task, written(0, "one"))
    reader = attempt.reader().catch_up()
    attempt.task.unlink()
    for _ in range(2):
        trouble = reader.poll().trouble
        assert trouble is not None
        assert trouble.endswith(
            "0.task_stdout.log has been deleted; what was read of it is still shown."
        )
    assert reader.texts == ["one"]
    append(attempt.task, written(5, "again"))
    assert reader.catch_up().texts[-1] == "again"
    assert reader.growths[-1].trouble is None


def test_an_unreadable_log_does_not_hide_the_other_and_is_tried_again(attempt: Attempt) -> None:
    attempt.task.mkdir()
    append(attempt.runtime, written(0, "seen"))
    attempt.ended = True
    reader = attempt.reader()
    trouble = reader.catch_up().growths[-1].trouble
    assert trouble is not None
    assert trouble.endswith("0.task_stdout.log cannot be read: is a directory.")
    assert (reader.texts, reader.tail.finished) == (["seen"], False)
    attempt.task.rmdir()
    append(attempt.task, written(1, "readable now"))
    assert reader.finish().texts == ["seen", "readable now"]


def test_a_named_pipe_is_not_waited_for(attempt: Attempt) -> None:
    os.mkfifo(attempt.task)
    trouble = attempt.reader().poll().trouble
    assert trouble is not None
    assert trouble.endswith("0.task_stdout.log cannot be read: it is no regular file.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_log_that_must_not_be_read_says_so(attempt: Attempt) -> None:
    append(attempt.task, written(0, "secret"))
    attempt.task.chmod(0)
    assert "permission denied" in str(attempt.reader().poll().trouble)


def test_a_source_in_trouble_is_told_until_it_is_well() -> None:
    stored = Memory(b"one\n")
    reader = Reader(Tail([Part(stored, lambda: True)]))
    stored.error = "No answer."
    assert (reader.poll().trouble, reader.tail.finished) == ("No answer.", False)
    stored.error = None
    assert reader.finish().texts == ["one"]


def test_a_long_log_that_cannot_be_read_any_more_is_waited_for() -> None:
    stored = Counting(10_000_000, lambda number: b"%099d\n" % number)
    reader = Reader(Tail([Part(stored, lambda: True)]))
    reader.poll()
    content, stored.content = stored.content, b""
    stored.look = lambda: len(content or b"")  # type: ignore[method-assign]
    for _ in range(3):
        assert reader.poll().unread > 0
        assert (reader.tail.more, reader.tail.finished) == (False, False)
    stored.content = content
    assert reader.finish().contents == content


def test_lines_that_are_not_there_any_more_are_empty() -> None:
    stored = Memory(b"one\ntwo\n")
    reader = Reader(Tail([Part(stored, lambda: True)])).finish()
    stored.content = b""
    assert reader.texts == ["", ""]


# Closing


def test_a_closed_tail_gives_nothing_more(attempt: Attempt) -> None:
    append(attempt.task, written(0, "one"))
    reader = attempt.reader()
    reader.tail.close()
    assert (reader.poll().blocks, reader.tail.finished) == ((), True)


def test_a_tail_that_is_closed_while_it_looks_gives_nothing_more() -> None:
    class Closing(Memory):
        def look(self) -> int | None:
            tail.close()
            return super().look()

    stored = Closing(b"one\n")
    tail = Tail([Part(stored, lambda: False)])
    assert not tail.poll().blocks
    assert (tail.finished, stored.closed) == (True, True)


def test_a_tail_may_be_closed_while_another_thread_reads(attempt: Attempt) -> None:
    append(attempt.task, *(written(i, f"{i}") for i in range(2000)))
    reader = attempt.reader().catch_up()
    block = reader.in_order[-1]
    failed: list[Exception] = []
    began, closed = threading.Event(), threading.Event()

    def read() -> None:
        try:
            while not closed.is_set():
                reader.tail.lines(block)
                began.set()
            reader.tail.lines(block)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    assert began.wait(10)
    reader.tail.close()
    closed.set()
    thread.join(10)
    assert (thread.is_alive(), failed) == (False, [])
    assert set(texts(reader.tail.lines(block))) == {""}


def test_blocks_that_come_back_as_fewer_leave_nothing_behind() -> None:
    """Many lines that grow without newlines, and end at once, as progress bars of many tasks do."""
    parts = [Part(Memory(), lambda: False) for _ in range(61)]
    *bars, plain = [part.stored for part in parts]
    reader = Reader(Tail(parts))
    assert isinstance(plain, Memory)
    expected: list[bytes] = []
    for turn in range(3):
        for bar in bars:
            assert isinstance(bar, Memory)
            bar.append(written(turn, f"half {turn}").removesuffix(b"\n"))
        plain.append(written(turn, f"plain {turn}"))
        reader.catch_up()
        for bar in bars:
            assert isinstance(bar, Memory)
            bar.append(b" whole\n")
        plain.append(written(turn + 0.5, f"and {turn}"))
        reader.catch_up()
        expected += [f"half {turn} whole".encode()] * 60
        expected += [f"plain {turn}".encode(), f"and {turn}".encode()]
        shown = [line.text for block in reader.in_order for line in reader.tail.lines(block)]
        assert sorted(shown) == sorted(expected)
