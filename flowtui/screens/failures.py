"""The failures of a run in groups: what was raised, where, and how many tasks it took."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from flowtui.commands import Scope, bindings
from flowtui.failures import (
    EXPLAINED,
    Cause,
    ExceptionReader,
    Failures,
    Grouping,
    Outcome,
    Place,
    cause,
    failed_attempt,
    place_of,
)
from flowtui.logs.sanitise import one_line
from flowtui.model import Attempt, Key, State, Task
from flowtui.sources.base import RunSource
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.times import clock
from flowtui.widgets.key_bar import KeyBar

_RENEW = 0.25
"""Seconds between two looks at what has been read since."""


class FailureList(OptionList):
    """The list of groups, with the keys of the catalogue."""

    pane_name = "failures"
    BINDINGS = bindings(Scope.LIST)
    DEFAULT_CSS = """
    FailureList {
        height: 1fr; border: none; padding: 0; background: $surface; scrollbar-size-vertical: 1;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    FailureList > .option-list--option { padding: 0 1; }
    FailureList:focus { border: none; }
    FailureList:focus > .option-list--option-highlighted {
        background: $primary 45%; color: $foreground; text-style: none;
    }
    """

    def action_scroll_down(self) -> None:
        self.action_cursor_down()

    def action_scroll_up(self) -> None:
        self.action_cursor_up()

    def action_scroll_home(self) -> None:
        self.action_first()

    def action_scroll_end(self) -> None:
        self.action_last()


class FailuresScreen(Screen[Failures | None]):
    """Closes with the group whose tasks are to be listed, or without one.

    Reads the logs of what went wrong as long as it is open, those that ended first before the
    others; follows the run.
    """

    SCOPES = (Scope.BACK, Scope.FAILURES)
    BINDINGS = bindings(*SCOPES)
    DEFAULT_CSS = """
    FailuresScreen #where { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    FailuresScreen #progress { height: 2; padding: 0 1; background: $surface; }
    FailuresScreen #nothing { height: 1fr; padding: 1 2; color: $foreground-muted; display: none; }
    FailuresScreen.-nothing #nothing { display: block; }
    FailuresScreen.-nothing FailureList { display: none; }
    """

    def __init__(self, store: RunStore, source: RunSource, look: Look) -> None:
        super().__init__()
        self._store, self._source, self._look = store, source, look
        self._tasks: dict[Key, Task] = {}
        self._due: dict[Key, tuple[Task, Attempt]] = {}
        self._known: dict[Place, Cause] = {}
        self._read: deque[tuple[Task, Attempt, Outcome]] = deque()
        self._grouping = Grouping()
        self._groups: Sequence[Failures] = ()
        self._trouble: str | None = None
        self._reader = ExceptionReader(source, store, self._publish)

    def compose(self) -> ComposeResult:
        where = f"{self._store.description.pathspec}  failures"
        yield Static(Content(one_line(where)), id="where", markup=False)
        yield Static(id="progress", markup=False)
        yield FailureList(id="groups", markup=False)
        yield Static(id="nothing", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(KeyBar).show(Scope.FAILURES, Scope.BACK, Scope.APP)
        self.query_one(FailureList).focus()
        self._reader.start()
        self.renew()
        self._show()
        self.set_interval(_RENEW, self._renew_groups)

    def on_unmount(self) -> None:
        self._reader.stop()

    def belongs_to(self, store: RunStore) -> bool:
        """Whether this screen shows that store's run."""
        return self._store is store

    def renew(self) -> None:
        """Look into the logs of what has gone wrong since."""
        self._take_read()
        before = self._tasks
        self._tasks = {t.key: t for t in self._store.all_tasks() if t.state in EXPLAINED}
        for key in before.keys() - self._tasks.keys():
            self._grouping.drop(key)
            self._due.pop(key, None)
        changed = [task for key, task in self._tasks.items() if task is not before.get(key)]
        for task in changed:
            self._take(task)
        if changed or len(before) != len(self._tasks):
            self._reader.want(sorted(self._due.values(), key=_ended))
            self._show()

    def action_back(self) -> None:
        self.dismiss(None)

    def action_list_tasks(self) -> None:
        at = self.query_one(FailureList).highlighted
        if at is not None and at < len(self._groups):
            self.dismiss(self._groups[at])

    def on_option_list_option_selected(self) -> None:
        self.action_list_tasks()

    def _take(self, task: Task) -> None:
        """Take in a task that is new or differs."""
        self._grouping.drop(task.key)
        self._due.pop(task.key, None)
        attempt = failed_attempt(task)
        if attempt is None:
            return
        known = self._known.get(place_of(task, attempt))
        if known is None:
            self._due[task.key] = (task, attempt)
        else:
            self._grouping.put(task, known)

    def _publish(self, task: Task, attempt: Attempt, outcome: Outcome) -> None:
        """Called in the reader's thread."""
        self._read.append((task, attempt, outcome))

    def _take_read(self) -> bool:
        """Take in what was read by now; whether that was something."""
        count = len(self._read)
        for _ in range(count):
            task, attempt, outcome = self._read.popleft()
            self._trouble = outcome.trouble or self._trouble
            known = cause(attempt, outcome)
            if outcome.final:
                self._known[place_of(task, attempt)] = known
            latest = self._tasks.get(task.key)
            failed = failed_attempt(latest) if latest else None
            if latest and failed and place_of(latest, failed) == place_of(task, attempt):
                self._grouping.put(latest, known)
                if outcome.final:
                    self._due.pop(task.key, None)
        return bool(count)

    def _renew_groups(self) -> None:
        if self._take_read():
            self._show()

    def _show(self) -> None:
        """Show the groups as they are by now; the cursor stays on its group."""
        listed = self.query_one(FailureList)
        at = listed.highlighted
        chosen = self._groups[at] if at is not None and at < len(self._groups) else None
        self._groups = self._grouping.groups()
        listed.set_options([Option(self._drawn(group)) for group in self._groups])
        if self._groups:
            alike = [group.is_like(chosen) for group in self._groups] if chosen else []
            listed.highlighted = alike.index(True) if any(alike) else 0
        self.set_class(not self._groups, "-nothing")
        nothing = "Reading the logs of what failed …" if self._tasks else "Nothing has failed."
        self.query_one("#nothing", Static).update(Content(nothing))
        self.query_one("#progress", Static).update(self._progress())

    def _progress(self) -> Text:
        known, total = len(self._grouping), len(self._tasks)
        counts = {state: self._store.counts.get(state, 0) for state in EXPLAINED}
        failed = counts[State.FAILED] + counts[State.LOST]
        parts = [f"{failed:,} failed or lost"] if failed else []
        waiting, caught = counts[State.WAITING], counts[State.CAUGHT]
        parts += [f"{waiting:,} waiting to be tried again"] if waiting else []
        parts += [f"{caught:,} caught"] if caught else []
        parts.append(f"{len(self._groups):,} group{'s' if len(self._groups) != 1 else ''}")
        if known < total:
            parts.append(f"read {known:,} of {total:,} …")
        text = Text(" · ".join(parts), "dim", no_wrap=True, overflow="ellipsis")
        if self._trouble is not None:
            text.append(f"  {one_line(self._trouble)}", self._look.style(State.LOST))
        return text

    def _drawn(self, group: Failures) -> Text:
        """Two lines and an empty one: how many failed of what, then where and the first of them."""
        style = self._look.style(group.state)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{self._look.glyph(group.state)} {len(group.tasks):>6,}  ", style)
        text.append(one_line(group.cause.kind, 200), Style(bold=True))
        if group.cause.message:
            text.append(f": {one_line(group.cause.message, 400)}")
        first = group.first
        attempt = failed_attempt(first)
        ended = attempt.finished_at if attempt else None
        parts = [part for part in (group.cause.where, f"step {group.step}") if part]
        which = "first" if len(group.tasks) > 1 else "task"
        parts.append(f"{which} {first.id}{f' {first.label}' if first.label else ''}")
        parts += [clock(ended)] if ended is not None else []
        parts += ["caught by @catch"] if group.caught else []
        text.append(f"\n{'':10}")
        text.append(one_line(" · ".join(parts), 400), Style(dim=True))
        return text


def _ended(wanted: tuple[Task, Attempt]) -> int:
    return wanted[1].finished_at or 0
