"""Names of the panes where only one fits at a time; a click shows another."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widget import Widget


class PaneTabs(Widget):
    """One line of pane names, the current one marked."""

    COMPONENT_CLASSES = {"pane-tabs--current"}
    DEFAULT_CSS = """
    PaneTabs {
        height: 1; padding: 0 1; background: $panel; color: $foreground-muted; display: none;
    }
    PaneTabs > .pane-tabs--current { background: $primary; color: $text; text-style: bold; }
    """

    class Chosen(Message):
        """A name was clicked."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, panes: Sequence[tuple[str, str]]) -> None:
        """`panes` are (id, name) pairs."""
        super().__init__()
        self._panes = panes
        self._current = panes[0][0]
        self._places: list[tuple[int, int, str]] = []

    def rename(self, pane: str, name: str) -> None:
        """Call a pane by another name."""
        self._panes = [(known, name if known == pane else old) for known, old in self._panes]
        self.refresh()

    def show(self, current: str) -> None:
        """Mark a pane as the one that is shown."""
        self._current = current
        self.refresh()

    def render(self) -> Text:
        self._places.clear()
        text = Text(no_wrap=True, end="")
        for pane, name in self._panes:
            start = text.cell_len
            style = self.get_component_rich_style("pane-tabs--current", partial=True)
            text.append(f" {name} ", style if pane == self._current else "")
            self._places.append((start, text.cell_len, pane))
            text.append(" ")
        return text

    def on_click(self, event: Click) -> None:
        # The widget's padding of one cell comes before the text.
        for start, end, pane in self._places:
            if start <= event.x - 1 < end:
                self.post_message(self.Chosen(pane))
