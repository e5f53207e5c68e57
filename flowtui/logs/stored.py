"""The bytes of a log where they are stored, read by offset."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path
from typing import Protocol

from flowtui.logs.sanitise import one_line


class TailError(Exception):
    """A log that cannot be read now; the message is a sentence, a later try may succeed."""


class Stored(Protocol):
    """The bytes of one source of a log, which grow at their end.

    Metaflow stores each stream of an attempt in two: what the task itself stored, and what its
    runtime did. One thread calls `look`; `read` may be called by others at the same time.
    """

    def look(self) -> int | None:
        """Look for what is new; how many bytes there are now, None as long as there is nothing.

        Does a bounded amount of I/O: when called again it may tell of more at once. Less than
        before means that the log was cut short or replaced. Raises TailError.
        """

    def read(self, offset: int, count: int) -> bytes:
        """At most `count` bytes from `offset`; fewer at the end, none when they are gone."""

    def close(self) -> None:
        """Release what is held; there is nothing to read any more."""


class StoredFile:
    """A local log file, held open, so that what was seen of it can be shown when it is deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A descriptor must not be closed, and its number given to another file, while it is read.
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._closed = False
        self._identity: tuple[int, int] | None = None

    def look(self) -> int | None:
        try:
            return self._look()
        except OSError as error:
            raise TailError(self._complaint(error)) from error

    def read(self, offset: int, count: int) -> bytes:
        with self._lock:
            if self._descriptor is None:
                return b""
            try:
                return os.pread(self._descriptor, count, offset)
            except OSError:
                return b""

    def close(self) -> None:
        self._closed = True
        self._release()

    def _release(self) -> None:
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = None

    def _look(self) -> int | None:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            if self._descriptor is None:
                return None
            raise
        identity = (status.st_dev, status.st_ino)
        if self._descriptor is not None and identity != self._identity:
            # Another file by this name: the next look starts with it.
            self._release()
            return 0
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if self._descriptor is None:
            with self._lock:
                if self._closed:
                    return None
                self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            self._identity = identity
        return status.st_size

    def _complaint(self, error: OSError) -> str:
        where = one_line(str(self._path))
        if isinstance(error, FileNotFoundError):
            return f"{where} has been deleted; what was read of it is still shown."
        reason = (error.strerror or type(error).__name__).lower()
        return f"{where} cannot be read: {reason}."
