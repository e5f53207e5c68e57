"""A log in a remote datastore, copied to local disk as it grows and read from there."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import closing
from typing import IO

from flowtui.logs.remote import Missing, Remote
from flowtui.logs.stored import TailError

_ANCHOR_BYTES = 256
"""Bytes before those that are new which are asked for again: Metaflow's prefix of a line and more,
so that a log which does not go on from what was read is found out."""


class Spool:
    """Keeps what was fetched of a remote log in a file without a name, gone with the process."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        # Held for the local file alone, never while something is fetched.
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._seen = False
        self._closed = False

    def look(self) -> int | None:
        """Fetch one portion of what is new; see `Stored.look`."""
        if self._closed:
            return None
        start = max(0, self._size - _ANCHOR_BYTES)
        anchor = self.read(start, _ANCHOR_BYTES)
        try:
            with closing(self._remote.ask(start, anchor)) as chunks:
                for chunk in chunks:
                    known = min(len(anchor), len(chunk))
                    if chunk[:known] != anchor[:known]:
                        return self._start_again()
                    anchor = anchor[known:]
                    self._append(chunk[known:])
                    if self._closed:
                        return None
        except Missing as missing:
            if not (self._seen or self._size):
                return None
            raise TailError(
                f"{self._remote} has been deleted; what was read of it is still shown."
            ) from missing
        self._seen = True
        return self._start_again() if anchor else self._size

    def read(self, offset: int, count: int) -> bytes:
        with self._lock:
            if self._file is None or offset >= self._size:
                return b""
            return os.pread(self._file.fileno(), min(count, self._size - offset), offset)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._drop()

    def _append(self, data: bytes) -> None:
        """Counted when all of it is there: what a full disk cut short is written over later."""
        with self._lock:
            if self._closed or not data:
                return
            try:
                if self._file is None:
                    self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
                written = 0
                while written < len(data):
                    written += os.pwrite(self._file.fileno(), data[written:], self._size + written)
            except OSError as error:
                raise TailError(_no_room(error)) from error
            self._size += len(data)

    def _start_again(self) -> int:
        """The log was cut short or replaced; the next look starts with what there is now."""
        with self._lock:
            self._drop()
        return 0

    def _drop(self) -> None:
        self._size = 0
        if self._file is not None:
            self._file.close()
            self._file = None


def _no_room(error: OSError) -> str:
    reason = os.strerror(error.errno).lower() if error.errno else type(error).__name__
    return (
        f"The log cannot be kept in {tempfile.tempdir or 'a temporary file'}: {reason}. "
        "Make room there, or set TMPDIR to a folder with room."
    )
