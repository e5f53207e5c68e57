"""What is measured of logs, each in a process of its own: `python -m tests.benchmarks.measure_log
WHAT ROOT LINES`.

Prints a line of JSON like `measure`. For how long the screen was blocked, an app without a terminal
counts the time from one turn of its event loop to the next.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.grow_log import (
    EVERY,
    NOWHERE,
    PERCENT,
    RARE,
    REGEX,
    GrownLogs,
    grow_logs,
    last_line,
)
from tests.benchmarks.local import STEP
from tests.benchmarks.measure import peak_memory

TICK = 0.002
"""Seconds that the event loop is asked to sleep for."""

PATIENCE = 120.0

Found = dict[str, Any]


def client(logs: GrownLogs) -> Found:
    """The log by Metaflow's client: the seconds it takes, and the bytes resident for it."""
    from metaflow import Task, namespace

    namespace(None)
    task = Task(logs.target(logs.task))
    before = peak_memory()
    began = time.perf_counter()
    text = task.stdout
    took = time.perf_counter() - began
    assert last_line(logs.lines) in text[-1000:], text[-1000:]
    return {"stdout": took, "memory": peak_memory() - before, "characters": len(text)}


async def gaps(logs: GrownLogs) -> Found:
    """The longest that the event loop was away while a long log was opened, read and searched."""
    from textual.widgets import Input

    from flowtui.widgets.log_pane import LogPane

    found: Found = {}
    async with _before(logs, logs.task) as app:
        # What the machine does to a loop that has nothing to do.
        found["at rest"] = await _longest_for(2.0)
        app.simulate_key("enter")
        found["opening"] = await _longest(lambda: _lines_shown(app) > 0)
        found["indexing"] = await _longest(lambda: _lines_shown(app) == logs.lines)
        pane = app.screen.query_one("#stdout", LogPane)

        def searched() -> bool:
            return pane.document.search is not None and pane.document.search.progress == 1

        def filtered() -> bool:
            return pane.document.filter is not None and pane.document.filter.progress == 1

        for what in (RARE, PERCENT, REGEX, EVERY, NOWHERE):
            pane.search(what)
            found[f"searching {what}"] = await _longest(searched)
        pane.search("")
        for what in (PERCENT, EVERY):
            pane.filter(what)
            found[f"filtering {what}"] = await _longest(filtered)
        pane.filter("")
        for key, what in (("g", "first line"), ("G", "last line"), ("w", "wrapping")):
            app.simulate_key(key)
            found[what] = await _longest_for(1.0)
        with tempfile.TemporaryDirectory(dir=logs.run.root) as folder:
            os.chdir(folder)
            app.simulate_key("ctrl+s")
            await _longest(lambda: isinstance(app.focused, Input))
            app.simulate_key("enter")
            found["saving"] = await _longest(lambda: list(Path(folder).glob("*.log")))
            os.chdir(logs.run.root)
    return found


async def single(logs: GrownLogs, task: str, end: str) -> Found:
    """A log of one line: the seconds until it is drawn, and the longest gap, then when wrapped."""
    from tests.pilot import screen_text

    found: Found = {}
    async with _before(logs, task) as app:
        began = time.perf_counter()
        app.simulate_key("enter")
        found["gap"] = await _longest(lambda: _lines_shown(app) > 0)
        drawn = asyncio.Event()
        app.call_after_refresh(drawn.set)
        found["gap"] = max(found["gap"], await _longest(drawn.is_set))
        found["drawn"] = time.perf_counter() - began
        assert end in screen_text(app), screen_text(app)
        app.simulate_key("w")
        found["wrapping"] = await _longest_for(1.0)
    return found


@asynccontextmanager
async def _before(logs: GrownLogs, task: str) -> AsyncIterator[Any]:
    """The app on a run, with a task selected, but its log not yet shown."""
    from tests.pilot import until, watching

    async with watching(logs.run, f"/{STEP}/{logs.quiet}") as (app, pilot):
        await _longest_for(1.0)
        tasks = [logs.quiet, logs.task, logs.long, logs.redrawn]
        for following in tasks[1 : tasks.index(task) + 1]:
            app.simulate_key("j")
            frame = app.screen.query_one("#attempts")
            title = f"{STEP}/{following}"
            await until(pilot, lambda: title in str(frame.border_title), title)  # noqa: B023
        yield app


def _lines_shown(app: Any) -> int:
    """The lines of stdout that the full screen knows."""
    from flowtui.screens.log import LogScreen
    from flowtui.widgets.log_pane import LogPane

    if not isinstance(app.screen, LogScreen) or not app.screen.query("#stdout"):
        return 0
    return app.screen.query_one("#stdout", LogPane).line_count


async def _longest(holds: Callable[[], object]) -> float:
    """Sleep `TICK` again and again until a condition holds; the longest that one took more."""
    longest, deadline = 0.0, time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "what is measured does not end"
        began = time.perf_counter()
        await asyncio.sleep(TICK)
        longest = max(longest, time.perf_counter() - began - TICK)
    return longest


async def _longest_for(seconds: float) -> float:
    over = time.monotonic() + seconds
    return await _longest(lambda: time.monotonic() > over)


def main() -> None:
    what, root, lines = sys.argv[1:]
    logs = grow_logs(Path(root), int(lines))
    if what == "client":
        found = client(logs)
    elif what == "gaps":
        found = asyncio.run(gaps(logs))
    elif what == "long":
        found = asyncio.run(single(logs, logs.long, "one long line"))
    else:
        found = asyncio.run(single(logs, logs.redrawn, "all is done"))
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
