"""The last gate before the terminal: no control character of remote text gets past it."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from flowtui.logs.sanitise import UNSAFE


class OutputFilter(LineFilter):
    """Replaces what should have been removed before: C0, DEL, C1, bidi controls and the like."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [
            Segment(UNSAFE.sub("�", segment.text), segment.style, segment.control)
            if UNSAFE.search(segment.text)
            else segment
            for segment in segments
        ]
