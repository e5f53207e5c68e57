"""The top of a run's screen: what it is, how it stands and why, and how fresh that is."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text
from textual.app import RenderResult
from textual.widget import Widget

from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, Ms, State
from flowtui.store import RunStore
from flowtui.task_index import SEVERITY
from flowtui.theme import Look
from flowtui.times import age, clock, stopwatch

_STATE_ROOM = 42
"""Cells that state, elapsed time and freshness may take beside the title."""

_ROOMY = 110
"""Columns from which everything about the run fits in the first line."""

STALE = 10.0
"""Seconds after which the age of the picture is shown as a warning."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What the source could not read and leaves out of the picture, and since when."""

    sentence: str
    since: Ms


class RunHeader(Widget):
    """Two lines, drawn from the store; `trouble` replaces the reason while a provider fails, and so
    does what is left out."""

    DEFAULT_CSS = """
    RunHeader { dock: top; height: 2; padding: 0 1; background: $panel; }
    """

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._store: RunStore | None = None
        self._read_at: float | None = None
        self._trouble: str | None = None
        self._left_out: LeftOut | None = None
        self._reading = False
        self._paused = False
        self._title = ""

    def show(
        self,
        title: str,
        store: RunStore | None,
        *,
        read_at: float | None,
        trouble: str | None,
        left_out: LeftOut | None,
        reading: bool,
        paused: bool,
    ) -> None:
        """Show this; `read_at` is the monotonic second of the last good poll, and `reading` is
        whether the picture still lacks what the next one brings."""
        self._title, self._store, self._read_at = title, store, read_at
        self._trouble, self._paused = trouble, paused
        self._left_out, self._reading = left_out, reading
        self.refresh()

    def render(self) -> RenderResult:
        grid = Table.grid(expand=True)
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", no_wrap=True)
        first, second = self._state_of_run(), self._trouble_or_reason()
        if self._store is not None:
            # In a narrow window the counts are worth more than the reason's end.
            roomy = self.size.width >= _ROOMY
            line = first if roomy else Text()
            line.append_text(self._counts(self._store))
            if not roomy and self._trouble is None and self._left_out is None:
                second = line.append("  ").append_text(second)
        grid.add_row(first, self._freshness())
        grid.add_row(second, self._origin())
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
        end = self._store.status.finished_at if state in FINISHED else self._now()
        if created is not None and end is not None:
            text.append(f" {stopwatch(end - created)}  ")
        return text

    def _now(self) -> int:
        """The source's clock, carried on from when it was last read; paused, it stands still."""
        if self._store is None:
            return 0
        if self._read_at is None or self._paused:
            return self._store.now
        return self._store.now + int((time.monotonic() - self._read_at) * 1000)

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
        source = self._store.description.source
        if self._paused:
            return Text(f" {source} · paused", self._look.style(State.WAITING))
        if self._read_at is None:
            return Text(f" {source}", "dim")
        seconds = time.monotonic() - self._read_at
        told = "reading …" if self._reading else "now"
        text = f" {source} · {age(int(seconds * 1000)) + ' ago' if seconds >= 1 else told}"
        return Text(text, self._look.style(State.LOST) if seconds > STALE else "dim")

    def _trouble_or_reason(self) -> Text:
        if self._trouble is not None:
            return Text(one_line(self._trouble), self._look.style(State.LOST), no_wrap=True)
        if self._left_out is not None:
            since = f"since {clock(self._left_out.since)}: "
            sentence = one_line(self._left_out.sentence)
            return Text(since + sentence, self._look.style(State.LOST), no_wrap=True)
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
