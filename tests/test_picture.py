"""What the boxes and edges of a run say, at each density, written out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from textwrap import dedent

import pytest

from flowtui.graph.dag import order_nodes
from flowtui.graph.draw import draw
from flowtui.graph.drawing import pieces
from flowtui.graph.geometry import Density
from flowtui.model import (
    Attempt,
    Changes,
    Decorator,
    Graph,
    Ms,
    Node,
    RunDescription,
    RunStatus,
    State,
    Task,
)
from flowtui.picture import MAX_BOX, Picture, not_taken
from flowtui.store import RunStore
from flowtui.theme import Look
from tests.runs import RecordedRun
from tests.scripted_run import RUN, START, many, work
from tests.test_report import store_of

Runs = Mapping[str, RecordedRun]

S, F, P = State.SUCCEEDED, State.FAILED, State.PENDING


def drawn(store: RunStore, density: Density = "normal", look: Look | None = None) -> str:
    look = look or Look()
    picture = Picture(store.graph, look)
    return draw(
        store.graph,
        picture.boxes(store, density),
        picture.labels(store),
        dimmed=not_taken(store.graph, store.steps),
        density=density,
        ascii=look.ascii,
        max_box=MAX_BOX[density],
    ).plain()


def shows(store: RunStore, expected: str, density: Density = "normal") -> None:
    """The drawing is exactly this picture."""
    picture = drawn(store, density)
    assert picture == dedent(expected).strip("\n"), f"\n{picture}"


def row(store: RunStore, step: str, density: Density = "normal", at: int = 0) -> str:
    """A row of a step's box."""
    box = Picture(store.graph, Look()).boxes(store, density, [step])[step]
    return "".join(piece.text for piece in pieces(box.lines[at])).rstrip()


# The recorded flows


def test_a_foreach_names_what_it_goes_over_and_has_a_cell_for_each_task(runs: Runs) -> None:
    shows(
        store_of(runs["foreach"]),
        """
              ╭─────────╮
              │ ✓ start │
              ╰────┬────╯
                   │
        ╭┬─────────┴─────────┬╮
        ││ ✓ visit ×3        ││
        ││ foreach countries ││
        ││ ▆▆▆               ││
        ╰┴─────────┬─────────┴╯
                   │
              ╭────┴────╮
              │ ✓ join  │
              ╰────┬────╯
                   │
               ╭───┴───╮
               │ ✓ end │
               ╰───────╯
        """,
    )


def test_a_nested_foreach_stands_apart_by_the_outer_one(runs: Runs) -> None:
    shows(
        store_of(runs["nested_foreach"]),
        """
              ╭─────────╮
              │ ✓ start │
              ╰────┬────╯
                   │
        ╭┬─────────┴─────────┬╮
        ││ ✓ country ×2      ││
        ││ foreach countries ││
        ││ ▆▆                ││
        ╰┴─────────┬─────────┴╯
                   │
         ╭┬────────┴────────┬╮
         ││ ✓ title ×4      ││
         ││ foreach titles  ││
         ││ FI ▆▆  SE ▆▆    ││
         ╰┴────────┬────────┴╯
                   │
        ╭┬─────────┴─────────┬╮
        ││ ✓ join_titles ×2  ││
        ││ ▆▆                ││
        ╰┴─────────┬─────────┴╯
                   │
         ╭─────────┴─────────╮
         │ ✓ join_countries  │
         ╰─────────┬─────────╯
                   │
               ╭───┴───╮
               │ ✓ end │
               ╰───────╯
        """,
    )


def test_tight_boxes_have_one_row(runs: Runs) -> None:
    shows(
        store_of(runs["nested_foreach"]),
        """
                ╭─────────╮
                │ ✓ start │
                ╰────┬────╯
          ╭┬─────────┴─────────┬╮
          ││ ✓ country ×2  ▆▆  ││
          ╰┴─────────┬─────────┴╯
          ╭┬─────────┴─────────┬╮
          ││ ✓ title ×4  ▆▆ ▆▆ ││
          ╰┴─────────┬─────────┴╯
        ╭┬───────────┴───────────┬╮
        ││ ✓ join_titles ×2  ▆▆  ││
        ╰┴───────────┬───────────┴╯
           ╭─────────┴─────────╮
           │ ✓ join_countries  │
           ╰─────────┬─────────╯
                 ╭───┴───╮
                 │ ✓ end │
                 ╰───────╯
        """,
        "tight",
    )


def test_the_control_task_of_a_num_parallel_is_told_from_its_nodes(runs: Runs) -> None:
    store = store_of(runs["parallel"])
    assert [row(store, "train", at=at) for at in range(3)] == [
        "✓ train ×3",
        "num_parallel",
        "control ▆  nodes ▆▆",
    ]
    assert row(store, "train", "tight") == "✓ train ×3  ▆ ▆▆"
    assert row(store, "train", "detailed", at=3) == "control ▆"
    assert row(store, "train", "detailed", at=4) == "nodes   ▆▆"


def test_a_switch_names_its_condition_and_its_edges_their_cases(runs: Runs) -> None:
    store = store_of(runs["switch"])
    shows(
        store,
        """
             ╭─────────────╮
             │ ✓ start     │
             │ switch mode │
             ╰──────┬──────╯
             ╭──────┴──────╮
             │ fast        │ slow
        ╭────┴────╮   ╭────┴────╮
        │ ✓ fast  │   │ – slow  │
        ╰────┬────╯   ╰────┬────╯
             ╰──────┬──────╯
                ╭───┴───╮
                │ ✓ end │
                ╰───────╯
        """,
    )
    assert not_taken(store.graph, store.steps) == {("start", "slow"), ("slow", "end")}
    assert row(store, "start", "compact") == "✓ start  mode?"


def test_a_loop_counts_its_rounds(runs: Runs) -> None:
    shows(
        store_of(runs["loop"]),
        """
            ╭─────────╮
            │ ✓ start │
            ╰────┬────╯
                 │
        ╭────────┴────────╮
        │ ✓ work ×3       │◂╮ again ×3
        │ switch decision │ │
        │ ▆▆▆             │ │
        ╰────────┬────────┴─╯
                 │ enough
             ╭───┴───╮
             │ ✓ end │
             ╰───────╯
        """,
    )


def test_a_task_that_was_retried_is_counted_on_its_step(runs: Runs) -> None:
    assert row(store_of(runs["retry"]), "flaky") == "✓ flaky ↻1"
    assert row(store_of(runs["linear"]), "start") == "✓ start"


def test_how_tasks_stand_is_told_where_the_step_s_own_state_does_not_say_it(runs: Runs) -> None:
    store = store_of(runs["catch"])
    assert row(store, "divide") == "◆ divide ×3 ↻1  ◆1 ✓2"
    assert row(store, "divide", at=2) == "◆▆▆"
    assert row(store, "divide", "compact") == "◆ divide ×3 ↻1  ◆▆▆"


def test_a_detailed_box_tells_of_decorators_and_of_times(runs: Runs) -> None:
    store = store_of(runs["catch"])
    lines = [row(store, "divide", "detailed", at=at) for at in range(6)]
    assert lines[2:4] == ["@retry(2)", "@catch(divide_failed)"]
    lengths = store.tasks("divide").lengths
    assert lengths.began is not None
    assert lengths.ended is not None
    took = (lengths.ended - lengths.began) / 1000
    assert lines[5].startswith(f"took {took:.1f}s · median ")


def test_ascii_draws_with_nothing_else(runs: Runs) -> None:
    look = Look(ascii=True)
    for name in ("catch", "loop", "parallel", "nested_foreach", "switch"):
        for density in MAX_BOX:
            assert drawn(store_of(runs[name]), density, look).isascii()
    assert "x divide" not in drawn(store_of(runs["catch"]), look=look)
    assert "c divide x3 r1  c1 +2" in drawn(store_of(runs["catch"]), look=look)


# Runs made up for the rest


def graph(*nodes: Node) -> Graph:
    return Graph(order_nodes(nodes, "start"), "start", "end")


def running(of: Graph, *tasks: Task, splits: Mapping[str, int] | None = None) -> RunStore:
    """A run that goes on."""
    store = RunStore(RunDescription("F", "1", "made up", graph=of))
    status = RunStatus(State.RUNNING, "it runs")
    store.apply(Changes(Ms(START + 60_000), status=status, tasks=tasks, splits=splits or {}))
    return store


def task(step: str, number: int, *labels: str, state: State = S) -> Task:
    began = Ms(START + number)
    tried = Attempt(0, state, "…", began, Ms(began + 100 * number) if state is not P else None)
    return Task(step, str(number), state, "…", (tried,), labels=labels)


NESTED = graph(
    Node("start", "split-foreach", ("outer",), foreach_artifact="regions", matching_join="end"),
    Node("outer", "split-foreach", ("inner",), foreach_artifact="cities", matching_join="bind"),
    Node("inner", "linear", ("bind",)),
    Node("bind", "join", ("end",)),
    Node("end", "join"),
)


def nested(outer: int, inner: int, failed: tuple[int, int]) -> RunStore:
    """A foreach in a foreach; of one inner task the outer element and the place are given."""
    tasks = [task("outer", 10 + i, f"regions=r{i}") for i in range(outer)]
    number = 1000
    # The last outer task went on first.
    for i in reversed(range(outer)):
        for k in range(inner):
            number += 1
            state = F if (i, k) == failed else S
            tasks.append(task("inner", number, f"regions=r{i}", f"cities=c{k}", state=state))
    splits = {"start": outer, "outer": outer * inner}
    return running(NESTED, *tasks, splits=splits)


def test_nested_strips_are_in_the_order_of_the_outer_step() -> None:
    assert row(nested(2, 3, (1, 0)), "inner", at=2) == "r0 ▆▆▆  r1 ✗▆▆"


@pytest.mark.parametrize(
    ("outer", "inner", "failed", "expected"),
    [
        (3, 4, (2, 1), "r0 ▆▆▆▆  r1 ▆▆▆▆  r2 ▆✗▆▆"),
        (4, 300, (1, 150), "▆▆▆ ▆✗▆ ▆▆▆ ▆▆▆"),
        (8, 300, (7, 299), "▆ ▆ ▆ ▆ ▆ ▆ ▆ ✗"),
        (9, 10, (0, 0), "▆▆▆▆▆▆▆▆▆▆▆▆▆▆✗▆"),
    ],
    ids=["a cell for each", "shared cells", "one cell for each part", "too many to stand apart"],
)
def test_a_failure_in_a_nested_foreach_is_never_hidden(
    outer: int, inner: int, failed: tuple[int, int], expected: str
) -> None:
    assert row(nested(outer, inner, failed), "inner", at=2) == expected


def test_an_outer_element_whose_tasks_are_to_come_has_its_place() -> None:
    tasks = [task("outer", 10, "regions=a"), task("outer", 11, "regions=b")]
    inner = [task("inner", 20 + i, "regions=b", f"cities={i}") for i in range(2)]
    store = running(NESTED, *tasks, *inner, splits={"start": 3})
    assert row(store, "inner", "tight") == "● inner ×2  · ▆▆ ·"
    assert row(store, "inner", "detailed", at=2) == "a ·"
    assert row(store, "inner", "detailed", at=3) == "b ▆▆"


def test_tasks_that_no_outer_one_is_known_of_are_shown_all_the_same() -> None:
    lost = [task("inner", 30, "regions=x", "cities=0", state=F), task("inner", 31, state=F)]
    known = [task("outer", 10, "regions=a"), task("outer", 11, "regions=b")]
    assert "✗✗" in row(running(NESTED, *known, *lost), "inner", at=2)


def test_a_join_without_a_record_of_its_split_closes_the_innermost_one() -> None:
    plain = Graph(tuple(replace(node, matching_join=None) for node in NESTED.nodes), "start", "end")
    inside = {"outer": "start", "inner": "outer", "bind": "start"}
    assert plain.split_of == NESTED.split_of == inside


def test_a_box_has_room_for_what_a_step_may_come_to_say() -> None:
    first = next(many(3))
    store = RunStore(RUN)
    store.apply(replace(first, tasks=(first.tasks[0], *(work(n) for n in (2, 3, 4)))))
    before = drawn(store)
    failed = work(4, F)
    store.apply(replace(first, tasks=(replace(failed, attempts=(*failed.attempts,) * 2),)))
    assert row(store, "work") == "✗ work ×3 ↻1  ✗1 ✓2"
    assert [len(line) for line in drawn(store).splitlines()] == [
        len(line) for line in before.splitlines()
    ]


def test_numbers_stand_where_a_compact_row_has_no_room_for_all_tasks() -> None:
    store = RunStore(RUN)
    first = next(many(3))
    tasks = (*(work(n) for n in range(2, 1001)), work(1001, F))
    store.apply(replace(first, tasks=(first.tasks[0], *tasks), splits={"start": 1000}))
    assert row(store, "work", "compact") == "✗ work ×1,000  ✗1 ✓999"
    assert row(store, "work", "tight") == "✗ work ×1,000  ▆▆▆▆▆▆▆✗"


def test_a_long_name_is_cut_and_how_its_tasks_stand_is_not() -> None:
    name = "transform_everything_that_was_read"
    made = graph(Node("start", "split-foreach", (name,)), Node(name, "linear", ("end",)))
    store = running(made, task(name, 2, "a=1", state=F), task(name, 3, "a=2"))
    assert row(store, name) == "✗ transform_ev… ×2  ✗1 ✓1"


@pytest.mark.parametrize(
    ("decorator", "expected"),
    [
        (Decorator("retry", {"times": 3, "minutes_between_retries": 2}), "@retry(3)"),
        (Decorator("retry", {"times": "4"}), "@retry(4)"),
        (Decorator("timeout", {"hours": 1, "minutes": 30, "seconds": 0}), "@timeout(1h30m)"),
        (Decorator("timeout", {"seconds": "no number"}), "@timeout(0.0s)"),
        (Decorator("resources", {"cpu": 4, "gpu": None, "memory": 16000}), "@resources(4, 16000)"),
        (Decorator("conda", {"libraries": {"numpy": "2"}}), "@conda"),
        (Decorator("\x1b[31m[/red]\u202e", {}), "@[/red]\ufffd"),
    ],
)
def test_a_decorator_is_told_as_it_stands_in_the_flow(decorator: Decorator, expected: str) -> None:
    made = graph(Node("start", decorators=(Decorator("live_logs"), decorator), doc="Begin.\nMore."))
    store = running(made)
    assert row(store, "start", "detailed", at=1) == expected
    assert row(store, "start", "detailed", at=2) == "Begin."


def test_of_a_long_doc_two_rows_are_shown() -> None:
    doc = "Read what the meters of all the cities have sent since the last run.\n\nSlowly."
    store = running(graph(Node("start", doc=doc)))
    assert [row(store, "start", "detailed", at=at) for at in (1, 2, 3)] == [
        "Read what the meters of",
        "all the cities have …",
        "",
    ]


def test_how_long_a_step_has_been_running_counts_up() -> None:
    made = graph(Node("start", "linear", ("end",)), Node("end", "end"))
    tried = Attempt(0, State.RUNNING, "…", START)
    store = running(made, Task("start", "1", State.RUNNING, "…", (tried,)))
    assert row(store, "start", "detailed", at=1) == "for 1m00s"
    box = Picture(made, Look()).boxes(store, "detailed", ["start"], Ms(START + 90_000))["start"]
    assert pieces(box.lines[1])[0].text == "for 1m30s"
