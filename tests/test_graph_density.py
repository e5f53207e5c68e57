"""Which way a graph is drawn, and how densely, by the room that there is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from flowtui.graph.density import Layout, Layouts
from flowtui.graph.drawing import BoxContent, measure
from flowtui.graph.geometry import Density, Size
from flowtui.model import Graph, Node


def chain(steps: int) -> Graph:
    names = [f"step_{number:02}" for number in range(steps)]
    after = [*((name,) for name in names[1:]), ()]
    nodes = (Node(name, next=targets) for name, targets in zip(names, after, strict=True))
    return Graph(tuple(nodes), names[0])


def fan(branches: int) -> Graph:
    names = [f"branch_{number:02}" for number in range(branches)]
    nodes = (Node("start", next=tuple(names)), *(Node(name, next=("end",)) for name in names))
    return Graph((*nodes, Node("end")), "start", "end")


class Drawn:
    """A graph whose boxes show names; what a density needs is asked for once at a time."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.layouts = Layouts(graph)

    def sizes(self, density: Density) -> Mapping[str, Size]:
        more = ("", "") if density == "detailed" else ()
        boxes = {node.name: BoxContent((node.name, *more)) for node in self.graph.nodes}
        return {name: measure(box, density) for name, box in boxes.items()}

    def within(self, width: int, height: int, density: Density | None = None) -> Layout:
        return self.layouts.best(self.sizes, Size(width, height), density)


@pytest.mark.parametrize(
    ("graph", "room", "expected"),
    [
        (chain(4), (80, 24), ("normal", "down")),
        (chain(8), (80, 24), ("tight", "down")),
        (chain(6), (120, 8), ("normal", "right")),
        (chain(9), (110, 8), ("tight", "right")),
        (chain(11), (125, 3), ("compact", "right")),
        (chain(8), (30, 16), ("compact", "down")),
        (fan(4), (80, 24), ("normal", "down")),
        (fan(12), (60, 47), ("normal", "right")),
        (fan(12), (60, 40), ("tight", "right")),
        (fan(12), (60, 15), ("compact", "right")),
        # Nothing fits: tight within a few screens, then compact; scrolled in one direction.
        (chain(30), (80, 40), ("tight", "down")),
        (chain(30), (200, 6), ("tight", "right")),
        (chain(90), (80, 24), ("compact", "down")),
        (fan(60), (80, 24), ("compact", "right")),
    ],
)
def test_a_graph_is_drawn_as_roomy_as_it_fits_and_down_if_that_does(
    graph: Graph, room: tuple[int, int], expected: tuple[str, str]
) -> None:
    geometry = Drawn(graph).within(*room).geometry
    assert (geometry.density, geometry.orientation) == expected


@pytest.mark.parametrize("density", ["compact", "tight", "normal", "detailed"])
def test_a_density_that_is_asked_for_is_kept_whether_it_fits_or_not(density: Density) -> None:
    drawn = Drawn(chain(5))
    assert drawn.within(80, 60, density).geometry.density == density
    assert drawn.within(20, 5, density).geometry.density == density
    wide = drawn.within(200, 8, density).geometry
    assert (wide.density, wide.orientation) == (density, "right")
    wider = Drawn(chain(40)).within(200, 8, density).geometry
    assert (wider.density, wider.orientation) == (density, "right")
    high = Drawn(fan(30)).within(50, 30, density).geometry
    assert (high.density, high.orientation) == (density, "right")
    assert high.width <= 50


def test_what_was_worked_out_is_kept_until_a_box_needs_another_size() -> None:
    drawn = Drawn(chain(5))
    first = drawn.within(80, 60, "detailed")
    assert drawn.within(80, 60, "normal") is not first
    assert drawn.within(80, 60, "detailed") is first
    assert drawn.within(100, 60, "detailed") is first
