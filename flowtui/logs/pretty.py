"""A line of JSON spread over rows, to be read by people."""

from __future__ import annotations

import json
from itertools import accumulate

from rich.style import Style
from rich.text import Text

from flowtui.logs.sanitise import one_line

MOST_ROWS = 500
"""Rows that one line is spread over; what follows is counted."""

_LONGEST = 64 * 1024
_DEEPEST = 100
_MOST_OF_A_ROW = 4000
_LEVELLED = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_OPENING = ord("[")
_KEY, _STRING, _NUMBER, _WORD = (
    Style(bold=True),
    Style(color="green"),
    Style(color="cyan"),
    Style(color="magenta"),
)


def pretty_rows(raw: bytes) -> list[Text] | None:
    """The rows of a line that is a JSON object or array, indented; None for any other line."""
    stripped = raw.strip()
    if not stripped.startswith((b"{", b"[")) or len(stripped) > _LONGEST:
        return None
    # What is nested deep costs more with each level: time, and blanks before it.
    if _depth(stripped) > _DEEPEST:
        return None
    try:
        value = json.loads(stripped)
        written = json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return None
    lines = written.split("\n")
    rows = [_row(line) for line in lines[:MOST_ROWS]]
    if len(lines) > MOST_ROWS:
        rows.append(_text(f"… (+{len(lines) - MOST_ROWS:,} rows)", Style(dim=True)))
    return rows


def _depth(stored: bytes) -> int:
    """How deep JSON is nested; brackets in strings count as well."""
    brackets = stored.translate(_LEVELLED, _NO_BRACKETS)
    return max(accumulate(1 if bracket == _OPENING else -1 for bracket in brackets), default=0)


def _row(line: str) -> Text:
    """One row of `json.dumps`: indentation, perhaps a key, and a value or a bracket."""
    indentation = len(line) - len(line.lstrip(" "))
    key, value = "", line[indentation:]
    if value.startswith('"'):
        _, end = json.JSONDecoder().raw_decode(value)
        if value[end : end + 2] == ": ":
            key, value = value[:end], value[end + 2 :]
    row = _text(" " * indentation, Style.null())
    if key:
        row.append_text(_text(key, _KEY)).append(": ")
    comma = "," if value.endswith(",") else ""
    value = value.removesuffix(comma)
    return row.append_text(_text(value, _style_of(value))).append(comma)


def _style_of(value: str) -> Style:
    if value.startswith('"'):
        return _STRING
    if value[:1] in "-0123456789":
        return _NUMBER
    return _WORD if value[:1] in "tfnNI" else Style.null()


def _text(text: str, style: Style) -> Text:
    return Text(one_line(text, _MOST_OF_A_ROW), style, end="", no_wrap=True)
