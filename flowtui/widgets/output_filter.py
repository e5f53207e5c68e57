"""The last gate before the terminal: no control character of remote text gets past it."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


class OutputFilter(LineFilter):
    """Replaces what should have been removed before: C0, DEL, C1, bidi controls, surrogates."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [
            Segment(_HARMFUL.sub("�", segment.text), segment.style, segment.control)
            if _HARMFUL.search(segment.text)
            else segment
            for segment in segments
        ]
