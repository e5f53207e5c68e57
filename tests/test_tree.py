"""The rows of the tree: of real runs by hand, and of scripted ones against rows made anew."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style

from flowtui.model import Attempt, Changes, Graph, Ms, Node, RunDescription, RunStatus, State, Task
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.views.tree import Tree
from flowtui.views.tree_nodes import Fold, NodeId
from flowtui.widgets.tree_columns import Columns
from tests.resumes import read
from tests.runs import RecordedRun
from tests.scripted_run import RUN, START, many

NAMES = 40


def drawn(tree: Tree, look: Look | None = None) -> list[str]:
    """The rows as they are drawn, without what depends on how long things took."""
    lines = []
    for at in range(len(tree)):
        row = tree[at]
        assert tree.place(row.id) == at
        text = Columns(NAMES, 60).row(
            row, look or Look(), Style.null(), now=START, use=None, cursor=False
        )
        name, told = text.plain[2 : 2 + NAMES], text.plain[2 + NAMES + 8 :]
        lines.append(f"{name.rstrip():<{NAMES}}{told}".rstrip())
    return lines


def tree_of(run: RecordedRun) -> Tree:
    tree = Tree()
    tree.show(read(run))
    return tree


def names(tree: Tree) -> list[str]:
    return [line[:NAMES].rstrip() for line in drawn(tree)]


def test_failures_are_unfolded_down_to_their_attempts_and_all_else_is_folded(
    runs: dict[str, RecordedRun],
) -> None:
    assert drawn(tree_of(runs["catch"])) == [
        "▶ ✓ start                               ✓",
        "▼ ◆ divide ×3                           ◆1  ✓2",
        "├─▼ ◆ 2 divisors=0                      ✗✗◆       "
        "try 3 of 3: @catch stored it in divide_failed",
        "│ ├── ✗ attempt 0                       attempt_ok=False, attempt 1 followed",
        "│ ├── ✗ attempt 1                       attempt_ok=False, attempt 2 followed",
        "│ └── ◆ attempt 2                       @catch stored it in divide_failed",
        "└─▶ … 2 more succeeded",
        "▶ ✓ join                                ✓",
        "▶ ✓ end                                 ✓",
    ]


def test_a_step_that_was_not_reached_says_why(runs: dict[str, RecordedRun]) -> None:
    assert drawn(tree_of(runs["failed"])) == [
        "▶ ✓ start                               ✓",
        "▼ ✗ train ×3                            ✗1  ✓2",
        "├─▶ ✗ 4 countries=NO                    ✗         attempt_ok=False",
        "└─▶ … 2 more succeeded",
        "  – join                                never reached, and the run is over",
        "  – end                                 never reached, and the run is over",
    ]
    assert drawn(tree_of(runs["switch"]))[2] == (
        "  – slow                                the switch before it took another branch"
    )


def test_a_nested_foreach_has_a_row_for_each_outer_label(runs: dict[str, RecordedRun]) -> None:
    tree = tree_of(runs["nested_foreach"])
    tree.unfold(NodeId("title"))
    assert [line for line in names(tree) if "=" in line] == [
        "├─▶ ✓ countries=FI ×2",
        "└─▶ ✓ countries=SE ×2",
    ]
    tree.fold_to_steps()
    for _ in range(2):
        tree.unfold_more()
    ids = {task.labels: task.id for task in read(runs["nested_foreach"]).tasks("title").values()}
    a, b = (ids["countries=FI", f"titles={title}"] for title in "ab")
    c, d = (ids["countries=SE", f"titles={title}"] for title in "ab")
    start = names(tree).index("▼ ✓ title ×4")
    expected = {
        "FI": sorted([(a, "a"), (b, "b")], key=lambda one: int(one[0])),
        "SE": sorted([(c, "a"), (d, "b")], key=lambda one: int(one[0])),
    }
    assert names(tree)[start + 1 : start + 7] == [
        "├─▼ ✓ countries=FI ×2",
        f"│ ├─▶ ✓ {expected['FI'][0][0]} titles={expected['FI'][0][1]}",
        f"│ └─▶ ✓ {expected['FI'][1][0]} titles={expected['FI'][1][1]}",
        "└─▼ ✓ countries=SE ×2",
        f"  ├─▶ ✓ {expected['SE'][0][0]} titles={expected['SE'][0][1]}",
        f"  └─▶ ✓ {expected['SE'][1][0]} titles={expected['SE'][1][1]}",
    ]
    tree.unfold_more()
    assert sum("attempt 0" in line for line in names(tree)) == 11


def test_rounds_of_a_loop_are_numbered_and_a_control_task_is_told_apart(
    runs: dict[str, RecordedRun],
) -> None:
    loop = tree_of(runs["loop"])
    loop.unfold(NodeId("work"))
    assert names(loop)[1:5] == [
        "▼ ✓ work ×3",
        "├─▶ ✓ 2 round 1",
        "├─▶ ✓ 3 round 2",
        "└─▶ ✓ 4 round 3",
    ]
    parallel = tree_of(runs["parallel"])
    parallel.unfold(NodeId("train"))
    assert names(parallel)[1:5] == [
        "▼ ✓ train ×3",
        "├─▶ ✓ 2 node=0 control",
        "├─▶ ✓ 2_node_1 node=1",
        "└─▶ ✓ 2_node_2 node=2",
    ]


def test_a_clone_says_where_it_comes_from_and_takes_no_time(runs: dict[str, RecordedRun]) -> None:
    tree = tree_of(runs["resumed"])
    tree.unfold(NodeId("train"))
    # Clones get their ids in any order.
    [at] = [at for at, name in enumerate(names(tree)) if name.endswith("countries=FI")]
    assert names(tree)[at].lstrip("├└─▶ ").startswith("↺")
    assert tree[at].began is None
    assert f"cloned from {runs['failed'].pathspec}/train/" in drawn(tree)[at]


def test_where_only_ascii_can_be_drawn_nothing_else_is(runs: dict[str, RecordedRun]) -> None:
    lines = drawn(tree_of(runs["catch"]), Look(ascii=True))
    assert lines[1].startswith("- c divide x3")
    assert lines[2].startswith("|-- c 2 divisors=0")
    assert lines[5].startswith("| `-- c attempt 2")
    assert lines[6].startswith("`-+ ... 2 more succeeded")
    assert all(line.isascii() for line in lines)


def test_hostile_labels_stay_in_their_row(runs: dict[str, RecordedRun]) -> None:
    hostile = "x=\x1b]52;c;aGk=\x07[/bold]\u202eevil\nline\x9b31m"
    store = RunStore(RUN)
    failed = (Attempt(0, State.FAILED, "\x1b[31mno\nway", START, START),)
    tasks = [
        Task(
            "work", f"{number}\x1b[2J", State.FAILED, "a\nb\x07", failed, number, (hostile, hostile)
        )
        for number in range(3)
    ]
    store.apply(Changes(START, tasks=tuple(tasks)))
    tree = Tree()
    tree.show(store)
    lines = drawn(tree)
    assert len(lines) == 4 + 1 + 3
    shown = "".join(lines)
    assert all(ord(char) >= 32 and not 0x7F <= ord(char) < 0xA0 for char in shown)
    assert "\u202e" not in shown
    assert "[/bold]" in shown


def test_a_foreach_deeper_than_any_is_no_harder_to_draw() -> None:
    store, tree = RunStore(RUN), Tree()
    deep = tuple(f"level{level}=x" for level in range(5000))
    store.apply(going(task(2, State.FAILED, deep), task(3, State.RUNNING, deep)))
    tree.show(store)
    assert len(drawn(tree)) == 4 + 20 + 1 + 1
    assert tree.update(store.apply(going(task(3, State.LOST, deep))))
    assert len(drawn(tree)) == 4 + 20 + 2


def task(
    number: int, state: State, labels: tuple[str, ...], attempts: int = 1, step: str = "work"
) -> Task:
    earlier = [Attempt(at, State.FAILED, "…", START, START) for at in range(attempts - 1)]
    last = Attempt(attempts - 1, state, "…", START, Ms(START + 1000))
    return Task(step, str(number), state, "…", (*earlier, last), number, labels)


def going(*tasks: Task) -> Changes:
    return Changes(START, status=RunStatus(State.RUNNING, "…"), tasks=tasks)


def test_what_a_person_folded_or_unfolded_stays_so_while_the_run_goes_on() -> None:
    store, tree = RunStore(RUN), Tree()
    store.apply(going(*(task(number, State.SUCCEEDED, ("i=1",)) for number in range(2, 5))))
    tree.show(store)
    tree.unfold(NodeId("work"))
    tree.update(store.apply(going(task(3, State.FAILED, ("i=1",)))))
    assert names(tree)[1:5] == [
        "▼ ✗ work ×3",
        "├─▶ ✓ 2 i=1",
        "├─▶ ✗ 3 i=1",
        "└─▶ ✓ 4 i=1",
    ]
    tree.fold(NodeId("work"))
    assert not tree.update(store.apply(going(task(4, State.FAILED, ("i=1",)))))
    assert names(tree)[1:3] == ["▶ ✗ work ×3", "  · join"]
    tree.unfold(NodeId("work"))
    assert names(tree)[2:5] == ["├─▶ ✗ 3 i=1", "├─▶ ✗ 4 i=1", "└─▶ … 1 more succeeded"]
    tree.unfold(NodeId("work", rest=True))
    assert names(tree)[2:5] == ["├─▶ ✓ 2 i=1", "├─▶ ✗ 3 i=1", "└─▶ ✗ 4 i=1"]


def test_a_failure_deep_in_a_foreach_is_seen_and_the_other_groups_are_the_rest() -> None:
    store, tree = RunStore(RUN), Tree()
    labels = [(f"country={country}", f"title={title}") for country in "ABC" for title in "xy"]
    store.apply(going(*(task(at, State.SUCCEEDED, label) for at, label in enumerate(labels))))
    tree.show(store)
    assert names(tree)[1] == "▶ ✓ work ×6"
    assert tree.update(store.apply(going(task(3, State.LOST, labels[3]))))
    assert names(tree)[1:6] == [
        "▼ ⊘ work ×6",
        "├─▼ ⊘ country=B ×2",
        "│ ├─▶ ⊘ 3 title=y",
        "│ └─▶ … 1 more succeeded",
        "└─▶ … 4 more succeeded",
    ]
    assert tree.update(store.apply(going(task(3, State.SUCCEEDED, labels[3]))))
    assert names(tree)[1] == "▶ ✓ work ×6"


def test_a_task_is_revealed_wherever_it_is_hidden() -> None:
    store, tree = RunStore(RUN), Tree()
    labels = [(f"country={country}", f"title={title}") for country in "ABC" for title in "xy"]
    store.apply(going(*(task(at, State.SUCCEEDED, label) for at, label in enumerate(labels))))
    store.apply(going(task(0, State.FAILED, labels[0])))
    tree.show(store)
    for hidden in ("1", "5"):
        node = tree.reveal("work", store.task("work", hidden))
        assert node is not None
        assert tree.place(node) is not None
    tree.filter("country=A")
    node = tree.reveal("work", store.task("work", "4"))
    assert node is not None
    assert tree.place(node) is not None
    assert not tree.filter_text


def test_a_filter_leaves_what_matches_unfolded_and_then_all_is_as_it_was() -> None:
    store, tree = RunStore(RUN), Tree()
    labels = [(f"country={country}", f"title={title}") for country in "ABC" for title in "xy"]
    store.apply(going(*(task(at, State.SUCCEEDED, label) for at, label in enumerate(labels))))
    tree.show(store)
    before = drawn(tree)
    tree.filter("title=y !country=B")
    assert names(tree) == [
        "▼ ✓ work ×2",
        "├─▼ ✓ country=A",
        "│ └─▶ ✓ 1 title=y",
        "└─▼ ✓ country=C",
        "  └─▶ ✓ 5 title=y",
    ]
    assert tree.matching() == 2
    tree.filter("land=A")
    assert (len(tree), tree.wrong) == (
        0,
        "There is no foreach level 'land'. Levels: country, title.",
    )
    tree.filter("")
    assert drawn(tree) == before


NESTED = Graph(
    (
        Node("start", "split-foreach", ("work",), foreach_artifact="a"),
        Node("work", "split-switch", ("work", "end"), condition="more"),
        Node("end", "end"),
    ),
    "start",
    "end",
)
STATES = [State.RUNNING, State.SUCCEEDED, State.FAILED, State.CAUGHT, State.PENDING]
TASKS = st.builds(
    task,
    st.integers(1, 12),
    st.sampled_from(STATES),
    st.sampled_from([(), ("a=1",), ("a=1", "b=1"), ("a=1", "b=2"), ("a=2", "b=1")]),
    st.integers(1, 3),
)
DEEDS = st.tuples(st.sampled_from(["fold", "unfold"]), st.integers(0, 30))


@given(
    st.lists(st.tuples(st.lists(TASKS, max_size=4), st.lists(DEEDS, max_size=3)), max_size=8),
    st.sampled_from(["", "1", "a=1 !failed", "b=2"]),
    st.booleans(),
    st.integers(0, 3),
)
@settings(deadline=None)
def test_rows_that_follow_changes_are_as_if_made_anew(
    portions: list[tuple[list[Task], list[tuple[str, int]]]], text: str, looped: bool, more: int
) -> None:
    run = RunDescription("F", "1", "scripted", created_at=START, graph=NESTED) if looped else RUN
    store, tree = RunStore(run), Tree()
    tree.show(store)
    tree.filter(text)
    for _ in range(more):
        tree.unfold_more()
    for tasks, deeds in portions:
        known = {task.id: task for task in tasks}
        before = [tree.node(row) for row in range(len(tree))]
        moved = tree.update(store.apply(going(*known.values())))
        after = [tree.node(row) for row in range(len(tree))]
        assert moved or after == before
        for deed, at in deeds:
            if at < len(tree):
                row = tree[at]
                if deed == "unfold" and row.fold is Fold.FOLDED:
                    tree.unfold(row.id)
                elif deed == "fold" and row.fold not in (None, Fold.FOLDED):
                    tree.fold(row.id)
        lines = drawn(tree)
        tree.show(store)
        assert drawn(tree) == lines


def test_of_ten_thousand_tasks_the_failures_are_listed_and_the_rest_is_one_row() -> None:
    store, tree = RunStore(RUN), Tree()
    script = many(10_000, 1, 1)
    store.apply(next(script))
    tree.show(store)
    failed = store.steps["work"].counts[State.FAILED]
    assert len(tree) == 4 + failed + 1
    quiet = 10_000 - failed
    rest = tree[2 + failed]
    assert rest.id == NodeId("work", rest=True)
    assert sum(rest.counts.values()) == quiet
    for changes in script:
        tree.update(store.apply(changes))
    tree.unfold(rest.id)
    assert len(tree) == 4 + 10_000
    last = list(store.tasks("work").values())[-1]
    assert tree[1 + 10_000].task == last
