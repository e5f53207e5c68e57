"""The exception that ended an attempt, read from the text of its log; nothing is unpickled.

Understands what Python prints, what Metaflow prints around it (`metaflow.cli.main`, `@timeout`) and
what `@catch` prints in its place. The lines are remote and of any size: they are looked at from
their end, as bytes, and only what is given back is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from itertools import pairwise

from flowtui.logs.own_code import OwnFiles
from flowtui.logs.raised import Frame, Raised, frame_of
from flowtui.logs.sanitise import plain_text

_TEXT = 1000
"""Lines that are kept of each end of a text."""

_PART = 500
"""Lines that are kept of each end of a stack, and of a message."""

_WIDE = 16_000
"""Bytes of a line that are looked at."""

_TAIL = 120
"""Bytes at the end of a line in which its words stand: a progress bar may precede them."""

_HEADER = b"Traceback (most recent call last)"
_CHAINED = (
    b"The above exception was the direct cause of the following exception:",
    b"During handling of the above exception, another exception occurred:",
)
_CAUGHT = b"@catch caught an exception from <flow"
_FATAL = (b"Fatal Python error: ", b"Windows fatal exception: ")
_OF_THREAD = b"(most recent call first):"
_OF_CRASH = (
    *(b" ", b"Current thread", b"Thread 0x", b"Stack (", b"<", b"Extension modules:"),
    b"Python runtime state:",
)
_BARE = (b"SyntaxError: ", b"IndentationError: ", b"TabError: ")
_IGNORED = b"Exception ignored "
_AFTERWARDS = (_IGNORED, b"Error in atexit", b"Exception in thread ")
_TIMEOUT_STACK = "Stack when the timeout was raised:"
_INDENT = b"    "

_OF_SYNTAX_ERROR = re.compile(rb'  File "[^"]*+", line [0-9]{1,9}\s*+')
_RECORD = re.compile(rb"\[?(?:\d{4}-\d\d-\d\d|(?:DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL)\b)")
_CONTROL = re.compile(rb"\x1b\[[0-?]*+[ -/]*+[@-~]")


def find_exception(lines: Sequence[bytes], flow_files: Collection[str] = ()) -> Raised | None:
    """The last exception printed in these lines of a log, whose mflog prefixes are removed.

    One that Metaflow printed when the step failed, or when `@catch` caught it, comes before all
    others. Without such a one it is the last of the log, which may have been printed or logged long
    before the attempt ended, and need not be what ended it. None where there is none, or only the
    end of one. `@catch` prints to stdout, everything else is in stderr.

    `flow_files` are names or paths of the flow's source files. A frame is of the person's own code
    when it is in one of these, or in no library, standard library or Metaflow.
    """
    reader = _Reader(lines, flow_files)
    return reader.led() or reader.last()


class _Reader:
    """Reads the exceptions of one log."""

    def __init__(self, lines: Sequence[bytes], flow_files: Collection[str]) -> None:
        self._lines = lines
        self._flow_files = flow_files
        self._plain = cache(_plain)
        self._end = len(lines)
        while self._end and _is_ending(lines[self._end - 1]):
            self._end -= 1
        self._closing = self._closing_block()

    def led(self) -> Raised | None:
        """The exception that follows Metaflow's word of a failed or caught step."""
        end = self._end
        for at in range(end - 1, -1, -1):
            tail = self._lines[at][-_TAIL:]
            found = None
            if tail.rstrip().endswith(b"> failed:") and self._names_flow(at):
                found = self._failed(at + 1, end)
            elif _CAUGHT in tail:
                found = self._caught(at + 1, end)
            else:
                continue
            if found is not None:
                return found
            end = at
        return None

    def last(self) -> Raised | None:
        """The last exception of any kind."""
        if self._closing is not None:
            return self._block(self._closing, self._end)
        end = self._end
        for at in range(end - 1, -1, -1):
            line = self._lines[at]
            found = None
            if _prefix(line) is not None:
                if not (at and self._lines[at - 1].startswith(_IGNORED)):
                    found = self._traceback(at, end)
                # What could not be read is not read again with what comes before it.
                end = at
            elif line.startswith(_BARE):
                found = self._bare_syntax_error(at)
            elif any(fatal in line[-_TAIL:] for fatal in _FATAL):
                found = self._crash(at, end)
            if found is not None:
                return found
        return None

    def _names_flow(self, at: int) -> bool:
        """Whether it is a flow that failed; the input in its name may break it into lines."""
        if b"<flow " in self._lines[at]:
            return True
        return any(b"<flow " in line[-_TAIL:] for line in self._lines[max(0, at - 4) : at])

    def _failed(self, low: int, end: int) -> Raised | None:
        lines = self._lines
        for at in range(low, end):
            if not lines[at].startswith(_INDENT):
                continue
            if lines[at].strip() == b"Internal error":
                if self._closing is not None and at < self._closing < end:
                    end = self._closing
                # Metaflow ends with an empty line: where the log does not, others had a word.
                closed = any(not line.strip() for line in lines[end - 1 : end + 1])
                return self._chain(at + 1, end, closed=closed)
            if at + 1 < end and _is_headline(lines[at]) and lines[at + 1].startswith(_INDENT):
                return self._block(at, end)
        return None

    def _caught(self, low: int, end: int) -> Raised | None:
        while low < end and not self._lines[low].startswith(b">  "):
            low += 1
        stop = low
        while stop < end and self._lines[stop].startswith(b">"):
            stop += 1
        return self._chain(low, stop, closed=True)

    def _chain(self, low: int, end: int, *, closed: bool) -> Raised | None:
        """The last exception of the chain that fills these lines."""
        headers = (at for at in range(low, end) if _prefix(self._lines[at]) is not None)
        last = next(headers, None)
        if last is None:
            return None
        for at in headers:
            if self._is_chained(at):
                last = at
        return self._traceback(last, end, low, closed=closed)

    def _is_chained(self, at: int) -> bool:
        return at > 1 and any(words in self._lines[at - 2][-_TAIL:] for words in _CHAINED)

    def _first_of_chain(self, at: int) -> int:
        """Where the text starts of the chain that the traceback at `at` ends."""
        first = at
        while self._is_chained(first):
            above = range(first - 3, -1, -1)
            earlier = next((i for i in above if _prefix(self._lines[i]) is not None), None)
            if earlier is None:
                break
            first = earlier
        if first != at and first > 1 and self._lines[first - 1].strip() == b'"""':
            # A traceback of another process, quoted in the message of the first exception.
            first -= 2
        return first

    def _traceback(
        self, at: int, end: int, low: int | None = None, *, closed: bool = False
    ) -> Raised | None:
        """The exception whose traceback has its first line at `at`.

        `low` is where the text of its chain is known to start; `closed` says that it fills the
        lines to `end`.
        """
        prefix = _prefix(self._lines[at]) or b""
        margin = self._margin(at, end, prefix)
        raised = self._end_of_stack(at + 1, end, margin)
        named = raised and _named(self._plain(self._lines[raised].removeprefix(margin)))
        if not raised or not named:
            return None
        stop = self._end_of_message(raised + 1, end, margin, closed=closed)
        message = _message([named[1], *self._shown(raised + 1, stop, margin, _PART)])
        frames = self._frames(self._shown(at + 1, raised, margin, _PART))
        outer = margin
        if prefix.endswith(b"+ "):
            stop = self._end_of_group(stop, end, prefix[:-2])
            outer = prefix.removesuffix(b"  + ")
        first = self._first_of_chain(at) if low is None else low
        return Raised(named[0], message, frames, tuple(self._shown(first, stop, outer)))

    def _margin(self, at: int, end: int, prefix: bytes) -> bytes:
        """What precedes every line of a traceback: `>  ` of @catch, a rank, the edge of a group."""
        following = self._lines[at + 1][:_WIDE] if at + 1 < end else b""
        frame = following.find(b"  File ")
        if frame >= 0:
            return following[:frame]
        if prefix.endswith(b"+ "):
            return prefix[:-2] + b"| "
        return prefix if following.startswith(prefix) else b""

    def _end_of_stack(self, at: int, end: int, margin: bytes) -> int | None:
        """Where the exception itself is told: the first line that is not indented."""
        while at < end and self._lines[at].startswith(margin):
            start = self._lines[at][len(margin) : len(margin) + 1]
            if self._is_gap(at, margin):
                return None
            if start not in (b" ", b""):
                return at
            at += 1
        return None

    def _end_of_message(self, at: int, end: int, margin: bytes, *, closed: bool) -> int:
        first = at
        while at < end and _is_inside(self._lines[at], margin):
            content = self._lines[at].removeprefix(margin)
            if content.startswith(_AFTERWARDS):
                break
            if not closed and (self._is_gap(at, margin) or _RECORD.match(content)):
                break
            at += 1
        while at > first and not self._lines[at - 1].removeprefix(margin.rstrip()).strip():
            at -= 1
        return at

    def _is_gap(self, at: int, margin: bytes) -> bool:
        """Whether an empty line ends a stack or a message: an indented one below it does not."""
        if self._lines[at].removeprefix(margin.rstrip()).strip():
            return False
        following = self._lines[at + 1] if at + 1 < self._end else b""
        return not following.removeprefix(margin).startswith(b" ")

    def _end_of_group(self, at: int, end: int, base: bytes) -> int:
        while at < end and self._lines[at].startswith(base):
            if self._lines[at][len(base) :].lstrip(b" ")[:1] not in (b"|", b"+"):
                break
            at += 1
        return at

    def _closing_block(self) -> int | None:
        """Where an error starts that Metaflow printed last, without naming the flow before it.

        So it does when what failed is not the step, but what was to run it.
        """
        lines, end = self._lines, self._end
        if end == len(lines) or lines[end].strip():
            return None
        at = end
        while at and lines[at - 1].startswith(_INDENT):
            at -= 1
        if end - at < 2 or not _is_headline(lines[at]):
            return None
        return None if at and lines[at - 1].rstrip().endswith(b":") else at

    def _block(self, at: int, end: int) -> Raised:
        """An error of Metaflow's: a headline and its message, which may quote a stack."""
        stop = at
        while stop < end and self._lines[stop].startswith(_INDENT):
            stop += 1
        shown = self._shown(at, stop, _INDENT)
        frames = self._frames([line.removeprefix(">  ") for line in shown])
        headline = shown[0].strip().removesuffix(":") or "Flow failed"
        return Raised(headline, _message(shown[1:]), frames, tuple(shown))

    def _bare_syntax_error(self, at: int) -> Raised | None:
        """One of the file that Python was started with, for which it prints no first line."""
        for first in range(at - 1, max(-1, at - 5), -1):
            if not _OF_SYNTAX_ERROR.fullmatch(self._lines[first]):
                continue
            above = self._lines[first - 1] if first else b""
            if above.startswith(b" ") or _prefix(above) is not None:
                return None
            shown = self._shown(first, at + 1, b"")
            named = _named(shown[-1])
            return named and Raised(*named, self._frames(shown), tuple(shown))
        return None

    def _crash(self, at: int, end: int) -> Raised | None:
        """What `faulthandler` prints: the stacks of all threads, innermost frame first."""
        stop = at + 1
        while stop < end and (
            not self._lines[stop].strip() or self._lines[stop].startswith(_OF_CRASH)
        ):
            stop += 1
        threads = [i for i in range(at, stop) if _OF_THREAD in self._lines[i][-_TAIL:]]
        current = [i for i in threads if not self._lines[i].startswith(b"Thread ")]
        first = (current or threads or [stop])[0] + 1
        last = first
        while last < stop and self._lines[last].startswith(b"  "):
            last += 1
        frames = self._frames(self._shown(first, last, b"", _PART))
        fatal, _, told = self._plain(self._lines[at]).partition(": ")
        name, message = (fatal, told) if ": " in told else (told, "")
        while not self._lines[stop - 1].strip():
            stop -= 1
        name = name.strip() or "Fatal Python error"
        return Raised(name, message, frames[::-1], tuple(self._shown(at, stop, b"")))

    def _shown(self, start: int, stop: int, margin: bytes, half: int = _TEXT) -> list[str]:
        """These lines without their margin, at most `half` of each end of them."""
        if stop - start <= 2 * half:
            return [self._plain(self._lines[i].removeprefix(margin)) for i in range(start, stop)]
        left_out = f"… {stop - start - 2 * half:,} lines left out …"
        head = self._shown(start, start + half, margin, half)
        return [*head, left_out, *self._shown(stop - half, stop, margin, half)]

    def _frames(self, shown: Sequence[str]) -> tuple[Frame, ...]:
        """The frames among lines of a stack; what is indented deeper than these is code."""
        found = [
            (place, following.strip() if following.startswith("    ") else "")
            for line, following in pairwise([*shown, ""])
            if not line.startswith("   ") and (place := frame_of(line)) is not None
        ]
        own = OwnFiles(self._flow_files, {place[0] for place, _ in found})
        return tuple(Frame(*place, code, own.holds(place[0])) for place, code in found)


def _plain(raw: bytes) -> str:
    """As `plain_text`, which takes long to make styles of many sequences."""
    last_state = raw.rstrip(b"\r\n").rpartition(b"\r")[2]
    head = last_state[:_WIDE]
    return plain_text(_CONTROL.sub(b"", head), beyond=len(last_state) - len(head))


def _prefix(line: bytes) -> bytes | None:
    """What precedes the words with which a traceback starts, None where they are not.

    Nor in one of an exception in a group, or of one quoted by PyTorch: these are parts of another.
    """
    tail = line[-_TAIL:]
    at = tail.rfind(_HEADER)
    if at < 0:
        return None
    prefix = tail[:at].removesuffix(b"Exception Group ")
    part = prefix.endswith(b"Original ") or prefix.strip(b" >") == b"|"
    return None if part else prefix


def _named(line: str) -> tuple[str, str] | None:
    """Type and first line of the message, by the line that tells an exception; None of another."""
    name, colon, message = line.partition(":")
    if name.split() != [name] or not (name[0].isalpha() or name[0] == "_"):
        return None
    if colon:
        return (name, message[1:]) if message[:1] in ("", " ") else None
    parts = name.replace("<locals>", "locals").split(".")
    return (name, "") if all(part.isidentifier() for part in parts) else None


def _message(lines: Sequence[str]) -> str:
    """The lines without the stack that @timeout adds to its message."""
    return "\n".join(_until(lines, _TIMEOUT_STACK)).rstrip()


def _until(lines: Sequence[str], last: str) -> Iterator[str]:
    for line in lines:
        if line == last:
            return
        yield line


def _is_ending(line: bytes) -> bool:
    """Whether a line of a log's end tells nothing: it is empty or the runtime's."""
    return line.startswith(b"Task failed") or not line.strip()


def _is_headline(line: bytes) -> bool:
    return (
        len(line) < _TAIL
        and line.startswith(_INDENT)
        and line[4:5].strip() != b""
        and line.rstrip().endswith(b":")
    )


def _is_inside(line: bytes, margin: bytes) -> bool:
    return line.startswith(margin) or line.rstrip() == margin.rstrip()
