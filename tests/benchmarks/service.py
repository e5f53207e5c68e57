"""A metaflow-service: a finished run read whole, and a running one watched, requests counted.

The service is the tests' own, in a process of its own: its work is not counted as the reader's, but
it is in what both sides wait for.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks.fresh import PROJECT, Effort, Found, check, in_turn, measured
from tests.benchmarks.grow_service import Served, Unfinished, grow, record
from tests.benchmarks.table import Figure, mebibytes, seconds, times
from tests.runs import flow_environment

STEPS, OTHERS = 4, 3
"""Steps of the flow, and its tasks besides those in the foreach, the parameters aside."""

RUNNING = 5
"""Tasks that still run in a run that is watched."""

REFERENCE_UP_TO = 1000
"""Tasks up to which `--source client` is measured too: it asks several times per task."""

HEARTBEAT = 5.0
"""Seconds between two heartbeats of a task that runs."""


def measure(work: Path, tasks: int, effort: Effort) -> Sequence[Figure]:
    """All figures for a run of so many tasks."""
    finished = grow(record(work / "service"), tasks)
    reference = None
    with served(finished) as url:
        environment = _environment(finished, url)
        client, own = in_turn(
            effort.readings_of(tasks),
            ("refresh", partial(measured, environment, "client", finished.pathspec)),
            ("complete", partial(measured, environment, "picture", finished.pathspec, "")),
        )
        check("the number of tasks that the Client API sees", client["tasks"], tasks + OTHERS)
        check("the number that succeeded", client["states"]["succeeded"], tasks + OTHERS)
        check("the source that flowtui chooses", own["source"], "service")
        _check_finished(own, tasks)
        if tasks <= REFERENCE_UP_TO:
            reference = measured(environment, "picture", finished.pathspec, "client")
            _check_finished(reference, tasks)
            check(f"what {own['source']} says of the tasks", own["digest"], reference["digest"])
    running = Unfinished(finished, RUNNING)
    with served(running.served) as url, _heartbeats(running, url):
        environment = _environment(running.served, url)
        watched = measured(
            environment, "watch", finished.pathspec, "", *running.tasks, on_task=running.finish
        )
    check("the states of the tasks watched", watched["states"], {"succeeded": tasks + 1})
    running.served.db.unlink()
    return _figures(tasks, client, own, reference, watched)


@contextmanager
def served(run: Served) -> Iterator[str]:
    """A service over the run's database; gives its address."""
    command = [sys.executable, "-m", "tests.metadata_service", "--port", "0", "--db", str(run.db)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@contextmanager
def _heartbeats(running: Unfinished, url: str) -> Iterator[None]:
    running.url = url
    over = threading.Event()

    def beat() -> None:
        while not over.wait(HEARTBEAT):
            running.beat()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _environment(run: Served, url: str) -> dict[str, str]:
    service = {"METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": url}
    return flow_environment(run.root, service)


def _check_finished(found: Found, tasks: int) -> None:
    seen = (found["run"], found["tasks"], found["states"])
    should = ("succeeded", tasks + OTHERS, {"succeeded": tasks + OTHERS})
    check(f"what the source {found['source']} counts", seen, should)
    check(f"whether {found['source']} has sent requests", found["first requests"] > 0, True)


def _figures(
    tasks: int, client: Found, own: Found, reference: Found | None, watched: Found
) -> Sequence[Figure]:
    refresh, asked = client["refresh"], f"{client['refresh requests']:,} → "
    first = refresh / own["first"]
    per_step = own["first requests"] / STEPS
    figures = [
        Figure(
            "opened, the graph can be drawn", tasks, seconds(own["paint"]),
            requests=f"{own['paint requests']:,}",
        ),
        Figure(
            "first picture", tasks, seconds(own["first"]), seconds(refresh), times(first),
            f"{asked}{own['first requests']:,}", "≥ 15×", first >= 15,
        ),
        Figure(
            "first picture, requests per step", tasks, f"{per_step:.1f}",
            f"{client['refresh requests'] / STEPS:,.1f}",
            budget="≤ 10", reached=per_step <= 10,
        ),
        Figure(
            "complete picture", tasks, seconds(own["complete"]), seconds(refresh),
            times(refresh / own["complete"]), f"{asked}{own['complete requests']:,}",
        ),
        Figure(
            "  the same, CPU of the reader", tasks, seconds(own["complete cpu"]),
            seconds(client["refresh cpu"]), times(client["refresh cpu"] / own["complete cpu"]),
        ),
        Figure(
            "poll, nothing changed", tasks, seconds(watched["idle"]), seconds(refresh),
            times(refresh / watched["idle"]), f"{asked}{watched['idle requests']:,}",
            "1-2 requests", watched["idle requests"] <= 2,
        ),
        Figure(
            "poll, one task changed", tasks, seconds(watched["changed"]), seconds(refresh),
            times(refresh / watched["changed"]), f"{asked}{watched['changed requests']:,}",
        ),
        Figure(
            "poll, most requests of any", tasks, f"{watched['most requests']:,}",
        ),
        Figure(
            "peak memory of the reader", tasks, mebibytes(own["memory"]),
            mebibytes(client["memory"]),
        ),
    ]  # fmt: skip
    if reference is not None:
        took = reference["complete"]
        figures.append(
            Figure(
                "complete picture, --source client", tasks, seconds(took), seconds(refresh),
                times(refresh / took), f"{asked}{reference['complete requests']:,}",
            )
        )  # fmt: skip
    return figures
