"""One run, live: its graph, the tasks of a step, the attempts of a task, and their logs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Literal

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import DescendantFocus
from textual.message import Message

from flowtui.commands import Scope, bindings
from flowtui.failures import Failures, flow_files
from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, UNSUCCESSFUL, Changes, Target, Task
from flowtui.notices import Notice, Watch
from flowtui.poller import Opened, Polled, Trouble
from flowtui.screens.attempt_logs import AttemptLogs
from flowtui.screens.feeds import RunFeed, RunNews
from flowtui.screens.followers import Follower
from flowtui.screens.links import command_to_open, copy_command
from flowtui.screens.panes import PaneScreen
from flowtui.screens.place import Place
from flowtui.screens.selection import Picked, Selection
from flowtui.screens.tasks_pane import TasksPane
from flowtui.screens.views_pane import ViewsPane
from flowtui.screens.wanted import Broken, CodeWanted, Jump, RunsWanted
from flowtui.screens.ways import copy_pathspec, open_origin
from flowtui.sources.base import RunSource
from flowtui.sources.registry import Where
from flowtui.store import Applied, RunStore
from flowtui.theme import Look
from flowtui.widgets import run_view
from flowtui.widgets.attempt_bar import AttemptBar
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.freshness import Freshness
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.log_pane import LogPane
from flowtui.widgets.pane_tabs import PaneTabs
from flowtui.widgets.run_header import RunHeader
from flowtui.widgets.task_list import TaskList

_FAILED_TASKS = 50
"""Failed tasks that the palette offers to jump to."""

_TICK = 1.0
"""Seconds between two repaints of what counts up by itself."""


class RunScreen(PaneScreen):
    """Wires a run's store to its panes; follows the run's frontier until the person moves.

    The screens that it leads to are imported when they are opened: the first frame needs none.
    """

    PANES = (("views", "Graph"), ("tasks", "Tasks"), ("logs", "Logs"))
    SCOPES = (Scope.RUN, Scope.ATTEMPT, Scope.BACK)
    PANE_SCOPES = (Scope.VIEW, Scope.LOG)
    BINDINGS = bindings(*SCOPES)

    class Happened(Message):
        """The run has ended, or failed for the first time."""

        def __init__(self, notice: Notice) -> None:
            super().__init__()
            self.notice = notice

    class ActWanted(Message):
        """The person asks to do something with the run."""

        def __init__(
            self,
            what: Literal["resume", "stop", "launch log"],
            store: RunStore,
            source: RunSource,
        ) -> None:
            super().__init__()
            self.what = what
            self.store = store
            self.source = source

    def __init__(
        self,
        target: Target,
        where: Where,
        open_source: Callable[[], RunSource],
        *,
        interval: float,
        look: Look,
        read_only: bool,
        then: Literal["resume"] | None = None,
    ) -> None:
        """`then` is what the person wants to do with the run as soon as it is read."""
        super().__init__()
        self._target, self._look, self._read_only = target, look, read_only
        self.where = where
        self._then = then
        self._feed = (open_source, interval)
        self._run_feed: RunFeed | None = None
        self._store: RunStore | None = None
        self._fresh = Freshness()
        self._started = False
        self._moved = False
        self._failure_shown = False
        self._selected = Selection()
        self._watch = Watch()

    @property
    def store(self) -> RunStore | None:
        """What is known of the run; None until its source has answered."""
        return self._store

    def picked(self) -> Picked | None:
        """What a command of the person's own is about; None before the source has answered."""
        if self._store is None:
            return None
        task, selected = self._caught_up(), self._selected
        step = selected.step
        return Picked(self._store.description, self._source(), step, task, selected.attempt)

    def visit(self, step: str, task: str | None = None) -> None:
        """Select a step, or one of its tasks, and show the tasks."""
        if self._store is not None and step in self._store.graph:
            self._moved = True
            self._go_to(self._store, step, task)
            self.focus_pane("tasks")

    def jumps(self) -> Iterator[Jump]:
        """Where the palette leads: the steps, and the tasks that failed."""
        if self._store is None:
            return
        for name, step in self._store.steps.items():
            yield f"step {one_line(name, 60)}", partial(self.visit, name), step.reason
        for task in islice(self._store.unsuccessful(), _FAILED_TASKS):
            title = one_line(f"task {task.step}/{task.id} {task.label or ''}", 80)
            yield title, partial(self.visit, *task.key), one_line(task.reason)

    # Layout

    def compose(self) -> ComposeResult:
        self.fit(self.app.size)
        yield RunHeader(self._look)
        yield PaneTabs(self.PANES)
        with Vertical(id="body", classes="-current"):
            with Horizontal(id="upper", classes="-current"):
                yield ViewsPane(self._look, id="views", classes="-current")
                yield TasksPane(self._look, id="tasks")
            yield AttemptLogs(id="logs")
        yield KeyBar()
        yield FindBar(id="find")

    def on_mount(self) -> None:
        self._views.current.focus()
        self._show_header()
        self.set_interval(_TICK, self._tick)
        # The run is read by a thread, which would take turns with the first frame.
        self.call_after_refresh(self._read)

    def _read(self) -> None:
        open_source, interval = self._feed
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
        of_pane = Place.of(self, self.focused).of_pane
        scopes = (*of_pane, Scope.RUN, Scope.ATTEMPT, Scope.APP)
        self.query_one(KeyBar).show(*scopes, read_only=self._read_only)

    # News from the poller

    def on_run_news(self, message: RunNews) -> None:
        news = message.news
        dull = False
        if isinstance(news, Opened):
            self._store = RunStore(news.description)
            self._views.show(self._store, None)
        elif isinstance(news, Polled):
            # Without news the header waits for the next tick, which shows the picture's age anyway.
            dull = not self._fresh.poll(news.changes) and not news.changes
            self._apply(news.changes)
        else:
            self._take_trouble(news)
        if not dull:
            self._show_header()
        message.taken.set()

    def _take_trouble(self, trouble: Trouble) -> None:
        if self._fresh.read_at is None:
            self.post_message(Broken(trouble.sentence, trouble.not_found))
        else:
            self._fresh.fail(trouble.sentence, trouble.retry_in)

    def _apply(self, changes: Changes) -> None:
        store = self._store
        if store is None:
            return
        first = not store.now
        applied = store.apply(changes)
        if not self._started:
            self._start_at_target(store, last_chance=not changes.more)
        if applied.graph or applied.steps:
            self._views.show(store, None if first else applied)
        self._tasks.renew(store, applied)
        self._renew_selected(store, applied)
        if not self._moved:
            self._follow_frontier(store)
        notice = None if changes.more else self._watch.look(store)
        if notice is not None:
            self.post_message(self.Happened(notice))
        if not changes.more and self._then is not None:
            # Once all tasks are there: a resume's preview counts them.
            wanted, self._then = self._then, None
            self._act(wanted)
        if changes:
            for screen in self.app.screen_stack:
                if isinstance(screen, Follower) and screen.belongs_to(store):
                    screen.renew()

    def _start_at_target(self, store: RunStore, *, last_chance: bool) -> None:
        """Go to what the target names; what is missing may still be read, up to the last chance."""
        target, missing = self._target, store.missing(self._target)
        self._started = missing is None or last_chance
        if not self._started:
            return
        if missing is not None:
            self.post_message(Broken(missing, True))
        elif target.step is not None:
            self._moved = True
            self._views.show(store, None)
            self._go_to(store, target.step, target.task)
            self.query_one(TaskList).focus()

    def _follow_frontier(self, store: RunStore) -> None:
        failure = store.first_failure() if store.status.state in UNSUCCESSFUL else None
        step = failure.step if failure else store.frontier()
        fresh = failure is not None and not self._failure_shown
        self._failure_shown = failure is not None
        if step is not None and (step != self._selected.step or fresh):
            self._go_to(store, step, failure.id if failure else None, by_hand=False)

    def _renew_selected(self, store: RunStore, applied: Applied) -> None:
        current = self._selected.task
        if current is not None and any(task.key == current.key for task in applied.tasks):
            self._selected.task = store.task(*current.key)
            self._show_attempt()

    # What is selected

    def _go_to(
        self, store: RunStore, step: str, task: str | None = None, *, by_hand: bool = True
    ) -> None:
        """Select a step, and in its list a task."""
        self._views.select(step, task)
        self._list(store, step, task, by_hand=by_hand)

    def _list(self, store: RunStore, step: str, task: str | None, *, by_hand: bool) -> None:
        if step != self._selected.step:
            self._selected = Selection(step)
            self._tasks.show(store, step)
        if task is not None:
            self._tasks.go_to(task, by_hand=by_hand)

    def on_picked(self, message: run_view.Picked) -> None:
        self._moved = True
        if self._store is None:
            return
        # The view shows it already, and may have gone on since: it is not told again.
        self._list(self._store, message.step, message.task, by_hand=False)
        if message.attempt is not None:
            self._caught_up()
            self._selected.number = message.attempt
            self._show_attempt()

    def on_following(self, message: run_view.Following) -> None:
        store = self._store
        if store is not None and store.status.state not in FINISHED:
            self._moved = not message.wanted
            if message.wanted:
                self._follow_frontier(store)

    def on_opened(self, _message: run_view.Opened) -> None:
        self.action_drill()

    def on_task_list_moved(self, message: TaskList.Moved) -> None:
        self._moved = self._moved or message.by_hand
        task = message.task
        if self._store is not None and task is not None:
            # The message may be older than the last change set.
            task = self._store.task(*task.key)
        self._selected.go(task)
        if message.by_hand and task is not None:
            self._views.select(*task.key)
        self._show_attempt()

    def on_task_list_in_view(self, message: TaskList.InView) -> None:
        source = self._source()
        if source is not None:
            source.attend(message.keys)
            self._tasks.look_into(source, message.keys)

    def on_row_list_opened(self) -> None:
        self.action_drill()

    def on_attempt_bar_chosen(self, message: AttemptBar.Chosen) -> None:
        self._selected.number = message.number
        self._show_attempt()

    def _caught_up(self) -> Task | None:
        """The selected task, also when what the list tells of it has yet to arrive."""
        selected = self.query_one(TaskList).current
        key = self._selected.task.key if self._selected.task else None
        if selected is not None and selected.key != key:
            self.on_task_list_moved(TaskList.Moved(selected, True))
        return self._selected.task

    def _show_attempt(self) -> None:
        store, task, attempt = self._store, self._selected.task, self._selected.attempt
        if store is None:
            return
        self._show_header()
        source = self._source()
        self._tasks.show_attempt(source, store, task, attempt)
        self.query_one(AttemptLogs).show(source, store.description, task, attempt)

    @property
    def _views(self) -> ViewsPane:
        return self.query_one(ViewsPane)

    @property
    def _tasks(self) -> TasksPane:
        return self.query_one(TasksPane)

    def _run_id(self) -> str:
        return self._store.description.run if self._store else self._target.run

    def _source(self) -> RunSource | None:
        return self._run_feed.poller.source if self._run_feed else None

    # Header and titles

    def _show_header(self) -> None:
        store = self._store
        title = store.description.pathspec if store else str(self._target)
        self.query_one(RunHeader).show(title, store, self._fresh, self._link())

    def _link(self) -> str:
        """The command that opens what is selected."""
        if self._store is None:
            return command_to_open(self.where, str(self._target))
        described, selected = self._store.description, self._selected
        task = selected.task.id if selected.task else None
        step = selected.step if self._moved else None
        place = Target(described.flow, described.run, step, task if step else None)
        return command_to_open(self.where, str(place))

    def _tick(self) -> None:
        """Move what counts up by itself: ages and running times."""
        self._show_header()
        store, fresh = self._store, self._fresh
        if store is None or fresh.read_at is None or store.status.state in FINISHED:
            return
        if not fresh.paused:
            now = fresh.now(store.now)
            self._views.tick(now)
            self._tasks.tick(now)

    # Actions

    def action_back(self) -> None:
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif self._tasks.list.picked and self._tasks.list.has_focus:
            self._tasks.show_all()
        elif not isinstance(self.focused, run_view.RunView):
            self.focus_pane("views")
        elif self.app.screen_stack.index(self) > 1:
            self.dismiss(None)
        else:
            self.post_message(RunsWanted(self.where, (self._target.flow, self._run_id())))

    def action_drill(self) -> None:
        source, task = self._source(), self._caught_up()
        if isinstance(self.focused, run_view.RunView):
            self.focus_pane("tasks")
        elif self._store is not None and source is not None and task is not None:
            from flowtui.screens.log import LogScreen

            self.app.push_screen(
                LogScreen(self._store, source, task, self._selected.number, self._look)
            )

    def action_first_failure(self) -> None:
        store = self._store
        failure = store.first_failure() if store else None
        if store is None or failure is None:
            self.notify("Nothing has failed.", timeout=3)
            return
        self.visit(failure.step, failure.id)

    def action_failed_only(self) -> None:
        self._tasks.toggle_failed_only()

    def action_view(self, name: str) -> None:
        self._views.switch(name)

    def on_views_pane_changed(self, message: ViewsPane.Changed) -> None:
        self.query_one(PaneTabs).rename("views", message.name.capitalize())
        self.set_class(message.name != "graph", "-wide-view")

    def action_sort(self) -> None:
        focused = self.focused
        (focused if isinstance(focused, run_view.Ordered) else self._tasks).sort_next()

    def action_reverse(self) -> None:
        focused = self.focused
        (focused if isinstance(focused, run_view.Ordered) else self._tasks).turn_round()

    def action_attempt(self, step: int) -> None:
        self._selected.step_attempt(step)
        self._show_attempt()

    def action_pause(self) -> None:
        if self._run_feed is not None:
            self._fresh.paused = not self._fresh.paused
            self._run_feed.poller.pause(self._fresh.paused)
            self._show_header()

    def action_refresh_now(self) -> None:
        if self._run_feed is not None:
            self._run_feed.poller.wake()

    def action_copy(self) -> None:
        if self._store is not None:
            selected = self._selected
            copy_pathspec(self, self._store.description.pathspec, selected.task, selected.step)

    def action_copy_link(self) -> None:
        copy_command(self, self._link())

    def action_merge(self) -> None:
        self.query_one(AttemptLogs).toggle_merged()

    def action_compare(self) -> None:
        source = self._source()
        task = self._caught_up()
        if self._store is not None and source is not None and task is not None:
            from flowtui.screens.compare import compare

            stream = "stderr" if self.query_one("#stderr", LogPane).has_focus else "stdout"
            chosen = self._selected.attempt
            compare(self, self._store, source, task, chosen, stream, self._look)

    def action_origin(self) -> None:
        if self._store is not None:
            open_origin(self, self._store, self._selected.task, self._selected.attempt)

    def action_step_logs(self) -> None:
        source = self._source()
        step = self._selected.step
        if self._store is not None and source is not None and step is not None:
            from flowtui.screens.step_log import StepLogScreen

            self.app.push_screen(StepLogScreen(self._store, source, step))

    def action_failures(self) -> None:
        source, store = self._source(), self._store
        if store is None or source is None:
            return
        from flowtui.screens.failures import FailuresScreen

        def chosen(group: Failures | None) -> None:
            if group is not None:
                self._moved = True
                self._go_to(store, group.step)
                self._tasks.show_group(group)
                self.focus_pane("tasks")

        self.app.push_screen(FailuresScreen(store, source, self._look), chosen)

    def action_why(self) -> None:
        source = self._source()
        self._caught_up()
        if self._store is not None and source is not None:
            from flowtui.screens.why import WhyScreen

            of_step = isinstance(self.focused, run_view.RunView)
            self.app.push_screen(
                WhyScreen(self._store, source, self._selected, self._look, of_step=of_step)
            )

    def action_inspect(self) -> None:
        source = self._source()
        self._caught_up()
        if self._store is not None and source is not None:
            from flowtui.screens.inspector import InspectorScreen

            of_step = isinstance(self.focused, run_view.RunView)
            self.app.push_screen(
                InspectorScreen(self._store, source, self._selected, self._look, of_step=of_step)
            )

    def action_code(self) -> None:
        files = flow_files(self._store.graph) if self._store else frozenset()
        self.post_message(CodeWanted(self._tasks.place, files))

    def action_find(self) -> None:
        focused, find_bar = self.focused, self.query_one(FindBar)
        if isinstance(focused, run_view.Filtered):
            focused.ask_filter(find_bar)
        else:
            self.focus_pane("tasks")
            self.call_after_refresh(self._tasks.ask_filter, find_bar)

    def action_resume(self) -> None:
        self._act("resume")

    def action_stop(self) -> None:
        self._act("stop")

    def action_launch_log(self) -> None:
        self._act("launch log")

    def _act(self, what: Literal["resume", "stop", "launch log"]) -> None:
        source = self._source()
        if self._store is not None and source is not None:
            self.post_message(self.ActWanted(what, self._store, source))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """With `--read-only` the commands that act do not exist."""
        return not (self._read_only and action in ("resume", "stop"))
