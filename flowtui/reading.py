"""Logs for a pipe or a terminal without the app: the lines of what a target names, as they come."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from flowtui.logs.blocks import Block
from flowtui.logs.mflog import LogLine
from flowtui.logs.sanitise import log_text, one_line, plain_text
from flowtui.logs.stored import TailError
from flowtui.logs.tails import Tail
from flowtui.model import FINISHED, STREAMS, Attempt, State, Target, Task
from flowtui.poller import back_off
from flowtui.sources.base import RunSource, Unreachable
from flowtui.store import RunStore

OF_INTEREST = frozenset({State.FAILED, State.LOST, State.CAUGHT})
"""What `--failed` leaves of the attempts."""

LONGEST_PRINTED = 16 * 1024 * 1024
"""Bytes of a line that are printed."""


_LAST_TRIES = 3
"""Looks in a row, each after a longer wait, at what cannot be read of a run that is over."""

_Place = tuple[str, str, int, str]
"""Step, task id, attempt and stream."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which logs: of an attempt by its number (None: the last one, and with `failed` every one that
    failed, was lost or caught), and of which streams."""

    attempt: int | None = None
    streams: Sequence[str] = STREAMS
    failed: bool = False

    def attempts(self, task: Task) -> Sequence[Attempt]:
        """The attempts of a task whose logs are chosen; a clone has none of its own."""
        tried = [known for known in task.attempts if known.state is not State.CLONED]
        if self.attempt is not None:
            tried = [known for known in tried if known.number == self.attempt]
        if self.failed:
            return [known for known in tried if known.state in OF_INTEREST]
        return tried if self.attempt is not None else tried[-1:]


@dataclass(frozen=True, slots=True)
class Heard:
    """A line of a log, and whose it is."""

    task: Task
    attempt: int
    stream: str
    line: LogLine


def chosen(store: RunStore, target: Target, choice: Choice) -> Sequence[tuple[Task, Attempt]]:
    """The attempts that a target and a choice name, in the order of steps and tasks."""
    tasks = store.all_tasks() if target.step is None else iter(store.tasks(target.step).values())
    return [
        (task, attempt)
        for task in tasks
        if target.task in (None, task.id)
        for attempt in choice.attempts(task)
    ]


def stored(
    source: RunSource, attempts: Sequence[tuple[Task, Attempt]], choice: Choice
) -> Iterator[Heard]:
    """What is stored of the logs, one attempt after the other, each by the times of its lines.

    Reads in portions, so that memory does not depend on how long the logs are.
    """
    for task, attempt in attempts:
        streams = [_lines(source, task, attempt, stream) for stream in choice.streams]
        for _, heard in heapq.merge(*streams, key=lambda timed: timed[0]):
            yield heard


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The last lines of a log; `complete` is whether more can still come."""

    lines: Sequence[LogLine]
    complete: bool


def log_end(source: RunSource, task: Task, attempt: int, stream: str, count: int) -> LogEnd:
    """At most `count` lines from the end of a stream of an attempt. Raises TailError."""
    tail = Tail(source.log(*task.key, attempt, stream))
    try:
        blocks: dict[int, Block] = {}
        lines = 0
        while True:
            growth = tail.poll()
            if growth.restarted:
                blocks.clear()
            for at in growth.gone:
                blocks.pop(at, None)
            blocks.update((block.at, block) for block in growth.blocks)
            if growth.trouble is not None:
                raise TailError(growth.trouble)
            lines = sum(block.lines for at, block in blocks.items() if at >= 0)
            if not tail.more or (growth.unread and lines >= count):
                break
        last: deque[LogLine] = deque(maxlen=count)
        for at in sorted(blocks):
            last.extend(tail.lines(blocks[at]))
        return LogEnd(last, tail.finished)
    finally:
        tail.close()


def _lines(
    source: RunSource, task: Task, attempt: Attempt, stream: str
) -> Iterator[tuple[int, Heard]]:
    """A stream's lines with their times; a line without one has that of the line before it."""
    tail = Tail(source.log(*task.key, attempt.number, stream), in_order=True)
    latest = 0
    try:
        while True:
            lines = _polled(tail)
            for line in lines:
                latest = max(latest, line.time or 0)
                yield latest, Heard(task, attempt.number, stream, line)
            if not (lines or tail.more):
                break
    finally:
        tail.close()


def _polled(tail: Tail) -> Sequence[LogLine]:
    """The lines that are new. Raises TailError when there are none, but trouble."""
    growth = tail.poll()
    if growth.trouble is not None and not growth.blocks:
        raise TailError(growth.trouble)
    return [line for block in growth.blocks for line in tail.lines(block, LONGEST_PRINTED)]


def followed(
    source: RunSource,
    store: RunStore,
    target: Target,
    choice: Choice,
    *,
    interval: float,
    trouble: Callable[[str], None],
) -> Iterator[Heard]:
    """The lines as they come, of attempts that start later too, until the run is over and read.

    `interval` is in seconds, between two looks at the run; `trouble` is told why one failed, once
    as long as it goes on. Raises TailError or Unreachable for what cannot be read of a run that is
    over.
    """
    tails: dict[_Place, tuple[Task, Tail]] = {}
    opened: set[_Place] = set()
    told: set[str] = set()
    failures, next_look = 0, 0.0
    while True:
        complaints: list[TailError | Unreachable] = []
        try:
            if time.monotonic() >= next_look:
                changes = source.poll()
                store.apply(changes)
                next_look = time.monotonic() + (0 if changes.more else interval)
                _open_new(source, chosen(store, target, choice), choice, opened, tails)
        except Unreachable as error:
            complaints.append(error)
        quiet = True
        for place, (task, tail) in list(tails.items()):
            try:
                lines = _polled(tail)
            except TailError as error:
                # It must not keep those behind it from being read.
                complaints.append(error)
                continue
            quiet = quiet and not lines
            for line in lines:
                yield Heard(task, place[2], place[3], line)
            if tail.finished:
                tail.close()
                del tails[place]
        sentences = {str(complaint) for complaint in complaints}
        for sentence in sorted(sentences - told):
            trouble(sentence)
        told = sentences
        failures = failures + 1 if complaints else 0
        if complaints:
            over = store.status.state in FINISHED and len(complaints) >= len(tails)
            if over and quiet and failures >= _LAST_TRIES:
                raise complaints[0]
            time.sleep(back_off(failures, interval))
        elif quiet:
            if store.status.state in FINISHED and not tails:
                return
            time.sleep(min([interval, *(tail.interval for _, tail in tails.values())]))


def _open_new(
    source: RunSource,
    attempts: Sequence[tuple[Task, Attempt]],
    choice: Choice,
    opened: set[_Place],
    tails: dict[_Place, tuple[Task, Tail]],
) -> None:
    for task, attempt in attempts:
        for stream in choice.streams:
            place = (*task.key, attempt.number, stream)
            if place not in opened:
                opened.add(place)
                tails[place] = (task, Tail(source.log(*place), in_order=True))


def print_lines(
    lines: Iterable[Heard], console: Console, *, led: bool, at_once: bool, ascii_only: bool
) -> int:
    """Print lines; returns how many. `at_once` leaves none in a buffer.

    `led` puts step/task, attempt and stream before each, with tabs between. Where the console has
    colours those that a line asks for are kept; nothing else of its escape sequences ever is.
    """
    coloured = console.color_system is not None and not ascii_only
    count = 0
    for heard in lines:
        count += 1
        raw, beyond = heard.line.text, heard.line.beyond
        place = one_line("/".join(heard.task.key))
        head = f"{place}\t{heard.attempt}\t{heard.stream}\t" if led else ""
        limit = max(1, len(raw))
        if coloured:
            # Not rich's own way to the file, which ends the program where nobody reads it.
            with console.capture() as printed:
                text = log_text(raw, limit, beyond=beyond)
                console.print(Text.assemble((head, "dim"), text), soft_wrap=True)
            line = printed.get()
        else:
            line = f"{head}{plain_text(raw, limit, beyond=beyond)}\n"
        if ascii_only:
            line = line.encode("ascii", "replace").decode()
        print(line, end="", file=console.file, flush=at_once)
    return count
