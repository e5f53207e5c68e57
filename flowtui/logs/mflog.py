"""Metaflow's structured log lines, `[MFLOG|0|<iso>Z|<source>|<id>]message`, from bytes.

The format is that of `metaflow.mflog.mflog`, version 0, the only one there is. The client decodes
messages strictly, so that one bad byte costs it the whole log; here they stay bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

# `[!` asks the receiver to store the line; Metaflow strips it from what it stores, mostly.
_LINE = re.compile(
    rb"(?:\[!)?\[MFLOG\|0\|"
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{1,6})Z\|([^|\]]{1,64})\|[^\]]{1,64}\](.*)",
    re.DOTALL,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SOURCES = {b"task": "task", b"runtime": "runtime"}

NOTE = "note"
"""The `source` of a line that flowtui adds to tell what happened to the log."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log, without its newline and its mflog prefix.

    `time` is microseconds since the epoch, UTC, None when the line carries none. `source` is
    `task` or `runtime`, who wrote the line, or `note`. `text` is untrusted.
    """

    time: int | None
    source: str
    text: bytes


def parse(line: bytes, source: str) -> LogLine:
    """A stored line without its newline; `source` names who wrote it when it does not say so."""
    match = _LINE.match(line)
    if match is None:
        return LogLine(None, source, line)
    second, fraction, name, text = match.groups()
    try:
        time = _microseconds(second) + int(fraction.ljust(6, b"0"))
    except ValueError:
        return LogLine(None, source, line)
    return LogLine(time, _SOURCES.get(name, source), text)


def parse_all(lines: Iterable[bytes], source: str) -> list[LogLine]:
    """`parse` for many lines."""
    return [parse(line, source) for line in lines]


@lru_cache(maxsize=256)
def _microseconds(second: bytes) -> int:
    """`YYYY-MM-DDTHH:MM:SS` since the epoch; lines come in bursts, so few seconds are parsed."""
    return (datetime.fromisoformat(second.decode() + "+00:00") - _EPOCH) // _MICROSECOND
