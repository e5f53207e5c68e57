"""Why something is in its state: the reason, the records behind it, and what may still come."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from flowtui.commands import Scope, bindings, bound
from flowtui.logs.sanitise import one_line
from flowtui.model import Attempt, Fact, State, Task
from flowtui.screens.selection import Selection
from flowtui.sources.base import RunSource, SourceError
from flowtui.status import Budget
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.times import clock, span, stopwatch
from flowtui.widgets.preferences import hint

DECISIVE = frozenset(
    {
        *("attempt", "attempt_ok", "attempt-done", "origin-task-id", "_catch_exception"),
        *("exit", "heartbeat", "process", "process ended"),
    }
)
"""Records that the rules of a state look at; the others only describe."""

_WHERE = re.compile("(aws|batch|kubernetes|argo|airflow|dagster|gcp|azure)-|code-package|host")
"""Records that tell where an attempt ran, and what code."""

_LONGEST_VALUE = 300
_TICK = 1.0


class WhyScreen(ModalScreen[None]):
    """From the inside out: the attempt with its records, its task, the step, the run.

    With `of_step` it begins at the step. Follows the run while it is open.
    """

    BINDINGS = [
        *bindings(Scope.BACK),
        bound("why", "screen.back"),
        bound("quit", "screen.back"),
        bound("down", "screen.scroll(1)"),
        bound("up", "screen.scroll(-1)"),
    ]
    DEFAULT_CSS = """
    WhyScreen { align: center middle; }
    WhyScreen VerticalScroll {
        width: 110; max-width: 100%; height: auto; max-height: 100%;
        border: round $border; background: $surface; padding: 0 2;
        scrollbar-size: 1 1;
    }
    WhyScreen Static { height: auto; }
    """

    class Read(Message, bubble=False):
        """The records of a task, or a sentence on why they cannot be read."""

        def __init__(self, of: Task, facts: Sequence[Fact] | str) -> None:
            super().__init__()
            self.of = of
            self.facts = facts

    def __init__(
        self,
        store: RunStore,
        source: RunSource,
        selected: Selection,
        look: Look,
        *,
        of_step: bool = False,
    ) -> None:
        super().__init__()
        self._store, self._source, self._look = store, source, look
        self._step = selected.step
        self._key = selected.task.key if selected.task and not of_step else None
        self._number = selected.number
        self._read_of: Task | None = None
        self._facts: Sequence[Fact] | str | None = None

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.border_title = "why"
            scroll.border_subtitle = Content(hint(self, "back", "closes"))
            yield Static(id="told", markup=False)

    def on_mount(self) -> None:
        self._renew()
        self.set_interval(_TICK, self._renew)
        self.query_one(VerticalScroll).focus()

    def action_back(self) -> None:
        self.dismiss(None)

    def action_scroll(self, rows: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    def on_why_screen_read(self, message: Read) -> None:
        if self._read_of is message.of:
            self._facts = message.facts
            self._renew()

    def _renew(self) -> None:
        task = self._store.task(*self._key) if self._key else None
        if task is not None and task is not self._read_of:
            self._read_of = task
            self._read(task)
        self.query_one("#told", Static).update(Group(*self._told(task)))

    def _read(self, task: Task) -> None:
        """In a daemon thread: quitting must not wait for a provider."""

        def run() -> None:
            facts: Sequence[Fact] | str
            try:
                facts = self._source.facts(*task.key)
            except SourceError as error:
                facts = str(error)
            except Exception as error:  # A thread must not end unheard.
                facts = f"The records could not be read: {error}"
            self.post_message(self.Read(task, facts))

        threading.Thread(target=run, name="facts", daemon=True).start()

    # What is told

    def _told(self, task: Task | None) -> Iterator[RenderableType]:
        if task is not None:
            attempt = self._attempt(task)
            if attempt is not None:
                yield from self._of_attempt(task, attempt)
            yield from self._of_task(task)
        if self._step is not None and self._step in self._store.steps:
            yield from self._of_step(self._step)
        yield from self._of_run()

    def _attempt(self, task: Task) -> Attempt | None:
        picked = [known for known in task.attempts if known.number == self._number]
        return picked[0] if picked else task.attempts[-1] if task.attempts else None

    def _of_attempt(self, task: Task, attempt: Attempt) -> Iterator[RenderableType]:
        yield _heading(f"Attempt {attempt.number} of {task.step}/{task.id}", task.label)
        yield self._state(attempt.state, attempt.reason)
        yield self._times(attempt)
        if attempt.state is not State.CLONED:
            yield Text(_tries(attempt, self._store.budget(task.step)), _DIM)
        yield Text()
        yield self._records(attempt)
        yield Text()

    def _records(self, attempt: Attempt) -> RenderableType:
        if self._facts is None:
            return Text("Reading its records …", _DIM)
        if isinstance(self._facts, str):
            return Text(one_line(self._facts), self._look.style(State.LOST))
        facts = {
            # The launcher and the task both record much of it.
            (fact.name, fact.value): fact
            for fact in self._facts
            if fact.attempt in (attempt.number, None)
        }
        table = Table.grid(padding=(0, 2), pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=26)
        table.add_column(overflow="fold", ratio=1)
        table.add_row(*(Text(caption, _DIM) for caption in ("at", "record", "value")))
        for fact in sorted(facts.values(), key=_rank):
            style = Style(bold=True) if fact.name in DECISIVE else _DIM
            name, value = one_line(fact.name, 80), one_line(fact.value, _LONGEST_VALUE)
            table.add_row(Text(clock(fact.at), _DIM), Text(name, style), Text(value, style))
        return table

    def _of_task(self, task: Task) -> Iterator[RenderableType]:
        yield _heading(f"Task {task.step}/{task.id}", task.label)
        yield self._state(task.state, task.reason)
        if task.state is State.WAITING and task.retry_at is not None:
            left = task.retry_at - self._store.now
            due = f"next retry in {stopwatch(left)}" if left > 0 else "the retry is due now"
            yield Text(due, self._look.style(State.WAITING))
        for attempt in task.attempts if len(task.attempts) > 1 else ():
            glyph = self._look.glyph(attempt.state)
            yield Text.assemble(
                ("  attempt ", _DIM),
                f"{attempt.number} ",
                (f"{glyph} {attempt.state}", self._look.style(attempt.state)),
                (f"  {one_line(attempt.reason)}", _DIM),
            )
        yield Text()

    def _of_step(self, step: str) -> Iterator[RenderableType]:
        status = self._store.steps[step]
        yield _heading(f"Step {step}")
        yield self._state(status.state, status.reason)
        counts = [f"{count:,} {state}" for state, count in status.counts.items() if count]
        if status.expected is not None:
            counts.append(f"{status.expected:,} expected")
        if counts:
            yield Text(", ".join(counts), _DIM)
        for decorator in self._store.graph[step].decorators:
            attributes = [f"{name}={value}" for name, value in decorator.attributes.items()]
            yield Text(one_line(f"@{decorator.name} {' '.join(attributes)}", _LONGEST_VALUE), _DIM)
        yield Text()

    def _of_run(self) -> Iterator[RenderableType]:
        run, status = self._store.description, self._store.status
        yield _heading(f"Run {run.pathspec}")
        yield self._state(status.state, status.reason)
        if run.origin_runs:
            chain = (" > " if self._look.ascii else " → ").join((*run.origin_runs, run.run))
            yield Text(one_line(f"resumed: {chain}", _LONGEST_VALUE), _DIM)

    def _state(self, state: State, reason: str) -> Text:
        told = (f"{self._look.glyph(state)} {state}", self._look.style(state))
        return Text.assemble(told, f"  {one_line(reason)}")

    def _times(self, attempt: Attempt) -> Text:
        if attempt.started_at is None:
            return Text("not started", _DIM)
        text = f"started {clock(attempt.started_at)}"
        if attempt.finished_at is not None:
            took = span(attempt.finished_at - attempt.started_at)
            text += f", ended {clock(attempt.finished_at)}, took {took}"
        elif attempt.state is State.RUNNING:
            text += f", running for {stopwatch(self._store.now - attempt.started_at)}"
        return Text(text, _DIM)


_DIM = Style(dim=True)


def _heading(text: str, label: str | None = None) -> Text:
    told = (one_line(text), Style(bold=True, underline=True))
    return Text.assemble(told, (f"  {one_line(label, 80)}" if label else "", _DIM))


def _rank(fact: Fact) -> int:
    """What decides comes first, then where it ran."""
    return 0 if fact.name in DECISIVE else 1 if _WHERE.match(fact.name) else 2


def _tries(attempt: Attempt, budget: Budget) -> str:
    """Where an attempt stands in what the step's decorators allow."""
    if attempt.number >= budget.tries:
        allowed = budget.attempts - budget.tries
        return (
            f"fallback {attempt.number - budget.tries + 1} of {allowed} after {budget.tries} tries"
        )
    told = f"try {attempt.number + 1} of {budget.tries}"
    if budget.tries == 1:
        told += ": the step has no @retry"
    if budget.fallbacks:
        stored = f" in {budget.catch_var}" if budget.catch_var else ""
        told += f", then @catch keeps the exception{stored} and the run goes on"
    return told
