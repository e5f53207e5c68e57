"""Writes a value of plain data in lines of a width, as Python would, at the cost of what is read.

Lines come one by one: who stops reading after some has paid for no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_LONGEST_TEXT = 20_000
"""Characters of a string, or bytes, that are written."""

_LONGEST_KEY = 60
_LEAST_ROOM = 24
"""Characters that a value has in its line, however deep it lies."""

_SHORT = 24
"""Characters of a part that may stand in a line with others."""

_CONTAINERS = (dict, list, tuple, set, frozenset)


def compact(value: Any, room: int) -> str | None:
    """The value in one line of at most `room` characters, or None when it takes more."""
    if not isinstance(value, _CONTAINERS):
        if isinstance(value, (str, bytes)) and len(value) > room:
            return None
        text = repr(value)
        return text if len(text) <= room else None
    # Each part takes a character at least.
    if len(value) > room:
        return None
    start, end = _brackets(value)
    left, told = room - len(start) - len(end), list[str]()
    for key, part in _parts(value):
        before = ""
        if isinstance(value, dict):
            named = compact(key, left)
            if named is None:
                return None
            before = f"{named}: "
        written = compact(part, left - len(before))
        if written is None:
            return None
        told.append(before + written)
        left -= len(told[-1]) + 2
    if len(told) == 1 and isinstance(value, tuple):
        end = ",)"
    text = f"{start}{', '.join(told)}{end}"
    return text if len(text) <= room else None


def lines(value: Any, width: int) -> Iterator[str]:
    """The value in lines of about so many characters."""
    return _lines(value, width, "", "", "")


def _lines(value: Any, width: int, indent: str, before: str, after: str) -> Iterator[str]:
    room = max(_LEAST_ROOM, width - len(indent) - len(before) - len(after))
    text = compact(value, room)
    if text is not None:
        yield f"{indent}{before}{text}{after}"
    elif isinstance(value, _CONTAINERS):
        start, end = _brackets(value)
        yield f"{indent}{before}{start}"
        yield from _inner(value, width, f"{indent}  ")
        yield f"{indent}{end}{after}"
    else:
        *pieces, last = _pieces(value, room)
        for piece in (*pieces, f"{last}{after}"):
            yield f"{indent}{before}{piece}"
            before = " " * len(before)


def _inner(value: Any, width: int, indent: str) -> Iterator[str]:
    """The parts of a container; short ones share a line where they have no keys."""
    row = ""
    for key, part in _parts(value):
        if isinstance(value, dict):
            yield from _lines(part, width, indent, f"{_key(key)}: ", ",")
            continue
        text = compact(part, _SHORT)
        if row and (text is None or len(indent) + len(row) + len(text) + 2 > width):
            yield f"{indent}{row},"
            row = ""
        if text is None:
            yield from _lines(part, width, indent, "", ",")
        else:
            row = f"{row}, {text}" if row else text
    if row:
        yield f"{indent}{row},"


def _pieces(value: Any, room: int) -> Iterator[str]:
    """A long string in pieces that Python would read as one; what else is long, as it is."""
    if not isinstance(value, (str, bytes)):
        yield repr(value)
        return
    head = value[:_LONGEST_TEXT]
    for line in head.splitlines(keepends=True):
        for at in range(0, len(line), room - 2):
            yield repr(line[at : at + room - 2])
    if len(value) > len(head):
        yield f"… {len(value) - len(head):,} more"


def _key(key: Any) -> str:
    return compact(key, _LONGEST_KEY) or f"{next(_lines(key, _LONGEST_KEY, '', '', ''))}…"


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Keys and values, or parts without keys."""
    return iter(value.items()) if isinstance(value, dict) else ((None, part) for part in value)


def _brackets(value: Any) -> tuple[str, str]:
    if isinstance(value, list):
        return "[", "]"
    if isinstance(value, tuple):
        return "(", ")"
    if isinstance(value, (set, frozenset)) and not value:
        return f"{type(value).__name__}(", ")"
    if isinstance(value, frozenset):
        return "frozenset({", "})"
    return "{", "}"
