"""Tails: what is new in a log, by offset, nothing read twice that has not changed."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from flowtui.logs.blocks import (
    BLOCK_BYTES,
    Block,
    Lane,
    Piece,
    first_line_from,
    first_time,
    next_block,
    start_near_end,
    with_unfinished,
)
from flowtui.logs.mflog import NOTE, LogLine, parse, without_prefixes
from flowtui.logs.stored import Stored, TailError

END_BYTES = 1024 * 1024
"""Bytes of each source that are read first of a long log, so that it opens at its end."""

SETTLE_SECONDS = 10.0
"""How long the log of an ended attempt may take to appear.

Metaflow's local runtime writes `<attempt>.runtime_<stream>.log` last of all: after the task has
recorded its outcome, its process has ended and `<attempt>.runtime` is stored (`Worker.terminate`).
"""

LOCAL_INTERVAL, REMOTE_INTERVAL = 0.2, 1.0
"""Seconds between two looks at a log; those at a remote one are requests."""

_PORTION, _HEAD_PORTION = 64, 512
_HEAD = -(2**40)
_RESTARTED = -(2**41)
_LONG_AGO = -(2**63)


@dataclass(frozen=True, slots=True)
class Part:
    """One source of a log: whose it is, where it is stored, and whether that is complete.

    `stream` is `stdout` or `stderr`; `label` tells a task from others in a log of several;
    `interval` is the seconds between two looks at it.
    """

    stored: Stored
    ended: Callable[[], bool]
    stream: str = ""
    label: str = ""
    interval: float = LOCAL_INTERVAL


@dataclass(frozen=True, slots=True)
class Growth:
    """What a tail found since it was asked last.

    Each of `blocks` is new, or replaces the one that had the same `at`; those of `gone` are no
    more. `unread` is how many bytes at the head of the log have yet to be read, once `blocks` are
    there. `restarted` says that everything known before is void. `trouble` is a sentence on what
    cannot be read now.
    """

    blocks: Sequence[Block] = ()
    gone: Sequence[int] = ()
    unread: int = 0
    restarted: bool = False
    trouble: str | None = None


class Settling:
    """Whether an attempt is over and its log is stored, or has had the time to be."""

    def __init__(
        self,
        ended: Callable[[], bool],
        written: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ended, self._written, self._clock = ended, written, clock
        self._ended_at: float | None = None

    def __call__(self) -> bool:
        if not self._ended():
            self._ended_at = None
            return False
        if self._ended_at is None:
            self._ended_at = self._clock()
        return self._written() or self._clock() - self._ended_at >= SETTLE_SECONDS


@dataclass(slots=True)
class _Stretch:
    """Lanes that are cut into blocks together, numbered from `at`.

    `marks` tells where they stood before each of the last blocks that yet may be replaced: one that
    has room, and those with lines that may go on.
    """

    lanes: Sequence[Lane]
    at: int
    marks: list[Sequence[int]] = field(default_factory=list)

    @property
    def unread(self) -> int:
        return sum(lane.end - lane.offset for lane in self.lanes)

    def cut(self, portion: int, *, unfinished: bool = False) -> Sequence[Block]:
        """The next blocks, a portion of them; last of all, if asked for, unfinished lines."""
        blocks: list[Block] = []
        while len(blocks) < portion:
            mark = [lane.offset for lane in self.lanes]
            whole = block = next_block(self.lanes, self.at)
            if unfinished and not any(lane.fill() for lane in self.lanes):
                block = with_unfinished(self.lanes, self.at, whole)
            if block is None:
                break
            if block is whole:
                self.marks.clear()
            if block is not whole or block.size < BLOCK_BYTES:
                self.marks.append(mark)
            self.at += 1
            blocks.append(block)
        return blocks

    def take_back(self) -> None:
        """Make the blocks that may be replaced ones that are yet to be cut."""
        for lane, offset in zip(self.lanes, self.marks[0] if self.marks else (), strict=False):
            lane.go_to(offset)
        self.at -= len(self.marks)
        self.marks.clear()


class Tail:
    """Follows a log; `poll` is called by one thread, all that reads lines by any.

    A long log is read at its end first, and then from its start to there. With `in_order` it is
    read from its start, no block is ever replaced, and a line is not given before its newline is
    there or all is over.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        in_order: bool = False,
        open_ended: Callable[[], bool] = lambda: False,
    ) -> None:
        """`open_ended` says whether parts may still be added."""
        self.parts = list(parts)
        self.finished = False
        """Nothing more will ever come."""
        self.more = False
        """There is more to read at once."""
        self._in_order = in_order
        self._open_ended = open_ended
        self._closed = False
        self._restart()

    def add(self, parts: Sequence[Part]) -> None:
        """Follow more sources from now on, from their start; any thread may ask for that."""
        self.parts.extend(parts)

    @property
    def interval(self) -> float:
        """Seconds until it is worth to poll again when there was nothing more."""
        return max((part.interval for part in self.parts), default=LOCAL_INTERVAL)

    def poll(self) -> Growth:
        """What is new. Blocks for I/O and does a bounded amount of it."""
        if self.finished:
            return Growth()
        # Asked before the sources are: what is written in between must not be missed.
        parts = self.parts[:]
        complete = not self._open_ended() and False not in [part.ended() for part in parts]
        known = sum(self._sizes)
        restarted, trouble = self._look(parts)
        if self._closed:
            return Growth()
        if restarted:
            self._restart()
            self.more = True
            note = "… the log was cut short or replaced; it is read again from its start"
            return Growth([Block(_RESTARTED, (), 1, note)], restarted=True, trouble=trouble)
        # Some sources tell of what they have in portions: one that has grown may have more.
        grown = sum(self._sizes) - known
        blocks, gone = self._grow(unfinished=not self._in_order or (complete and not grown))
        if not blocks and self._head:
            blocks = self._head.cut(_HEAD_PORTION)
        unread = self._head.unread if self._head else 0
        self.more = bool(
            self._unread_blocks
            # Nothing was cut when what is there cannot be read now.
            or (unread and blocks)
            or grown >= END_BYTES
            or (complete and grown)
        )
        self.finished = self._closed or bool(
            complete and not (self.more or unread) and trouble is None
        )
        return Growth(blocks, gone, unread, trouble=trouble)

    def lines(self, block: Block, longest: int = 0) -> Sequence[LogLine]:
        """The lines of a block in the order of their times.

        Of a line longer than `BLOCK_BYTES` or, if that is more, `longest` bytes only a part is
        read: its beginning, or its last state when it is redrawn with carriage returns. Lines that
        are not there any more are empty.
        """
        if block.note:
            return [LogLine(None, NOTE, block.note.encode())]
        groups = [self._lines_of(piece, longest) for piece in block.pieces]
        lines = groups[0] if len(groups) == 1 else _merged(groups)
        missing = block.lines - len(lines)
        return [*lines, *[LogLine(None, NOTE, b"")] * missing] if missing > 0 else lines

    def contents(self, block: Block) -> Iterator[bytes]:
        """The bytes that the lines of a block consist of, newlines included, without prefixes."""
        if len(block.pieces) == 1:
            yield from self._contents(block.pieces[0])
        elif block.pieces:
            lines = self.lines(block)
            content = b"".join([line.text + b"\n" for line in lines])
            unfinished = [piece.lane for piece in block.pieces if not self._is_whole(piece)]
            yield content[:-1] if lines[-1].lane in unfinished else content

    def read(self, piece: Piece) -> bytes:
        """The stored bytes of a piece, at most `BLOCK_BYTES` of them."""
        size = min(BLOCK_BYTES, piece.end - piece.start)
        return self.parts[piece.lane].stored.read(piece.start, size)

    def close(self) -> None:
        """Release what the tail holds; nothing can be read any more."""
        self._closed = self.finished = True
        for part in self.parts:
            part.stored.close()

    def _restart(self) -> None:
        self._sizes: list[int] = []
        self._head: _Stretch | None = None
        self._end: _Stretch | None = None
        self._unread_blocks = False

    def _look(self, parts: Sequence[Part]) -> tuple[bool, str | None]:
        """Take note of the sizes; whether one has shrunk, and what went wrong."""
        trouble = None
        restarted = False
        self._sizes += [0] * (len(parts) - len(self._sizes))
        for number, part in enumerate(parts):
            try:
                size = part.stored.look() or 0
            except TailError as error:
                trouble = trouble or str(error)
                continue
            restarted = restarted or size < self._sizes[number]
            self._sizes[number] = size
        return restarted, trouble

    def _grow(self, *, unfinished: bool) -> tuple[Sequence[Block], Sequence[int]]:
        """The blocks that are new at the end, the first instead of the last one if it had room."""
        if self._end is None:
            self._end = self._opened()
        end = self._end
        new = range(len(end.lanes), len(self._sizes))
        end.lanes = [*end.lanes, *(Lane(number, self.parts[number].stored) for number in new)]
        grown = [lane for lane in end.lanes if lane.reach(self._sizes[lane.number])]
        before = end.at
        if grown and not self._in_order:
            end.take_back()
        blocks = end.cut(_PORTION, unfinished=unfinished)
        self._unread_blocks = len(blocks) == _PORTION
        return blocks, range(end.at, before)

    def _is_whole(self, piece: Piece) -> bool:
        """The last line has its newline."""
        return self.parts[piece.lane].stored.read(piece.end - 1, 1) == b"\n"

    def _opened(self) -> _Stretch:
        """Where the end of the log begins; what is before it becomes its head."""
        numbers = range(len(self._sizes))
        starts = [0 for _ in numbers]
        if not self._in_order and sum(self._sizes) > 4 * END_BYTES:
            starts = self._starts_of_end()
        lanes = [Lane(number, self.parts[number].stored) for number in numbers]
        for lane, start in zip(lanes, starts, strict=True):
            lane.end = start
            lane.go_to(start)
        if any(starts):
            heads = [Lane(number, self.parts[number].stored) for number in numbers]
            for head, start in zip(heads, starts, strict=True):
                head.end = start
            self._head = _Stretch(heads, _HEAD)
        return _Stretch(lanes, 0)

    def _starts_of_end(self) -> list[int]:
        """Where the end begins in each source: at one moment for all, as far as lines have times.

        It holds at most `END_BYTES` of each, so that it is read at once.
        """
        sources = [self.parts[number].stored for number in range(len(self._sizes))]
        near = [
            start_near_end(stored, size, END_BYTES)
            for stored, size in zip(sources, self._sizes, strict=True)
        ]
        times = [
            first_time(stored, start) if start else None
            for stored, start in zip(sources, near, strict=True)
        ]
        moment = max((time for time in times if time is not None), default=None)
        if moment is None:
            return near
        # Of a source without times near its end it is not known where the moment is.
        return [
            start if start and time is None else first_line_from(stored, size, moment)
            for stored, size, start, time in zip(sources, self._sizes, near, times, strict=True)
        ]

    def _lines_of(self, piece: Piece, longest: int) -> Sequence[LogLine]:
        stored = self.parts[piece.lane].stored
        size = piece.end - piece.start
        if size > max(longest, BLOCK_BYTES):
            return [_shortened(stored, piece, max(longest, BLOCK_BYTES))]
        lines = stored.read(piece.start, size).removesuffix(b"\n").split(b"\n")
        return _Lines(lines, piece.lane)

    def _contents(self, piece: Piece) -> Iterator[bytes]:
        stored = self.parts[piece.lane].stored
        offset = piece.start
        data = stored.read(offset, min(BLOCK_BYTES, piece.end - offset))
        whole = data.removesuffix(b"\n")
        without = without_prefixes(whole)
        if without is None:
            lines = [parse(line, piece.lane).text for line in whole.split(b"\n")]
            without = b"\n".join(lines)
        yield without + data[len(whole) :]
        while (offset := offset + len(data)) < piece.end and data:
            data = stored.read(offset, min(BLOCK_BYTES, piece.end - offset))
            yield data


class _Lines(Sequence[LogLine]):
    """The lines of one source, parsed when they are looked at."""

    def __init__(self, stored: Sequence[bytes], lane: int) -> None:
        self._stored, self._lane = stored, lane

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, index: int) -> LogLine:  # type: ignore[override]
        return parse(self._stored[index], self._lane)


def _shortened(stored: Stored, piece: Piece, longest: int) -> LogLine:
    """The part of a very long line that is shown."""
    head = parse(stored.read(piece.start, longest), piece.lane)
    stored_end = stored.read(piece.end - longest, longest)
    end = stored_end.rstrip(b"\r\n")
    redrawn = end.rfind(b"\r")
    if redrawn >= 0:
        return LogLine(head.time, piece.lane, end[redrawn + 1 :])
    ending = len(stored_end) - len(end)
    beyond = max(0, piece.end - ending - piece.start - longest)
    return LogLine(head.time, piece.lane, head.text, beyond)


def _merged(groups: Sequence[Sequence[LogLine]]) -> list[LogLine]:
    """By time; a line without one stays behind the one before it."""
    return [line for _, line in heapq.merge(*map(_timed, groups), key=lambda timed: timed[0])]


def _timed(lines: Sequence[LogLine]) -> Iterator[tuple[int, LogLine]]:
    latest = _LONG_AGO
    for line in lines:
        latest = max(latest, line.time or latest)
        yield latest, line
