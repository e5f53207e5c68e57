"""The exceptions that attempts printed to their logs, and a run's failures grouped by them."""

from __future__ import annotations

import re
import threading
import time
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

from flowtui.lanes import NaturalKey, natural
from flowtui.logs.raised import Raised
from flowtui.logs.stored import TailError
from flowtui.logs.tails import SETTLE_SECONDS
from flowtui.logs.tracebacks import find_exception
from flowtui.loop import Loop
from flowtui.model import FINISHED, UNSUCCESSFUL, Attempt, Graph, Key, State, Task
from flowtui.reading import log_end
from flowtui.sources.base import RunSource, SourceError
from flowtui.store import RunStore

LINES_READ = 4_000
"""Lines at the end of a log in which an exception is looked for."""

EXPLAINED = UNSUCCESSFUL | {State.CAUGHT, State.WAITING}
"""States of a task of which one asks what went wrong."""

_NUMBERS = re.compile(r"\d+")

Place = tuple[Key, int, State]
"""A task, the number of an attempt of it, and how that stands."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of looking for the exception of an attempt: `raised`, or None where none was
    printed; `trouble` is why the log could not be read, a sentence. `final` is false as long as the
    log may not be stored yet."""

    raised: Raised | None = None
    trouble: str | None = None
    final: bool = True


@dataclass(frozen=True, slots=True)
class Cause:
    """What an attempt failed of, in short: an exception's type and where it was raised, or without
    one the reason of the attempt's state."""

    kind: str
    where: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Failures:
    """The tasks of a step that went wrong alike; the first of `tasks` is the one that did first."""

    step: str
    caught: bool
    cause: Cause
    tasks: tuple[Task, ...]

    @property
    def first(self) -> Task:
        return self.tasks[0]

    def is_like(self, other: Failures) -> bool:
        """Whether it is the same group, of more or fewer tasks."""
        mine, theirs = self.cause, other.cause
        return (self.step, self.caught, mine.kind, mine.where) == (
            *(other.step, other.caught, theirs.kind, theirs.where),
        )

    @property
    def state(self) -> State:
        """How they ended; of several states the first task's."""
        return self.first.state


def flow_files(graph: Graph) -> frozenset[str]:
    """The files that a flow's steps are written in, as the run recorded them."""
    files = {node.source_file for node in graph.nodes if node.source_file}
    return frozenset(files | ({graph.file} if graph.file else set()))


def place_of(task: Task, attempt: Attempt) -> Place:
    """What tells an attempt, as it stands, from others."""
    return (task.key, attempt.number, attempt.state)


def failed_attempt(task: Task) -> Attempt | None:
    """The attempt that tells what went wrong with a task: the last that failed, was lost or caught.

    A fallback of @catch, which only records the catch, comes after the one that died.
    """
    tried = [known for known in task.attempts if known.state in EXPLAINED]
    died = [known for known in tried if known.state in UNSUCCESSFUL]
    if tried and tried[-1].state is State.CAUGHT and died and died[-1].state is State.LOST:
        return died[-1]
    return tried[-1] if tried else None


def read_exception(
    source: RunSource, task: Task, attempt: Attempt, files: frozenset[str]
) -> Outcome:
    """The exception that an attempt printed, if it did. Raises SourceError or TailError.

    @catch prints what it caught to stdout (`CatchDecorator._print_exception`). What an attempt
    raised that was lost is not what ended it, unless it is Python's own word on a crash.
    """
    stream = "stdout" if attempt.state is State.CAUGHT else "stderr"
    end = log_end(source, task, attempt.number, stream, LINES_READ)
    raised = find_exception([line.text for line in end.lines], files)
    if raised is not None and attempt.state is State.LOST and not raised.is_crash:
        raised = None
    return Outcome(raised, final=end.complete or raised is not None)


@dataclass(frozen=True, slots=True)
class _Wanted:
    task: Task
    attempt: Attempt
    looks: int = 1
    again_at: float = 0.0

    @property
    def place(self) -> Place:
        return place_of(self.task, self.attempt)


_MOST_LOOKS = int(SETTLE_SECONDS)
"""How often, a second apart, an attempt's log is looked into that may not be stored yet."""

_FOREVER = 3600.0
"""Seconds: until something is wanted."""


class ExceptionReader(Loop):
    """Reads the exceptions of attempts one after the other, in a thread of its own.

    `publish` gets each with its attempt, in that thread. Where nothing is found in a log that may
    not be stored yet, it is looked into again for as long as that may take; the last outcome is
    final. Of a run that has long ended every log is stored. What is wanted anew replaces what has
    not been read yet.
    """

    def __init__(
        self,
        source: RunSource,
        store: RunStore,
        publish: Callable[[Task, Attempt, Outcome], None],
    ) -> None:
        super().__init__("exceptions")
        self._source, self._store, self._publish = source, store, publish
        self._lock = threading.Lock()
        self._due: deque[_Wanted] = deque()
        self._later: deque[_Wanted] = deque()
        self._at: _Wanted | None = None

    def want(self, attempts: Iterable[tuple[Task, Attempt]]) -> None:
        """Read these next, in this order; one that waits to be looked into again goes on to."""
        wanted = {place_of(*each): each for each in attempts}
        with self._lock:
            self._later = deque(known for known in self._later if known.place in wanted)
            waiting = {known.place for known in self._later}
            self._due = deque(_Wanted(*wanted[at]) for at in wanted if at not in waiting)
        self.wake()

    def turn(self) -> float | None:
        with self._lock:
            now = time.monotonic()
            if self._due:
                wanted = self._due.popleft()
            elif not self._later:
                return _FOREVER
            elif self._later[0].again_at > now:
                return self._later[0].again_at - now
            else:
                wanted = self._later.popleft()
            self._at = wanted
        try:
            # Now: the graph, which names them, may have come after the first failure.
            files = flow_files(self._store.graph)
            outcome = read_exception(self._source, wanted.task, wanted.attempt, files)
        except (SourceError, TailError) as error:
            outcome = Outcome(trouble=str(error))
        if not outcome.final and (wanted.looks == _MOST_LOOKS or self._has_long_ended()):
            outcome = replace(outcome, final=True)
        if not outcome.final:
            again = replace(wanted, looks=wanted.looks + 1, again_at=time.monotonic() + 1)
            with self._lock:
                self._later.append(again)
        if not self.stopped:
            self._publish(wanted.task, wanted.attempt, outcome)
        return 0

    def _has_long_ended(self) -> bool:
        status = self._store.status
        ended = status.finished_at if status.state in FINISHED else None
        return ended is not None and self._store.now - ended > 2 * SETTLE_SECONDS * 1000

    def surprised(self, sentence: str) -> float | None:
        if self._at is not None and not self.stopped:
            self._publish(self._at.task, self._at.attempt, Outcome(trouble=sentence))
        return 0


def cause(attempt: Attempt, outcome: Outcome) -> Cause:
    """Why an attempt did not succeed, as far as its log or else its state tells."""
    raised = outcome.raised
    if raised is None:
        return Cause(attempt.reason.partition(", attempt ")[0])
    return Cause(raised.type, raised.where, raised.message.partition("\n")[0])


class Grouping:
    """The failures of a run by step, exception and place, kept up to date task by task."""

    def __init__(self) -> None:
        self._groups: dict[_Alike, list[_Entry]] = {}
        self._places: dict[Key, tuple[_Alike, _Entry]] = {}

    def __len__(self) -> int:
        """How many tasks are in groups."""
        return len(self._places)

    def put(self, task: Task, known: Cause) -> None:
        """Take in a task, or how it stands now."""
        self.drop(task.key)
        # Ages and ids in a reason do not make another failure.
        kind = _NUMBERS.sub("0", known.kind)
        alike = (task.step, task.state is State.CAUGHT, kind, known.where)
        entry = ((*_ended(task), natural(task.id)), task, known)
        insort(self._groups.setdefault(alike, []), entry, key=itemgetter(0))
        self._places[task.key] = (alike, entry)

    def drop(self, key: Key) -> None:
        """Leave a task out, if it is in."""
        if key not in self._places:
            return
        alike, entry = self._places.pop(key)
        group = self._groups[alike]
        del group[bisect_left(group, entry[0], key=itemgetter(0))]
        if not group:
            del self._groups[alike]

    def groups(self) -> Sequence[Failures]:
        """Those that nothing caught first, each by when its first task ended; what was killed
        because of another is last."""
        in_order = sorted(self._groups.items(), key=lambda group: (group[0][1], group[1][0][0]))
        return [
            Failures(step, caught, entries[0][2], tuple(task for _, task, _ in entries))
            for (step, caught, _, _), entries in in_order
        ]


_Alike = tuple[str, bool, str, str | None]
"""Step, whether it was caught, kind and place: what the tasks of a group have in common."""

_Entry = tuple[tuple[bool, float, NaturalKey], Task, Cause]


def _ended(task: Task) -> tuple[bool, float]:
    attempt = failed_attempt(task)
    moment = attempt.finished_at if attempt else None
    return "killed by Metaflow" in task.reason, float("inf") if moment is None else moment
