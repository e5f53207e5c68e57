"""Tails: what is new in the log of one stream of one attempt, by offset, nothing read twice."""

from __future__ import annotations

import heapq
import os
import time
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from flowtui.logs.mflog import NOTE, LogLine, parse, parse_all
from flowtui.logs.sanitise import one_line

HEAD_LIMIT = 16 * 1024 * 1024
"""Bytes of a log that is opened at its end: what is before is skipped."""

POLL_BYTES = 1024 * 1024
"""Bytes that one poll takes in from each source, so that a long log comes in portions."""

LONGEST_LINE = 1024 * 1024
"""Bytes after which a line without a newline is broken, so that memory stays bounded."""

SETTLE_SECONDS = 10.0
"""How long the log of an ended attempt may take to appear.

Metaflow's local runtime writes `<attempt>.runtime_<stream>.log` last of all: after the task has
recorded its outcome, its process has ended and `<attempt>.runtime` is stored (`Worker.terminate`).
"""

_NO_TIME = -(2**63)
_GONE = (-1, -1)


class TailError(Exception):
    """A log that cannot be read now; the message is a sentence, the next poll tries again."""


class Tail(Protocol):
    """One stream of one attempt; used by one thread at a time."""

    @property
    def finished(self) -> bool:
        """Nothing more will ever come."""

    @property
    def skipped(self) -> int:
        """Bytes at the head of the log that are not loaded."""

    def poll(self) -> Sequence[LogLine]:
        """The complete lines that are new since the last call, in the order of their times.

        Blocks for I/O and does a bounded amount of it: as long as lines come, there may be more at
        once. Raises TailError; what was read before it is not lost.
        """

    def close(self) -> None:
        """Release what the tail holds; it gives no more lines."""


class _Stored(ABC):
    """The log of one source, cut into lines as it grows."""

    def __init__(self, source: str, *, whole: bool) -> None:
        self.source = source
        self.skipped = 0
        self._whole = whole
        self.behind = False
        self.latest = _NO_TIME
        self.lines: list[tuple[int, LogLine]] = []
        self._offset = 0
        self._partial = b""
        self._within_line = False

    @abstractmethod
    def _size(self) -> int | None:
        """Bytes stored now, None when there is nothing yet."""

    @abstractmethod
    def _read(self, offset: int, count: int) -> bytes:
        """At most `count` bytes from `offset`."""

    def advance(self) -> None:
        """Take in one portion of what is new."""
        size = self._size()
        if size is None:
            self.behind = False
            return
        if size < self._offset:
            self._start_again()
        if self._offset == 0 and size > HEAD_LIMIT and not self._whole:
            self._offset = self.skipped = size - HEAD_LIMIT
            self._within_line = True
        data = self._read(self._offset, min(POLL_BYTES, size - self._offset))
        self._offset += len(data)
        self.behind = bool(data) and self._offset < size
        self._take(data)

    def finish(self) -> None:
        """There will be no newline any more: what is held back is the last line."""
        if self._partial:
            self._queue([parse(self._partial, self.source)])
            self._partial = b""

    def up_to(self, horizon: int) -> list[tuple[int, LogLine]]:
        """Take out the lines that are not later than `horizon`."""
        count = bisect_right(self.lines, horizon, key=_when)
        taken, self.lines = self.lines[:count], self.lines[count:]
        return taken

    def _take(self, data: bytes) -> None:
        if self._within_line:
            head, newline, data = data.partition(b"\n")
            self.skipped += len(head) + len(newline)
            self._within_line = not newline
        complete, newline, rest = data.rpartition(b"\n")
        if newline:
            self._queue(parse_all((self._partial + complete).split(b"\n"), self.source))
            self._partial = rest
        else:
            self._partial += data
        if len(self._partial) >= LONGEST_LINE:
            self.finish()

    def _queue(self, lines: Sequence[LogLine]) -> None:
        """A line without a time, or with one that goes backwards, stays behind the one before."""
        for line in lines:
            if line.time is not None and line.time > self.latest:
                self.latest = line.time
            self.lines.append((self.latest, line))

    def _start_again(self) -> None:
        self._offset = self.skipped = 0
        self._partial = b""
        self._within_line = False
        note = "… the log was cut short or replaced; it is read again from its start"
        self._queue([LogLine(None, NOTE, note.encode())])


def _merged(logs: Sequence[_Stored]) -> list[LogLine]:
    """The lines of all sources by time.

    What is later than the last line of a source that has more to give waits for the rest of it.
    """
    horizon = min((log.latest for log in logs if log.behind), default=2**63)
    portions = [log.up_to(horizon) for log in logs]
    return [line for _, line in heapq.merge(*portions, key=_when)]


def _when(entry: tuple[int, LogLine]) -> int:
    return entry[0]


class _File(_Stored):
    """A log file; opened only to read what is new, so that nothing is held in between."""

    def __init__(self, source: str, path: Path, *, whole: bool) -> None:
        super().__init__(source, whole=whole)
        self._path = path
        self._identity: tuple[int, int] | None = None

    def exists(self) -> bool:
        return os.path.exists(self._path)

    def _size(self) -> int | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            if self._identity is None:
                return None
            self._identity = _GONE
            raise
        identity = (status.st_dev, status.st_ino)
        if self._identity not in (None, identity) and self._offset:
            self._start_again()
        self._identity = identity
        return status.st_size

    def _read(self, offset: int, count: int) -> bytes:
        if not count:
            return b""
        with self._path.open("rb", buffering=0) as file:
            file.seek(offset)
            return file.read(count)

    def attempt(self) -> TailError | None:
        """`advance`, with what went wrong as a value, so that the other files go on."""
        try:
            self.advance()
        except OSError as error:
            self.behind = False
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            return TailError(f"{one_line(str(self._path))} cannot be read: {reason.lower()}.")
        return None


class LocalTail:
    """Follows the log files of Metaflow's local datastore; a file may not exist yet.

    `paths` maps `task` and `runtime` to `<attempt>.<source>_<stream>.log`. `ended` says that the
    attempt is over; the log may still appear for `SETTLE_SECONDS` after that. A log larger than
    `HEAD_LIMIT` is opened near its end, unless `whole`.
    """

    def __init__(
        self,
        paths: Mapping[str, Path],
        ended: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        *,
        whole: bool = False,
    ) -> None:
        self._files = [_File(source, path, whole=whole) for source, path in paths.items()]
        self._ended = ended
        self._clock = clock
        self._ended_at: float | None = None
        self._finished = False

    @property
    def finished(self) -> bool:
        return self._finished

    @property
    def skipped(self) -> int:
        return sum(file.skipped for file in self._files)

    def poll(self) -> Sequence[LogLine]:
        if self._finished:
            return []
        # Asked before the files are: what is written in between must not be missed.
        complete = self._is_complete()
        idle = [file for file in self._files if not file.lines]
        errors = [error for file in idle if (error := file.attempt())]
        read_all = len(idle) == len(self._files) and not any(file.behind for file in idle)
        last = complete and read_all and not errors
        if last:
            for file in self._files:
                file.finish()
        lines = _merged(self._files)
        if errors and not lines:
            raise errors[0]
        self._finished = last
        return lines

    def close(self) -> None:
        self._finished = True

    def _is_complete(self) -> bool:
        """The attempt is over, and its log is there or has had the time to be."""
        if not self._ended():
            self._ended_at = None
            return False
        if self._ended_at is None:
            self._ended_at = self._clock()
        written = any(file.source == "runtime" and file.exists() for file in self._files)
        return written or self._clock() - self._ended_at >= SETTLE_SECONDS


class _Blob(_Stored):
    """A log that was fetched as a whole."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__("task", whole=whole)
        self.content = b""

    def _size(self) -> int:
        return len(self.content)

    def _read(self, offset: int, count: int) -> bytes:
        return self.content[offset : offset + count]


class BlobTail:
    """Follows logs that can only be had as a whole: `fetch` returns one blob per source.

    `fetch` is called again only when all that it gave before has been passed on; it may raise
    TailError. `ended` says that the attempt is over and its log is stored.
    """

    def __init__(
        self,
        fetch: Callable[[], Sequence[bytes]],
        ended: Callable[[], bool],
        *,
        whole: bool = False,
    ) -> None:
        self._fetch = fetch
        self._ended = ended
        self._whole = whole
        self._blobs: list[_Blob] = []
        self._final = False
        self._finished = False

    @property
    def finished(self) -> bool:
        return self._finished

    @property
    def skipped(self) -> int:
        return sum(blob.skipped for blob in self._blobs)

    def poll(self) -> Sequence[LogLine]:
        if self._finished:
            return []
        if not any(blob.behind or blob.lines for blob in self._blobs):
            ended = self._ended()
            contents = self._fetch()
            self._blobs += [_Blob(whole=self._whole) for _ in contents[len(self._blobs) :]]
            for blob, content in zip(self._blobs, contents, strict=False):
                blob.content = content
            self._final = ended
        for blob in self._blobs:
            if not blob.lines:
                blob.advance()
        last = self._final and not any(blob.behind for blob in self._blobs)
        if last:
            for blob in self._blobs:
                blob.finish()
                blob.content = b""
        lines = _merged(self._blobs)
        self._finished = last
        return lines

    def close(self) -> None:
        self._finished = True
        self._blobs.clear()
