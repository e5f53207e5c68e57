"""flowtui's figures at scale, each beside the Client API in the same run: `python -m
tests.benchmarks`.

A recorded run is grown to each number of tasks, then read and watched; for the area `logs` one of
its tasks gets a log of 1 GB. Nothing is asserted of times; what was seen is checked, and a wrong
count ends the program.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import local, logs, run_list, screen, service, start
from tests.benchmarks.fresh import QUICK, THOROUGH
from tests.benchmarks.grow_log import FEWEST, FULL
from tests.benchmarks.table import Figure, table

AREAS = ("local", "service", "screen", "start", "runs", "logs")

QUICK_LINES = FULL // 10
"""Lines of the log that --quick measures."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--tasks", type=int, nargs="+", default=[100, 1000, 10_000], help="tasks in the foreach"
    )
    parser.add_argument(
        "--lines", type=int, help=f"lines of the log, {FULL:,} or with --quick {QUICK_LINES:,}"
    )
    parser.add_argument("--only", choices=AREAS, help="one area instead of all")
    parser.add_argument("--keep", type=Path, help="where grown runs are kept for the next time")
    parser.add_argument("--quick", action="store_true", help="measure once each, and shortly")
    given = parser.parse_args()
    if min(given.tasks) <= local.RUNNING:
        parser.error(f"--tasks must be more than {local.RUNNING}.")
    if given.lines is None:
        given.lines = QUICK_LINES if given.quick else FULL
    if given.lines < FEWEST:
        parser.error(f"--lines must be {FEWEST:,} or more.")
    with _work(given.keep) as work:
        for area in AREAS:
            if given.only in (None, area):
                print(_measured(area, work, given), end="\n\n", flush=True)


def _measured(area: str, work: Path, given: argparse.Namespace) -> str:
    """An area's table."""
    effort = QUICK if given.quick else THOROUGH
    if area == "start":
        _say("start")
        return table("start and layout", start.measure(effort))
    if area == "runs":
        _say("runs")
        return table("the list of runs", run_list.figures(work, effort), run_list.HEAD)
    if area == "logs":
        _say(f"logs, {given.lines:,} lines")
        found = logs.measure(work, given.lines, effort)
        return table("logs", found, logs.HEAD, budgeted=FULL)
    measures: dict[str, tuple[str, Callable[[int], Sequence[Figure]]]] = {
        "local": ("local metadata", lambda n: local.measure(local.grown(work, n), n, effort)),
        "service": ("metaflow-service", lambda n: service.measure(work, n, effort)),
        "screen": ("the program in a terminal", lambda n: screen.measure(work, n, effort)),
    }
    title, measure = measures[area]
    figures: list[Figure] = []
    for number in sorted(set(given.tasks)):
        _say(f"{title}, {number:,} tasks")
        figures += measure(number)
    return table(title, figures)


@contextmanager
def _work(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="flowtui-benchmarks-") as folder:
        yield Path(folder)


def _say(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    for name in [name for name in os.environ if name.startswith("METAFLOW")]:
        del os.environ[name]
    main()
