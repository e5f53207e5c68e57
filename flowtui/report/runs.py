"""Runs as a document for programs and as a table for people, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from flowtui.model import FINISHED, Ms
from flowtui.picture import shown
from flowtui.report.paper import PIPE_WIDTH, look_on, put
from flowtui.report.run import counted, seconds
from flowtui.run_summary import RunSummary
from flowtui.theme import Look
from flowtui.times import iso, span

SCHEMA = "flowtui.runs/1"
"""Names the shape of the document; it changes when a key changes its meaning."""

_COLUMNS = ("run", "state", "started", "took", "tasks", "at", "user", "tags", "resumed from")


def document(runs: Sequence[RunSummary], flow: str | None) -> dict[str, Any]:
    """The runs of a flow, None for all flows, as plain data.

    What it says of a run it says in the words of the run's own document. `current` are the steps
    that run, or the one that failed; `expected` is how many tasks there will be.
    """
    return {"schema": SCHEMA, "flow": flow, "runs": [_run(run) for run in runs]}


def _run(run: RunSummary) -> dict[str, Any]:
    return {
        "pathspec": run.pathspec,
        "flow": run.flow,
        "run": run.run,
        "status": None if run.state is None else str(run.state),
        "reason": run.reason,
        "user": run.user,
        "tags": list(run.tags),
        "system_tags": list(run.system_tags),
        "origin_run": run.origin_run,
        "created_at": iso(run.created_at),
        "finished_at": iso(run.finished_at),
        "duration_s": seconds(run.created_at, run.finished_at),
        "current": None if run.current is None else list(run.current),
        "counts": None if run.counts is None else counted(run.counts),
        "expected": run.expected,
    }


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
