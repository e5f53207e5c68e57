"""A row of a timeline: what a task did when, and the cells that show it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from math import ceil, floor

from flowtui.lanes import SEVERITY
from flowtui.model import FINISHED, Ms, State, Task
from flowtui.theme import Look
from flowtui.views.timeline import Window

Cell = tuple[str, State | None]
"""A character, and the state whose colour it has."""

_ENDS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = " ▁▂▃▄▅▆▇█"
_ASCII_HEIGHTS = " .:-=+*#@"
_WAIT, _ASCII_WAIT = "┄", "-"
_RANKS = {state: rank for rank, state in enumerate(SEVERITY)}


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a task's row.

    An attempt, whose `number` it has; or without one the time before an attempt: `pending` from
    when nothing but room was missing, `waiting` for a retry. A clone has no length, and what ended
    without recording when is `hollow` up to where it must have been over.
    """

    state: State
    number: int | None
    start: Ms
    end: Ms
    hollow: bool = False


def segments(task: Task, ready_at: Ms | None, now: Ms, *, live: bool) -> Sequence[Segment]:
    """What a task did when, by time; `live` is whether the run goes on.

    Attempts whose start nobody knows are not among them.
    """
    found: list[Segment] = []
    free = ready_at
    for attempt, later in zip_longest(task.attempts, task.attempts[1:]):
        start, end = attempt.started_at, attempt.finished_at
        if start is None:
            free = None
            continue
        if attempt.state is State.CLONED:
            return [Segment(State.CLONED, attempt.number, start, start, hollow=True)]
        if free is not None and free < start:
            why = State.WAITING if attempt.number else State.PENDING
            found.append(Segment(why, None, free, start, hollow=True))
        if attempt.state is State.RUNNING:
            end = Ms(max(start, now))
        if end is not None:
            found.append(Segment(attempt.state, attempt.number, start, Ms(max(start, end))))
        else:
            over = later.started_at if later is not None else None
            over = Ms(max(start, over or start))
            found.append(Segment(attempt.state, attempt.number, start, over, hollow=True))
        free = end
    if live and task.state in (State.WAITING, State.PENDING) and free is not None and free < now:
        found.append(Segment(task.state, None, free, now, hollow=True))
    return found


def bar(row: Iterable[Segment], window: Window, cells: int, look: Look) -> list[Cell]:
    """The cells of a task's row. An attempt ends exact to an eighth of a cell, and where its state
    is not what one hopes for, in the state's glyph; an end that nobody knows is a `?`."""
    drawn: list[Cell] = [(" ", None)] * cells
    known = list(row)
    for segment in known:
        if segment.hollow:
            wait = _ASCII_WAIT if look.ascii else _WAIT
            for at in _span(segment, window, cells):
                drawn[at] = (wait, segment.state)
    worst: dict[int, State] = {}
    for segment in known:
        if segment.number is not None and segment.state is not State.CLONED:
            for at, char in _filled(segment, window, cells, look):
                if at not in worst or _RANKS[segment.state] < _RANKS[worst[at]]:
                    worst[at] = segment.state
                    drawn[at] = (char, segment.state)
    for segment in known:
        _mark_end(drawn, worst, segment, window, look)
    return drawn


def attempt_at(row: Iterable[Segment], window: Window, cells: int, cell: int) -> int | None:
    """The number of the attempt that is drawn in a cell, with the glyph behind it, or None."""
    return next(
        (
            segment.number
            for segment in row
            if segment.number is not None
            and floor(window.place(segment.start, cells)) <= cell
            and cell <= ceil(window.place(segment.end, cells))
        ),
        None,
    )


def density(
    running: Sequence[int],
    failures: Sequence[tuple[Ms, int]],
    window: Window,
    state: State,
    look: Look,
) -> list[Cell]:
    """The cells of a step's row: how many ran at once, as heights; where a task of it ended badly,
    the glyph of the worst of them. `failures` are ends with the rank of their state, sorted."""
    cells = len(running)
    row = sparkline(running, state, look)
    for at in range(cells):
        since, until = (Ms(ceil(window.moment(edge, cells))) for edge in (at, at + 1))
        first = bisect_left(failures, (since, 0))
        last = bisect_left(failures, (until, 0))
        if first < last:
            worst = SEVERITY[min(rank for _, rank in failures[first:last])]
            row[at] = (look.glyph(worst), worst)
    return row


def sparkline(running: Sequence[int], state: State, look: Look) -> list[Cell]:
    """Numbers as heights, the highest one as full cells; what is not zero is seen."""
    heights = _ASCII_HEIGHTS if look.ascii else _HEIGHTS
    most = max(running, default=0)
    return [
        (heights[max(1, number * 8 // most)], state) if number else (" ", None)
        for number in running
    ]


def rank(state: State) -> int:
    """How much a state wants to be seen, 0 most."""
    return _RANKS[state]


def runs_of(cells: Iterable[Cell]) -> Iterable[Cell]:
    """The cells, those beside each other in one colour put together."""
    text, of = "", None
    for char, state in cells:
        if state is not of:
            if text:
                yield text, of
            text, of = "", state
        text += char
    if text:
        yield text, of


def _span(segment: Segment, window: Window, cells: int) -> range:
    """The cells that a segment touches."""
    start, end = window.place(segment.start, cells), window.place(segment.end, cells)
    return range(max(0, floor(start)), min(cells, max(ceil(end), floor(start) + 1)))


def _filled(segment: Segment, window: Window, cells: int, look: Look) -> Iterable[tuple[int, str]]:
    """The cells of an attempt, as far as its time is known, with what is drawn in them."""
    start, end = window.place(segment.start, cells), window.place(segment.end, cells)
    if segment.hollow:
        end = start
    first, last = floor(start), floor(end)
    for at in range(max(0, first), min(cells, last + 1)):
        if look.ascii:
            char = look.glyph(segment.state) if at < end or at == first else " "
        elif first == last:
            char = _ENDS[max(1, round((end - start) * 8))]
        elif at == first:
            char = "█▐▕"[round((start - first) * 2)]
        else:
            char = "█" if at < last else _ENDS[round((end - last) * 8)]
        if char != " ":
            yield at, char


def _mark_end(
    drawn: list[Cell],
    worst: dict[int, State],
    segment: Segment,
    window: Window,
    look: Look,
) -> None:
    """Put the glyph of an attempt, or of a wait that lasts, behind its end."""
    cells, state = len(drawn), segment.state
    if segment.number is None or state is State.SUCCEEDED or not cells:
        return
    if state is State.CLONED:
        # Cloned, before this run did anything: where it stands on the axis says little.
        at = min(max(0, floor(window.place(segment.start, cells))), cells - 1)
        drawn[at] = (look.glyph(state), state)
        return
    unknown = segment.hollow
    end = window.place(segment.start if unknown else segment.end, cells)
    if not 0 <= end <= cells:
        return
    at = max(ceil(end), floor(window.place(segment.start, cells)) + 1)
    if at >= cells or at in worst:
        at -= 1
    drawn[at] = ("?" if unknown else look.glyph(state), state)


def unknown(task: Task) -> str | None:
    """What to say where no bar can be drawn, or None."""
    if task.attempts and all(attempt.started_at is None for attempt in task.attempts):
        return "start unknown" if task.state in FINISHED else None
    return None
