"""Search in logs: which lines of a block match a pattern, at the speed at which it is read.

Patterns are matched by RE2, in time linear in the text: a pattern that someone types, or a line
made to be slow, costs no more than any other. It also lets other threads run meanwhile.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence

import re2

from flowtui.logs.blocks import Block
from flowtui.logs.mflog import PREFIXES, parse
from flowtui.logs.sanitise import plain_text
from flowtui.logs.tails import Tail

SEARCHED = 64 * 1024
"""Characters of a line that are looked through, also where fewer are shown."""

MOST_SPANS = 200
"""Matches that are marked in one line."""

ERRORS = r"(?-i:\bTraceback\b|\w(?:Error|Exception)\b|(?:^|[^A-Z_])(?:ERROR|CRITICAL|FATAL)\b)"
"""Names an exception or a level of ERROR or above, or starts a traceback."""

_COLOUR = re.compile(rb"\x1b\[[0-9;:]*+m")
_C1 = re.compile(rb"\xc2[\x80-\x9f]")

_ESCAPED = re.compile(r"\\.")
_OF_A_LINE = {"\\A": "^", "\\z": "$"}

# An escape, a class, or where a line starts.
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\^")
_LINE_START = r"(?:^(?:(?:\[!)?\[MFLOG\|0\|[^\]\n]*\])?)"

_MANY = 60

_NEVER_BLANK = re.compile(r"\\(?:[bBdw]|[^\w\s])")
_MAY_BE_BLANK = re.compile(r"[\s.\[\\]")

_SPECIAL = frozenset(r".^$*+?{}[]\|()")


class Pattern:
    """A regular expression; taken literally when it is none; an upper-case letter minds case.

    A leading `!` means, with `invertible`, the lines that do not match.
    """

    def __init__(self, text: str, *, invertible: bool = False) -> None:
        self.text = text
        self.inverted = invertible and text.startswith("!") and len(text) > 1
        expression = text[1:] if self.inverted else text
        # What is looked through at once consists of many lines.
        expression = _ESCAPED.sub(lambda m: _OF_A_LINE.get(m[0], m[0]), expression)
        minds_case = any(c.isupper() for c in re.sub(r"\\.", "", expression))
        literal = None if _SPECIAL.intersection(expression) else expression
        try:
            self._expression = _compiled(expression, minds_case=minds_case)
        except re2.error:
            literal, expression = expression, re2.escape(expression)
            self._expression = _compiled(expression, minds_case=minds_case)
        self._stored = _compiled(expression.encode(), minds_case=minds_case)
        self._minds_case = minds_case
        self._literal = literal.encode() if literal and (minds_case or literal.isascii()) else None
        self._in_prefixes = self._literal is None or _may_be_in_prefix(self._literal.lower())
        # A match in a line is one also behind its prefix, where the line starts for it; and where
        # it has no tab, unless it asks for the blanks that stand for one.
        self._anchored = "^" in expression
        self._anywhere = self._anchored and "[:" in expression
        behind = _TOKEN.sub(lambda m: _LINE_START if m[0] == "^" else m[0], expression)
        self._prefixed = _compiled(behind.encode(), minds_case=minds_case)
        self._blank = _MAY_BE_BLANK.search(_NEVER_BLANK.sub("", expression)) is not None

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the pattern matches in `text`; empty matches are none."""
        if self.inverted:
            return []
        spans: list[tuple[int, int]] = []
        for match in self._expression.finditer(text):
            if match.end() > match.start():
                spans.append(match.span())
                if len(spans) == MOST_SPANS:
                    break
        return spans

    def may_match(self, stored: bytes) -> bool:
        """Whether lines as they are stored may be shown as some that match.

        False is certain; to find that out is what a search spends its time with.
        """
        return (
            self._anywhere
            or self.inverted
            or self._prefixed.search(stored) is not None
            or not self.sees(stored)
        )

    def sees(self, stored: bytes) -> bool:
        """Whether what the pattern finds in these bytes it finds in what is shown of them too."""
        return not (
            b"\x1b" in stored
            or b"\r" in stored
            or (self._blank and b"\t" in stored)
            or not (stored.isascii() or _is_utf8_without_controls(stored))
        )

    def lines_in(self, text: bytes, count: int, *, stored: bool = False) -> array[int]:
        """Which of `count` lines, joined by newlines, match.

        With `stored` they may begin with a prefix of mflog, and match behind it.
        """
        if stored and self._anchored:
            text, stored = b"\n".join([parse(line, 0).text for line in text.split(b"\n")]), False
        found = self._matching(text, stored=stored)
        if self.inverted:
            matching = set(found)
            found = [number for number in range(count) if number not in matching]
        return array("I", found)

    def _matching(self, text: bytes, *, stored: bool) -> list[int]:
        found = []
        searched = text
        literal = self._literal
        if literal is not None and not self._minds_case:
            searched, literal = text.lower(), literal.lower()
        apart = literal is not None and not (stored and self._in_prefixes)
        if literal is not None and apart and searched.count(literal) > _MANY:
            # Going from line to line is faster there than from match to match.
            lines = searched.split(b"\n")
            return [number for number, line in enumerate(lines) if literal in line]
        line = counted = start = 0
        while (at := self._first_match(searched, start, literal)) >= 0:
            first = text.rfind(b"\n", 0, at) + 1
            if stored and text.startswith(PREFIXES, first):
                behind = text.find(b"]", first) + 1
                if at < behind:
                    start = behind
                    continue
            line += text.count(b"\n", counted, at)
            found.append(line)
            # The next match of interest is in another line.
            end = text.find(b"\n", at)
            if end < 0:
                break
            counted = end
            start = end + 1
        return found

    def _first_match(self, text: bytes, start: int, literal: bytes | None) -> int:
        """Where the first match from `start` on begins, -1 without one."""
        if literal is not None:
            return text.find(literal, start)
        match = self._stored.search(text, start) if start <= len(text) else None
        return -1 if match is None else match.start()


class Matcher:
    """Finds the lines that match all of some patterns."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = patterns

    def lines(self, tail: Tail, block: Block) -> array[int]:
        """The lines of a block that match, by their place in it; notes never do."""
        if block.note:
            return array("I")
        text = None
        # Of a long line that is redrawn the end is shown.
        if block.lines > 1:
            stored = [_without_colours(tail.read(piece)) for piece in block.pieces]
            for pattern in self._patterns:
                if not any(map(pattern.may_match, stored)):
                    return array("I")
            if len(stored) == 1 and all(pattern.sees(stored[0]) for pattern in self._patterns):
                text = stored[0].removesuffix(b"\n")
        as_stored = text is not None
        if text is None:
            lines = tail.lines(block)
            text = "\n".join([plain_text(line.text, SEARCHED) for line in lines]).encode()
        first, *others = [
            pattern.lines_in(text, block.lines, stored=as_stored) for pattern in self._patterns
        ]
        for other in others:
            among = set(other)
            first = array("I", [number for number in first if number in among])
        return first


def _compiled(expression: str | bytes, *, minds_case: bool) -> re2._Regexp:
    options = re2.Options()
    options.case_sensitive = minds_case
    options.never_nl = True
    options.log_errors = False
    multiline = b"(?m)" + expression if isinstance(expression, bytes) else "(?m)" + expression
    return re2.compile(multiline, options)


def _without_colours(stored: bytes) -> bytes:
    """Stored lines without what colours them, and with plain newlines."""
    if b"\x1b" in stored:
        stored = _COLOUR.sub(b"", stored)
    return stored.replace(b"\r\n", b"\n") if b"\r" in stored else stored


def _may_be_in_prefix(literal: bytes) -> bool:
    """Whether a prefix of mflog, with its time, source and id, may hold this text."""
    fixed = any(literal in part for part in (b"[![mflog|0|", b"z|task|", b"z|runtime|"))
    ends = any(mark in literal for mark in b"[|]")
    return fixed or ends or not literal.strip(b"0123456789abcdef-:.tz")


def _is_utf8_without_controls(stored: bytes) -> bool:
    try:
        stored.decode()
    except UnicodeDecodeError:
        return False
    return _C1.search(stored) is None
