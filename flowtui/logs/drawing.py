"""How a line of a log looks: its time, whose it is, its marks, and the rows that it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.style import Style
from rich.text import Text

from flowtui.logs.mflog import NOTE, LogLine
from flowtui.logs.pretty import pretty_rows
from flowtui.logs.sanitise import log_text, one_line, plain_text
from flowtui.logs.search import Pattern
from flowtui.logs.tails import Part

TIME_WIDTH = len("HH:MM:SS.mmm ")
WIDEST_LABEL = 28
_NO_TIME = " " * TIME_WIDTH


@dataclass(frozen=True, slots=True)
class Inks:
    """The styles of a theme for what a log line consists of; `base` lies under the others."""

    base: Style
    time: Style
    label: Style
    stderr: Style
    note: Style
    match: Style
    current_match: Style


NO_INKS = Inks(*[Style.null()] * 7)
"""For text that is to be copied."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What is shown of each line: `width` cells to fold it to, None to leave it in one row;
    whether its time, and JSON spread over rows; `labels` and the streams of the sources it may
    come from, empty when there is one only."""

    width: int | None = None
    timestamps: bool = False
    pretty: bool = False
    labels: Sequence[str] = ()
    stderr: Sequence[bool] = ()

    @property
    def margin(self) -> int:
        """Cells before the text of a line."""
        time = TIME_WIDTH if self.timestamps else 0
        label = cell_len(self.labels[0]) + 1 if self.labels else 0
        return time + label + (2 if self.stderr else 0)

    @property
    def in_one_row(self) -> bool:
        """Every line takes exactly one row."""
        return self.width is None and not self.pretty

    @property
    def text_width(self) -> int | None:
        """Cells to which the text of a line folds."""
        return None if self.width is None else max(1, self.width - self.margin)


def labels_of(parts: Sequence[Part]) -> Sequence[str]:
    """The labels of a log's sources, all of one width; none when they do not differ."""
    labels = [one_line(part.label) for part in parts]
    if len(set(labels)) < 2:
        return ()
    width = min(WIDEST_LABEL, max(map(cell_len, labels)))
    return [
        set_cell_size(label if cell_len(label) <= width else _clipped(label, width), width)
        for label in labels
    ]


def _clipped(label: str, width: int) -> str:
    return chop_cells(label, width - 1)[0] + "…"


def draw(
    line: LogLine,
    inks: Inks,
    looks: Looks,
    pattern: Pattern | None = None,
    *,
    current: bool = False,
) -> list[Text]:
    """The rows of a line, matches of `pattern` marked; `current` is whether it is the current."""
    rows: list[Text] = []
    for text in _texts(line, looks):
        # Not as the text's own style, which rich leaves out of a text without spans.
        text.stylize_before(inks.base)
        if line.lane == NOTE:
            text.stylize(inks.note)
        for span in pattern.spans(text.plain) if pattern else ():
            text.stylize(inks.current_match if current else inks.match, *span)
        width = looks.text_width
        rows += [text] if width is None else text.divide(folds(text.plain, width))
    if not looks.margin:
        return rows
    first, other = _margins(line, inks, looks)
    return [
        Text.assemble(other if number else first, row, end="") for number, row in enumerate(rows)
    ]


def row_count(line: LogLine, looks: Looks) -> int:
    """How many rows a line takes, at least one."""
    width = looks.text_width
    if not looks.pretty or not line.text.lstrip().startswith((b"{", b"[")):
        # No character takes more cells than bytes, tabs aside.
        if width is None or (
            len(line.text) <= width and b"\t" not in line.text and not line.beyond
        ):
            return 1
        return len(folds(plain_text(line.text, beyond=line.beyond), width)) + 1
    texts = _texts(line, looks)
    return sum(1 if width is None else len(folds(text.plain, width)) + 1 for text in texts)


def folds(text: str, width: int) -> list[int]:
    """The characters at which new rows start, so that no row is wider than `width` cells."""
    if text.isascii():
        return list(range(width, len(text), width))
    return list(accumulate(len(row) for row in chop_cells(text, width)))[:-1]


def _texts(line: LogLine, looks: Looks) -> Iterable[Text]:
    rows = pretty_rows(line.text) if looks.pretty and not line.beyond else None
    return rows or [log_text(line.text, beyond=line.beyond)]


def _margins(line: LogLine, inks: Inks, looks: Looks) -> tuple[Text, Text]:
    """What stands before the first row of a line, and before its others."""
    first = Text(end="")
    if looks.timestamps:
        first.append(time_of_day(line.time), inks.base + inks.time)
    ours = line.lane == NOTE
    if looks.labels:
        label = " " * cell_len(looks.labels[0]) if ours else looks.labels[line.lane]
        first.append(label + " ", inks.base + inks.label)
    other = Text(" " * first.cell_len, inks.base, end="")
    if looks.stderr:
        is_stderr = not ours and looks.stderr[line.lane]
        for margin in (first, other):
            margin.append("▎ " if is_stderr else "  ", inks.base + inks.stderr)
    return first, other


def time_of_day(time: int | None) -> str:
    """Local `HH:MM:SS.mmm` and a blank; all blank without a time, or with an impossible one."""
    if time is None:
        return _NO_TIME
    try:
        moment = datetime.fromtimestamp(time // 1_000_000)
    except (ValueError, OverflowError, OSError):
        return _NO_TIME
    return f"{moment:%H:%M:%S}.{time // 1000 % 1000:03d} "
