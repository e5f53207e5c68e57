"""One run, live: its graph, the tasks of a step, the attempts of a task, and their logs."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message

from flowtui.commands import Command, Scope, bindings, commands, key_bar
from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, UNSUCCESSFUL, Attempt, Changes, Ms, State, Target, Task
from flowtui.poller import Opened, Polled, Trouble
from flowtui.screens.attempt_logs import AttemptLogs
from flowtui.screens.feeds import RunFeed, RunNews
from flowtui.screens.log import LogScreen
from flowtui.screens.panes import PaneScreen
from flowtui.screens.step_log import StepLogScreen
from flowtui.screens.titles import tasks_title
from flowtui.screens.ways import compare, copy_pathspec, open_origin
from flowtui.sources.base import RunSource
from flowtui.store import Applied, RunStore
from flowtui.theme import Look
from flowtui.widgets.attempt_bar import AttemptBar
from flowtui.widgets.dag_view import DagView
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.log_pane import LogPane
from flowtui.widgets.pane_tabs import PaneTabs
from flowtui.widgets.run_header import LeftOut, RunHeader
from flowtui.widgets.task_list import TaskList
from flowtui.widgets.task_rows import Order

_TICK = 1.0
"""Seconds between two repaints of what counts up by itself."""


class RunScreen(PaneScreen):
    """Wires a run's store to its panes; follows the run's frontier until the person moves."""

    PANES = (("graph", "Graph"), ("tasks", "Tasks"), ("logs", "Logs"))
    BINDINGS = bindings(Scope.BACK, Scope.RUN, Scope.ATTEMPT)

    class Broken(Message):
        """The run could not be opened, or does not hold what the target names."""

        def __init__(self, sentence: str, not_found: bool) -> None:
            super().__init__()
            self.sentence = sentence
            self.not_found = not_found

    class ResumeWanted(Message):
        """The person asks to resume the run."""

        def __init__(self, store: RunStore, source: RunSource) -> None:
            super().__init__()
            self.store = store
            self.source = source

    def __init__(
        self,
        target: Target,
        open_source: Callable[[], RunSource],
        *,
        interval: float,
        look: Look,
        read_only: bool,
    ) -> None:
        super().__init__()
        self._target, self._look, self._read_only = target, look, read_only
        self._feed = (open_source, interval)
        self._run_feed: RunFeed | None = None
        self._store: RunStore | None = None
        self._read_at: float | None = None
        self._trouble: str | None = None
        self._left_out: LeftOut | None = None
        self._reading = False
        self._started = False
        self._moved = False
        self._failure_shown = False
        self._step: str | None = None
        self._current: Task | None = None
        self._attempt: int | None = None

    @property
    def store(self) -> RunStore | None:
        """What is known of the run; None until its source has answered."""
        return self._store

    def visit(self, step: str, task: str | None = None) -> None:
        """Select a step, or one of its tasks, and show the tasks."""
        if self._store is not None and step in self._store.graph:
            self._moved = True
            self._go_to(self._store, step, task)
            self.focus_pane("tasks")

    # Layout

    def compose(self) -> ComposeResult:
        yield RunHeader(self._look)
        yield PaneTabs(self.PANES)
        with Vertical(id="body"):
            with Horizontal(id="upper"):
                yield DagView(self._look, id="graph")
                with Vertical(id="tasks"):
                    yield TaskList(self._look, id="task-list")
                    with Vertical(id="attempts"):
                        yield AttemptBar(self._look)
            yield AttemptLogs(id="logs")
        yield KeyBar()
        yield FindBar(id="find")

    def on_mount(self) -> None:
        open_source, interval = self._feed
        self.query_one(DagView).border_title = Content("graph")
        self.query_one(DagView).focus()
        self._show_header()
        self.set_interval(_TICK, self._tick)
        self._run_feed = RunFeed(self, open_source, interval)

    def on_unmount(self) -> None:
        if self._run_feed is not None:
            self._run_feed.stop()

    def on_screen_suspend(self) -> None:
        # The screen above may read the same logs.
        self.query_one(AttemptLogs).pause(True)

    def on_screen_resume(self) -> None:
        self.query_one(AttemptLogs).pause(False)

    def on_descendant_focus(self, _event: DescendantFocus) -> None:
        self._show_keys()

    def _show_keys(self) -> None:
        scopes = [Scope.RUN, Scope.ATTEMPT, Scope.APP]
        if isinstance(self.focused, LogPane):
            scopes.append(Scope.LOG)
        available: list[Command] = list(commands(*scopes, read_only=self._read_only))
        self.query_one(KeyBar).show(key_bar(available))

    # News from the poller

    def on_run_news(self, message: RunNews) -> None:
        news = message.news
        dull = False
        if isinstance(news, Opened):
            self._store = RunStore(news.description)
            self.query_one(DagView).show(self._store)
        elif isinstance(news, Polled):
            # Without news the header waits for the next tick, which shows the picture's age anyway.
            dull = not (news.changes or self._trouble or self._notes_differ(news.changes))
            self._read_at, self._trouble = time.monotonic(), None
            self._apply(news.changes)
        else:
            self._take_trouble(news)
        if not dull:
            self._show_header()
        message.taken.set()

    def _take_trouble(self, trouble: Trouble) -> None:
        if self._read_at is None:
            self.post_message(self.Broken(trouble.sentence, trouble.not_found))
            return
        self._trouble = trouble.sentence
        if trouble.retry_in is not None:
            self._trouble += f" Next try in {trouble.retry_in:.0f} s."

    def _notes_differ(self, changes: Changes) -> bool:
        """Take in what a poll says of itself; whether it says something else than the last."""
        before = (self._left_out, self._reading)
        if changes.trouble is None:
            self._left_out = None
        elif self._left_out is None or self._left_out.sentence != changes.trouble:
            self._left_out = LeftOut(changes.trouble, changes.now)
        self._reading = changes.more
        return before != (self._left_out, self._reading)

    def _apply(self, changes: Changes) -> None:
        store = self._store
        if store is None:
            return
        first = not store.now
        applied = store.apply(changes)
        if not self._started:
            self._start_at_target(store, last_chance=not changes.more)
        if applied.graph or applied.steps:
            self.query_one(DagView).show(store, None if first else applied.steps)
        self._renew_tasks(store, applied)
        if not self._moved:
            self._follow_frontier(store)
        for screen in self.app.screen_stack:
            if isinstance(screen, StepLogScreen) and screen.belongs_to(store):
                screen.renew()

    def _start_at_target(self, store: RunStore, *, last_chance: bool) -> None:
        """Go to what the target names; what is missing may still be read, up to the last chance."""
        target, missing = self._target, store.missing(self._target)
        self._started = missing is None or last_chance
        if not self._started:
            return
        if missing is not None:
            self.post_message(self.Broken(missing, True))
        elif target.step is not None:
            self._moved = True
            self.query_one(DagView).show(store)
            self._go_to(store, target.step, target.task)
            self.query_one(TaskList).focus()

    def _follow_frontier(self, store: RunStore) -> None:
        failure = store.first_failure() if store.status.state in UNSUCCESSFUL else None
        step = failure.step if failure else store.frontier()
        fresh = failure is not None and not self._failure_shown
        self._failure_shown = failure is not None
        if step is not None and (step != self._step or fresh):
            self._go_to(store, step, failure.id if failure else None, by_hand=False)

    def _renew_tasks(self, store: RunStore, applied: Applied) -> None:
        tasks = self.query_one(TaskList)
        tasks.processes = store.processes
        mine = [task for task in applied.tasks if task.step == self._step]
        if mine:
            tasks.update(mine, store.now)
        if self._step in applied.steps or applied.graph:
            self._show_title(store)
        if self._current is not None and any(task.key == self._current.key for task in mine):
            self._current = store.task(*self._current.key)
            self._show_attempt()

    # What is selected

    def _go_to(
        self, store: RunStore, step: str, task: str | None = None, *, by_hand: bool = True
    ) -> None:
        """Select a step, and in its list a task."""
        self.query_one(DagView).select(step)
        tasks = self.query_one(TaskList)
        if step != self._step:
            self._step, self._current = step, None
            status = store.steps.get(step)
            tasks.show(store.tasks(step), store.now, f"{status.reason}." if status else "")
            self._show_title(store)
        if task is not None and not tasks.go_to(task, by_hand=by_hand):
            tasks.set_filter(failed_only=False, text="")
            tasks.go_to(task, by_hand=by_hand)

    def on_dag_view_selected(self, message: DagView.Selected) -> None:
        self._moved = True
        if self._store is not None:
            self._go_to(self._store, message.step)

    def on_dag_view_opened(self) -> None:
        self.action_drill()

    def on_task_list_moved(self, message: TaskList.Moved) -> None:
        self._moved = self._moved or message.by_hand
        before = self._current.key if self._current else None
        self._current = message.task
        if self._store is not None and message.task is not None:
            # The message may be older than the last change set.
            self._current = self._store.task(*message.task.key)
        if before != (message.task.key if message.task else None):
            self._attempt = None
        self._show_attempt()

    def on_task_list_in_view(self, message: TaskList.InView) -> None:
        source = self._source()
        if source is not None:
            source.attend(message.keys)

    def on_task_list_opened(self) -> None:
        self.action_drill()

    def on_attempt_bar_chosen(self, message: AttemptBar.Chosen) -> None:
        self._attempt = message.number
        self._show_attempt()

    def _caught_up(self) -> Task | None:
        """The selected task, also when what the list tells of it has yet to arrive."""
        selected = self.query_one(TaskList).current
        key = self._current.key if self._current else None
        if selected is not None and selected.key != key:
            self.on_task_list_moved(TaskList.Moved(selected, True))
        return self._current

    def _chosen(self) -> Attempt | None:
        """The attempt shown: the one picked, else the last."""
        attempts = self._current.attempts if self._current else ()
        picked = [attempt for attempt in attempts if attempt.number == self._attempt]
        return picked[0] if picked else attempts[-1] if attempts else None

    def _show_attempt(self) -> None:
        store, task, attempt = self._store, self._current, self._chosen()
        if store is None:
            return
        self.query_one(AttemptBar).show(task, attempt, store.now)
        frame = self.query_one("#attempts")
        frame.border_title = Content(one_line(f"{task.step}/{task.id}") if task else "")
        self.query_one(AttemptLogs).show(self._source(), store.description, task, attempt)
        for screen in self.app.screen_stack:
            if isinstance(screen, LogScreen) and screen.belongs_to(store):
                screen.renew()

    def _source(self) -> RunSource | None:
        return self._run_feed.poller.source if self._run_feed else None

    # Header and titles

    def _show_header(self) -> None:
        store = self._store
        title = store.description.pathspec if store else str(self._target)
        self.query_one(RunHeader).show(
            title,
            store,
            read_at=self._read_at,
            trouble=self._trouble,
            left_out=self._left_out,
            reading=self._reading,
            paused=bool(self._run_feed and self._run_feed.poller.paused),
        )

    def _show_title(self, store: RunStore) -> None:
        tasks = self.query_one(TaskList)
        tasks.border_title = Content(tasks_title(store.graph, self._step, tasks))

    def _tick(self) -> None:
        """Move what counts up by itself: ages and running times."""
        self._show_header()
        store = self._store
        feed = self._run_feed
        if store is None or self._read_at is None or store.status.state in FINISHED:
            return
        if feed is not None and feed.poller.paused:
            return
        # The source's clock, carried on from when it was last read.
        now = store.now + int((time.monotonic() - self._read_at) * 1000)
        self.query_one(TaskList).tick(Ms(now))
        attempt = self._chosen()
        if attempt is not None and attempt.state is State.RUNNING:
            self.query_one(AttemptBar).show(self._current, attempt, Ms(now))

    # Actions

    def action_back(self) -> None:
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif not isinstance(self.focused, DagView):
            self.focus_pane("graph")
        elif self.app.screen_stack.index(self) > 1:
            self.dismiss(None)
        else:
            self.notify("This is the outermost screen: q leaves flowtui.", timeout=3)

    def action_drill(self) -> None:
        source, task = self._source(), self._caught_up()
        if isinstance(self.focused, DagView):
            self.focus_pane("tasks")
        elif self._store is not None and source is not None and task is not None:
            self.app.push_screen(LogScreen(self._store, source, task, self._attempt, self._look))

    def action_first_failure(self) -> None:
        store = self._store
        failure = store.first_failure() if store else None
        if store is None or failure is None:
            self.notify("Nothing has failed.", timeout=3)
            return
        self.visit(failure.step, failure.id)

    def action_failed_only(self) -> None:
        tasks = self.query_one(TaskList)
        tasks.set_filter(failed_only=not tasks.failed_only)
        if self._store is not None:
            self._show_title(self._store)

    def action_sort(self) -> None:
        tasks = self.query_one(TaskList)
        orders = [order for order in Order if order is not Order.FOREACH or tasks.labelled]
        at = orders.index(tasks.order) if tasks.order in orders else -1
        self._sort(orders[(at + 1) % len(orders)], reverse=False)

    def action_reverse(self) -> None:
        tasks = self.query_one(TaskList)
        self._sort(tasks.order, reverse=not tasks.reverse)

    def _sort(self, order: Order, *, reverse: bool) -> None:
        self.query_one(TaskList).sort(order, reverse=reverse)
        if self._store is not None:
            self._show_title(self._store)

    def action_attempt(self, step: int) -> None:
        attempt = self._chosen()
        if self._current is None or attempt is None:
            return
        numbers = [known.number for known in self._current.attempts]
        at = numbers.index(attempt.number) + step
        self._attempt = numbers[max(0, min(at, len(numbers) - 1))]
        self._show_attempt()

    def action_pause(self) -> None:
        if self._run_feed is not None:
            self._run_feed.poller.pause(not self._run_feed.poller.paused)
            self._show_header()

    def action_refresh_now(self) -> None:
        if self._run_feed is not None:
            self._run_feed.poller.wake()

    def action_copy(self) -> None:
        if self._store is not None:
            copy_pathspec(self, self._store.description.pathspec, self._current, self._step)

    def action_merge(self) -> None:
        self.query_one(AttemptLogs).toggle_merged()

    def action_compare(self) -> None:
        source = self._source()
        task = self._caught_up()
        if self._store is not None and source is not None and task is not None:
            stream = "stderr" if self.query_one("#stderr", LogPane).has_focus else "stdout"
            chosen = self._chosen()
            compare(self, self._store, source, task, chosen, stream, self._look)

    def action_origin(self) -> None:
        if self._store is not None:
            open_origin(self, self._store, self._current, self._chosen())

    def action_step_logs(self) -> None:
        source = self._source()
        if self._store is not None and source is not None and self._step is not None:
            self.app.push_screen(StepLogScreen(self._store, source, self._step))

    def action_find(self) -> None:
        self.focus_pane("tasks")
        tasks = self.query_one(TaskList)
        self.call_after_refresh(
            self.query_one(FindBar).ask,
            "filter the tasks: id, foreach label or state; ! first: all others",
            tasks.filter_text,
            typed=self._filter_tasks,
            kept=self._focus_tasks,
        )

    def _focus_tasks(self, _kept: str) -> None:
        self.query_one(TaskList).focus()

    def _filter_tasks(self, text: str) -> None:
        self.query_one(TaskList).set_filter(text=text)
        if self._store is not None:
            self._show_title(self._store)

    def action_resume(self) -> None:
        source = self._source()
        if self._store is not None and source is not None and not self._read_only:
            self.post_message(self.ResumeWanted(self._store, source))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """With `--read-only` the commands that act do not exist."""
        return not (self._read_only and action in ("resume",))
