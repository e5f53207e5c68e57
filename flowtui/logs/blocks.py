"""A log as blocks: byte ranges of whole lines, of one source or of several merged by time.

A block is all that is kept of the lines in it. Its lines are read when they are looked at.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowtui.logs.mflog import PREFIX, time_of
from flowtui.logs.stored import Stored

BLOCK_BYTES = 64 * 1024
"""Bytes that a block takes of each source, about; a longer line has a block of its own."""

_SCAN_BYTES = 1024 * 1024
_PREFIX_BYTES = 256
_PROBES = 8
_STEPS = 64
_NEVER = -(2**63)
_ALWAYS = 2**63


class Piece(NamedTuple):
    """The bytes from `start` up to `end` of source number `lane`: whole lines."""

    lane: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """`lines` lines, at least one. `at` orders the blocks of a log and tells them apart.

    A block of which one line is all has at most `BLOCK_BYTES` of it read. `note` is set instead of
    `pieces` in a block of one line that flowtui adds.
    """

    at: int
    pieces: tuple[Piece, ...]
    lines: int
    note: str = ""

    @property
    def size(self) -> int:
        """Bytes stored, mflog prefixes included."""
        return sum(piece.end - piece.start for piece in self.pieces)


class Lane:
    """Cuts one source into whole lines, from `offset` up to `end`."""

    def __init__(self, number: int, stored: Stored) -> None:
        self.number = number
        self.stored = stored
        self.end = 0
        self._scanned = 0
        self.go_to(0)

    def reach(self, end: int) -> bool:
        """Take note of how far the source goes; whether that is farther than before."""
        farther = end > self.end
        self.end = end
        return farther

    def go_to(self, offset: int) -> None:
        """Go on from the start of a line."""
        self.offset = offset
        self._chunk = b""
        self._stop = offset
        self._looked_to = offset

    @property
    def is_long(self) -> bool:
        """What comes next is a single line that does not fit into a chunk."""
        return self._stop - self.offset > len(self._chunk)

    @property
    def has_more(self) -> bool:
        """There is something after what comes next."""
        return self._stop < self.end

    def fill(self) -> bool:
        """Look at what comes next, whole lines of about `BLOCK_BYTES`; whether there is any."""
        if self._chunk:
            return True
        if self._looked_to == self.end:
            return False
        data = self.stored.read(self.offset, min(BLOCK_BYTES, self.end - self.offset))
        whole = data.rfind(b"\n") + 1
        if whole or not data:
            self._chunk, self._stop = data[:whole], self.offset + whole
            return bool(data)
        stop = self._line_end(self.offset + len(data))
        if stop is None:
            self._looked_to = self.end
            return False
        self._chunk, self._stop = data[:_PREFIX_BYTES], stop
        return True

    def last_time(self) -> int:
        """The last time that a line of what comes next has."""
        return _last_time(self._chunk, len(self._chunk))

    def take(self, horizon: int = _ALWAYS) -> tuple[Piece, int] | None:
        """Take of what comes next the lines that are not later than `horizon`, and their number."""
        if horizon == _ALWAYS or self.last_time() <= horizon:
            lines = 1 if self.is_long else self._chunk.count(b"\n")
            piece = Piece(self.number, self.offset, self._stop)
            self.go_to(self._stop)
            return piece, lines
        if self.is_long:
            return None
        starts = [0, *_line_starts(self._chunk)]
        lines = bisect_right(_Times(self._chunk, starts), horizon)
        if not lines:
            return None
        size = starts[lines]
        piece = Piece(self.number, self.offset, self.offset + size)
        self._chunk, self.offset = self._chunk[size:], piece.end
        return piece, lines

    def _line_end(self, offset: int) -> int | None:
        """The end of a long line, None as long as its newline is not there.

        Looked for from `offset`, or where the search for it ended before.
        """
        offset = max(offset, self._scanned)
        while offset < self.end:
            data = self.stored.read(offset, min(_SCAN_BYTES, self.end - offset))
            newline = data.find(b"\n")
            if newline >= 0:
                return offset + newline + 1
            if not data:
                break
            offset += len(data)
        self._scanned = offset
        return None


class _Times(Sequence[int]):
    """The times of a chunk's lines, in order; a line without one counts as one long ago."""

    def __init__(self, chunk: bytes, starts: Sequence[int]) -> None:
        self._chunk, self._starts = chunk, starts

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> int:  # type: ignore[override]
        # The nearest time at or before the line is that of the line.
        after = index + 1
        return _last_time(self._chunk, self._starts[after] if after < len(self) else None)


def _last_time(chunk: bytes, end: int | None) -> int:
    """The time of the last line before `end` that has one."""
    while (mark := chunk.rfind(PREFIX, 0, end)) >= 0:
        start = chunk.rfind(b"\n", 0, mark) + 1
        time = time_of(chunk[start : start + _PREFIX_BYTES])
        if time is not None:
            return time
        end = start
    return _NEVER


def _timed_lines(chunk: bytes) -> Iterator[tuple[int, int]]:
    """Where the lines that have a time start, and their times."""
    mark = chunk.find(PREFIX)
    while mark >= 0:
        start = chunk.rfind(b"\n", 0, mark) + 1
        time = time_of(chunk[start : start + _PREFIX_BYTES])
        if time is not None:
            yield start, time
        end = chunk.find(b"\n", mark)
        mark = chunk.find(PREFIX, end) if end >= 0 else -1


def _line_starts(chunk: bytes) -> Iterator[int]:
    """Where the lines of a chunk start, but for the first."""
    at = chunk.find(b"\n") + 1
    while 0 < at < len(chunk):
        yield at
        at = chunk.find(b"\n", at) + 1


def next_block(lanes: Sequence[Lane], at: int) -> Block | None:
    """Cut the next block off what the lanes have, or None when no whole line is left.

    What is later than the end of what was looked at of a source that has more waits for that.
    """
    ready = [lane for lane in lanes if lane.fill()]
    if not ready:
        return None
    if len(ready) == 1:
        return _block(at, [ready[0].take()])
    waiting = [lane.last_time() for lane in ready if lane.has_more or lane.is_long]
    horizon = min(waiting, default=_ALWAYS)
    taken = [lane.take(horizon) for lane in ready if not lane.is_long]
    if not any(taken):
        long = min((lane for lane in ready if lane.is_long), key=Lane.last_time)
        taken = [long.take()]
    return _block(at, taken)


def with_unfinished(lanes: Sequence[Lane], at: int, last: Block | None) -> Block | None:
    """The last block of whole lines, if any, and behind these the lines that may yet go on.

    A line that is long has a block of its own. To be called when nothing else is left, so that no
    block of whole lines comes behind a line that may go on.
    """
    if last is not None and any(piece.end - piece.start > BLOCK_BYTES for piece in last.pieces):
        return last
    pieces = {piece.lane: piece for piece in last.pieces} if last else {}
    lines = last.lines if last else 0
    going_on = [lane for lane in lanes if lane.offset < lane.end]
    for lane in going_on:
        start = pieces[lane.number].start if lane.number in pieces else lane.offset
        if lane.end - start < BLOCK_BYTES:
            pieces[lane.number] = Piece(lane.number, start, lane.end)
            lines += 1
            lane.go_to(lane.end)
    if going_on and not pieces:
        long = going_on[0]
        pieces[long.number], lines = Piece(long.number, long.offset, long.end), 1
        long.go_to(long.end)
    if last is not None and lines == last.lines:
        return last
    return Block(at, tuple(pieces[number] for number in sorted(pieces)), lines) if pieces else None


def _block(at: int, taken: Sequence[tuple[Piece, int] | None]) -> Block:
    parts = [part for part in taken if part is not None]
    return Block(at, tuple(piece for piece, _ in parts), sum(lines for _, lines in parts))


def start_near_end(stored: Stored, size: int, wanted: int) -> int:
    """The start of a line at least `wanted` bytes before the end, 0 when there is none near."""
    for distance in (wanted, 16 * wanted, 256 * wanted):
        start = size - distance
        if start <= 0:
            break
        data = stored.read(start, min(distance, _SCAN_BYTES))
        newline = data.find(b"\n")
        if 0 <= newline < distance - 1:
            return start + newline + 1
    return 0


def first_time(stored: Stored, offset: int) -> int | None:
    """The first time that a line from `offset`, the start of a line, has; looks nearby only."""
    return next((time for _, time in _timed_lines(stored.read(offset, BLOCK_BYTES))), None)


def first_line_from(stored: Stored, size: int, time: int) -> int:
    """The start of the first line that is not earlier than `time`, by halving what is left.

    An earlier line where so many lines in a row have no time that it cannot be found soon.
    """
    low, high = 0, size
    while high - low > BLOCK_BYTES:
        middle, found = _probed(stored, low, high)
        if found is None:
            break
        if found[1] < time:
            low = found[0]
        else:
            high = middle
    lane = Lane(0, stored)
    lane.go_to(low)
    lane.reach(size)
    for _ in range(_STEPS):
        if not lane.fill():
            break
        if lane.last_time() >= time:
            lane.take(time - 1)
            break
        lane.take()
    return lane.offset


def _probed(stored: Stored, low: int, high: int) -> tuple[int, tuple[int, int] | None]:
    """A line with a time between `low` and `high`, near the middle if there is one, and from where
    it was looked for."""
    middle = low
    for _ in range(_PROBES):
        middle = (middle + high) // 2
        line = _next_line(stored, middle, high)
        for start, time in _timed_lines(stored.read(line, BLOCK_BYTES)):
            return middle, (line + start, time)
    return middle, None


def _next_line(stored: Stored, offset: int, end: int) -> int:
    """The start of the first line behind `offset`; `end` or later when there is none before it."""
    while offset < end:
        data = stored.read(offset, BLOCK_BYTES)
        newline = data.find(b"\n")
        if newline >= 0:
            return offset + newline + 1
        offset += len(data) or end
    return offset
