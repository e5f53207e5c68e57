"""One run in one row: the columns of the list of runs, which of them fit, what stands in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from flowtui.lanes import SEVERITY
from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, Ms, State
from flowtui.run_index import Group, Order, took
from flowtui.run_summary import RunSummary
from flowtui.theme import Look
from flowtui.times import short_age, span
from flowtui.widgets.task_columns import cell, sort_arrow

BAR = 8
"""Cells of a progress bar."""

_ROOMY = 110
"""Columns from which there are two cells between columns."""


_TROUBLES = (State.FAILED, State.LOST, State.CAUGHT, State.WAITING)
"""States of tasks that are counted in a column of their own."""


@dataclass(frozen=True, slots=True)
class _Column:
    """Cells that a column takes at least and at most."""

    least: int
    most: int


_COLUMNS: Mapping[str, _Column] = {
    "state": _Column(11, 11),
    "flow": _Column(12, 34),
    "run": _Column(6, 20),
    "step": _Column(8, 24),
    "progress": _Column(BAR, BAR),
    "tasks": _Column(7, 13),
    "counts": _Column(6, 14),
    "took": _Column(6, 6),
    "age": _Column(5, 5),
    "user": _Column(6, 16),
    "tags": _Column(8, 36),
    "origin": _Column(8, 20),
}
"""In the order in which they stand."""

_IMPORTANCE = (
    *("state", "run", "flow", "age", "step", "took"),
    *("tasks", "user", "progress", "counts", "origin", "tags"),
)
"""Those that come last are the first to go where there is no room."""

_MEASURED = ("flow", "run", "step", "tasks", "counts", "user", "tags", "origin")
"""Columns that are as wide as what stands in them, if there is room."""


def measured(runs: Iterable[RunSummary], widest: Mapping[str, int]) -> dict[str, int]:
    """Column → cells of its widest text, in these runs and as known before."""
    found = {name: widest.get(name, 0) for name in _MEASURED}
    for run in runs:
        for name in _MEASURED:
            text = _text(run, name)
            found[name] = max(found[name], len(text) if text.isascii() else cell_len(text))
    return found


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that are shown, each with its cells, and the cells between and before them."""

    widths: tuple[tuple[str, int], ...] = ()
    gap: int = 1
    margin: int = 2

    @classmethod
    def fitting(
        cls,
        widest: Mapping[str, int],
        width: int,
        *,
        without: Collection[str] = (),
        within: bool = False,
    ) -> Columns:
        """The most important columns that fit into this width, but those that are not wanted;
        `within` is whether they stand below the heads of groups."""
        margin = 4 if within else 2
        gap = 2 if width >= _ROOMY else 1
        left = width - margin
        chosen: dict[str, int] = {}
        for name in _IMPORTANCE:
            # Where no run has any, no room is kept for them.
            rare = name in ("counts", "tags", "origin")
            if name in without or (rare and not widest.get(name)):
                continue
            column = _COLUMNS[name]
            # An id that is cut could be that of another run.
            least = min(column.most, widest.get(name, 0)) if name == "run" else 0
            least = max(column.least, least)
            if least + gap <= left:
                chosen[name] = least
                left -= least + gap
        for name in ("flow", "step", "counts", "tags", "tasks", "user", "origin"):
            if name in chosen:
                wanted = min(_COLUMNS[name].most, widest.get(name, 0)) - chosen[name]
                more = max(0, min(wanted, left))
                chosen[name] += more
                left -= more
        return cls(tuple((name, chosen[name]) for name in _COLUMNS if name in chosen), gap, margin)

    def header(self, order: Order, reverse: bool, look: Look) -> Text:
        """The names of the columns, with an arrow at the one that the rows are ordered by."""
        text = Text(" " * self.margin)
        for name, width in self.widths:
            arrow = ""
            if name == order and (order is not Order.AGE or reverse):
                arrow = sort_arrow((order is Order.TOOK) is not reverse, look)
            text.append(cell(name + arrow, width) + " " * self.gap)
        return text

    def row(self, run: RunSummary, look: Look, dim: Style, *, now: Ms, cursor: bool) -> Text:
        """A run."""
        text = Text((_pointer(look) if cursor else "").ljust(self.margin))
        colour = look.style(run.state) if run.state else dim
        plain = Style.null()
        styles = {"state": colour, "flow": plain, "run": plain, "step": colour}
        for name, width in self.widths:
            if name == "progress":
                text.append_text(_bar(run, look, dim))
            elif name == "counts":
                counts = _troubles(run, look)
                counts.truncate(width, overflow="ellipsis", pad=True)
                text.append_text(counts)
            elif name == "state":
                shown = f"{look.glyph(run.state)} {run.state}" if run.state else "…"
                text.append(cell(shown, width), colour)
            else:
                style = styles.get(name, dim)
                if name == "step" and run.state not in (State.FAILED, State.LOST):
                    style = plain
                text.append(cell(_told(run, name, now), width), style)
            text.append(" " * self.gap)
        return text


def group_row(group: Group, look: Look, dim: Style, *, cursor: bool) -> Text:
    """The head of a group: its name, how many runs it has, and how they stand."""
    text = Text(_pointer(look) if cursor else "  ")
    if look.ascii:
        text.append("+ " if group.folded else "- ")
    else:
        text.append("▶ " if group.folded else "▼ ")
    text.append(one_line(group.name, 60) or "no user", "bold")
    text.append(f"  {len(group):,} run{'s' if len(group) != 1 else ''}", dim)
    text.append_text(told_counts(group.counts, look))
    return text


def told_counts(counts: Mapping[State, int] | Mapping[State | None, int], look: Look) -> Text:
    """How many runs are in which state, worst first, each after two spaces."""
    text = Text()
    for state in SEVERITY:
        if counts.get(state):
            text.append("  ")
            text.append(f"{look.glyph(state)}{counts[state]:,}", look.style(state))
    return text


def told_age(run: RunSummary, now: Ms) -> str:
    """How long ago a run was created."""
    return short_age(now - run.created_at) if run.created_at is not None else ""


def told_took(run: RunSummary, now: Ms) -> str:
    """How long a run took, or has been running; `?` where its end is not known."""
    length = took(run, now)
    if length is not None:
        return span(length)
    return "?" if run.state in FINISHED else ""


def _told(run: RunSummary, name: str, now: Ms) -> str:
    if name == "age":
        return told_age(run, now)
    return told_took(run, now) if name == "took" else _text(run, name)


def _pointer(look: Look) -> str:
    return "> " if look.ascii else "▸ "


def _text(run: RunSummary, name: str) -> str:
    """What stands in a column that does not change by itself, as it came."""
    if name == "step":
        return ", ".join(run.current or ())
    if name == "tags":
        return " ".join(run.tags)
    if name == "origin":
        return run.origin_run or ""
    if name == "user":
        return run.user or ""
    if name == "counts":
        return _troubles(run, Look()).plain
    if name == "tasks":
        done, total = _progress(run)
        known = run.counts is not None
        return (f"{done:,}/{total:,}" if total else f"{done:,}") if known else ""
    return run.flow if name == "flow" else run.run


def _troubles(run: RunSummary, look: Look) -> Text:
    """How many tasks did not simply end well, by state, worst first."""
    text = Text()
    for state in _TROUBLES:
        count = (run.counts or {}).get(state)
        if count:
            text.append(" " if text else "")
            text.append(f"{look.glyph(state)}{count:,}", look.style(state))
    return text


def _progress(run: RunSummary) -> tuple[int, int]:
    """Tasks that have ended, and all that there will be, 0 where that is not known."""
    counts = run.counts or {}
    done = sum(count for state, count in counts.items() if state in FINISHED)
    return done, max(run.expected, sum(counts.values())) if run.expected is not None else 0


def _bar(run: RunSummary, look: Look, dim: Style) -> Text:
    """Told without colours too: what is done is drawn with another stroke than what is not."""
    done, total = _progress(run)
    if not total or run.counts is None:
        return Text(" " * BAR)
    cells = BAR if done >= total else min(BAR - 1, done * BAR // total)
    full, empty = ("#", "-") if look.ascii else ("━", "┄")
    text = Text(full * cells, look.style(run.state or State.PENDING))
    return text.append(empty * (BAR - cells), dim)
