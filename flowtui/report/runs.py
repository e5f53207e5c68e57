"""Runs as a table for people, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from flowtui.model import FINISHED, Ms
from flowtui.picture import shown
from flowtui.report.paper import PIPE_WIDTH, look_on, put
from flowtui.run_summary import RunSummary
from flowtui.theme import Look
from flowtui.times import span

_COLUMNS = ("run", "state", "started", "took", "tasks", "at", "user", "tags", "resumed from")


def print_runs(runs: Sequence[RunSummary], now: Ms, look: Look, console: Console) -> None:
    """Print a row for each run; `now` is the provider's clock.

    What says least stands last, and is left out where a terminal is narrow.
    """
    look = look_on(console, look)
    rows = [_row(run, now, look) for run in runs]
    unbounded = console.options.update(max_width=PIPE_WIDTH)
    for columns in range(len(_COLUMNS), 1, -1):
        table = _table(rows, columns)
        if Measurement.get(console, unbounded, table).maximum <= console.width:
            break
    put(console, table)


def _table(rows: Sequence[Sequence[Text]], columns: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in _COLUMNS[:columns]:
        table.add_column(name, no_wrap=True, justify="right" if name == "took" else "left")
    for row in rows:
        table.add_row(*row[:columns])
    return table


def _row(run: RunSummary, now: Ms, look: Look) -> Sequence[Text]:
    state = Text("unknown", "dim")
    if run.state is not None:
        state = Text(f"{look.glyph(run.state)} {run.state}", look.style(run.state))
    end = run.finished_at if run.state in FINISHED else now
    created = run.created_at
    return (
        Text(shown(run.pathspec, look, 80)),
        state,
        Text(_date(created)),
        Text(span(end - created) if created is not None and end is not None else ""),
        Text(_tasks(run)),
        Text(shown(", ".join(run.current or ()), look, 40)),
        Text(shown(run.user or "", look, 20)),
        Text(shown(", ".join(run.tags), look, 60)),
        Text(shown(run.origin_run or "", look, 40)),
    )


def _tasks(run: RunSummary) -> str:
    """How many tasks are finished, of how many."""
    if run.counts is None:
        return ""
    done = sum(count for state, count in run.counts.items() if state in FINISHED)
    total = run.expected if run.expected is not None else sum(run.counts.values())
    more = "+" if run.expected is None and run.state not in FINISHED else ""
    return f"{done:,}/{total:,}{more}"


def _date(moment: Ms | None) -> str:
    return f"{datetime.fromtimestamp(moment / 1000):%Y-%m-%d %H:%M}" if moment else ""
