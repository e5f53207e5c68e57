"""Any graph can be read off its drawing, whichever way it leads: properties of random graphs."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.graph.draw import Canvas, draw
from flowtui.graph.drawing import BoxContent, Drawing
from flowtui.graph.geometry import Density, Edge, Orientation
from flowtui.model import Graph, Node
from tests.graph_reader import Cell, check_boxes, check_lines, check_spans
from tests.test_graph_draw import KNOT, TANGLE

DENSITIES: tuple[Density, ...] = ("detailed", "normal", "tight", "compact")
ORIENTATIONS: tuple[Orientation, ...] = ("down", "right")
NAMES = ("{}", "{}_trains_a_model", "分割{}", "{}é")


@st.composite
def flows(draw: st.DrawFn) -> Graph:
    """Up to 40 steps; mostly edges that lead on, some loops and some that lead back, and parts
    that nothing joins."""
    count = draw(st.one_of(st.integers(1, 12), st.integers(13, 40)))
    index = st.integers(0, count - 1)
    ahead = draw(st.lists(st.tuples(index, index).map(sorted), max_size=2 * count))
    back = draw(st.lists(st.tuples(index, index), max_size=4))
    after: dict[int, list[str]] = {i: [] for i in range(count)}
    names = [draw(st.sampled_from(NAMES)).format(f"s{i}") for i in range(count)]
    for source, target in [*(pair for pair in ahead if pair[0] != pair[1]), *back]:
        after[source].append(names[target])
    nodes = tuple(Node(names[i], next=tuple(dict.fromkeys(n))) for i, n in after.items())
    return Graph(nodes, start_step=names[0])


@pytest.mark.parametrize(("orientation", "density"), [*product(ORIENTATIONS, DENSITIES)])
@given(flow=flows(), data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_graph_can_be_read_off_its_drawing(
    orientation: Orientation, density: Density, flow: Graph, data: st.DataObject
) -> None:
    pairs = [(node.name, name) for node in flow.nodes for name in node.next]
    named = data.draw(st.lists(st.sampled_from(pairs), max_size=4) if pairs else st.just([]))
    labels = [Edge(*pair, ("x", "分")[i % 2] * (i + 1)) for i, pair in enumerate(named)]
    many = data.draw(st.sets(st.sampled_from(sorted(flow.by_name))))
    lines = ("▆▆▆▆", "✓4") if density == "detailed" else ()
    contents = {name: BoxContent((name, *lines), stacked=name in many) for name in flow.by_name}
    drawing = draw(flow, contents, labels, density=density, orientation=orientation)
    check_boxes(drawing, flow)
    check_spans(drawing)
    check_lines(drawing, flow)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@given(flow=flows(), data=st.data())
@settings(max_examples=20, deadline=None)
def test_only_boxes_change_when_states_do(
    orientation: Orientation, flow: Graph, data: st.DataObject
) -> None:
    density = data.draw(st.sampled_from(DENSITIES))
    names = sorted(flow.by_name)
    before = {name: BoxContent((f"· {name}",), tag="pending") for name in names}
    changed = data.draw(st.sets(st.sampled_from(names)))
    after = {name: BoxContent((f"✓ {name}",), tag="succeeded") for name in changed}
    first = draw(flow, before, density=density, orientation=orientation)
    canvas = Canvas(first.geometry, before)
    assert canvas.drawing == first
    assert canvas.renew(after) == draw(
        flow, before | after, density=density, orientation=orientation
    )


def broken(drawing: Drawing, cell: Cell, character: str) -> Drawing:
    """The drawing with one character of a line exchanged."""
    rows = []
    for y, row in enumerate(drawing.rows):
        spans = []
        for span in row:
            at = cell[0] - span.x
            if y == cell[1] and 0 <= at < len(span.text):
                text = span.text[:at] + character + span.text[at + 1 :]
                span = replace(span, text=text)
            spans.append(span)
        rows.append(tuple(spans))
    return replace(drawing, rows=tuple(rows))


@pytest.mark.parametrize(
    ("flow", "orientation", "cell", "was", "character"),
    [
        (TANGLE, "down", (4, 3), "╭", "─"),
        (TANGLE, "down", (8, 3), "┴", "─"),
        (TANGLE, "down", (12, 3), "╮", " "),
        (TANGLE, "down", (12, 7), "│", "┼"),
        (TANGLE, "down", (12, 7), "│", "─"),
        (TANGLE, "down", (5, 9), "┴", "─"),
        (TANGLE, "down", (4, 6), "┬", "─"),
        (KNOT, "down", (11, 4), "│", "┼"),
        (KNOT, "down", (4, 5), "▼", "│"),
        (KNOT, "down", (11, 13), "│", "┼"),
        (KNOT, "down", (17, 10), "│", " "),
        (TANGLE, "right", (10, 5), "┤", "│"),
        (TANGLE, "right", (20, 2), "│", "┼"),
        (TANGLE, "right", (18, 3), "│", "─"),
        (TANGLE, "right", (18, 7), "┤", "╯"),
        (TANGLE, "right", (20, 2), "│", " "),
        (KNOT, "right", (12, 7), "│", "┼"),
        (KNOT, "right", (13, 2), "▸", "─"),
        (KNOT, "right", (2, 6), "▲", "│"),
        (KNOT, "right", (36, 4), "├", "│"),
        (KNOT, "right", (20, 11), "─", " "),
    ],
)
def test_the_reader_of_these_tests_sees_what_is_wrong(
    flow: Graph, orientation: Orientation, cell: Cell, was: str, character: str
) -> None:
    drawing = draw(flow, {}, orientation=orientation)
    assert drawing.plain().splitlines()[cell[1]][cell[0]] == was
    check_lines(drawing, flow)
    with pytest.raises((AssertionError, ValueError)):
        check_lines(broken(drawing, cell, character), flow)
