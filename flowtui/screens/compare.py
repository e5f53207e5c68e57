"""The comparison of two attempts of a task: of their logs, or of their records."""

from __future__ import annotations

from collections.abc import Sequence

from textual.screen import Screen

from flowtui.logs.sanitise import one_line
from flowtui.model import Attempt, Fact, Task
from flowtui.reading import log_end
from flowtui.screens.diff import RECORDS, DiffScreen
from flowtui.sources.base import RunSource
from flowtui.store import RunStore
from flowtui.theme import Look

MOST_COMPARED = 20_000
"""Lines that are read of each of two logs that are compared, from their ends."""


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
