"""The inspector: all that is recorded of a step, or of a task and its artifacts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from flowtui.commands import Scope, bindings, bound
from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, Artifact, Artifacts, Fact, State, Task
from flowtui.screens.selection import Selection
from flowtui.sources.base import RunSource, SourceError
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.views.inspection import (
    Section,
    of_artifacts,
    of_records,
    of_run,
    of_step,
    of_task,
    written,
)
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.inspector_list import InspectorList
from flowtui.widgets.inspector_rows import Value
from flowtui.widgets.key_bar import KeyBar

_REGISTERED = 2_000
"""Milliseconds after its end by which an attempt has registered its artifacts: it does so last."""

_LATER = 2.5
"""Seconds after which they are looked for again."""

T = TypeVar("T")


class InspectorScreen(Screen[None]):
    """Reads in threads of its own what the store does not have; follows the run while it is open.

    A value is read when the person asks for it.
    """

    SCOPES = (Scope.BACK,)
    BINDINGS = [*bindings(Scope.BACK, Scope.INSPECTOR), bound("inspect", "screen.back")]
    DEFAULT_CSS = """
    InspectorScreen #where { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    InspectorScreen InspectorList { height: 1fr; }
    """

    class Read(Message, bubble=False):
        """The records of the task, or of one of its attempts the artifacts; or a sentence on why
        they cannot be read. With neither, all has been read."""

        def __init__(
            self,
            facts: Sequence[Fact] | str | None = None,
            stored: tuple[int, Artifacts | str] | None = None,
        ) -> None:
            super().__init__()
            self.facts, self.stored = facts, stored

    class Valued(Message, bubble=False):
        """The value of an artifact has been read, or cannot be."""

        def __init__(self, artifact: Artifact, value: Value) -> None:
            super().__init__()
            self.artifact, self.value = artifact, value

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
        self._seen: Task | None = None
        self._facts: Sequence[Fact] | str | None = None
        self._stored: dict[int, Artifacts | str] = {}
        self._reading = self._stale = False

    def compose(self) -> ComposeResult:
        run = self._store.description.pathspec
        parts = self._key or ([self._step] if self._step else [])
        yield Static(Content(one_line("/".join([run, *parts]), 200)), id="where", markup=False)
        yield InspectorList(self._look)
        yield KeyBar()
        yield FindBar(id="find")

    def on_mount(self) -> None:
        self.query_one(KeyBar).show(Scope.INSPECTOR, Scope.BACK, Scope.APP)
        self.listed.focus()
        self.renew()

    @property
    def listed(self) -> InspectorList:
        return self.query_one(InspectorList)

    def belongs_to(self, store: RunStore) -> bool:
        """Whether this screen shows that store's run."""
        return self._store is store

    def renew(self) -> None:
        """Show what the store knows by now, and read what else differs with that."""
        task = self._store.task(*self._key) if self._key else None
        if task is not None and task is not self._seen:
            self._seen = task
            self._read()
        self._show()

    # Actions

    def action_back(self) -> None:
        if self.listed.filter_text:
            self.listed.set_filter("")
        else:
            self.dismiss(None)

    def action_unfold(self) -> None:
        self.listed.toggle()

    def action_copy(self) -> None:
        text = self.listed.copied()
        if text is not None:
            self.app.copy_to_clipboard(text)
            self.notify(f"Copied: {one_line(text, 60)}", markup=False, timeout=3)

    def action_find(self) -> None:
        self.query_one(FindBar).ask(
            "words that name or value hold",
            self.listed.filter_text,
            typed=self.listed.set_filter,
            kept=self._take_focus,
        )

    def _take_focus(self, _kept: str) -> None:
        self.listed.focus()

    # What is read

    def _read(self) -> None:
        """Read the task's records and artifacts, now or once the reading that goes on is done."""
        task = self._seen
        if self._reading or task is None:
            self._stale = True
            return
        self._reading, self._stale = True, False
        chosen = self._chosen(task)
        numbers = sorted(
            (attempt.number for attempt in task.attempts), key=lambda number: number != chosen
        )

        def run() -> None:
            source, key = self._source, task.key
            facts = _tried(lambda: source.facts(*key), "The records")
            self.post_message(self.Read(facts=facts))
            for number in numbers:
                stored = _tried(lambda at=number: source.artifacts(*key, at), "The artifacts")  # type: ignore[misc]
                self.post_message(self.Read(stored=(number, stored)))
            self.post_message(self.Read())

        # A daemon: quitting must not wait for a provider.
        threading.Thread(target=run, name="inspector", daemon=True).start()

    def on_inspector_screen_read(self, message: Read) -> None:
        if message.facts is not None:
            self._facts = message.facts
        elif message.stored is not None:
            number, stored = message.stored
            self._stored[number] = stored
        else:
            self._reading = False
            if self._stale:
                self._read()
            elif self._just_ended():
                self.set_timer(_LATER, self._read)
        self._show()

    def _just_ended(self) -> bool:
        """Whether the last attempt may still be registering its artifacts."""
        last = self._seen.attempts[-1] if self._seen and self._seen.attempts else None
        ended = last.finished_at if last is not None and last.state in FINISHED else None
        return ended is not None and self._store.now - ended < _REGISTERED

    def on_inspector_list_wanted(self, message: InspectorList.Wanted) -> None:
        artifact = message.artifact

        def run() -> None:
            self.post_message(self.Valued(artifact, self._value(artifact)))

        threading.Thread(target=run, name="artifact", daemon=True).start()

    def _value(self, artifact: Artifact) -> Value:
        told = _tried(lambda: (written(self._source.value(artifact)),), "The value")
        return Value((told,), State.LOST) if isinstance(told, str) else Value(told[0])

    def on_inspector_screen_valued(self, message: Valued) -> None:
        self.listed.put(message.artifact, message.value)

    # What is shown

    def _chosen(self, task: Task) -> int | None:
        """The attempt that was picked, else the last."""
        numbers = [attempt.number for attempt in task.attempts]
        return self._number if self._number in numbers else numbers[-1] if numbers else None

    def _show(self) -> None:
        # The run may go on before the list is there, and after it is gone.
        for listed in self.query(InspectorList):
            listed.show(list(self._sections()))

    def _sections(self) -> Iterator[Section]:
        task = self._seen
        if task is not None:
            chosen = self._chosen(task)
            yield of_task(self._store, task)
            for attempt in reversed(task.attempts):
                yield of_artifacts(attempt, self._stored.get(attempt.number), task, chosen)
            yield from of_records(task, self._facts, chosen)
        if self._step is not None and self._step in self._store.graph:
            yield from of_step(self._store.graph[self._step])
        yield from of_run(self._store)


def _tried(read: Callable[[], T], what: str) -> T | str:
    """What is read, or a sentence on why it cannot be."""
    try:
        return read()
    except SourceError as error:
        return str(error)
    except Exception as error:  # A thread must not end unheard.
        return f"{what} could not be read: {error}"
