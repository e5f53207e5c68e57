"""What a program wrote to its terminal, byte by byte: text, and the sequences it may consist of.

The parser is a strict one of its own, apart from that of the terminal emulator: whatever is not on
the list of what Textual writes by itself is a fault, and so is any text that is not plain to see.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from tests.terminal import Terminal

_TOKEN = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][ -~]*?(?:\x07|\x1b\\\\)|\r\n|[^\x1b\r\n]+|.", re.DOTALL
)

# What rich asks for: attributes, colours of the palette and true colours, and the way back.
_COLOUR = r"(?:[34]8;5;\d{1,3}|[34]8;2;\d{1,3};\d{1,3};\d{1,3}|[349][0-79]|10[0-7])"
_CODE = rf"(?:(?:{_COLOUR}|21|53|[1-479])(?=[;m]))"
_SGR = re.compile(rf"\x1b\[(?:0?|{_CODE}(?:;{_CODE})*+)m")
_PLACE = re.compile(r"\x1b\[(\d+);(\d+)H")
_POINTER = re.compile(r"\x1b\]22;[a-z-]{2,13}\x07")
_COPY = re.compile(r"\x1b\]52;c;([A-Za-z0-9+/]*=*)\x07")

_MODES = (7, 25, 1000, 1003, 1004, 1006, 1015, 1049, 2004, 2026)
_OF_THE_DRIVER = {
    *(f"\x1b[?{mode}{what}" for mode in _MODES for what in "hl"),
    *("\x1b[>25u", "\x1b[<u"),
}
_AT_THE_START = {"\x1b[?2026$p", "\x1b[?2048$p"}
"""What the driver asks the terminal at each start: whether it knows synchronized output, and tells
of its size in band."""

_REORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_VISIBLE_FORMATS = "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
_SEEN = re.compile(f"[{_VISIBLE_FORMATS}\u200c\u200d]")
"""Format characters that have a shape, and those that emoji and scripts are joined with."""

_PLAIN = re.compile("[ -~]*")


def is_plain(character: str) -> bool:
    """Whether it neither acts, nor hides, nor moves others about.

    Joiners are, which emoji are made of, and Arabic signs that Unicode counts as formats.
    """
    if unicodedata.bidirectional(character) in _REORDERING:
        return False
    category = unicodedata.category(character)
    return category not in ("Cc", "Cf", "Cs", "Zl", "Zp") or bool(_SEEN.match(character))


def odd_characters(text: str) -> Sequence[str]:
    """The characters that should never have got onto a screen, by their names."""
    if _PLAIN.fullmatch(text):
        return []
    return [
        f"U+{ord(character):04X} {unicodedata.name(character, '?')}"
        for character in sorted(set(text))
        if not is_plain(character)
    ]


@dataclass
class Written:
    """What came of the bytes: `faults` tell what must not be there, `copied` what was put into the
    clipboard, `text` all that is no sequence."""

    faults: list[str] = field(default_factory=list)
    sequences: Counter[str] = field(default_factory=Counter)
    copied: list[str] = field(default_factory=list)
    text: str = ""


def written(raw: bytes, size: tuple[int, int] = (1000, 1000)) -> Written:
    """Take apart what Textual wrote; `size` are the columns and rows of the window."""
    found = Written()
    pieces: list[str] = []
    for at, token in _tokens(raw, found):
        if token == "\r\n":
            pieces.append("\n")
        elif token.isprintable() and token[0] != "\x1b":
            # Faster than the look at each character; it is what most of the output is.
            pieces.append(token)
            if not token.isascii():
                _note(found, at, token)
        elif token[0] != "\x1b":
            pieces.append(token)
            _note(found, at, token)
        else:
            _take(found, at, token, size)
    found.text = "".join(pieces)
    starts = found.sequences["\x1b[?1049h"] or 1
    for query in _AT_THE_START:
        if found.sequences[query] > starts:
            found.faults.append(f"{query!r} is asked {found.sequences[query]} times")
    return found


def printed_text(raw: bytes, *, colours: bool) -> Written:
    """Take apart what a command printed line by line: text, and on a terminal colours."""
    found = Written()
    pieces: list[str] = []
    for at, token in _tokens(raw, found):
        if token in ("\r\n", "\n"):
            pieces.append("\n")
        elif token[0] == "\x1b" and colours and _SGR.fullmatch(token):
            found.sequences["SGR"] += 1
        else:
            pieces.append(token)
            # Tabs stand between what leads a line and the line itself.
            _note(found, at, token.replace("\t", " "))
    found.text = "".join(pieces)
    return found


def _tokens(raw: bytes, found: Written) -> Iterator[tuple[int, str]]:
    try:
        decoded = raw.decode()
    except UnicodeDecodeError as error:
        found.faults.append(f"no UTF-8 at byte {error.start}: {raw[error.start - 20 :][:60]!r}")
        decoded = raw.decode("utf-8", "surrogateescape")
    for match in _TOKEN.finditer(decoded):
        yield match.start(), match[0]


def _note(found: Written, at: int, token: str) -> None:
    odd = odd_characters(token)
    if odd:
        found.faults.append(f"{', '.join(odd[:5])} at {at} in {token[:80]!r}")


def _take(found: Written, at: int, token: str, size: tuple[int, int]) -> None:
    columns, rows = size
    place = _PLACE.fullmatch(token)
    copy = _COPY.fullmatch(token)
    if _SGR.fullmatch(token):
        found.sequences["SGR"] += 1
    elif place and 1 <= int(place[1]) <= rows and 1 <= int(place[2]) <= columns:
        found.sequences["place"] += 1
    elif _POINTER.fullmatch(token):
        found.sequences["pointer"] += 1
    elif copy:
        found.copied.append(b64decode(copy[1]).decode("utf-8", "surrogateescape"))
    elif token in _OF_THE_DRIVER or token in _AT_THE_START:
        found.sequences[token] += 1
    else:
        found.faults.append(f"{token[:80]!r} at {at}")


def assert_harmless(
    raw: bytes, size: tuple[int, int], *, copies: int = 0, starts: int = 1
) -> Written:
    """Nothing but what Textual writes by itself, and the clipboard written `copies` times.

    The driver `starts` once, and again each time that another program had the terminal.
    """
    found = written(raw, size)
    assert not found.faults, _told(found.faults)
    assert len(found.copied) == copies, found.copied
    assert found.sequences["\x1b[?1049h"] == starts, "the app has drawn"
    return found


def assert_printed(raw: bytes, *, colours: bool) -> Written:
    """Lines of text and nothing else, on a terminal with colours."""
    found = printed_text(raw, colours=colours)
    assert not found.faults, _told(found.faults)
    return found


def _told(faults: Sequence[str]) -> str:
    return f"{len(faults)} faults, the first of them:\n" + "\n".join(faults[:12])


# The frame, as the emulator shows it

_CORNERS = {"╭": "│", "╮": "│", "╰": "│", "╯": "│"}


def frame_faults(screen: Terminal, *, header: str, keys: str = "q quit") -> Sequence[str]:
    """What is not in its place: the header, the outer borders of the panes, the key bar."""
    rows = screen.cells()
    lines = ["".join(row) for row in rows]
    faults = [] if header in lines[0] else [f"no {header!r} in the first row: {lines[0]!r}"]
    if keys not in lines[-1]:
        faults.append(f"no {keys!r} in the last row: {lines[-1]!r}")
    last = len(rows[0]) - 1
    inside = False
    for number, row in enumerate(rows):
        left, right = row[0], row[last]
        opens = left in ("╭", "┌")
        if (inside or opens) and (left not in "╭│╰├" or right not in "╮│╯┤"):
            faults.append(f"row {number} has borders {left!r} and {right!r}: {lines[number]!r}")
        inside = (inside or opens) and left != "╰"
    if not any(row[0] == "╭" for row in rows):
        faults.append("no pane has a border")
    return faults


def assert_framed(screen: Terminal, *, header: str, keys: str = "q quit") -> None:
    """The app's frame stands; its last picture may still be on its way, so it has some time."""
    with suppress(AssertionError):
        screen.wait_until(
            lambda _: not frame_faults(screen, header=header, keys=keys), "the frame", 1.5
        )
    faults = frame_faults(screen, header=header, keys=keys)
    assert not faults, _told(faults)
