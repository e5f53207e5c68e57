"""Whole drawings, compared with `tests/golden`: of each recorded flow, and of tangled graphs.

After a change that is meant, `pytest tests/test_graph_golden.py --golden-update` writes them anew;
look at the difference before it is committed.
"""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import pytest

from flowtui.graph.draw import draw
from flowtui.graph.drawing import BoxContent
from flowtui.graph.geometry import Density, Edge, Orientation
from flowtui.model import Graph, Node
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from tests.runs import SCENARIOS, RecordedRun

GOLDEN = Path(__file__).parent / "golden"
ORIENTATIONS: tuple[Orientation, ...] = ("down", "right")
DENSITIES: tuple[Density, ...] = ("normal", "tight", "compact")
FLOWS = {flow_file.removesuffix(".py"): name for name, (_, flow_file, _) in SCENARIOS.items()}
"""Each flow's file → a scenario that runs it."""


def contents(graph: Graph) -> dict[str, BoxContent]:
    """Boxes as they are in a run whose foreach steps have three tasks each."""
    found = {}
    for node in graph.nodes:
        before = {graph[name].type for name in graph.predecessors.get(node.name, ())}
        many = bool(before & {"split-foreach", "split-parallel"})
        lines = (f"✓ {node.name} ×3", "▆▆▆", "✓3") if many else (f"✓ {node.name}",)
        found[node.name] = BoxContent(lines, stacked=many)
    return found


def gallery(graph: Graph) -> str:
    """All drawings of a graph, each under its name."""
    boxes = contents(graph)
    labels = [Edge(n.name, to, case) for n in graph.nodes for case, to in n.switch_cases.items()]
    pictures = []
    for orientation, density in product(ORIENTATIONS, DENSITIES):
        drawing = draw(graph, boxes, labels, density=density, orientation=orientation)
        pictures.append(f"{orientation}, {density}\n\n{drawing.plain()}\n")
    return "\n".join(pictures)


def looks_as_kept(name: str, graph: Graph, config: pytest.Config) -> None:
    kept = GOLDEN / f"{name}.txt"
    drawn = gallery(graph)
    if config.getoption("--golden-update"):
        kept.write_text(drawn, "utf-8")
    assert drawn == kept.read_text("utf-8")


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_is_drawn_as_ever(
    flow: str, runs: dict[str, RecordedRun], pytestconfig: pytest.Config
) -> None:
    run = runs[FLOWS[flow]]
    source = LocalSource(Provider(f"local@{run.root}", ""), run.flow, run.run)
    looks_as_kept(flow, source.describe().graph, pytestconfig)


def tangled(seed: int, steps: int) -> Graph:
    """Steps that each lead to one to three of the next six, the last one of some switches back."""
    chosen = random.Random(seed)
    names = [f"s{number}" for number in range(steps)]
    nodes = []
    for at, name in enumerate(names):
        ahead = names[at + 1 : at + 7]
        targets = chosen.sample(ahead, min(len(ahead), chosen.choice((1, 1, 2, 3))))
        if at and chosen.random() < 0.1:
            targets.append(names[chosen.randrange(at + 1)])
        nodes.append(Node(name, next=tuple(targets)))
    return Graph(tuple(nodes), "s0")


@pytest.mark.parametrize(("seed", "steps"), [(1, 8), (2, 12), (3, 16), (4, 24)])
def test_a_tangled_graph_is_drawn_as_ever(
    seed: int, steps: int, pytestconfig: pytest.Config
) -> None:
    looks_as_kept(f"tangled_{steps}", tangled(seed, steps), pytestconfig)
