"""Local metadata: a finished run read whole, and a running one watched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.fresh import Effort, Found, check, in_turn, measured
from tests.benchmarks.grow_local import Unfinished, grow, restore
from tests.benchmarks.table import Figure, mebibytes, seconds, times
from tests.runs import RecordedRun, flow_environment, recorded_runs

SPLIT, STEP = "start", "visit"
"""The steps of `foreach.py` that open the foreach and that are in it."""

OTHERS = 3
"""Tasks of `foreach.py` besides those in the foreach, the parameters' task aside."""

RUNNING = 5
"""Tasks that still run in a run that is watched."""

_STAND_IN = (sys.executable, "-I", "-S", "-c", "import sys; sys.stdin.read()")

CACHE = Path(__file__).parent.parent.parent / ".pytest_cache" / "flowtui-runs"


def grown(work: Path, tasks: int) -> RecordedRun:
    """The recorded foreach run with so many tasks, in a root of its own, finished."""
    recorded = recorded_runs(CACHE)["foreach"]
    run = grow(recorded, work / f"local-{tasks}", SPLIT, STEP, tasks)
    restore(run)
    return run


def measure(run: RecordedRun, tasks: int, effort: Effort) -> Sequence[Figure]:
    """All figures for a run of so many tasks."""
    environment = flow_environment(run.root)
    client, own = in_turn(
        effort.readings_of(tasks),
        ("refresh", lambda: measured(environment, "client", run.pathspec)),
        ("complete", lambda: measured(environment, "picture", run.pathspec, "")),
    )
    check("the number of tasks that the Client API sees", client["tasks"], tasks + OTHERS)
    check("the number that succeeded", client["states"]["succeeded"], tasks + OTHERS)
    check("the source that flowtui chooses", own["source"], "local")
    reference = measured(environment, "picture", run.pathspec, "client")
    for found in (own, reference):
        check(f"what the source {found['source']} counts", *_finished(found, tasks))
    check(f"what {own['source']} says of the tasks", own["digest"], reference["digest"])

    with unfinished(run) as held:
        watched = measured(environment, "watch", run.pathspec, "", *held.tasks, on_task=held.finish)
    check("the states of the tasks watched", watched["states"], {"succeeded": tasks + 1})
    return _figures(tasks, client, own, reference, watched)


@contextmanager
def unfinished(run: RecordedRun) -> Iterator[Unfinished]:
    """The run with its last tasks running: a process stands in for each one's step process."""
    held = Unfinished(run, STEP, RUNNING)
    try:
        with ExitStack() as stack:
            for task in held.tasks:
                options = ("step", STEP, "--run-id", run.run, "--task-id", task)
                process = subprocess.Popen(
                    [*_STAND_IN, *options, "--retry-count", "0"], stdin=subprocess.PIPE
                )
                # Its standard input is closed on leaving, and it ends.
                stack.enter_context(process)
            yield held
    finally:
        restore(run)


def _finished(found: Found, tasks: int) -> tuple[object, object]:
    seen = (found["run"], found["tasks"], found["states"])
    return seen, ("succeeded", tasks + OTHERS, {"succeeded": tasks + OTHERS})


def _figures(
    tasks: int, client: Found, own: Found, reference: Found, watched: Found
) -> Sequence[Figure]:
    refresh = client["refresh"]
    faster = refresh / own["complete"]
    idle, changed = watched["idle"], watched["changed"]
    limit = 2 * idle + 0.005
    return [
        Figure(
            "opened, the graph can be drawn", tasks, seconds(own["paint"]),
            budget="< 1 s", reached=own["paint"] < 1,
        ),
        Figure("first poll has returned", tasks, seconds(own["first"])),
        Figure(
            "first complete picture", tasks, seconds(own["complete"]), seconds(refresh),
            times(faster), budget="≥ 5×", reached=faster >= 5,
        ),
        Figure(
            "  the same, CPU of the reader", tasks, seconds(own["complete cpu"]),
            seconds(client["refresh cpu"]), times(client["refresh cpu"] / own["complete cpu"]),
        ),
        Figure(
            "  the same, --source client", tasks, seconds(reference["complete"]), seconds(refresh),
            times(refresh / reference["complete"]),
        ),
        Figure(
            "poll, nothing changed", tasks, seconds(idle), seconds(refresh),
            times(refresh / idle), budget="≥ 500×", reached=refresh / idle >= 500,
        ),
        Figure(
            "poll, one task changed", tasks, seconds(changed),
            budget=f"≤ 2 idle + 5 ms = {seconds(limit)}", reached=changed <= limit,
        ),
        Figure(
            "peak memory of the reader", tasks, mebibytes(own["memory"]),
            mebibytes(client["memory"]),
        ),
    ]  # fmt: skip
