"""How a flow's file differs from the code that a run ran with: what a resume would run instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from flowtui.actions.resume import read_flow_file
from flowtui.logs.sanitise import plain_text
from flowtui.model import FlowSource, Ms

MOST_LINES = 400
"""Lines of a difference that are shown."""

MOST_COMPARED = 5_000
"""Lines of a file that are compared: every other one changed, that many take seconds."""


@dataclass(frozen=True, slots=True)
class CodeChange:
    """What is known of a change: `sentence` says it, None where the file is what ran.

    `warns` is whether other code would run, or may. `lines` are a unified diff from what ran to the
    file, safe to show.
    """

    sentence: str | None
    warns: bool = True
    lines: Sequence[str] = ()


def code_change(file: Path, ran: FlowSource | None, began: Ms | None) -> CodeChange:
    """Compare a file with the one in the run's code package.

    Where there is none, `ran` is None, and only the file's time tells: whether it is later than
    `began`, the run's start. Raises ActionError for a file that cannot be read.
    """
    source = read_flow_file(file)
    if ran is None:
        return _by_time(file, began)
    if source == ran.text:
        return CodeChange(None, warns=False)
    before, after = (
        [plain_text(line) for line in text.split(b"\n")] for text in (ran.text, source)
    )
    if max(len(before), len(after)) > MOST_COMPARED:
        return CodeChange(f"{file.name} is not what ran; it is too long to say what has changed.")
    lines = list(unified_diff(before, after, "as it ran", "now", n=2, lineterm=""))
    if not lines:
        return CodeChange(f"{file.name} is not what ran, in nothing that can be shown.")
    added = sum(line.startswith("+") for line in lines[2:])
    removed = sum(line.startswith("-") for line in lines[2:])
    left_out = len(lines) - MOST_LINES
    shown = [*lines[:MOST_LINES], f"… {left_out:,} lines more"] if left_out > 0 else lines
    sentence = f"{file.name} is not what ran: {_lines(added)} added, {removed:,} removed since."
    return CodeChange(sentence, lines=shown)


def _by_time(file: Path, began: Ms | None) -> CodeChange:
    kept = "the run kept no copy of its code"
    try:
        changed = Ms(int(file.stat().st_mtime * 1000))
    except OSError:
        changed = None
    if changed is None or began is None:
        return CodeChange(f"Whether {file.name} has changed is not known: {kept}.")
    if changed > began:
        return CodeChange(f"{file.name} was written after the run began, and {kept}.")
    return CodeChange(f"{file.name} is older than the run; {kept}.", warns=False)


def _lines(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"
