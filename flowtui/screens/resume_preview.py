"""What the resume dialog says of a resume: counts per step, remarks, and changes of the code."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from flowtui.actions import preview
from flowtui.actions.code_change import CodeChange
from flowtui.actions.resume import StepPreview
from flowtui.logs.sanitise import one_line
from flowtui.model import RunDescription, State
from flowtui.theme import Look

_GAP = 3
"""Cells between two columns of the table."""

_LONGEST_PARAMETERS = 200


def remarks(run: RunDescription, steps: Sequence[StepPreview], *, going_on: bool) -> list[str]:
    """What the numbers mean in sum, and what to know beforehand, a sentence a line."""
    lines = list(preview.remarks(steps, going_on=going_on))
    if run.parameters:
        kept = ", ".join(f"{name}={value}" for name, value in run.parameters.items())
        lines.append(one_line(f"Parameters stay as they were: {kept}", _LONGEST_PARAMETERS))
    return lines


def difference(change: CodeChange, look: Look) -> list[Text]:
    """A changed flow file, line by line."""
    if not change.lines:
        return []
    colours = {
        "+": look.style(State.SUCCEEDED),
        "-": look.style(State.FAILED),
        "@": Style(dim=True),
    }
    lines = [Text(line, colours.get(line[:1], Style.null())) for line in change.lines]
    return [Text("\nhow the flow file differs from what ran", Style(dim=True)), *lines]


def table(steps: Sequence[StepPreview], look: Look) -> list[Text]:
    """A row per step: tasks cloned, those of them caught, and tasks that run.

    Not a Rich table: Textual renders one again and again, which takes seconds with many steps.
    """
    rows = [tuple(Text(caption, "dim") for caption in ("step", "cloned", "to run"))]
    for step in steps:
        cloned = Text()
        if step.cloned:
            cloned.append(f"{look.glyph(State.CLONED)} {step.cloned}", look.style(State.CLONED))
        if step.caught:
            cloned.append(f"  {look.glyph(State.CAUGHT)} {step.caught}", look.style(State.CAUGHT))
        rows.append((Text(one_line(step.step, limit=60)), cloned, _reruns(step, look)))
    widths = [max(cell.cell_len for cell in column) + _GAP for column in zip(*rows, strict=True)]
    for row in rows:
        for cell, width in zip(row[:-1], widths, strict=False):
            cell.pad_right(width - cell.cell_len)
    return [Text.assemble(*row) for row in rows]


def _reruns(step: StepPreview, look: Look) -> Text:
    if step.reruns == 0:
        return Text("")
    running = look.style(State.RUNNING)
    if step.reruns is not None:
        return Text(f"{look.glyph(State.RUNNING)} {step.reruns}", running)
    if step.at_least:
        return Text(f"{look.glyph(State.RUNNING)} {step.at_least} or more", running)
    return Text("not known yet", look.style(State.PENDING))
