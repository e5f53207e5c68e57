"""The logs of two attempts of a task, compared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from flowtui.commands import Scope, bindings
from flowtui.logs.diff import Comparison, Kind, compare
from flowtui.logs.folds import unified
from flowtui.logs.sanitise import one_line
from flowtui.logs.stored import TailError
from flowtui.model import STREAMS, Attempt
from flowtui.sources.base import SourceError
from flowtui.theme import Look
from flowtui.widgets.diff_marks import mark
from flowtui.widgets.diff_titles import DiffTitles
from flowtui.widgets.diff_view import DiffView
from flowtui.widgets.key_bar import KeyBar

RECORDS = "records"
"""What is compared beside the streams: what Metaflow has recorded of the attempts."""

_COMPARED = (*STREAMS, RECORDS)

_MEANINGS = {
    Kind.CHANGED: ("changed", "$text-warning bold"),
    Kind.REMOVED: ("only left", "$text-error bold"),
    Kind.ADDED: ("only right", "$text-success bold"),
    Kind.ALIKE: ("equal apart from numbers", "bold"),
}

Load = Callable[[int, str], Sequence[bytes]]
"""The lines that an attempt wrote to a stream, without their newlines and mflog prefixes, or its
records; blocks.

Raises SourceError or TailError.
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is compared: the numbers of two attempts, and a stream of theirs."""

    left: int
    right: int
    stream: str


class DiffScreen(Screen[None]):
    """One stream of two attempts; the right one stays, `[` and `]` choose the left one.

    `title` names the task; `left` and `right` are the numbers of two of its attempts. Logs are
    read and compared in a thread; what comes of a choice that has been changed since is dropped.
    """

    SCOPES = (Scope.BACK, Scope.DIFF)
    BINDINGS = bindings(*SCOPES)
    DEFAULT_CSS = """
    DiffScreen #top { height: 1; background: $panel; padding: 0 1; }
    DiffScreen #where {
        width: 1fr; height: 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis;
    }
    DiffScreen #place { width: auto; height: 1; padding-left: 2; }
    DiffScreen #facts {
        height: auto; max-height: 2; padding: 0 1; background: $surface; color: $foreground-muted;
    }
    DiffScreen DiffView { height: 1fr; }
    """

    class Compared(Message):
        """Both logs were read; `comparison` is what they have in common."""

        def __init__(self, choice: Choice, comparison: Comparison) -> None:
            super().__init__()
            self.choice, self.comparison = choice, comparison

    class Failed(Message):
        """There is nothing to compare; `sentence` says why."""

        def __init__(self, choice: Choice, sentence: str) -> None:
            super().__init__()
            self.choice, self.sentence = choice, sentence

    def __init__(
        self,
        title: str,
        attempts: Sequence[Attempt],
        left: int,
        right: int,
        stream: str,
        load: Load,
        look: Look,
    ) -> None:
        super().__init__()
        self._where = one_line(title)
        self._attempts = {attempt.number: attempt for attempt in attempts}
        self._choice = Choice(left, right, stream)
        self._load, self._look = load, look
        self._comparison: Comparison | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(id="top"):
            yield Static(Content(self._where), id="where", markup=False)
            yield Static(id="place", markup=False)
        yield DiffTitles(self._look)
        yield Static(id="facts", markup=False)
        yield DiffView(self._look)
        yield KeyBar()

    def on_mount(self) -> None:
        without = "next_other" if len(self._attempts) < 3 else None
        self.query_one(KeyBar).show(Scope.DIFF, Scope.BACK, Scope.APP, without=without)
        self._view.focus()
        self._compare(self._choice)

    def action_back(self) -> None:
        self.dismiss(None)

    def action_difference(self, step: int) -> None:
        self._view.go(step)

    def action_other(self, step: int) -> None:
        """Compare with the attempt before or after the left one, leaving out the right one."""
        numbers = sorted(number for number in self._attempts if number != self._choice.right)
        at = numbers.index(self._choice.left) + step
        if 0 <= at < len(numbers):
            self._compare(Choice(numbers[at], self._choice.right, self._choice.stream))

    def action_stream(self, step: int) -> None:
        at = _COMPARED.index(self._choice.stream)
        stream = _COMPARED[(at + step) % len(_COMPARED)]
        self._compare(Choice(self._choice.left, self._choice.right, stream))

    def action_unfold(self) -> None:
        self._view.toggle_unfolded()

    def action_numbers(self) -> None:
        self._view.toggle_numbers()
        self._tell()

    def action_copy(self) -> None:
        choice, text = self._choice, ""
        if self._comparison is not None:
            names = (
                f"attempt {choice.left} {choice.stream}",
                f"attempt {choice.right} {choice.stream}",
            )
            text = unified(self._comparison, self._view.differences, names)
        if not text:
            self.notify("There is no difference to copy.", markup=False, timeout=3)
            return
        self.app.copy_to_clipboard(text)
        self.notify(f"Copied {len(text.splitlines()):,} lines.", markup=False)

    def _compare(self, choice: Choice) -> None:
        """Read and compare; until then say so."""
        if (choice.stream == RECORDS) != (self._choice.stream == RECORDS):
            # Of records a number is what they say: an exit code, an id, a version.
            self._view.count_numbers(choice.stream == RECORDS)
        self._choice = choice
        self._comparison = None
        left, right = self._attempts[choice.left], self._attempts[choice.right]
        self.query_one(DiffTitles).show(left, right)
        self._view.show(None, f"Reading {choice.stream} of both attempts…")
        self._tell()
        self._read(choice)

    def _read(self, choice: Choice) -> None:
        """Compare in a daemon thread: quitting must not wait for what blocks."""

        def run() -> None:
            outcome = self._compared(choice)
            if outcome is not None:
                self.post_message(outcome)

        threading.Thread(target=run, name="compare", daemon=True).start()

    def _compared(self, choice: Choice) -> Compared | Failed | None:
        """What comes of a choice, None when it has been changed since."""
        logs: list[Sequence[bytes]] = []
        try:
            for number in (choice.left, choice.right):
                logs.append(self._load(number, choice.stream))
                if choice != self._choice:
                    return None
            return self.Compared(choice, compare(*logs))
        except (SourceError, TailError) as error:
            return self.Failed(choice, str(error))
        except Exception as error:  # A thread must not end unheard, whoever made the mistake.
            return self.Failed(choice, f"The logs could not be compared: {error}")

    @on(Compared)
    def _show(self, message: Compared) -> None:
        if message.choice == self._choice:
            self._comparison = message.comparison
            nothing = f"Neither attempt wrote anything to {self._choice.stream}."
            if self._choice.stream == RECORDS:
                nothing = "There are no records of these attempts."
            self._view.show(message.comparison, nothing)
            self._tell()

    @on(Failed)
    def _explain(self, message: Failed) -> None:
        if message.choice == self._choice:
            self._view.show(None, one_line(message.sentence))

    @on(DiffView.Moved)
    def _tell_place(self) -> None:
        place = [self._choice.stream]
        if self._view.differences:
            number, count = self._view.current + 1, len(self._view.differences)
            place.append(f"difference {number:,}/{count:,}")
        self.query_one("#place", Static).update(Content(" · ".join(place)))

    def _tell(self) -> None:
        """Say in words how the logs stand to each other."""
        comparison = self._comparison
        if comparison is None:
            facts = Content()
        elif comparison.left and comparison.right:
            facts = self._facts(comparison)
        else:
            facts = self._silence(comparison)
        self.query_one("#facts", Static).update(facts)

    def _facts(self, comparison: Comparison) -> Content:
        counts = dict(comparison.counts)
        alike = counts.get(Kind.ALIKE, 0)
        if self._view.numbers:
            counts[Kind.CHANGED] = counts.get(Kind.CHANGED, 0) + counts.pop(Kind.ALIKE, 0)
        facts = [
            Content.assemble((f"{mark(kind, self._look)}{counts[kind]:,}", style), f" {meaning}")
            for kind, (meaning, style) in _MEANINGS.items()
            if counts.get(kind)
        ]
        if not self._view.differences:
            equal = f"no difference in {_lines(len(comparison.rows))}"
            if alike:
                equal += f" but in the numbers, times and ids of {alike:,}; # counts those too"
            facts = [Content(equal)]
        if any(comparison.left_out):
            facts.append(Content("too long: only the ends are compared"))
        return Content("  ").join(facts)

    def _silence(self, comparison: Comparison) -> Content:
        """That one of them wrote nothing; where neither did, the view says so."""
        silent, other = self._choice.left, self._choice.right
        lines = len(comparison.left) or len(comparison.right)
        if comparison.left:
            silent, other = other, silent
        if not lines:
            return Content()
        stream = self._choice.stream
        return Content(
            f"attempt {silent} wrote nothing to {stream}, attempt {other} {_lines(lines)}"
        )

    @property
    def _view(self) -> DiffView:
        return self.query_one(DiffView)


def _lines(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"
