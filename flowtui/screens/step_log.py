"""The logs of all running tasks of a step as one, each line with its task's label."""

from __future__ import annotations

import re
from dataclasses import replace

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from flowtui.commands import Scope, bindings
from flowtui.logs.sanitise import one_line
from flowtui.logs.tails import Growth, Part, Tail
from flowtui.model import FINISHED, STREAMS, Attempt, State, Task
from flowtui.screens.feeds import LogFeed, LogNews
from flowtui.sources.base import RunSource, SourceError
from flowtui.store import RunStore
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.log_pane import LogPane

MOST_TASKS = 64
"""Tasks whose logs are followed at a time: each takes open files, or requests."""


class StepLogScreen(Screen[None]):
    """Follows the tasks that run, also those that start later, until the person leaves.

    Of a step in which nothing runs the logs of its first tasks are shown.
    """

    SCOPES = (Scope.BACK,)
    BINDINGS = bindings(*SCOPES)
    DEFAULT_CSS = """
    StepLogScreen #where { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    StepLogScreen LogPane { height: 1fr; }
    """

    def __init__(self, store: RunStore, source: RunSource, step: str) -> None:
        super().__init__()
        self._store, self._source, self._step = store, source, step
        self._followed: dict[tuple[str, int], range] = {}
        """Which parts of the tail are those of a task's attempt."""
        self._left_out = 0
        self._over = False
        self._tail = Tail([], open_ended=self._is_open)
        self._feed: LogFeed | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="where", markup=False)
        yield LogPane("step")
        yield KeyBar()
        yield FindBar(id="find")

    def on_mount(self) -> None:
        pane = self.query_one(LogPane)
        run = self._store.description
        pane.file_name = re.sub(r"[^A-Za-z0-9_-]+", "_", f"{run.flow}-{run.run}-{self._step}.log")
        pane.clear(tail=self._tail)
        running = self._now_running()
        self._follow(running or list(self._store.tasks(self._step).values()))
        self._feed = LogFeed(self, self._tail)
        pane.focus()
        self.renew()
        self.query_one(KeyBar).show(Scope.LOG, Scope.BACK, Scope.APP)

    def on_unmount(self) -> None:
        if self._feed is not None:
            self._feed.stop()
        self._tail.close()

    def on_log_news(self, message: LogNews) -> None:
        self.query_one(LogPane).grow(message.growth)
        self._tell()
        message.taken.set()

    def belongs_to(self, store: RunStore) -> bool:
        """Whether this screen shows tasks of that store's run."""
        return self._store is store

    def renew(self) -> None:
        """Follow the tasks that have started since."""
        self._over = self._store.status.state in FINISHED
        self._follow(self._now_running())
        self._tell()

    def action_back(self) -> None:
        self.dismiss(None)

    def _now_running(self) -> list[Task]:
        tasks = self._store.tasks(self._step).values()
        return [task for task in tasks if task.state is State.RUNNING]

    def _is_open(self) -> bool:
        return not self._over

    def _follow(self, tasks: list[Task]) -> None:
        """Add the last attempts of these tasks, as far as there is room."""
        self._left_out = 0
        for task in tasks:
            attempt = task.attempts[-1] if task.attempts else None
            if attempt is None or attempt.state is State.CLONED:
                continue
            if (task.id, attempt.number) in self._followed:
                self._relabel(task, attempt)
                continue
            if len(self._followed) >= MOST_TASKS:
                self._left_out += 1
                continue
            first = len(self._tail.parts)
            try:
                self._tail.add(self._parts(task, attempt))
            except SourceError as error:
                self.query_one(LogPane).trouble = str(error)
            self._followed[task.id, attempt.number] = range(first, len(self._tail.parts))

    def _parts(self, task: Task, attempt: Attempt) -> list[Part]:
        logs = [self._source.log(*task.key, attempt.number, stream) for stream in STREAMS]
        return [replace(part, label=_label(task, attempt)) for log in logs for part in log]

    def _relabel(self, task: Task, attempt: Attempt) -> None:
        """Say of a task that is followed what is known of it by now: labels may come late."""
        label = _label(task, attempt)
        for number in self._followed[task.id, attempt.number]:
            part = self._tail.parts[number]
            if part.label != label:
                self._tail.parts[number] = replace(part, label=label)
                self.query_one(LogPane).grow(Growth())

    def _tell(self) -> None:
        running = len(self._now_running())
        number = len(self._followed)
        amounts = [f"{running:,} running", f"{number:,} task{'s' if number != 1 else ''} shown"]
        if self._left_out:
            amounts.append(f"{self._left_out:,} more left out")
        where = f"{self._store.description.pathspec}/{self._step}  {' · '.join(amounts)}"
        self.query_one("#where", Static).update(Content(one_line(where)))
        pane = self.query_one(LogPane)
        pane.title(one_line(self._step, 60), ended=self._over)
        if not pane.line_count:
            pane.note = pane.trouble or self._why_empty(running)

    def _why_empty(self, running: int) -> str:
        if not self._followed:
            if self._store.tasks(self._step):
                return "Cloned: these logs are with the run that was resumed."
            if self._over:
                return "No task of this step has run."
            return "Nothing yet: no task of this step has started."
        if running and "runtime:dev" in self._store.description.system_tags:
            return (
                "Nothing yet: without `--with live_logs` Metaflow stores a local attempt's log "
                "when the attempt ends."
            )
        return "Nothing yet." if running else "These tasks wrote nothing."


def _label(task: Task, attempt: Attempt) -> str:
    """The foreach label of a task, or its id, and which attempt it is if not the first."""
    retry = f" #{attempt.number}" if attempt.number else ""
    return f"{task.label or task.id}{retry}"
