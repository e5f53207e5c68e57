"""Looks at the folders of local metadata without listing again what did not change."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

SETTLE = 0.1
"""Seconds for which a folder's time may stand still while the folder changes: file systems count
in steps of some milliseconds."""

MAX_ROW = 1 << 20
"""Bytes of a metadata file that are read; Metaflow writes some hundreds."""

_CHUNK = 1 << 12
_decode = json.JSONDecoder().raw_decode
_UNSEEN, _UNKNOWN = -2, -1


class Damaged(Exception):  # noqa: N818
    """A metadata file that is there and cannot be read; its message names the file and says why."""


class Folder:
    """A folder, and whether it has to be listed again.

    Adding, renaming and removing entries moves a folder's mtime. A time seen for the first time is
    not trusted yet: another entry may come within the same step of the file system's clock. It is
    once the folder has been listed `SETTLE` seconds later, by this program's own clock, since that
    of the file system may differ.
    """

    __slots__ = ("_mtime", "_seen_at", "_trusted", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._mtime = _UNSEEN
        self._seen_at = 0.0
        self._trusted = False

    def may_differ(self, now: float) -> bool:
        """Whether the folder has to be listed; raises OSError when it is not there.

        At the first look that is certain: most tasks need no second one, which would be the first
        to know the time.
        """
        if self._mtime == _UNSEEN:
            self._mtime = _UNKNOWN
            return True
        mtime = os.stat(self.path).st_mtime_ns
        if mtime != self._mtime:
            self._mtime, self._seen_at, self._trusted = mtime, now, False
        return not self._trusted

    def taken(self, now: float) -> None:
        """What it lists has been taken in; `now` is when `may_differ` was asked."""
        self._trusted = self._mtime >= 0 and now - self._seen_at >= SETTLE


def entries(path: str) -> Sequence[str]:
    """The names of what is in a folder, its own metadata aside."""
    return [name for name in os.listdir(path) if name != "_meta"]


def load(path: str) -> dict[str, Any]:
    """The row that a metadata file holds; raises Damaged."""
    try:
        text = _content(path).decode()
        # Faster than `json.loads`, which skips blanks around: Metaflow writes none.
        row, end = _decode(text) if text.startswith("{") else (None, -1)
        if end != len(text):
            row = json.loads(text)
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Damaged(f"{path} is damaged: it holds no JSON.") from error
    if not isinstance(row, dict):
        raise Damaged(f"{path} is damaged: it holds no row of metadata.")
    return row


def _content(path: str) -> bytes:
    # Not `open`: it costs twice as much as the reading, for tens of thousands of files.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        content = os.read(handle, _CHUNK)
        while len(content) % _CHUNK == 0 and len(content) < MAX_ROW:
            more = os.read(handle, _CHUNK)
            if not more:
                break
            content += more
        return content
    finally:
        os.close(handle)
