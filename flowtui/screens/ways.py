"""Ways from a task to elsewhere: its pathspec, its origin, the comparison of its attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from textual.message import Message
from textual.screen import Screen

from flowtui.logs.sanitise import one_line
from flowtui.model import Attempt, Fact, State, Target, Task
from flowtui.reading import log_end
from flowtui.run_summary import RunKey
from flowtui.screens.diff import RECORDS, DiffScreen
from flowtui.sources.base import RunSource
from flowtui.sources.registry import Where
from flowtui.store import RunStore
from flowtui.theme import Look

_LONGEST_PATHSPEC = 4000

MOST_COMPARED = 20_000
"""Lines that are read of each of two logs that are compared, from their ends."""


class RunWanted(Message):
    """The person asks for another run, read from where the screen reads, and maybe to resume it."""

    def __init__(self, target: Target, then: Literal["resume"] | None = None) -> None:
        super().__init__()
        self.target = target
        self.then = then


class RunsWanted(Message):
    """The person asks for all runs, from where a run was opened first."""

    def __init__(self, where: Where, run: RunKey) -> None:
        super().__init__()
        self.where = where
        self.run = run


class Broken(Message):
    """What a screen is about could not be opened, or does not hold what was asked for."""

    def __init__(self, sentence: str, not_found: bool) -> None:
        super().__init__()
        self.sentence = sentence
        self.not_found = not_found


class CodeWanted(Message):
    """The person wants to see a line of code: file, as a traceback names it, and line."""

    def __init__(self, place: tuple[str, int] | None, files: frozenset[str]) -> None:
        super().__init__()
        self.place = place
        self.files = files
        """Where the run's own files are, as it recorded them."""


def copy_pathspec(
    screen: Screen[None], run: str, task: Task | None, step: str | None = None
) -> None:
    """Copy what names the task, or else the step or the run."""
    parts = [run, *(task.key if task else [step or ""])]
    text = one_line("/".join(part for part in parts if part), _LONGEST_PATHSPEC)
    screen.app.copy_to_clipboard(text)
    screen.notify(f"Copied: {one_line(text, 60)}", markup=False, timeout=3)


def open_origin(
    screen: Screen[None], store: RunStore, task: Task | None, attempt: Attempt | None
) -> None:
    """Open the task that a clone comes from, or else the run that was resumed."""
    cloned = attempt is not None and attempt.state is State.CLONED
    origin = task.origin_task if task is not None and cloned else None
    if origin is None and store.description.origin_run is not None:
        origin = f"{store.description.flow}/{store.description.origin_run}"
    if origin is None:
        screen.notify("This run was not resumed from another one.", markup=False, timeout=3)
        return
    try:
        screen.post_message(RunWanted(Target.parse(origin)))
    except ValueError as error:
        screen.notify(one_line(str(error)), severity="error", markup=False)


def _by_name(fact: Fact) -> tuple[str, str]:
    return (fact.name, fact.value)


def compare(
    screen: Screen[None],
    store: RunStore,
    source: RunSource,
    task: Task,
    attempt: Attempt | None,
    stream: str,
    look: Look,
) -> None:
    """Show what differs between the log of an attempt and that of the one before it."""
    if attempt is None or len(task.attempts) < 2:
        screen.notify("There is only one attempt, so nothing to compare.", markup=False, timeout=3)
        return
    numbers = [known.number for known in task.attempts]
    at = max(1, numbers.index(attempt.number))
    where = "/".join((store.description.pathspec, *task.key))

    def load(number: int, wanted: str) -> Sequence[bytes]:
        if wanted == RECORDS:
            facts = [fact for fact in source.facts(*task.key) if fact.attempt == number]
            return [f"{fact.name}: {fact.value}".encode() for fact in sorted(facts, key=_by_name)]
        end = log_end(source, task, number, wanted, MOST_COMPARED)
        return [line.text for line in end.lines]

    title = one_line(f"{where}  {task.label or ''}".rstrip())
    screen.app.push_screen(
        DiffScreen(title, task.attempts, numbers[at - 1], numbers[at], stream, load, look)
    )
