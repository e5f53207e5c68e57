"""The logs of one attempt on the whole screen."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.events import DescendantFocus
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from flowtui.commands import COMMANDS, Scope, bindings, bound
from flowtui.failures import flow_files
from flowtui.logs.sanitise import one_line
from flowtui.model import UNSUCCESSFUL, Task
from flowtui.screens.attempt_logs import AttemptLogs
from flowtui.screens.explained import Explained
from flowtui.screens.selection import Picked, Selection
from flowtui.screens.wanted import CodeWanted
from flowtui.screens.ways import copy_pathspec, open_origin
from flowtui.screens.why import WhyScreen
from flowtui.sources.base import RunSource
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.widgets.attempt_bar import AttemptBar
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.log_pane import LogPane


class LogScreen(Screen[None]):
    """Both streams of a task's attempts; `[` and `]` go through them, Escape leads back.

    What was raised stands at their head. Keys of a log that mean nothing there are those of the
    pane that had the focus last.
    """

    SCOPES = (Scope.BACK, Scope.ATTEMPT, Scope.LOG)
    BINDINGS = [
        *bindings(Scope.BACK, Scope.ATTEMPT),
        *(
            bound(command.id, f"screen.in_log({command.action!r})")
            for command in COMMANDS
            if command.scope is Scope.LOG
        ),
    ]
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
        self._selected = Selection(task.step, task, attempt)

    def compose(self) -> ComposeResult:
        task = self._current
        where = f"{self._store.description.pathspec}/{task.step}/{task.id}"
        label = f"  {task.label}" if task.label else ""
        yield Static(Content(one_line(where + label)), id="where", markup=False)
        yield Explained(self._look, foldable=True)
        yield AttemptLogs()
        yield KeyBar()
        yield FindBar(id="find")

    def on_mount(self) -> None:
        self.renew()
        attempt = self._selected.attempt
        unsuccessful = attempt is not None and attempt.state in UNSUCCESSFUL
        self._mark(self.query_one(AttemptLogs).pane("stderr" if unsuccessful else "stdout"))
        exception = self.query_one(Explained).exception
        # Now, so that a key typed at once goes on from there.
        self.set_focus(exception if exception.display else self.pane)

    def on_resize(self) -> None:
        self.set_class(self.size.width < 100, "-narrow")

    def belongs_to(self, store: RunStore) -> bool:
        """Whether this screen shows a task of that store's run."""
        return self._store is store

    def renew(self) -> None:
        """Take over what the store knows now of the task."""
        store, selected = self._store, self._selected
        selected.task = store.task(*self._current.key) or selected.task
        attempt = selected.attempt
        explained = self.query_one(Explained)
        explained.show(self._source, store, selected.task, attempt)
        if not explained.exception.display and explained.exception.has_focus:
            self.pane.focus()
        self.query_one(AttemptLogs).show(self._source, store.description, selected.task, attempt)

    def picked(self) -> Picked:
        """What a command of the person's own is about."""
        run, task = self._store.description, self._current
        return Picked(run, self._source, task.step, task, self._selected.attempt)

    @property
    def pane(self) -> LogPane:
        """The log that had the focus last."""
        panes = list(self.query_one(AttemptLogs).panes)
        return next((pane for pane in panes if pane.has_class("-current")), panes[0])

    @property
    def _current(self) -> Task:
        task = self._selected.task
        assert task is not None  # noqa: S101
        return task

    def action_back(self) -> None:
        self.dismiss(None)

    def action_attempt(self, step: int) -> None:
        self._selected.step_attempt(step)
        self.renew()

    def action_pane(self, step: int) -> None:
        exception = self.query_one(Explained).exception
        panes: list[Widget] = [exception] if exception.display else []
        panes += self.query_one(AttemptLogs).panes
        # What has the focus now: a widget learns of it only with its next message.
        at = panes.index(self.focused) if self.focused in panes else -step
        pane = panes[(at + step) % len(panes)]
        if isinstance(pane, LogPane):
            self._mark(pane)
        # Zoom shows the current pane only, and one that was hidden until now cannot take the focus.
        self.app.stylesheet.update(self)
        self.set_focus(pane)

    async def action_in_log(self, action: str) -> None:
        """Do in the log that had the focus last what one of its keys means."""
        await self.app.run_action(action, self.pane)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        if isinstance(event.widget, LogPane):
            self._mark(event.widget)
        first = Scope.LOG if isinstance(self.focused, LogPane) else Scope.EXCEPTION
        scopes = (first, Scope.BACK, Scope.ATTEMPT, Scope.LOG, Scope.APP)
        self.query_one(KeyBar).show(*scopes)

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
        attempt = self._selected.attempt
        # The person may never ask for it.
        from flowtui.screens.compare import compare

        compare(self, self._store, self._source, self._current, attempt, stream, self._look)

    def action_origin(self) -> None:
        open_origin(self, self._store, self._current, self._selected.attempt)

    def action_why(self) -> None:
        self.app.push_screen(WhyScreen(self._store, self._source, self._selected, self._look))

    def action_inspect(self) -> None:
        from flowtui.screens.inspector import InspectorScreen

        screen = InspectorScreen(self._store, self._source, self._selected, self._look)
        self.app.push_screen(screen)

    def action_code(self) -> None:
        place = self.query_one(Explained).exception.place
        self.post_message(CodeWanted(place, flow_files(self._store.graph)))

    def on_attempt_bar_chosen(self, message: AttemptBar.Chosen) -> None:
        self._selected.number = message.number
        self.renew()
