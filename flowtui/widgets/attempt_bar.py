"""The attempts of the selected task as tabs, and what is known of the selected one."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, Attempt, Ms, State, Task
from flowtui.theme import Look
from flowtui.times import clock, span, stopwatch


class AttemptBar(Widget):
    """Two lines: tabs, one per attempt, and the state, times and reason of the selected one."""

    COMPONENT_CLASSES = {"attempt-bar--tab", "attempt-bar--selected", "attempt-bar--dim"}
    DEFAULT_CSS = """
    AttemptBar { height: 2; padding: 0 1; background: $surface; }
    AttemptBar > .attempt-bar--tab { color: $foreground-muted; }
    AttemptBar > .attempt-bar--selected { background: $primary 45%; text-style: bold; }
    AttemptBar > .attempt-bar--dim { color: $foreground-muted; }
    """

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._current: Task | None = None
        self._selected: Attempt | None = None
        self._now = Ms(0)
        self._places: list[tuple[int, int, int]] = []

    def show(self, task: Task | None, selected: Attempt | None, now: Ms) -> None:
        """Show a task's attempts with one of them selected."""
        self._current, self._selected, self._now = task, selected, now
        self.refresh()

    def tick(self, now: Ms) -> None:
        """Move the running time of the selected attempt."""
        task = self._current
        counts = task is not None and task.state in (State.RUNNING, State.WAITING)
        if counts and now != self._now:
            self._now = now
            self.refresh()

    def render(self) -> Text:
        self._places.clear()
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        if self._current is None:
            return text
        text.append_text(self._tabs(self._current))
        text.append("\n")
        text.append_text(self._details(self._current))
        return text

    def on_click(self, event: Click) -> None:
        # The widget's padding of one cell comes before the text.
        x = int(event.x) - 1
        for start, end, number in self._places:
            if start <= x < end and event.y == 0:
                self.post_message(self.Chosen(number))

    def _tabs(self, task: Task) -> Text:
        tabs = Text()
        for attempt in task.attempts:
            chosen = self._selected is not None and attempt.number == self._selected.number
            name = "attempt-bar--selected" if chosen else "attempt-bar--tab"
            style = self.get_component_rich_style(name)
            start = tabs.cell_len
            tabs.append(f" attempt {attempt.number} ", style)
            glyph = self._look.glyph(attempt.state)
            tabs.append(f"{glyph} ", style + self._look.style(attempt.state))
            took = attempt.state is not State.CLONED and attempt.finished_at is not None
            if took and attempt.started_at is not None and attempt.finished_at is not None:
                tabs.append(f"{span(attempt.finished_at - attempt.started_at)} ", style)
            self._places.append((start, tabs.cell_len, attempt.number))
            tabs.append(" ")
        if not task.attempts:
            tabs.append("no attempt yet", self.get_component_rich_style("attempt-bar--dim"))
        return tabs

    def _details(self, task: Task) -> Text:
        shown = self._selected
        state, reason = (shown.state, shown.reason) if shown else (task.state, task.reason)
        details = Text()
        details.append(f"{self._look.glyph(state)} {state}", self._look.style(state))
        dim = self.get_component_rich_style("attempt-bar--dim", partial=True)
        if shown is not None and shown.started_at is not None and state is not State.CLONED:
            details.append(f"  {clock(shown.started_at)}", dim)
            end = shown.finished_at
            if end is None and state not in FINISHED:
                end = self._now
            if end is not None:
                details.append(" · ", dim)
                details.append(span(end - shown.started_at), Style.null())
        details.append(f"  {one_line(reason)}", dim)
        if task.state is State.WAITING and shown is task.attempts[-1] and task.retry_at is not None:
            left = task.retry_at - self._now
            due = f"next attempt in {stopwatch(left)}" if left > 0 else "the next attempt is due"
            details.append(f"  {due}", self._look.style(State.WAITING))
        return details
