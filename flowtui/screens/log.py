"""The logs of one attempt on the whole screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.events import DescendantFocus
from textual.screen import Screen
from textual.widgets import Static

from flowtui.commands import Scope, bindings, commands, key_bar
from flowtui.logs.sanitise import one_line
from flowtui.model import UNSUCCESSFUL, Attempt, Task
from flowtui.screens.attempt_logs import AttemptLogs
from flowtui.screens.ways import compare, copy_pathspec, open_origin
from flowtui.sources.base import RunSource
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.widgets.attempt_bar import AttemptBar
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.log_pane import LogPane


class LogScreen(Screen[None]):
    """Both streams of a task's attempts; `[` and `]` go through them, Escape leads back."""

    BINDINGS = bindings(Scope.BACK, Scope.ATTEMPT)
    DEFAULT_CSS = """
    LogScreen #where { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    LogScreen AttemptLogs { height: 1fr; }
    LogScreen.-narrow AttemptLogs { layout: vertical; }
    LogScreen.-zoomed LogPane { display: none; }
    LogScreen.-zoomed LogPane.-current { display: block; }
    """

    def __init__(
        self, store: RunStore, source: RunSource, task: Task, attempt: int | None, look: Look
    ) -> None:
        super().__init__()
        self._store, self._source, self._look = store, source, look
        self._current = task
        self._number = attempt

    def compose(self) -> ComposeResult:
        where = f"{self._store.description.pathspec}/{self._current.step}/{self._current.id}"
        label = f"  {self._current.label}" if self._current.label else ""
        yield Static(Content(one_line(where + label)), id="where", markup=False)
        yield AttemptBar(self._look)
        yield AttemptLogs()
        yield KeyBar()
        yield FindBar(id="find")

    def on_mount(self) -> None:
        self.renew()
        attempt = self._attempt()
        unsuccessful = attempt is not None and attempt.state in UNSUCCESSFUL
        stream = "stderr" if unsuccessful else "stdout"
        self.query_one(AttemptLogs).pane(stream).focus()
        here = commands(Scope.APP, Scope.BACK, Scope.ATTEMPT, Scope.LOG)
        self.query_one(KeyBar).show(key_bar(here))

    def on_resize(self) -> None:
        self.set_class(self.size.width < 100, "-narrow")

    def belongs_to(self, store: RunStore) -> bool:
        """Whether this screen shows a task of that store's run."""
        return self._store is store

    def renew(self) -> None:
        """Take over what the store knows now of the task."""
        self._current = self._store.task(*self._current.key) or self._current
        attempt = self._attempt()
        self.query_one(AttemptBar).show(self._current, attempt, self._store.now)
        self.query_one(AttemptLogs).show(
            self._source, self._store.description, self._current, attempt
        )

    def action_back(self) -> None:
        self.dismiss(None)

    def action_attempt(self, step: int) -> None:
        numbers = [attempt.number for attempt in self._current.attempts]
        attempt = self._attempt()
        if attempt is not None:
            at = numbers.index(attempt.number) + step
            self._number = numbers[max(0, min(at, len(numbers) - 1))]
            self.renew()

    def action_pane(self, step: int) -> None:
        panes = list(self.query_one(AttemptLogs).panes)
        at = next((i for i, pane in enumerate(panes) if pane.has_focus), -step)
        pane = panes[(at + step) % len(panes)]
        self._mark(pane)
        # Zoom shows the current pane only, and one that was hidden until now cannot take the focus.
        self.app.stylesheet.update(self)
        self.set_focus(pane)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if isinstance(event.widget, LogPane):
            self._mark(event.widget)

    def _mark(self, current: LogPane) -> None:
        """The pane that had the focus last, also while something is typed elsewhere."""
        for pane in self.query(LogPane):
            pane.set_class(pane is current, "-current")

    def action_zoom(self) -> None:
        self.toggle_class("-zoomed")

    def action_merge(self) -> None:
        self.query_one(AttemptLogs).toggle_merged()

    def action_copy(self) -> None:
        copy_pathspec(self, self._store.description.pathspec, self._current)

    def action_compare(self) -> None:
        stream = "stderr" if self.query_one("#stderr", LogPane).has_focus else "stdout"
        compare(self, self._store, self._source, self._current, self._attempt(), stream, self._look)

    def action_origin(self) -> None:
        open_origin(self, self._store, self._current, self._attempt())

    def on_attempt_bar_chosen(self, message: AttemptBar.Chosen) -> None:
        self._number = message.number
        self.renew()

    def _attempt(self) -> Attempt | None:
        attempts = self._current.attempts
        chosen = [attempt for attempt in attempts if attempt.number == self._number]
        return chosen[0] if chosen else attempts[-1] if attempts else None
