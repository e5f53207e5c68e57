"""The layers of a graph: order, ranks, cycles, crossings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.graph.dag import Dummy, back_edges, layers, order_nodes
from flowtui.model import Graph, Node


def graph(**after: str) -> Graph:
    """A graph from `step="successors"`; the first step is the start."""
    nodes = tuple(Node(name, next=tuple(names.split())) for name, names in after.items())
    return Graph(nodes, start_step=nodes[0].name, end_step=nodes[-1].name)


def names(nodes: tuple[Node, ...]) -> str:
    return " ".join(node.name for node in nodes)


def crossings(graph: Graph) -> int:
    layering = layers(graph)
    place = {v: i for layer in layering.layers for i, v in enumerate(layer)}
    return sum(
        (place[a] - place[c]) * (place[b] - place[d]) < 0
        for segments in layering.segments
        for n, (a, b, _) in enumerate(segments)
        for c, d, _ in segments[n + 1 :]
    )


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"end": "", "b": "end", "a": "b", "start": "a"}, "start a b end"),
        (
            {"join": "end", "a": "join", "b": "join", "end": "", "start": "b a"},
            "start b a join end",
        ),
        ({"a": "join", "b": "b2", "b2": "join", "join": "", "start": "a b"}, "start a b b2 join"),
        ({"start": "a join", "join": "", "a": "join"}, "start a join"),
        ({"start": "train", "end": "", "train": "train end"}, "start train end"),
        ({"start": "a", "a": "b", "b": "a end", "end": ""}, "start a b end"),
        ({"lost": "a", "start": "a", "a": "", "odd": "lost"}, "start a odd lost"),
        ({"start": "a gone", "a": ""}, "start a"),
    ],
)
def test_nodes_follow_their_predecessors_and_siblings_stay_as_declared(
    declared: dict[str, str], expected: str
) -> None:
    assert names(order_nodes(graph(**declared).nodes, "start")) == expected


@pytest.mark.parametrize("start", [None, "nowhere"])
def test_without_a_start_the_order_is_still_topological(start: str | None) -> None:
    assert names(order_nodes(graph(c="", b="c", a="b c").nodes, start)) == "a b c"
    assert order_nodes((), start) == ()


def test_a_deep_graph_needs_no_recursion() -> None:
    nodes = [Node(f"s{i}", next=(f"s{i + 1}",)) for i in range(5000)]
    assert order_nodes(reversed(nodes), "s0")[-1].name == "s4999"


def test_back_edges_are_those_that_close_a_cycle() -> None:
    looped = graph(start="a", a="b a", b="c start", c="end a", end="")
    assert back_edges(looped) == {("a", "a"), ("b", "start"), ("c", "a")}
    assert back_edges(graph(start="a b", a="end", b="end", end="")) == set()


def test_every_step_is_one_layer_below_its_last_predecessor_in_a_chain() -> None:
    assert layers(graph(start="a", a="end", end="")).layers == (("start",), ("a",), ("end",))


def test_a_long_edge_passes_the_layers_between() -> None:
    layering = layers(graph(start="a end", a="b", b="end", end=""))
    first, second = Dummy("start", "end", 1), Dummy("start", "end", 2)
    assert layering.layers == (("start",), ("a", first), ("b", second), ("end",))
    assert layering.chains["start", "end"] == ("start", first, second, "end")


def test_steps_stand_where_their_edges_are_shortest() -> None:
    late = graph(start="a", a="b", b="end", end="", odd="more", more="end")
    assert layers(late).layers == (("start",), ("a", "odd"), ("b", "more"), ("end",))
    early = graph(start="a b", a="c", c="d", d="end", b="b1 b2 b3", b1="", b2="", b3="", end="")
    assert [len(layer) for layer in layers(early).layers] == [1, 2, 4, 1, 1]
    pulled = graph(start="a", a="b", b="c d", c="end", d="end", odd="c d", end="")
    assert layers(pulled).layers[2] == ("b", "odd")


def test_siblings_keep_the_declared_order() -> None:
    layering = layers(graph(start="d b c a", a="j", b="j", c="j", d="j", j=""))
    assert layering.layers[1] == ("d", "b", "c", "a")


def test_siblings_change_places_where_that_saves_crossings() -> None:
    swapped = graph(start="a b", a="y", b="x z", x="e", y="e", z="e", e="")
    assert crossings(swapped) == 0
    straightened = graph(s="a b c", a="z", b="y", c="x", x="p", y="q", z="r", p="", q="", r="")
    assert crossings(straightened) == 0
    moved = graph(s="a b c", a="p", b="q", c="p", p="", q="")
    assert crossings(moved) == 0
    assert layers(moved).layers[1] in (("b", "a", "c"), ("a", "c", "b"))


def test_what_cannot_be_drawn_without_crossings_has_as_few_as_possible() -> None:
    assert crossings(graph(s="a b", a="c d", b="c d", c="e", d="e", e="")) == 1


def test_parts_that_no_edge_joins_stand_side_by_side() -> None:
    layering = layers(graph(start="end", end="", lost="other", other="", alone=""))
    assert layering.layers == (("start", "lost", "alone"), ("end", "other"))


@pytest.mark.parametrize("nodes", [(), (Node("only"),), (Node("only", next=("only", "gone")),)])
def test_graphs_without_an_edge_to_rank_have_layers_too(nodes: tuple[Node, ...]) -> None:
    found = layers(Graph(nodes, start_step="only"))
    assert found.layers == ((("only",),) if nodes else ())


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 12))
    indexes = st.integers(0, count - 1)
    edges = draw(st.lists(st.tuples(indexes, indexes), max_size=24))
    after: dict[int, list[str]] = {i: [] for i in range(count)}
    for source, target in edges:
        after[source].append(f"s{target}")
    nodes = tuple(Node(f"s{i}", next=tuple(n)) for i, n in after.items())
    return Graph(nodes, start_step="s0")


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_any_graph_is_ordered_and_layered_consistently(drawn: Graph) -> None:
    back = back_edges(drawn)
    edges = {(node.name, name) for node in drawn.nodes for name in node.next}
    place = {node.name: i for i, node in enumerate(order_nodes(drawn.nodes, "s0"))}
    assert set(place) == {node.name for node in drawn.nodes}
    reached = {"s0"}
    for node in order_nodes(drawn.nodes, "s0"):
        reached |= set(node.next) if node.name in reached else set()
    assert {name for name, i in place.items() if i < len(reached)} == reached
    assert all(place[s] < place[t] for s, t in edges - back if s in reached or t not in reached)

    layering = layers(drawn)
    rank = {v: i for i, layer in enumerate(layering.layers) for v in layer}
    assert sorted(v for v in rank if isinstance(v, str)) == sorted(place)
    assert sum(len(layer) for layer in layering.layers) == len(rank)
    assert set(layering.chains) == edges - back
    assert layering.back == back
    for (source, target), chain in layering.chains.items():
        assert (chain[0], chain[-1]) == (source, target)
        assert [rank[v] for v in chain] == list(range(rank[source], rank[target] + 1))
    assert layers(drawn) == layering
