"""What screens ask the app for, and what it asks of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, Protocol, runtime_checkable

from textual.message import Message
from textual.widget import Widget

from flowtui.model import Target
from flowtui.run_summary import RunKey
from flowtui.sources.registry import Where


@runtime_checkable
class Sited(Protocol):
    """A screen of a run or of runs: it reads from somewhere."""

    where: Where


@runtime_checkable
class Logging(Protocol):
    """A screen of logs, one of which its log commands are about."""

    pane: Widget


Jump = tuple[str, Callable[[], object], str]
"""Where the palette leads: a title, what goes there, and an explanation."""


@runtime_checkable
class Jumping(Protocol):
    """A screen on which there is something to go to."""

    def jumps(self) -> Iterator[Jump]:
        """Where one can go from here."""


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
