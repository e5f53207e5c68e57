"""The time axis of a timeline: which stretch of time is in view, and where its ticks stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flowtui.model import Ms

_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
_STEPS: Sequence[int] = (
    *(count for power in (1, 10, 100) for count in (power, 2 * power, 5 * power)),
    *(count * _SECOND for count in (1, 2, 5, 10, 15, 30)),
    *(count * _MINUTE for count in (1, 2, 5, 10, 15, 30)),
    *(count * _HOUR for count in (1, 2, 3, 6, 12)),
    *(count * _DAY for count in (1, 2, 7, 14, 28, 91, 364)),
)
"""Milliseconds between ticks that a person can count in."""

_BETWEEN_TICKS = 2
"""Cells that stay free between two ticks at least."""

_SHORTEST = 10
"""Milliseconds that are in view at least."""

_AHEAD = 0.08
"""Part of what is in view that a live run has before it, so that not every second moves all."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in view, in milliseconds since the epoch; its end is later than its
    start."""

    start: float
    end: float

    @classmethod
    def fitting(cls, first: float, last: float, *, live: bool) -> Window:
        """All from first to last, and in a live run some time to come."""
        length = max(last - first, _SHORTEST)
        return cls(first, first + (length / (1 - 2 * _AHEAD) if live else length))

    @property
    def length(self) -> float:
        return self.end - self.start

    def place(self, moment: float, cells: int) -> float:
        """Where a moment is, in cells from the left edge; outside of them when out of view."""
        return (moment - self.start) * cells / self.length

    def moment(self, cell: float, cells: int) -> float:
        """The moment that is so many cells from the left edge."""
        return self.start + cell * self.length / cells

    def zoomed(self, factor: float, about: float, within: Window) -> Window:
        """So many times more time, or less, of all there is; what was at `about` stays in place."""
        length = min(max(self.length * factor, _SHORTEST), within.length)
        part = min(max((about - self.start) / self.length, 0.0), 1.0)
        about = self.start + part * self.length
        start = about - part * length
        return Window(start, start + length).kept(within)

    def panned(self, part: float, within: Window) -> Window:
        """Moved by a part of its length, as far as there is something."""
        by = part * self.length
        return Window(self.start + by, self.end + by).kept(within)

    def following(self, now: float) -> Window:
        """Moved on when now has left it, so that a part of it is free again."""
        if now <= self.end:
            return self
        end = now + 2 * _AHEAD * self.length
        return Window(end - self.length, end)

    def kept(self, within: Window) -> Window:
        """Moved into all there is."""
        start = max(min(self.start, within.end - self.length), within.start)
        return replace(self, start=start, end=start + self.length)


class View:
    """The window that a person looks through: all there is until it is zoomed.

    Of a live run the present is followed until the window is panned.
    """

    def __init__(self) -> None:
        self.window = Window(0, 1)
        self.fits = True
        self._follows = True

    def fit(self, whole: Window) -> None:
        """Show all, and follow the present again."""
        self.window, self.fits, self._follows = whole, True, True

    def zoom(self, factor: float, about: float, whole: Window) -> None:
        """Show so many times more time, or less; what was at `about` stays in place."""
        self.fits = self.window.length * factor >= whole.length
        self.window = whole if self.fits else self.window.zoomed(factor, about, whole)

    def pan(self, part: float, whole: Window) -> None:
        """Move the window by a part of its length."""
        self._follows = False
        self.window = self.window.panned(part, whole)

    def follow(self, now: float, whole: Window, *, live: bool, anew: bool) -> None:
        """Take in how far the run is; where all is in view, `anew` makes it just fit."""
        if self.fits and (anew or now > self.window.end):
            self.window = whole
        elif not self.fits and self._follows and live:
            self.window = self.window.following(now)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark at a moment: its cell, and the local time or date."""

    moment: Ms
    cell: int
    text: str


def ticks(window: Window, cells: int) -> Sequence[Tick]:
    """Marks for local clock times, as many as fit with their texts, at even distances."""
    shift = _offset(window.start)
    for step in _STEPS:
        room = step * cells / window.length
        if room < _width(step) + _BETWEEN_TICKS:
            continue
        marks = []
        moment = -(-(window.start + shift) // step) * step - shift
        while moment < window.end:
            cell = int(window.place(moment, cells))
            text = _text(Ms(int(moment)), step)
            if cell + len(text) < cells:
                marks.append(Tick(Ms(int(moment)), cell, text))
            moment += step
        return marks
    return ()


def date(moment: float) -> str:
    """A local date in six cells: `22 Nov`."""
    local = datetime.fromtimestamp(moment / 1000)
    return f"{local.day:>2} {_MONTHS[local.month - 1]}"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""In English like all else, whatever the locale."""


def _width(step: int) -> int:
    """Cells of a tick's text, and of the mark before it."""
    if step < _SECOND:
        return 13
    return 9 if step < _MINUTE else 7


def _text(moment: Ms, step: int) -> str:
    local = datetime.fromtimestamp(moment / 1000)
    if (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0):
        return date(moment).strip()
    if step < _SECOND:
        return local.strftime("%H:%M:%S.") + f"{local.microsecond // 1000:03d}"
    return local.strftime("%H:%M:%S" if step < _MINUTE else "%H:%M")


def _offset(moment: float) -> int:
    """Milliseconds that local time is ahead of UTC."""
    local = datetime.fromtimestamp(moment / 1000).astimezone()
    ahead = local.utcoffset()
    return round(ahead.total_seconds() * 1000) if ahead else 0
