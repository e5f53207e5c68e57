"""Drawings of graphs that are small enough to be written down beside their tests."""

from __future__ import annotations

from textwrap import dedent

import pytest
from rich.cells import cell_len

from flowtui.graph.arrange import arrange
from flowtui.graph.draw import draw, paint
from flowtui.graph.drawing import BoxContent, Drawing, measure
from flowtui.graph.geometry import Edge, Size
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


def test_the_part_that_nobody_takes_is_dim_to_the_right_as_well() -> None:
    dimmed = {("choose", "slow"), ("slow", "end")}
    drawing = draw(SWITCH, {}, CASES, dimmed=dimmed, orientation="right")
    dim = [[span.text for span in row if span.tag == "edge-dim"] for row in drawing.rows]
    assert dim == [[], [], [], [], ["│", "│"], ["╰─", "no", "──", "─╯"], []]


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


def test_where_edges_lead_to_the_right_arrows_follow_the_screen() -> None:
    flow = graph(start="a b c", a="deep", b="end", c="end", deep="end", end="")
    drawing = draw(flow, {}, orientation="right")
    assert drawing.neighbour("start", "right") == "b"
    assert drawing.neighbour("b", "left") == "start"
    assert drawing.neighbour("b", "up") == "a"
    assert drawing.neighbour("b", "down") == "c"
    assert drawing.neighbour("end", "right") is drawing.neighbour("c", "down") is None


def test_cases_stand_in_their_lines_where_these_lead_to_the_right() -> None:
    shows(
        draw(SWITCH, {}, CASES, orientation="right"),
        """
                                       ╭──────╮
                               ╭─ yes ─┤ fast ├─╮
        ╭───────╮   ╭────────╮ │       ╰──────╯ │ ╭─────╮
        │ start ├───┤ choose ├─┤                ├─┤ end │
        ╰───────╯   ╰────────╯ │       ╭──────╮ │ ╰─────╯
                               ╰─ no ──┤ slow ├─╯
                                       ╰──────╯
        """,
    )


def test_loops_and_back_edges_pass_below_what_leads_to_the_right() -> None:
    shows(
        draw(
            graph(start="train", train="train check", check="start end", end=""),
            {"train": stacked("train ×2", "▆▆")},
            [Edge("train", "train", "again"), Edge("check", "start", "retry")],
            orientation="right",
        ),
        """
                    ╭┬──────────┬╮
        ╭───────╮   ││ train ×2 ││       ╭───────╮   ╭─────╮
        │ start ├───┤│ ▆▆       │├───────┤ check ├───┤ end │
        ╰───────╯   ╰┴─────────┬┴╯       ╰─────┬─╯   ╰─────╯
          ▲           ▲        │               │
          │           ╰────────╯ again         │
          │                                    │
          ╰─ retry ────────────────────────────╯
        """,
    )


def test_a_step_in_one_row_takes_lines_of_several_rows_in_a_bracket() -> None:
    flow = graph(a="d", b="d", c="d e", d="", e="")
    drawing = draw(flow, {}, density="compact", orientation="right")
    assert drawing.plain().splitlines() == [
        " a ─┬───╮",
        " b ─╯ ╭─┴ d",
        " c ───┤",
        "      │",
        "      ╰─ e",
    ]


def test_a_label_below_is_cut_to_its_line() -> None:
    drawing = draw(
        graph(start="train", train="check", check="start end", end=""),
        {},
        [Edge("check", "start", "a label that is long")],
        density="compact",
        orientation="right",
        ascii=True,
    )
    assert drawing.plain().splitlines()[-1].strip() == "+- a label that i~ -+"


@pytest.mark.parametrize(
    ("x", "y", "edge"),
    [
        (11, 3, ("start", "choose")),
        (24, 1, ("choose", "fast")),
        (27, 1, ("choose", "fast")),
        (27, 5, ("choose", "slow")),
        (23, 4, ("choose", "slow")),
        (49, 3, None),
        (39, 1, ("fast", "end")),
        (22, 3, None),
        (3, 3, None),
        (0, 0, None),
    ],
)
def test_a_cell_of_a_line_or_a_label_belongs_to_its_edge(
    x: int, y: int, edge: tuple[str, str] | None
) -> None:
    """Nothing belongs to an edge where several share a line."""
    assert draw(SWITCH, {}, CASES, orientation="right").edge_at(x, y) == edge


def test_an_arrow_head_belongs_to_its_edge() -> None:
    drawing = draw(graph(start="train", train="start end", end=""), {})
    (head,) = (
        (span.x + span.text.index("◂"), y)
        for y, row in enumerate(drawing.rows)
        for span in row
        if "◂" in span.text
    )
    assert drawing.edge_at(*head) == ("train", "start")
