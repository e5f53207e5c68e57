"""Cuts text to a width in cells."""

from __future__ import annotations

from rich.cells import cell_len

ELLIPSIS = "…"


def fit(text: str, width: int) -> str:
    """`text` if it takes at most `width` cells, else its beginning and an ellipsis.

    A wide character that would be cut in half is left out, so the result may be a cell shorter.
    """
    if cell_len(text) <= width:
        return text
    if width < 1:
        return ""
    taken = 0
    for i, character in enumerate(text):
        taken += cell_len(character)
        if taken > width - 1:
            return text[:i] + ELLIPSIS
    return text


def pad(text: str, width: int) -> str:
    """`text` cut or filled with spaces on the right to exactly `width` cells."""
    cut = fit(text, width)
    return cut + " " * (width - cell_len(cut))
