"""Makes remote text safe to show: the only gate for names, tags, ids, exceptions and log lines.

Whatever comes in, what goes out holds printable characters only: no escape sequence, C0, DEL or C1,
nothing that reorders text or hides in it, no lone surrogate. Colours are kept in log lines alone,
as styles. Every pattern is possessive, so that hostile input costs time linear in its length.
"""

from __future__ import annotations

import re

from rich.style import Style
from rich.text import Text

from flowtui.logs.sgr import apply_sgr

LOG_LINE_LIMIT = 4000
"""Characters of a log line that are looked at; the rest is counted in bytes."""

_TAB = 8
_ESCAPES_PER_CHARACTER = 16

# ECMA-48. A control string ends at its terminator, at BEL, or where the next sequence or line
# starts: a string that never ends must not hide more than its own line.
_ESCAPE = re.compile(
    "(?:\x1b\\[|\x9b)(?P<parameters>[0-?]*+)(?P<intermediates>[ -/]*+)(?P<final>[@-~])?"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\n\r\x18\x1a\x1b\x9c]*+(?:\x07|\x9c|\x1b\\\\)?"
    "|\x1b(?:[ -/]*+[0-~])?"
)

_BREAK = re.compile("\r\n|[\t-\r\x85\u2028\u2029]")

# Also invisible, or of a width that terminals do not agree on: soft hyphen, word joiner and
# invisible operators, interlinear annotation, and plane 14, which can spell what no one sees.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What no terminal is to be given: controls, and what reorders, hides or is not there to see."""

# Marks that pile up on one character, of which there may be thousands.
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
)
_FLOOD = re.compile(f"([{_MARKS}]{{8}})[{_MARKS}]++")

_NEEDS_CARE = re.compile(rb"[^ -~]")


def one_line(text: str, limit: int = 500) -> str:
    """`text` as one row of at most `limit` characters, ending in `…` when something is cut off."""
    # Sequences take room too; without a bound a caller could pay for a text of any length.
    head = text[: limit * _ESCAPES_PER_CHARACTER]
    shown = _safe(_BREAK.sub(" ", _ESCAPE.sub("", head)))
    if len(shown) <= limit and len(head) == len(text):
        return shown
    return shown[: max(0, limit - 1)] + "…"


def log_text(raw: bytes, limit: int = LOG_LINE_LIMIT, *, beyond: int = 0) -> Text:
    """One line of a log, with its colours as styles, tabs expanded to 8 columns.

    Of a progress line, redrawn with carriage returns, the last state is kept. A line longer than
    `limit` characters, sequences included, or of which `beyond` bytes are not in `raw`, ends in
    `… (+N bytes)`.
    """
    if len(raw) <= limit and not beyond and not _NEEDS_CARE.search(raw):
        return Text(raw.decode("ascii"), end="", no_wrap=True)
    decoded, cut = _capped(_last_state(raw), limit)
    cut += beyond
    text = Text(end="", no_wrap=True)
    style = Style.null()
    position = 0
    for escape in _ESCAPE.finditer(decoded):
        _append(text, decoded[position : escape.start()], style)
        position = escape.end()
        if escape["final"] == "m" and not escape["intermediates"]:
            style = apply_sgr(style, escape["parameters"])
    _append(text, decoded[position:], style)
    if cut:
        text.append(f"… (+{cut:,} bytes)", Style(dim=True))
    return text


def plain_text(raw: bytes, limit: int = LOG_LINE_LIMIT, *, beyond: int = 0) -> str:
    """The characters that `log_text` shows, without their styles."""
    if len(raw) <= limit and not beyond and not _NEEDS_CARE.search(raw):
        return raw.decode("ascii")
    return log_text(raw, limit, beyond=beyond).plain


def _last_state(raw: bytes) -> bytes:
    raw = raw.rstrip(b"\r\n")
    return raw[raw.rfind(b"\r") + 1 :]


def _capped(raw: bytes, limit: int) -> tuple[str, int]:
    """The first `limit` characters, and how many bytes follow them."""
    if len(raw) <= limit:
        return raw.decode("utf-8", "replace"), 0
    # At most four bytes a character; surrogateescape makes the way back to bytes exact.
    characters = raw[: limit * 4].decode("utf-8", "surrogateescape")[:limit]
    kept = characters.encode("utf-8", "surrogateescape")
    return kept.decode("utf-8", "replace"), len(raw) - len(kept)


def _append(text: Text, piece: str, style: Style) -> None:
    if "\t" in piece:
        column = len(text) % _TAB
        piece = (" " * column + piece).expandtabs(_TAB)[column:]
    if piece:
        text.append(_safe(piece), style or None)


def _safe(text: str) -> str:
    if text.isascii():
        return UNSAFE.sub("\ufffd", text)
    return _FLOOD.sub(r"\1", UNSAFE.sub("\ufffd", text))
