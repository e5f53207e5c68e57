"""Which attempt is on which side of a comparison, and how each of them ended."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from flowtui.model import Attempt
from flowtui.theme import Look
from flowtui.widgets.diff_marks import NARROW, halves


class DiffTitles(Widget):
    """One line above a `DiffView`, in line with its halves."""

    DEFAULT_CSS = """
    DiffTitles { height: 1; background: $surface; }
    """

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._attempts: tuple[Attempt, ...] = ()

    def show(self, left: Attempt, right: Attempt) -> None:
        """Name these two attempts."""
        self._attempts = (left, right)
        self.refresh()

    def render(self) -> Text:
        text = Text(no_wrap=True, end="", overflow="ellipsis")
        if not self._attempts:
            return text
        left, right = self._attempts
        text.append_text(self._title("-", left))
        if self.app.size.width < NARROW:
            text.append("   ")
        else:
            # The view has a scrollbar, one cell wide.
            text.pad_right(max(1, halves(self.size.width - 1)[0] + 1 - text.cell_len))
        return text.append_text(self._title("+", right))

    def _title(self, mark: str, attempt: Attempt) -> Text:
        title = Text(f" {mark} ")
        title.append(f"attempt {attempt.number} ", "bold")
        shown = f"{self._look.glyph(attempt.state)} {attempt.state}"
        return title.append(shown, self._look.style(attempt.state))
