"""How old a picture is, and what keeps it from being newer or whole."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.text import Text

from flowtui.logs.sanitise import one_line
from flowtui.model import Changes, Ms, State
from flowtui.run_summary import RunListChanges
from flowtui.theme import Look
from flowtui.times import age, clock

STALE = 10.0
"""Seconds after which the age of the picture is shown as a warning."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the source could not read and leaves out of the picture, and since when."""

    sentence: str
    since: Ms


class Freshness:
    """`read_at` is the monotonic second of the last good poll, None before the first; `trouble` why
    the last one failed, `left_out` what could not be read, `reading` whether the next brings more.
    `paused` is whether the person wants no further ones.
    """

    def __init__(self) -> None:
        self.read_at: float | None = None
        self.trouble: str | None = None
        self.left_out: LeftOut | None = None
        self.reading = False
        self.paused = False

    def poll(self, changes: Changes | RunListChanges) -> bool:
        """Take in what a good poll says of itself; whether it says something else than the last."""
        before = (self.trouble, self.left_out, self.reading)
        self.read_at, self.trouble = time.monotonic(), None
        if changes.trouble is None:
            self.left_out = None
        elif self.left_out is None or self.left_out.sentence != changes.trouble:
            self.left_out = LeftOut(changes.trouble, changes.now)
        self.reading = changes.more
        return before != (self.trouble, self.left_out, self.reading)

    def fail(self, sentence: str, retry_in: float | None) -> None:
        """Take in why a poll failed; the next try is in so many seconds, if there is one."""
        self.trouble = sentence
        if retry_in is not None:
            self.trouble += f" Next try in {retry_in:.0f} s."

    def now(self, read: Ms) -> Ms:
        """The source's clock, which said `read` when it was last read; paused, it stands still."""
        if self.read_at is None or self.paused:
            return read
        return Ms(read + int((time.monotonic() - self.read_at) * 1000))

    def told(self, source: str, look: Look) -> Text:
        """The source, and how long ago it was read."""
        if self.paused:
            return Text(f" {source} · paused", look.style(State.WAITING))
        if self.read_at is None:
            return Text(f" {source}", "dim")
        seconds = time.monotonic() - self.read_at
        told = "reading …" if self.reading else "now"
        text = f" {source} · {age(int(seconds * 1000)) + ' ago' if seconds >= 1 else told}"
        return Text(text, look.style(State.LOST) if seconds > STALE else "dim")

    def warning(self, look: Look) -> Text | None:
        """What is wrong, in one line; None if nothing is."""
        if self.trouble is not None:
            return Text(one_line(self.trouble), look.style(State.LOST), no_wrap=True)
        if self.left_out is not None:
            told = f"since {clock(self.left_out.since)}: {one_line(self.left_out.sentence)}"
            return Text(told, look.style(State.LOST), no_wrap=True)
        return None
