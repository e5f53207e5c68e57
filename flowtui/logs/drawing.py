"""How a line of a log looks: its time, its marks, and the rows that it folds into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rich.style import Style
from rich.text import Text

from flowtui.logs.mflog import NOTE, LogLine
from flowtui.logs.rows import folds
from flowtui.logs.sanitise import log_text

TIME_WIDTH = len("HH:MM:SS.mmm ")
_NO_TIME = " " * TIME_WIDTH


@dataclass(frozen=True, slots=True)
class Inks:
    """The styles of a theme for what a log line consists of; `base` lies under the others."""

    base: Style
    time: Style
    note: Style
    match: Style
    current_match: Style


NO_INKS = Inks(*[Style.null()] * 5)
"""For text that is to be copied."""


def draw(
    line: LogLine,
    inks: Inks,
    *,
    matches: Iterable[tuple[int, int]] = (),
    current: tuple[int, ...] | None = None,
    timestamps: bool = False,
    width: int | None = None,
) -> list[Text]:
    """The rows of a line, folded to `width` cells unless that is None.

    `matches` and the `current` one are ranges of characters of the text as shown.
    """
    text = log_text(line.text)
    # Not as the text's own style, which rich leaves out of a text without spans.
    text.stylize_before(inks.base)
    if line.source == NOTE:
        text.stylize(inks.note)
    for span in matches:
        text.stylize(inks.current_match if span == current else inks.match, *span)
    rows = [text] if width is None else list(text.divide(folds(text.plain, width)))
    if not timestamps:
        return rows
    times = [time_of_day(line.time)] + [_NO_TIME] * (len(rows) - 1)
    return [
        Text.assemble((time, inks.base + inks.time), row, end="")
        for time, row in zip(times, rows, strict=True)
    ]


def time_of_day(time: int | None) -> str:
    """Local `HH:MM:SS.mmm` and a blank; all blank without a time, or with an impossible one."""
    if time is None:
        return _NO_TIME
    try:
        moment = datetime.fromtimestamp(time // 1_000_000)
    except (ValueError, OverflowError, OSError):
        return _NO_TIME
    return f"{moment:%H:%M:%S}.{time // 1000 % 1000:03d} "
