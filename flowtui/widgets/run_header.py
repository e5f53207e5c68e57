"""The top of a run's screen: what it is, how it stands and why, and how fresh that is."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from flowtui.lanes import SEVERITY
from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, State
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.times import stopwatch
from flowtui.widgets.freshness import Freshness

_STATE_ROOM = 42
"""Cells that state, elapsed time and freshness may take beside the title."""

_ROOMY = 110
"""Columns from which everything about the run fits in the first line."""


class RunHeader(Widget):
    """Two lines, drawn from the store; what is wrong with the picture replaces the reason."""

    DEFAULT_CSS = """
    RunHeader { dock: top; height: 2; padding: 0 1; background: $panel; }
    """

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._store: RunStore | None = None
        self._fresh = Freshness()
        self._title = self._link = ""

    def show(self, title: str, store: RunStore | None, fresh: Freshness, link: str) -> None:
        """Show this; `link` is the command that opens it, told where there is room."""
        self._title, self._store, self._fresh, self._link = title, store, fresh, link
        self.refresh()

    def render(self) -> RenderResult:
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True)
        warning = self._fresh.warning(self._look)
        first, second = self._state_of_run(), warning or self._reason()
        if self._store is not None:
            # In a narrow window the counts are worth more than the reason's end.
            roomy = self.size.width >= _ROOMY
            line = first if roomy else Text()
            line.append_text(self._counts(self._store))
            if not roomy and warning is None:
                second = line.append("  ").append_text(second)
        grid.add_row(first, self._freshness())
        origin = self._origin()
        link = Text(f"  {self._link}", "dim")
        if max(first.cell_len, second.cell_len) + origin.cell_len + link.cell_len < self.size.width:
            origin.append_text(link)
        grid.add_row(second, origin)
        return grid

    def _state_of_run(self) -> Text:
        text = Text(no_wrap=True)
        text.append(_shortened(one_line(self._title, 200), self.size.width - _STATE_ROOM), "bold")
        if self._store is None:
            return text
        state = self._store.status.state
        text.append("  ")
        text.append(f"{self._look.glyph(state)} {state}", self._look.style(state))
        created = self._store.description.created_at
        end = (
            self._store.status.finished_at
            if state in FINISHED
            else self._fresh.now(self._store.now)
        )
        if created is not None and end is not None:
            text.append(f" {stopwatch(end - created)}  ")
        return text

    def _counts(self, store: RunStore) -> Text:
        text = Text(self._progress(store), no_wrap=True)
        for state in SEVERITY:
            if store.counts.get(state):
                text.append("  ")
                count = f"{self._look.glyph(state)}{store.counts[state]:,}"
                text.append(count, self._look.style(state))
        if store.retried:
            text.append(f"  {store.retried:,} retried")
        return text

    @staticmethod
    def _progress(store: RunStore) -> str:
        if store.expected is not None:
            return f"{store.finished:,} of {max(store.expected, store.finished):,} tasks"
        return f"{store.finished:,} task{'s' if store.finished != 1 else ''} done"

    def _freshness(self) -> Text:
        if self._store is None:
            return Text("")
        return self._fresh.told(self._store.description.source, self._look)

    def _reason(self) -> Text:
        if self._store is None:
            return Text("Reading the run …", "dim")
        return Text(one_line(self._store.status.reason), "dim", no_wrap=True)

    def _origin(self) -> Text:
        if self._store is None or not self._store.description.origin_run:
            return Text("")
        run = self._store.description
        # The oldest ones give way first.
        chain = [one_line(name, 40) for name in (*run.origin_runs, run.run)]
        arrow = " > " if self._look.ascii else " → "
        while len(chain) > 2 and len(arrow.join(chain)) > self.size.width // 2:
            chain = ["…", *chain[2 if chain[0] == "…" else 1 :]]
        told = arrow.join(chain)
        if len(chain) == 2 or len(told) > self.size.width // 2:
            told = f"resumed from {chain[-2]}"
        return Text(f" {self._look.glyph(State.CLONED)} {told}", "dim")


def _shortened(pathspec: str, room: int) -> str:
    """A pathspec in `room` cells if the flow's name can give way: the run tells runs apart."""
    flow, slash, run = pathspec.rpartition("/")
    if len(pathspec) <= room or len(run) + 8 > room:
        return pathspec
    return f"{flow[: room - len(run) - 2]}…{slash}{run}"
