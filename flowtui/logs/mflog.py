"""Metaflow's structured log lines, `[MFLOG|0|<iso>Z|<source>|<id>]message`, from bytes.

The format is that of `metaflow.mflog.mflog`, version 0, the only one there is. The client decodes
messages strictly, so that one bad byte costs it the whole log; here they stay bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

# `[!` asks the receiver to store the line; Metaflow strips it from what it stores, mostly.
_LINE = re.compile(
    rb"(?:\[!)?\[MFLOG\|0\|"
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{1,6})Z\|[^|\]]{1,64}\|[^\]]{1,64}\](.*)",
    re.DOTALL,
)

PREFIX = b"[MFLOG|0|"
"""How the prefix of a line starts; `[!` may come before it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

PREFIXES = (b"[MFLOG|0|", b"[![MFLOG|0|")
"""With what a stored line begins when Metaflow has added time and source to it."""

NOTE = -1
"""The `lane` of a line that flowtui adds to tell what happened to the log."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log, without its newline and its mflog prefix.

    `time` is microseconds since the epoch, UTC, None when the line carries none. `lane` numbers
    the source that it was read from, or is `NOTE`. `text` is untrusted; of a very long line it is
    a part, and `beyond` the bytes that are left out.
    """

    time: int | None
    lane: int
    text: bytes
    beyond: int = 0


def parse(line: bytes, lane: int) -> LogLine:
    """A stored line without its newline, read from source number `lane`."""
    match = _LINE.match(line)
    if match is None:
        return LogLine(None, lane, line)
    second, fraction, text = match.groups()
    try:
        time = _microseconds(second) + int(fraction.ljust(6, b"0"))
    except ValueError:
        return LogLine(None, lane, line)
    return LogLine(time, lane, text)


def time_of(line: bytes) -> int | None:
    """The time of a stored line, of which the beginning is enough."""
    return parse(line, NOTE).time


def without_prefixes(lines: bytes) -> bytes | None:
    """Stored lines, joined by newlines, without their mflog prefixes.

    As `parse` does, for many lines at once: None when a line is not like the others.
    """
    prefixed = lines.count(b"\n" + PREFIXES[0]) + lines.startswith(PREFIXES[0])
    if not prefixed:
        return lines if PREFIXES[1] not in lines else None
    if prefixed != lines.count(b"\n") + 1:
        return None
    return b"\n".join([line[line.find(b"]") + 1 :] for line in lines.split(b"\n")])


@lru_cache(maxsize=256)
def _microseconds(second: bytes) -> int:
    """`YYYY-MM-DDTHH:MM:SS` since the epoch; lines come in bursts, so few seconds are parsed."""
    return (datetime.fromisoformat(second.decode() + "+00:00") - _EPOCH) // _MICROSECOND
