"""What does not depend on the number of tasks: the program's start, and a graph's layout."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from flowtui.graph.arrange import arrange
from flowtui.graph.dag import order_nodes
from flowtui.graph.geometry import Orientation, Size
from flowtui.model import Graph, Node
from tests.benchmarks.fresh import Effort, check
from tests.benchmarks.local import CACHE
from tests.benchmarks.table import Figure, seconds
from tests.program import PROGRAM, monitor
from tests.runs import flow_environment, recorded_runs

STEPS = 1000
ORIENTATIONS: tuple[Orientation, ...] = ("down", "right")


def measure(effort: Effort) -> Sequence[Figure]:
    """All figures; of repeats the median."""
    often = effort.starts
    version, frame = _median(_version, often), _median(_first_frame, often)
    document = _median(_document, often)
    graphs = {"branches": _branches(), "mesh": _mesh()}
    laid_out = {
        f"{name} {orientation}": _median(partial(_layout, graph, orientation), often)
        for name, graph in graphs.items()
        for orientation in ORIENTATIONS
    }
    return [
        Figure(
            "flowtui --version", None, seconds(version), budget="< 0.15 s", reached=version < 0.15
        ),
        Figure(
            "show --json of a small run",
            None,
            seconds(document),
            budget="< 0.5 s",
            reached=document < 0.5,
        ),
        Figure(
            "to the app's first frame", None, seconds(frame), budget="< 0.8 s", reached=frame < 0.8
        ),
        *(
            Figure(
                f"layout of {STEPS:,} steps, {name}", None, seconds(took),
                budget="< 100 ms", reached=took < 0.1,
            )
            for name, took in laid_out.items()
        ),
    ]  # fmt: skip


def _median(measure: Callable[[], float], often: int) -> float:
    return statistics.median(measure() for _ in range(often))


def _version() -> float:
    began = time.perf_counter()
    ended = subprocess.run([PROGRAM, "--version"], capture_output=True, check=True)
    took = time.perf_counter() - began
    check("what --version prints first", ended.stdout.split()[:1], [b"flowtui,"])
    return took


def _document() -> float:
    run = recorded_runs(CACHE)["foreach"]
    began = time.perf_counter()
    ended = subprocess.run(
        [PROGRAM, "show", run.pathspec, "--json"],
        env=flow_environment(run.root),
        capture_output=True,
        check=True,
    )
    took = time.perf_counter() - began
    check("the run that --json tells of", json.loads(ended.stdout)["run"], run.run)
    return took


def _first_frame() -> float:
    """From the program's start in a terminal to the first output that shows anything."""
    run = recorded_runs(CACHE)["foreach"]
    with tempfile.TemporaryDirectory(prefix="flowtui-home-") as home:
        began = time.monotonic()
        with monitor(run.pathspec, root=run.root, home=Path(home)) as screen:
            return screen.wait_until(str.strip, "anything on the screen") - began


def _layout(graph: Graph, orientation: Orientation) -> float:
    # A box of three rows as wide as its name.
    sizes = {node.name: Size(len(node.name) + 4, 3) for node in graph.nodes}
    began = time.perf_counter()
    geometry = arrange(graph, sizes, orientation=orientation)
    took = time.perf_counter() - began
    check("the number of boxes", len(geometry.boxes), STEPS)
    return took


def _branches() -> Graph:
    """A flow of splits into eight that are joined, one after the other."""
    after: dict[str, tuple[str, ...]] = {}
    for block in range(STEPS // 10):
        branches = tuple(f"branch_{block}_{number}" for number in range(8))
        after[f"split_{block}"] = branches
        after |= dict.fromkeys(branches, (f"join_{block}",))
        after[f"join_{block}"] = (f"split_{block + 1}",) if block + 1 < STEPS // 10 else ()
    return _graph(after)


def _mesh() -> Graph:
    """Steps that each lead to one or two of the next twenty, always the same."""
    chosen = random.Random(11)
    names = [f"step_{number}" for number in range(STEPS)]
    after = {
        name: tuple({chosen.choice(names[at + 1 : at + 21]) for _ in range(2)})
        for at, name in enumerate(names[:-1])
    }
    return _graph({name: tuple(sorted(after.get(name, ()))) for name in names})


def _graph(after: dict[str, tuple[str, ...]]) -> Graph:
    start = next(iter(after))
    nodes = order_nodes((Node(name, next=names) for name, names in after.items()), start)
    return Graph(nodes, start)
