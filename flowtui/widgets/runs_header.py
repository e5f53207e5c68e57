"""The top of the list of runs: how they stand, where they are listed from, how fresh that is."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from flowtui.model import State
from flowtui.theme import Look
from flowtui.widgets.freshness import Freshness
from flowtui.widgets.run_columns import told_counts


class RunsHeader(Widget):
    """Two lines; what is wrong with the picture replaces where it is from."""

    DEFAULT_CSS = """
    RunsHeader { dock: top; height: 2; padding: 0 1; background: $panel; }
    """

    def __init__(self, look: Look, title: str) -> None:
        super().__init__()
        self._look, self._title = look, title
        self._counts: Mapping[State | None, int] = {}
        self._fresh = Freshness()
        self._source = self._place = self._link = ""

    def show(
        self,
        counts: Mapping[State | None, int],
        fresh: Freshness,
        *,
        source: str,
        place: str,
        link: str,
    ) -> None:
        """Show this; `link` is the command that opens it, told where there is room."""
        self._counts, self._fresh = counts, fresh
        self._source, self._place, self._link = source, place, link
        self.refresh()

    def render(self) -> RenderResult:
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True)
        first = Text(no_wrap=True).append(self._title, "bold")
        first.append_text(told_counts(self._counts, self._look))
        if unknown := self._counts.get(None):
            first.append(f"  {unknown:,} not looked into", "dim")
        grid.add_row(first, self._fresh.told(self._source, self._look))
        second = self._fresh.warning(self._look) or Text(self._place, "dim", no_wrap=True)
        link = Text(f"  {self._link}", "dim")
        fits = max(first.cell_len, second.cell_len) + link.cell_len < self.size.width
        grid.add_row(second, link if fits else "")
        return grid
