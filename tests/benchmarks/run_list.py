"""A list of many runs: in a terminal, and by itself, local or of a service: `python -m
tests.benchmarks --only runs`, and `python -m tests.benchmarks.run_list local`.

Prints when its first rows, all rows and the states of the newest 40 runs are there, and what a poll
takes when nothing changes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flowtui.run_summary import RunKey, RunListChanges, RunSummary
from flowtui.sources.registry import Where, open_run_list
from flowtui.sources.run_list import RunList
from flowtui.sources.service_api import Connection
from tests.benchmarks.fresh import Effort
from tests.benchmarks.table import Figure, seconds
from tests.metadata_service import MetadataService
from tests.metadata_service_runs import served_runs
from tests.program import monitor
from tests.run_lists import grown_local, grown_service
from tests.runs import recorded_runs

CACHE = Path(".pytest_cache/flowtui-runs").absolute()
IN_VIEW = 40
IDLE_POLLS = 5

FLOWS, RUNS = 1000, 10

READING = 120.0
"""Seconds that all rows may take to come."""


HEAD = ("", "runs", "", "flowtui", "", "", "must reach", "")


def figures(work: Path, effort: Effort) -> Sequence[Figure]:
    """How long the program takes to its first rows, and to all of them, in a terminal."""
    root = work / "many-runs"
    if not root.exists():
        grown_local(recorded_runs(CACHE)["foreach"], root, FLOWS, RUNS, IN_VIEW)
    found = [_in_terminal(root) for _ in range(effort.starts)]
    first, whole = (statistics.median(times) for times in zip(*found, strict=True))
    total = FLOWS * RUNS
    return [
        Figure(
            "from the start to the first rows", total, seconds(first),
            budget="< 0.8 s", reached=first < 0.8,
        ),
        Figure("from the start to all rows", total, seconds(whole)),
    ]  # fmt: skip


def _in_terminal(root: Path) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="flowtui-home-") as home:
        began = time.monotonic()
        with monitor("--namespace", "", root=root, home=Path(home)) as screen:
            first = screen.wait_until(lambda now: "▸ " in now, "a row") - began
            told = f"{FLOWS * RUNS:,} runs"
            whole = screen.wait_until(lambda now: told in now, told, seconds=READING) - began
            screen.press("q")
            if screen.exit_code():
                raise SystemExit(f"flowtui has failed:\n{screen.text()}")
    return first, whole


class Timed:
    """A list, the runs it has shown, and the seconds since it was opened."""

    def __init__(self, where: Where) -> None:
        self.list: RunList = open_run_list(where)
        self.runs: dict[RunKey, RunSummary] = {}
        self.longest = 0.0
        self._began = time.perf_counter()

    def poll(self) -> RunListChanges:
        began = time.perf_counter()
        changes = self.list.poll()
        self.longest = max(self.longest, time.perf_counter() - began)
        self.runs |= {summary.key: summary for summary in changes.runs}
        return changes

    def newest(self) -> list[RunKey]:
        return sorted(self.runs, key=lambda key: -(self.runs[key].created_at or 0))[:IN_VIEW]

    def say(self, what: str) -> None:
        print(f"{what}: {(time.perf_counter() - self._began) * 1000:.0f} ms")


def measure(where: Where) -> None:
    asked = _counted()
    timed = Timed(where)
    more = timed.poll().more
    timed.say(f"first {len(timed.runs)} rows")
    while more:
        timed.list.attend(timed.newest())
        more = timed.poll().more
    timed.say(f"all {len(timed.runs)} rows, the newest {IN_VIEW} looked into")
    print(f"longest poll {timed.longest * 1000:.0f} ms; requests {dict(asked.most_common(5))}")
    for _ in range(IDLE_POLLS):
        time.sleep(1)
        asked.clear()
        began, cpu = time.perf_counter(), time.process_time()
        timed.poll()
        spent, cpu = time.perf_counter() - began, time.process_time() - cpu
        print(f"idle poll {spent * 1000:.1f} ms, cpu {cpu * 1000:.1f} ms, requests {dict(asked)}")


def _counted() -> Counter[str]:
    """Requests by the last word of their path, from now on."""
    asked: Counter[str] = Counter()
    get = Connection.get

    def counted(self: Connection, path: Any, query: Any) -> Any:
        asked["run" if path[-2:-1] == ("runs",) else path[-1]] += 1
        return get(self, path, query)

    Connection.get = counted  # type: ignore[method-assign]
    return asked


@contextmanager
def _served(flows: int, runs: int) -> Iterator[str]:
    """The address of a service, in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "serve", str(flows), str(runs)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()


def _serve(flows: int, runs: int) -> None:
    served = served_runs(CACHE)
    with (
        tempfile.TemporaryDirectory() as folder,
        MetadataService(db=served.database(Path(folder))) as service,
    ):
        grown_service(service.store, served.pathspecs["foreach"], flows, runs, IN_VIEW)
        print(service.url, flush=True)
        sys.stdin.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("local", "service", "serve"))
    parser.add_argument("flows", type=int, nargs="?", default=FLOWS)
    parser.add_argument("runs", type=int, nargs="?", default=RUNS)
    chosen = parser.parse_args()
    if chosen.what == "serve":
        _serve(chosen.flows, chosen.runs)
    elif chosen.what == "service":
        with _served(chosen.flows, chosen.runs) as address:
            measure(Where(f"service@{address}", ""))
    else:
        recorded = recorded_runs(CACHE)["foreach"]
        with tempfile.TemporaryDirectory() as folder:
            grown_local(recorded, Path(folder), chosen.flows, chosen.runs, IN_VIEW)
            measure(Where(f"local@{folder}", ""))


if __name__ == "__main__":
    main()
