"""The tasks of the selected step: which are listed, in which order, and a title that says so."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from flowtui.failures import Failures
from flowtui.logs.sanitise import one_line
from flowtui.model import Attempt, Key, Ms, Task
from flowtui.screens.causes import Causes
from flowtui.screens.explained import Explained
from flowtui.sources.base import RunSource
from flowtui.store import Applied, RunStore
from flowtui.task_filter import HINT
from flowtui.theme import Look
from flowtui.widgets.attempt_bar import AttemptBar
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.row_list import RowList
from flowtui.widgets.task_list import TaskList
from flowtui.widgets.task_rows import Order


class TasksPane(Vertical):
    """The list, and below it the attempts of the task under its cursor."""

    def __init__(self, look: Look, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._look = look
        self._store: RunStore | None = None
        self._step: str | None = None
        self._causes: Causes | None = None
        self._in_view: Sequence[Key] = ()

    def compose(self) -> ComposeResult:
        yield TaskList(self._look, id="task-list")
        with Vertical(id="attempts"):
            yield Explained(self._look)

    @property
    def list(self) -> TaskList:
        return self.query_one(TaskList)

    @property
    def place(self) -> tuple[str, int] | None:
        """File and line where the exception shown was raised."""
        return self.query_one(Explained).exception.place

    def show(self, store: RunStore, step: str) -> None:
        """List the tasks of a step."""
        self._store, self._step = store, step
        status = store.steps.get(step)
        self.list.show(store.tasks(step), store.now, f"{status.reason}." if status else "")
        self._title()

    def renew(self, store: RunStore, applied: Applied) -> None:
        """Follow what was applied to the store."""
        self.list.processes = store.processes
        mine = [task for task in applied.tasks if task.step == self._step]
        if mine:
            self.list.update(mine, store.now)
            self._look_again()
        if self._step in applied.steps or applied.graph:
            self._title()

    def look_into(self, source: RunSource, keys: Sequence[Key]) -> None:
        """Find out what the tasks in view failed of."""
        if self._causes is None and self._store is not None:
            self._causes = Causes(source, self._store, self._told_more)
            self.list.explain(self._causes.told)
        self._in_view = keys
        self._look_again()

    def on_unmount(self) -> None:
        if self._causes is not None:
            self._causes.stop()

    def _look_again(self) -> None:
        store = self._store
        if self._causes is not None and store is not None:
            known = (store.task(*key) for key in self._in_view)
            self._causes.look([task for task in known if task is not None])

    def _told_more(self) -> None:
        """Called in the reader's thread."""
        if self._causes is not None:
            self.app.call_later(self.list.explain, self._causes.told)

    def tick(self, now: Ms) -> None:
        """Move the running times."""
        self.list.tick(now)
        self.query_one(AttemptBar).tick(now)

    def show_attempt(
        self,
        source: RunSource | None,
        store: RunStore,
        task: Task | None,
        attempt: Attempt | None,
    ) -> None:
        """Show the attempts of the task under the cursor, and one of them."""
        self.query_one(Explained).show(source, store, task, attempt)
        frame = self.query_one("#attempts")
        frame.border_title = Content(one_line(f"{task.step}/{task.id}") if task else "")

    def go_to(self, task: str, *, by_hand: bool) -> None:
        """Put the cursor on a task, also on one that the filters hide: they are lifted then."""
        if not self.list.go_to(task, by_hand=by_hand):
            self.show_all()
            self.list.go_to(task, by_hand=by_hand)

    # Which are listed, and in which order

    def show_group(self, group: Failures) -> None:
        """List only the tasks that failed alike, the first of them under the cursor."""
        what = " at ".join(part for part in (group.cause.kind, group.cause.where) if part)
        self.list.show_only(frozenset(task.id for task in group.tasks), what)
        self.list.go_to(group.first.id)
        self._title()

    def show_all(self) -> None:
        """Lift all filters."""
        self.list.show_all()
        self._title()

    def toggle_failed_only(self) -> None:
        """List only what wants a look, or all again."""
        self.list.set_filter(failed_only=not self.list.failed_only)
        self._title()

    def ask_filter(self, find_bar: FindBar) -> None:
        """Let the person type what the tasks are filtered by."""
        find_bar.ask(
            f"filter the tasks: {HINT}",
            self.list.filter_text,
            typed=self._filter,
            kept=self._take_focus,
        )

    def sort_next(self) -> None:
        """Order the tasks by what comes next."""
        orders = [order for order in Order if order is not Order.FOREACH or self.list.labelled]
        at = orders.index(self.list.order) if self.list.order in orders else -1
        self._sort(orders[(at + 1) % len(orders)], reverse=False)

    def turn_round(self) -> None:
        """Turn the order upside down."""
        self._sort(self.list.order, reverse=not self.list.reverse)

    def on_row_list_heading_clicked(self, message: RowList.HeadingClicked) -> None:
        column = Order.FOREACH if message.column in self.list.levels else message.column
        if column in list(Order):
            order = Order(column)
            self._sort(order, reverse=order is self.list.order and not self.list.reverse)

    def _sort(self, order: Order, *, reverse: bool) -> None:
        self.list.sort(order, reverse=reverse)
        self._title()

    def _take_focus(self, _kept: str) -> None:
        self.list.focus()

    def _filter(self, text: str) -> None:
        self.list.set_filter(text=text)
        self._title()

    def _title(self) -> None:
        if self._store is not None:
            self.list.border_title = Content(self._described(self._store))

    def _described(self, store: RunStore) -> str:
        """The step, what it is a foreach over, how many of its tasks are listed, and how."""
        graph, step, tasks = store.graph, self._step, self.list
        parts = [one_line(step or "", 60)]
        if step is not None and step in graph:
            before = graph.predecessors.get(step, ())
            names = [graph[name].foreach_artifact for name in before if name in graph]
            parts += [f"foreach {one_line(name, 40)}" for name in names if name]
        if tasks.failed_only or tasks.filter_text or tasks.picked:
            parts.append(f"{tasks.row_count:,} of {tasks.total:,} tasks")
            parts += [one_line(tasks.picked, 60)] if tasks.picked else []
            parts += ["failed only"] if tasks.failed_only else []
            parts += [f"/{one_line(tasks.filter_text, 40)}"] if tasks.filter_text else []
        else:
            parts.append(f"{tasks.total:,} task{'s' if tasks.total != 1 else ''}")
        if tasks.order is not Order.TASK or tasks.reverse:
            parts.append(f"by {tasks.order}{' reversed' if tasks.reverse else ''}")
        return " · ".join(parts)
