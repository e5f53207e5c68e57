"""The installed program in a real terminal on a run that goes on: its start, its keys, its rest."""

from __future__ import annotations

import itertools
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from tests.benchmarks.fresh import Effort
from tests.benchmarks.local import OTHERS, RUNNING, STEP, grown, unfinished
from tests.benchmarks.measure import peak_memory
from tests.benchmarks.table import Figure, mebibytes, seconds
from tests.program import monitor, wait_for_focus
from tests.runs import RecordedRun
from tests.terminal import Terminal

READING = 120.0
"""Seconds that the complete picture may take to come."""

BETWEEN_KEYS = 0.1
"""Seconds from one key to the next, so that they fall at all moments of the polls."""


def measure(work: Path, tasks: int, effort: Effort) -> Sequence[Figure]:
    """All figures for a run of so many tasks, watched at rest and then while keys are typed."""
    run = grown(work, tasks)
    ids = sorted(int(p.name) for p in (run.directory / STEP).glob("[!_]*"))
    target = f"{run.pathspec}/{STEP}/{ids[0]}"
    with (
        tempfile.TemporaryDirectory(prefix="flowtui-home-") as home,
        unfinished(run),
    ):
        began = time.monotonic()
        with monitor(target, root=run.root, home=Path(home)) as screen:
            drawn = screen.wait_until(_shows_graph, "the graph", seconds=READING) - began
            complete = _wait_for_all(screen, run, tasks) - began
            program = psutil.Process(screen.process.pid)
            share = _at_rest(program, effort.watched)
            resident = program.memory_info().rss
            delays = sorted(_keys(screen, [str(task) for task in ids], effort.watched))
            opened, unfolded = _timeline(screen)
            peak = peak_memory(program.pid)
            screen.press("q")
            if screen.exit_code():
                raise SystemExit(f"flowtui has failed:\n{screen.text()}")
    p95 = delays[round(0.95 * (len(delays) - 1))]
    return [
        Figure(
            "from the start to the graph", tasks, seconds(drawn), budget="< 1 s", reached=drawn < 1
        ),
        Figure("from the start to the complete picture", tasks, seconds(complete)),
        Figure(
            f"idle, {effort.watched:g} s: share of a core", tasks, f"{share:.1%}",
            budget="< 2 %", reached=share < 0.02,
        ),
        Figure(
            "memory resident at rest", tasks, mebibytes(resident),
            budget="< 150 MB", reached=resident < 150 * 2**20,
        ),
        Figure("memory resident at most", tasks, mebibytes(peak)),
        Figure("key to repaint: p50", tasks, seconds(statistics.median(delays))),
        Figure(
            "key to repaint: p95", tasks, seconds(p95),
            budget="< 50 ms", reached=p95 < 0.05,
        ),
        Figure("key to repaint: longest", tasks, seconds(delays[-1])),
        Figure(
            "key to the timeline", tasks, seconds(opened),
            budget="< 150 ms", reached=opened < 0.15,
        ),
        Figure(
            "key to a timeline's row for each task", tasks, seconds(unfolded),
            budget="< 150 ms", reached=unfolded < 0.15,
        ),
    ]  # fmt: skip


def _shows_graph(shown: str) -> object:
    """Whether the graph has its steps, with or without their tasks."""
    return re.search(rf"[^\w/] {STEP} ", shown)


def _wait_for_all(screen: Terminal, run: RecordedRun, tasks: int) -> float:
    """Wait until the header counts what has ended and what there will be."""
    ended = tasks - RUNNING + 1
    counted = f"{ended} of {tasks + OTHERS} tasks"
    return screen.wait_until(
        lambda shown: counted in shown.replace(",", ""), counted, seconds=READING
    )


def _at_rest(program: psutil.Process, watched: float) -> float:
    """The share of a core that the program uses while nothing happens."""
    used, began = _cpu(program), time.monotonic()
    time.sleep(watched)
    return (_cpu(program) - used) / (time.monotonic() - began)


def _cpu(program: psutil.Process) -> float:
    times = program.cpu_times()
    return float(times.user + times.system)


def _keys(screen: Terminal, tasks: Sequence[str], watched: float) -> Iterator[float]:
    """The seconds from each key that moves in the list of tasks to its row being marked."""
    wait_for_focus(screen, f"{STEP} · foreach")
    screen.press("g")
    screen.wait_for(f"▸ {tasks[0]} ")
    there_and_back = [*zip("j" * len(tasks), tasks[1:], strict=False)]
    there_and_back += [*zip("k" * len(tasks), tasks[-2::-1], strict=False)]
    over = time.monotonic() + watched
    for key, task in itertools.cycle(there_and_back):
        if time.monotonic() > over:
            return
        pressed = screen.press(key)
        yield screen.wait_for(f"▸ {task} ") - pressed
        time.sleep(max(0.0, pressed + BETWEEN_KEYS - time.monotonic()))


def _timeline(screen: Terminal) -> tuple[float, float]:
    """The seconds from the key to the timeline, which is imported then, and to all its rows."""
    screen.press("escape")
    wait_for_focus(screen, "graph")
    pressed = screen.press("3")
    opened = screen.wait_for(f"● {STEP} ×") - pressed
    # A step of few tasks is unfolded from the start.
    if f"▼● {STEP} " in screen.text():
        screen.press("h")
        screen.wait_for(f"▶● {STEP} ")
    pressed = screen.press("l")
    return opened, screen.wait_for(f"▼● {STEP} ") - pressed
