"""An exception as a log tells of it: what was raised, where, and all that was printed of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowtui.logs.own_code import base_name

_FRAME = re.compile(r'[ |+>]*+File "(.*?)", line ([0-9]{1,9})(?:,? in (.*)| *+)')
_OF_CRASH = ("Fatal Python error: ", "Windows fatal exception: ")


@dataclass(frozen=True, slots=True)
class Frame:
    """One call of a stack. `file` is as printed, `function` and `code` are "" where they are not.

    `own` tells whether it lies in the person's own code.
    """

    file: str
    line: int
    function: str
    code: str
    own: bool


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception as a log tells of it; all of it is safe to show.

    `type` is as printed, with its module; of Metaflow's own errors it is the headline ("@timeout"),
    of a crash its name ("Segmentation fault"). `message` holds all its lines, notes too. `frames`
    are those of the exception that ended the attempt, outermost first. `text` is everything
    printed of it and of what it was chained to.

    Of more than 2,000 lines of text, and 1,000 of a message or a stack, the middle is left out;
    text and message say so in one line.
    """

    type: str
    message: str
    frames: tuple[Frame, ...]
    text: tuple[str, ...]

    @property
    def frame(self) -> Frame | None:
        """Where it happened for the person: the deepest frame of their own, else the deepest."""
        own = (frame for frame in reversed(self.frames) if frame.own)
        return next(own, self.frames[-1] if self.frames else None)

    @property
    def where(self) -> str | None:
        """That frame as `train.py:41`."""
        frame = self.frame
        return None if frame is None else f"{base_name(frame.file)}:{frame.line}"

    @property
    def is_crash(self) -> bool:
        """Whether Python itself died, and `faulthandler` printed where."""
        return bool(self.text) and self.text[0].startswith(_OF_CRASH)

    @property
    def summary(self) -> str:
        """Type and first line of the message, in one line."""
        first = self.message.strip().partition("\n")[0]
        return f"{self.type}: {first}" if first else self.type


def frame_of(line: str) -> tuple[str, int, str] | None:
    """File, line and function of a line of `Raised.text` that is a frame; function may be ""."""
    match = _FRAME.fullmatch(line)
    return match and (match[1], int(match[2]), (match[3] or "").strip())
