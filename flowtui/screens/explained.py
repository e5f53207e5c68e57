"""The attempts of a task, and what the selected one failed of."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer

from flowtui.failures import (
    EXPLAINED,
    ExceptionReader,
    Outcome,
    Place,
    failed_attempt,
)
from flowtui.model import Attempt, State, Task
from flowtui.sources.base import RunSource
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.widgets.attempt_bar import AttemptBar
from flowtui.widgets.exception_view import ExceptionView

_SETTLE = 0.15
"""Seconds the selection must rest before an exception is read: a held key passes many tasks."""


class Explained(Vertical):
    """Tabs, state and reason of an attempt, and below them its exception once it has been read."""

    DEFAULT_CSS = """
    Explained { height: auto; background: $surface; }
    """

    class Read(Message, bubble=False):
        """The exception of an attempt has been looked for."""

        def __init__(self, place: Place, outcome: Outcome) -> None:
            super().__init__()
            self.place = place
            self.outcome = outcome

    def __init__(self, look: Look, *, foldable: bool = False) -> None:
        super().__init__()
        self._look, self._foldable = look, foldable
        self._reader: ExceptionReader | None = None
        self._place: Place | None = None
        self._wanted: tuple[Task, Attempt] | None = None
        self._settling: Timer | None = None

    def compose(self) -> ComposeResult:
        yield AttemptBar(self._look)
        exception = ExceptionView(self._look, foldable=self._foldable)
        exception.display = not self._foldable
        yield exception

    @property
    def exception(self) -> ExceptionView:
        return self.query_one(ExceptionView)

    def show(
        self,
        source: RunSource | None,
        store: RunStore,
        task: Task | None,
        attempt: Attempt | None,
    ) -> None:
        """Show an attempt; its exception is read once the selection rests."""
        self.query_one(AttemptBar).show(task, attempt, store.now)
        wanted, place = None, None
        if task is not None and attempt is not None and attempt.state in EXPLAINED:
            wanted = (task, _tells(task, attempt))
            # How it ended tells whether what was printed before was all.
            place = (task.key, wanted[1].number, wanted[1].state)
        if place == self._place:
            return
        self._place, self._wanted = place, wanted
        self.exception.show(None, "Reading what was raised …" if self._foldable else "")
        if self._foldable:
            self.exception.display = place is not None
        if self._settling is not None:
            self._settling.stop()
            self._settling = None
        if place is not None and source is not None:
            if self._reader is None:
                self._reader = ExceptionReader(source, store, self._publish)
                self._reader.start()
            self._settling = self.set_timer(_SETTLE, self._ask)

    def on_unmount(self) -> None:
        if self._reader is not None:
            self._reader.stop()

    def on_explained_read(self, message: Read) -> None:
        if message.place != self._place:
            return
        outcome = message.outcome
        note = outcome.trouble or f"Attempt {message.place[1]} printed no exception to its logs."
        if not outcome.final:
            note = f"The logs of attempt {message.place[1]} hold no exception so far."
        self.exception.show(outcome.raised, note)

    def _ask(self) -> None:
        if self._reader is not None and self._wanted is not None:
            self._reader.want([self._wanted])

    def _publish(self, task: Task, attempt: Attempt, outcome: Outcome) -> None:
        self.post_message(self.Read((task.key, attempt.number, attempt.state), outcome))


def _tells(task: Task, attempt: Attempt) -> Attempt:
    """The attempt whose log has the exception: of a catch that a fallback recorded, the one before
    it that died."""
    if attempt.state is State.CAUGHT and attempt is task.attempts[-1]:
        return failed_attempt(task) or attempt
    return attempt
