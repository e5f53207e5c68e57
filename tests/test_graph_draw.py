"""Drawings of graphs: goldens for what flows look like, and an independent reader for the rest."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from textwrap import dedent
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from flowtui.graph.arrange import arrange
from flowtui.graph.dag import Pair, back_edges
from flowtui.graph.draw import draw, paint
from flowtui.graph.drawing import BoxContent, Drawing, measure
from flowtui.graph.geometry import Density, Edge, Size
from flowtui.graph.route import Leg, Net, assign_tracks
from flowtui.model import Graph, Node


def graph(**after: str) -> Graph:
    """A graph from `step="successors"`; the first step is the start."""
    nodes = tuple(Node(name, next=tuple(names.split())) for name, names in after.items())
    return Graph(nodes, start_step=nodes[0].name, end_step=nodes[-1].name)


def stacked(*lines: str, tag: str = "") -> BoxContent:
    return BoxContent(lines, stacked=True, tag=tag)


def shows(drawing: Drawing, expected: str) -> None:
    """The drawing is exactly this picture."""
    picture = dedent(expected).strip("\n")
    assert drawing.plain() == picture, f"\n{drawing.plain()}"
    lines = picture.splitlines()
    assert (drawing.width, drawing.height) == (max(map(cell_len, lines)), len(lines))


BRANCH = graph(start="a b", a="join", b="join", join="end", end="")
SWITCH = graph(start="choose", choose="fast slow", fast="end", slow="end", end="")
CASES = (Edge("choose", "fast", "yes"), Edge("choose", "slow", "no"))
TANGLE = graph(start="a b", a="c d", b="c d", c="end", d="end", end="")
KNOT = graph(start="a b", a="c", b="d", c="a j", d="j", j="start end", end="")


def test_a_chain_is_one_straight_line() -> None:
    shows(
        draw(graph(start="train", train="end", end=""), {}),
        """
        ╭───────╮
        │ start │
        ╰───┬───╯
            │
        ╭───┴───╮
        │ train │
        ╰───┬───╯
            │
         ╭──┴──╮
         │ end │
         ╰─────╯
        """,
    )


def test_a_single_step_is_a_box() -> None:
    shows(
        draw(graph(only=""), {}),
        """
        ╭───────╮
        │ only  │
        ╰───────╯
        """,
    )


def test_a_split_and_its_join_are_centred_over_the_branches() -> None:
    shows(
        draw(BRANCH, {}),
        """
          ╭───────╮
          │ start │
          ╰───┬───╯
          ╭───┴───╮
        ╭─┴─╮   ╭─┴─╮
        │ a │   │ b │
        ╰─┬─╯   ╰─┬─╯
          ╰───┬───╯
          ╭───┴───╮
          │ join  │
          ╰───┬───╯
              │
           ╭──┴──╮
           │ end │
           ╰─────╯
        """,
    )


def test_an_odd_branch_runs_straight_through() -> None:
    shows(
        draw(graph(start="left middle_long right", left="j", middle_long="j", right="j", j=""), {}),
        """
                      ╭───────╮
                      │ start │
                      ╰───┬───╯
            ╭─────────────┼─────────────╮
        ╭───┴───╮  ╭──────┴──────╮  ╭───┴───╮
        │ left  │  │ middle_long │  │ right │
        ╰───┬───╯  ╰──────┬──────╯  ╰───┬───╯
            ╰─────────────┼─────────────╯
                        ╭─┴─╮
                        │ j │
                        ╰───╯
        """,
    )


def test_nested_branches_stay_centred_in_one_row_of_lines_each() -> None:
    shows(
        draw(graph(start="a b", a="p q r", p="ja", q="ja", r="ja", ja="k", b="s", s="k", k=""), {}),
        """
                      ╭───────╮
                      │ start │
                      ╰───┬───╯
                  ╭───────┴───────╮
                ╭─┴─╮           ╭─┴─╮
                │ a │           │ b │
                ╰─┬─╯           ╰─┬─╯
          ╭───────┼───────╮       │
        ╭─┴─╮   ╭─┴─╮   ╭─┴─╮   ╭─┴─╮
        │ p │   │ q │   │ r │   │ s │
        ╰─┬─╯   ╰─┬─╯   ╰─┬─╯   ╰─┬─╯
          ╰───────┼───────╯       │
               ╭──┴──╮            │
               │ ja  │            │
               ╰──┬──╯            │
                  ╰───────┬───────╯
                        ╭─┴─╮
                        │ k │
                        ╰───╯
        """,
    )


def test_a_foreach_step_is_a_double_box() -> None:
    shows(
        draw(
            graph(start="divide", divide="join", join="end", end=""),
            {"divide": stacked("◆ divide ×3", "▆▆▆ ✓2 ◆1")},
        ),
        """
            ╭───────╮
            │ start │
            ╰───┬───╯
                │
        ╭┬──────┴──────┬╮
        ││ ◆ divide ×3 ││
        ││ ▆▆▆ ✓2 ◆1   ││
        ╰┴──────┬──────┴╯
                │
            ╭───┴───╮
            │ join  │
            ╰───┬───╯
                │
             ╭──┴──╮
             │ end │
             ╰─────╯
        """,
    )


def test_a_nested_foreach_without_rows_between() -> None:
    shows(
        draw(
            graph(start="outer", outer="inner", inner="in_join", in_join="out_join", out_join=""),
            {n: stacked(f"{n} ×3") for n in ("outer", "inner", "in_join")},
            density="tight",
        ),
        """
            ╭───────╮
            │ start │
            ╰───┬───╯
         ╭┬─────┴─────┬╮
         ││ outer ×3  ││
         ╰┴─────┬─────┴╯
         ╭┬─────┴─────┬╮
         ││ inner ×3  ││
         ╰┴─────┬─────┴╯
        ╭┬──────┴──────┬╮
        ││ in_join ×3  ││
        ╰┴──────┬──────┴╯
          ╭─────┴─────╮
          │ out_join  │
          ╰───────────╯
        """,
    )


def test_a_parallel_step_is_a_double_box_too() -> None:
    shows(
        draw(
            graph(start="fit", fit="join", join=""), {"fit": stacked("● fit ∥4")}, density="tight"
        ),
        """
           ╭───────╮
           │ start │
           ╰───┬───╯
        ╭┬─────┴─────┬╮
        ││ ● fit ∥4  ││
        ╰┴─────┬─────┴╯
           ╭───┴───╮
           │ join  │
           ╰───────╯
        """,
    )


def test_a_switch_names_its_cases() -> None:
    shows(
        draw(SWITCH, {}, CASES),
        """
              ╭───────╮
              │ start │
              ╰───┬───╯
                  │
             ╭────┴────╮
             │ choose  │
             ╰────┬────╯
            ╭─────┴─────╮
            │ yes       │ no
        ╭───┴───╮   ╭───┴───╮
        │ fast  │   │ slow  │
        ╰───┬───╯   ╰───┬───╯
            ╰─────┬─────╯
               ╭──┴──╮
               │ end │
               ╰─────╯
        """,
    )


def test_a_case_that_skips_a_step_passes_beside_it() -> None:
    shows(
        draw(
            graph(choose="fix merge", fix="merge", merge=""),
            {},
            [Edge("choose", "fix", "broken"), Edge("choose", "merge", "fine")],
        ),
        """
           ╭─────────╮
           │ choose  │
           ╰────┬────╯
           ╭────┴────╮
           │ broken  │ fine
        ╭──┴──╮      │
        │ fix │      │
        ╰──┬──╯      │
           ╰────┬────╯
            ╭───┴───╮
            │ merge │
            ╰───────╯
        """,
    )


def test_a_recursive_switch_loops_on_the_right() -> None:
    shows(
        draw(
            graph(start="train", train="train end", end=""),
            {"train": BoxContent(("● train", "epoch"))},
            [Edge("train", "train", "again ×3"), Edge("train", "end", "done")],
        ),
        """
         ╭───────╮
         │ start │
         ╰───┬───╯
             │
        ╭────┴────╮
        │ ● train │◂╮ again ×3
        │ epoch   │ │
        ╰────┬────┴─╯
             │ done
          ╭──┴──╮
          │ end │
          ╰─────╯
        """,
    )


def test_a_long_edge_has_a_column_of_its_own() -> None:
    shows(
        draw(graph(start="a join", a="b", b="join", join=""), {}),
        """
         ╭───────╮
         │ start │
         ╰───┬───╯
          ╭──┴──╮
        ╭─┴─╮   │
        │ a │   │
        ╰─┬─╯   │
          │     │
        ╭─┴─╮   │
        │ b │   │
        ╰─┬─╯   │
          ╰──┬──╯
         ╭───┴───╮
         │ join  │
         ╰───────╯
        """,
    )


def test_edges_that_share_neither_end_share_no_line() -> None:
    shows(
        draw(TANGLE, {}),
        """
            ╭───────╮
            │ start │
            ╰───┬───╯
            ╭───┴───╮
          ╭─┴─╮   ╭─┴─╮
          │ a │   │ b │
          ╰─┬─╯   ╰─┬─╯
          ╭─┴──────╮│
          │  ╭─────│┴─╮
        ╭─┴──┴╮   ╭┴──┴─╮
        │ c   │   │ d   │
        ╰──┬──╯   ╰──┬──╯
           ╰────┬────╯
             ╭──┴──╮
             │ end │
             ╰─────╯
        """,
    )


def test_labels_in_a_tangle_stay_with_their_edges() -> None:
    shows(
        draw(TANGLE, {}, [Edge(s, t, f"{s}{t}") for s in ("a", "b") for t in ("c", "d")]),
        """
               ╭───────╮
               │ start │
               ╰───┬───╯
               ╭───┴───╮
             ╭─┴─╮   ╭─┴─╮
             │ a │   │ b │
             ╰─┬─╯   ╰─┬─╯
           ╭───┴───────│─╮
           │ ╭─────────┴─│─╮
        ac │ │ bc     ad │ │ bd
         ╭─┴─┴─╮       ╭─┴─┴─╮
         │ c   │       │ d   │
         ╰──┬──╯       ╰──┬──╯
            ╰──────┬──────╯
                ╭──┴──╮
                │ end │
                ╰─────╯
        """,
    )


def test_lines_that_would_end_on_each_other_sidestep() -> None:
    shows(
        draw(graph(a="f b", b="d", c="e d", d="", e="g", f="g", g=""), {}),
        """
            ╭───╮          ╭───╮
            │ a │          │ c │
            ╰─┬─╯          ╰─┬─╯
          ╭───┴───╮       ╭──┴──╮
        ╭─┴─╮   ╭─┴─╮   ╭─┴─╮   │
        │ f │   │ b │   │ e │   │
        ╰─┬─╯   ╰─┬─╯   ╰─┬─╯   │
          │       ╰──────┬│─────╯
          ╰───────┬──────│╯
                  │      ╰╮
                ╭─┴─╮   ╭─┴─╮
                │ g │   │ d │
                ╰───╯   ╰───╯
        """,
    )


def test_a_back_edge_goes_up_on_the_right() -> None:
    shows(
        draw(
            graph(start="train", train="check", check="train end", end=""),
            {},
            [Edge("check", "train", "retry")],
        ),
        """
        ╭───────╮
        │ start │
        ╰───┬───╯
            │
        ╭───┴───╮
        │ train │◂╮ retry
        ╰───┬───╯ │
            │     │
        ╭───┴───╮ │
        │ check │ │
        ╰───┬───┴─╯
            │
         ╭──┴──╮
         │ end │
         ╰─────╯
        """,
    )


def test_back_edges_of_inner_boxes_pass_between_the_layers() -> None:
    shows(
        draw(KNOT, {}, density="tight"),
        """
           ╭───────╮
           │ start │◂────╮
           ╰───┬───╯     │
          ╭────┴───╮     │
          │ ╭──────│───╮ │
          │ ▼      │   │ │
        ╭─┴─┴─╮  ╭─┴─╮ │ │
        │ a   │  │ b │ │ │
        ╰──┬──╯  ╰─┬─╯ │ │
        ╭──┴──╮  ╭─┴─╮ │ │
        │ c   │  │ d │ │ │
        ╰─┬─┬─╯  ╰─┬─╯ │ │
          │ ╰──────│───╯ │
          ╰────┬───╯     │
             ╭─┴─╮       │
             │ j │       │
             ╰─┬─┴───────╯
            ╭──┴──╮
            │ end │
            ╰─────╯
        """,
    )


def test_compact_steps_take_one_row() -> None:
    shows(
        draw(SWITCH, {"fast": stacked("fast ×2")}, CASES, density="compact"),
        """
               start
                 │
              choose
            ╭────┴────╮
            │ yes     │ no
        [fast ×2]   slow
            ╰────┬────╯
                end
        """,
    )


def test_compact_loops_are_a_sign() -> None:
    shows(
        draw(
            graph(start="train", train="train check", check="start end", end=""),
            {},
            [Edge("train", "train", "again")],
            density="compact",
        ),
        """
        start◂────────╮
          │           │
        train ↺ again │
          │           │
        check─────────╯
          │
         end
        """,
    )


def test_ascii_only() -> None:
    shows(
        draw(
            graph(start="train", train="train a b", a="end", b="end start", end=""),
            {"a": stacked("a very long name", tag="x")},
            [Edge("train", "train", "again"), Edge("train", "a", "left")],
            ascii=True,
            max_box=16,
        ),
        """
                 +-------+
                 | start |<--------+
                 +---+---+         |
                     |             |
                 +---+---+         |
                 | train |<+ again |
                 +---+---+-+       |
               +-----+-----+       |
               | left      |       |
        ++-----+-----++  +-+-+     |
        || a very l~ ||  | b |     |
        ++-----+-----++  +-+-+-----+
               +-----+-----+
                  +--+--+
                  | end |
                  +-----+
        """,
    )


def test_wide_characters_count_as_two_cells() -> None:
    shows(
        draw(
            graph(start="分割", 分割="end", end=""), {"分割": BoxContent(("分割ステップ", "あ×10"))}
        ),
        """
            ╭───────╮
            │ start │
            ╰───┬───╯
                │
        ╭───────┴───────╮
        │ 分割ステップ  │
        │ あ×10         │
        ╰───────┬───────╯
                │
             ╭──┴──╮
             │ end │
             ╰─────╯
        """,
    )


def test_long_text_is_cut_at_the_widest_box() -> None:
    name = "a_step_with_a_very_long_name_indeed"
    drawing = draw(graph(**{name: ""}), {}, max_box=12)
    assert drawing.rows[1][1].text == " a_step… "
    wide = measure(BoxContent(("漢字漢字漢字漢字",)), max_box=12)
    assert wide == Size(11, 3)
    compact = draw(graph(**{name: ""}), {}, density="compact", max_box=12)
    assert compact.plain() == "a_step_wit…"


def test_steps_without_edges_stand_apart() -> None:
    drawing = draw(graph(start="end", end="", lost=""), {}, density="compact")
    assert drawing.plain() == "start   lost\n  │\n end"
    assert draw(Graph(), {}).rows == ()


def test_spans_say_what_they_are() -> None:
    contents = {name: BoxContent((name,), tag=f"is-{name}") for name in SWITCH.by_name}
    dimmed = {("choose", "slow"), ("slow", "end")}
    drawing = draw(SWITCH, contents, CASES, dimmed=dimmed)
    tags = {(span.tag, span.step) for row in drawing.rows for span in row}
    boxes = {(f"{kind}:is-{name}", name) for name in contents for kind in ("box", "text")}
    assert tags == boxes | {("edge", None), ("edge-dim", None), ("edge-label", None)}
    labels = {span.text: span.tag for row in drawing.rows for span in row if span.text.isalpha()}
    assert labels == {"yes": "edge-label", "no": "edge-dim"}


def test_only_the_part_of_a_shared_line_that_nobody_takes_is_dim() -> None:
    drawing = draw(SWITCH, {}, CASES, dimmed={("choose", "slow"), ("slow", "end")})
    lit, dim = drawing.rows[7]
    assert (lit.text, lit.tag) == ("╭─────┴", "edge")
    assert (dim.text, dim.tag) == ("─────╮", "edge-dim")
    neither = draw(SWITCH, {}, CASES, dimmed={("choose", "slow"), ("choose", "fast")})
    assert [(span.text, span.tag) for span in neither.rows[7]] == [("╭─────┴─────╮", "edge-dim")]


def test_a_taken_edge_lights_the_line_past_branches_not_taken() -> None:
    flow = graph(start="a b c d", a="", b="", c="", d="")
    drawing = draw(flow, {}, dimmed={("start", "b"), ("start", "d")}, density="compact")
    assert drawing.plain().splitlines()[1] == "╭───┬─┴─┬───╮"
    assert [(span.text, span.tag) for span in drawing.rows[1]] == [
        ("╭───┬─┴─┬", "edge"),
        ("───╮", "edge-dim"),
    ]


def test_edges_that_swap_columns_are_led_around_each_other() -> None:
    first = Net([Leg(0, (("a", "d"),))], [Leg(6, (("a", "d"),))])
    second = Net([Leg(6, (("b", "c"),))], [Leg(0, (("b", "c"),))])
    nets = assign_tracks([first, second], 7)
    (rest,) = (net for net in nets if net.parent)
    assert rest.parent is first
    assert [leg.x for leg in rest.down] == [6]
    assert rest.up[0].x == first.jogs[0].x not in (0, 6)
    tracks = [net.track for net in (first, second, rest)]
    assert tracks == [0, 1, 2]


def test_a_sidestep_takes_a_column_that_nothing_else_uses() -> None:
    ends = (0, 6)
    nets = [
        Net([Leg(x, (("a", "d"),))], [Leg(y, (("a", "d"),))])
        for x, y in (ends, ends[::-1], (5, 5), (1, 1))
    ]
    routed = assign_tracks(nets, 7)
    columns = [net.jogs[0].x for net in routed if net.jogs]
    assert columns
    assert not {0, 1, 5, 6} & set(columns)


def test_geometry_stays_when_only_what_boxes_say_changes() -> None:
    sizes = dict.fromkeys(BRANCH.by_name, Size(11, 4))
    geometry = arrange(BRANCH, sizes)
    pending = paint(geometry, {})
    done = paint(geometry, {n: BoxContent(("✓ done", "very long text"), tag="x") for n in sizes})
    assert pending.boxes == done.boxes == geometry.boxes
    assert arrange(BRANCH, sizes) == geometry
    edges = [[s for s in row if s.step is None] for row in pending.rows]
    assert edges == [[s for s in row if s.step is None] for row in done.rows]
    assert "│ ✓ done  │" in done.plain()
    assert "│ very l… │" in done.plain()


def test_a_cell_of_a_box_belongs_to_its_step() -> None:
    drawing = draw(BRANCH, {})
    assert drawing.hit(2, 0) == drawing.hit(10, 2) == "start"
    assert drawing.hit(0, 4) == "a"
    assert drawing.hit(8, 6) == "b"
    assert drawing.hit(1, 0) is drawing.hit(6, 3) is drawing.hit(99, 99) is None


@pytest.mark.parametrize(
    ("step", "up", "down", "left", "right"),
    [
        ("start", None, "b", None, None),
        ("a", "start", "deep", None, "b"),
        ("b", "start", "end", "a", "c"),
        ("c", "start", "end", "b", None),
        ("deep", "a", "end", None, None),
        ("end", "deep", None, None, None),
    ],
)
def test_arrows_go_to_the_nearest_step_that_an_edge_joins(
    step: str, up: str | None, down: str | None, left: str | None, right: str | None
) -> None:
    flow = graph(start="a b c", a="deep", b="end", c="end", deep="end", end="")
    drawing = draw(flow, {})
    assert drawing.neighbour(step, "up") == up
    assert drawing.neighbour(step, "down") == down
    assert drawing.neighbour(step, "left") == left
    assert drawing.neighbour(step, "right") == right


def test_arrows_go_to_the_nearest_layer_where_no_edge_leads() -> None:
    drawing = draw(graph(start="a", a="end", end="", lost=""), {})
    assert drawing.neighbour("lost", "left") == "start"
    assert drawing.neighbour("lost", "down") == "a"
    assert drawing.neighbour("lost", "up") is None


# An independent reader: it sees only characters, and knows only their arms.

NORTH, EAST, SOUTH, WEST = (0, -1), (1, 0), (0, 1), (-1, 0)
ARMS = {
    "│": {NORTH, SOUTH},
    "─": {EAST, WEST},
    "╭": {EAST, SOUTH},
    "╮": {WEST, SOUTH},
    "╰": {NORTH, EAST},
    "╯": {NORTH, WEST},
    "├": {NORTH, SOUTH, EAST},
    "┤": {NORTH, SOUTH, WEST},
    "┬": {EAST, WEST, SOUTH},
    "┴": {EAST, WEST, NORTH},
    "┼": {NORTH, EAST, SOUTH, WEST},
    "▼": {NORTH, SOUTH},
    "◂": {EAST, WEST},
}
Cell = tuple[int, int]
Way = tuple[int, int]


class Found(NamedTuple):
    """A way that leads from one box to another: its cells, and the horizontal ones of them."""

    edge: Pair
    cells: frozenset[Cell]
    level: frozenset[Cell]


class Reader:
    """Follows lines. Where a horizontal one meets a vertical one that has no arm towards it, it
    passes under it.

    Lines lead down from the bottom of a box and never up again, except those with an arrow head:
    these are followed from the head, and no other line may touch them.
    """

    def __init__(self, drawing: Drawing) -> None:
        self.boxes = drawing.boxes
        self.edge_cells: set[Cell] = set()
        self.characters: dict[Cell, str] = {}
        self.box_of: dict[Cell, str] = {}
        for y, row in enumerate(drawing.rows):
            for span in row:
                if span.tag == "edge" or span.tag.startswith("box:"):
                    for x, character in enumerate(span.text, span.x):
                        self.characters[x, y] = character
                        if span.tag == "edge":
                            self.edge_cells.add((x, y))
        for step, box in drawing.boxes.items():
            for x in range(box.x, box.right + 1):
                self.box_of |= {(x, y): step for y in range(box.y, box.bottom + 1)}
        self.compact = all(box.height == 1 for box in drawing.boxes.values())

    def arms(self, cell: Cell) -> set[Way]:
        return ARMS.get(self.characters.get(cell, ""), set())

    def joins(self, cell: Cell, way: Way) -> bool:
        """Whether a line can go from here into that cell; a compact box has no arms."""
        return (-way[0], -way[1]) in self.arms(cell) or (self.compact and cell in self.box_of)

    def ways(self) -> list[Found]:
        found: list[Found] = []
        for step, box in self.boxes.items():
            for x in range(box.x, box.right + 1):
                cell = (x, box.bottom)
                below = NORTH in self.arms((x, box.bottom + 1))
                if SOUTH in self.arms(cell) or (self.compact and below):
                    self.follow(step, cell, SOUTH, frozenset(), frozenset(), found)
        for cell in sorted(self.edge_cells):
            character = self.characters[cell]
            if character == "◂":
                found.append(self.follow_back(cell, EAST, self.box_of[cell[0] - 1, cell[1]]))
            elif character == "▼":
                found.append(self.follow_back(cell, NORTH, self.box_of[cell[0], cell[1] + 1]))
            elif character == "↺":
                step = self.box_of[cell[0] - 2, cell[1]]
                found.append(Found((step, step), frozenset({cell}), frozenset()))
        return found

    def enter(self, here: Cell, way: Way) -> bool:
        """Checks the next cell of a line; True if the line passes under another one there."""
        assert self.arms(here), f"the line ends at {here}"
        if self.joins(here, way):
            return False
        assert way in (EAST, WEST), f"a vertical line breaks at {here}"
        assert self.arms(here) == {NORTH, SOUTH}, f"no plain crossing at {here}"
        return True

    def follow(
        self,
        step: str,
        cell: Cell,
        way: Way,
        cells: frozenset[Cell],
        level: frozenset[Cell],
        found: list[Found],
    ) -> None:
        here = (cell[0] + way[0], cell[1] + way[1])
        if here in self.box_of:
            assert way == SOUTH, f"{cell} runs into the side of a box"
            assert self.joins(here, way), f"{cell} runs into the top of a box"
            found.append(Found((step, self.box_of[here]), cells, level))
            return
        under = self.enter(here, way)
        assert here not in cells, f"the line goes round in a circle at {here}"
        cells |= {here}
        if way != SOUTH and not under:
            level |= {here}
        back = (-way[0], -way[1])
        for arm in {way} if under else self.arms(here) - {back, NORTH}:
            self.follow(step, here, arm, cells, level, found)

    def follow_back(self, cell: Cell, way: Way, target: str) -> Found:
        cells, level = {cell}, set[Cell]()
        while True:
            here = (cell[0] + way[0], cell[1] + way[1])
            if here in self.box_of:
                assert way in (NORTH, WEST)
                assert self.joins(here, way), f"{cell} runs into a box"
                edge = (self.box_of[here], target)
                return Found(edge, frozenset(cells), frozenset(level))
            under = self.enter(here, way)
            cells.add(here)
            if not under:
                level.add(here)
                (way,) = self.arms(here) - {(-way[0], -way[1])}
            cell = here


def check_boxes(drawing: Drawing, flow: Graph) -> None:
    assert set(drawing.boxes) == set(flow.by_name)
    boxes = list(drawing.boxes.values())
    for i, a in enumerate(boxes):
        assert 0 <= a.x <= a.right < drawing.width
        assert 0 <= a.y <= a.bottom < drawing.height
        for b in boxes[i + 1 :]:
            apart = a.right + 2 < b.x or b.right + 2 < a.x
            assert apart or a.bottom < b.y or b.bottom < a.y
    back = back_edges(flow)
    for node in flow.nodes:
        for name in node.next:
            if (node.name, name) not in back:
                assert drawing.boxes[node.name].bottom < drawing.boxes[name].y


def check_spans(drawing: Drawing) -> None:
    for row in drawing.rows:
        end = 0
        for span in row:
            assert span.x >= end, "spans overlap"
            end = span.x + cell_len(span.text)
        assert end <= drawing.width
    lines = drawing.plain().splitlines()
    for step, box in drawing.boxes.items():
        rows = [line[box.x : box.right + 1] for line in lines[box.y : box.bottom + 1]]
        assert any(step in row for row in rows)
        if box.height > 1:
            assert (rows[0][0], rows[-1][0], rows[0][-1]) == ("╭", "╰", "╮")
            assert rows[-1][-1] in "╯┴"


def check_lines(drawing: Drawing, flow: Graph) -> None:
    """Every edge can be followed from its source to its target, and nothing else can."""
    reader = Reader(drawing)
    ways = reader.ways()
    expected = {(node.name, name) for node in flow.nodes for name in node.next}
    assert {way.edge for way in ways} == expected
    assert reader.edge_cells == {c for way in ways for c in way.cells}, "lines of no edge"
    users: dict[Cell, set[Pair]] = defaultdict(set)
    for way in ways:
        for cell in way.level:
            users[cell].add(way.edge)
    for cell, edges in users.items():
        sources, targets = zip(*edges, strict=True)
        assert 1 in (len(set(sources)), len(set(targets))), f"{edges} share {cell}"


@st.composite
def flows(draw: st.DrawFn) -> Graph:
    """Up to 12 steps; mostly edges that lead on, some loops and some that lead back."""
    count = draw(st.integers(1, 12))
    index = st.integers(0, count - 1)
    ahead = draw(st.lists(st.tuples(index, index).map(sorted), max_size=20))
    back = draw(st.lists(st.tuples(index, index), max_size=4))
    after: dict[int, list[str]] = {i: [] for i in range(count)}
    names = [f"s{i}" + "_" * draw(st.integers(0, 6)) for i in range(count)]
    for source, target in [*(pair for pair in ahead if pair[0] != pair[1]), *back]:
        after[source].append(names[target])
    nodes = tuple(Node(names[i], next=tuple(dict.fromkeys(n))) for i, n in after.items())
    return Graph(nodes, start_step=names[0])


@pytest.mark.parametrize("density", ["normal", "tight", "compact"])
@given(flow=flows(), data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_graph_can_be_read_off_its_drawing(
    density: Density, flow: Graph, data: st.DataObject
) -> None:
    pairs = [(node.name, name) for node in flow.nodes for name in node.next]
    named = data.draw(st.lists(st.sampled_from(pairs), max_size=4) if pairs else st.just([]))
    labels = [Edge(*pair, "x" * (i + 1)) for i, pair in enumerate(named)]
    many = data.draw(st.sets(st.sampled_from(sorted(flow.by_name))))
    contents = {name: BoxContent((name,), stacked=name in many) for name in flow.by_name}
    drawing = draw(flow, contents, labels, density=density)
    check_boxes(drawing, flow)
    check_spans(drawing)
    check_lines(drawing, flow)


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
    ("flow", "cell", "was", "character"),
    [
        (TANGLE, (4, 3), "╭", "─"),
        (TANGLE, (8, 3), "┴", "─"),
        (TANGLE, (12, 3), "╮", " "),
        (TANGLE, (12, 7), "│", "┼"),
        (TANGLE, (12, 7), "│", "─"),
        (TANGLE, (5, 9), "┴", "─"),
        (TANGLE, (4, 6), "┬", "─"),
        (KNOT, (11, 4), "│", "┼"),
        (KNOT, (4, 5), "▼", "│"),
        (KNOT, (11, 13), "│", "┼"),
        (KNOT, (17, 10), "│", " "),
    ],
)
def test_the_reader_of_these_tests_sees_what_is_wrong(
    flow: Graph, cell: Cell, was: str, character: str
) -> None:
    drawing = draw(flow, {})
    assert drawing.plain().splitlines()[cell[1]][cell[0]] == was
    check_lines(drawing, flow)
    with pytest.raises((AssertionError, ValueError)):
        check_lines(broken(drawing, cell, character), flow)
