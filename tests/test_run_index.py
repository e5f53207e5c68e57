"""The index of runs: orders, filters, groups, and that a change leads where sorting anew does."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowtui.model import Ms, State
from flowtui.run_index import Group, Grouping, Order, RunIndex
from flowtui.run_summary import RunListChanges, RunSummary
from tests.run_summaries import NOW, START, news, run

S, F, L, R = State.SUCCEEDED, State.FAILED, State.LOST, State.RUNNING

RUNS = (
    run("Train/1", 0, state=S, finished_at=Ms(START + 90_000), tags=("prod",)),
    run("Train/2", 60, state=F, finished_at=Ms(START + 65_000), user="bob", current=("fit",)),
    run("Report/3", 120, state=R, current=("draw", "print"), origin_run="7"),
    run("Train10/4", 180, user=None, system_tags=("date:2026-11-21",)),
    run("Report/5", 240, state=L, user="Bob"),
)


def index(*runs: RunSummary) -> RunIndex:
    listed = RunIndex()
    listed.apply(news(*(runs or RUNS)))
    return listed


def rows(listed: RunIndex) -> list[str]:
    """Ids of runs, and of groups their names with how many are in them."""
    items = [listed[row] for row in range(len(listed))]
    return [f"{i.name}:{len(i)}" if isinstance(i, Group) else i.run for i in items]


def test_the_newest_run_comes_first() -> None:
    assert rows(index()) == ["5", "4", "3", "2", "1"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.AGE, "54321"),
        (Order.STATE, "25314"),
        (Order.FLOW, "53214"),
        (Order.TOOK, "31254"),
        (Order.USER, "53124"),
    ],
)
def test_an_order_and_its_reverse(order: Order, expected: str) -> None:
    listed = index()
    listed.sort(order, reverse=False)
    assert "".join(rows(listed)) == expected
    listed.sort(order, reverse=True)
    assert "".join(rows(listed)) == expected[::-1]


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("", "54321"),
        ("  ", "54321"),
        ("report", "53"),
        ("!report", "421"),
        ("!", "54321"),
        ("train fit", "2"),
        ("Train !fit", "41"),
        ("flow:train", "421"),
        ("!flow:train", "53"),
        ("run:4", "4"),
        ("user:bob", "52"),
        ("user:", "54321"),
        ("!user:bob user:ada", "31"),
        ("tag:prod", "1"),
        ("tag:date:2026", "4"),
        ("date:2026", ""),
        ("prod", "1"),
        ("state:f", "2"),
        ("!state:failed", "5431"),
        ("failed", "2"),
        ("step:print", "3"),
        ("origin:7", "3"),
        ("report/5", "5"),
        ("nowhere:else", ""),
        ("[/foo]", ""),
    ],
)
def test_what_is_typed_leaves(typed: str, left: str) -> None:
    listed = index()
    listed.filter(typed, ())
    assert "".join(rows(listed)) == left


def test_states_leave_runs_that_are_known_to_be_in_one_of_them() -> None:
    listed = index()
    listed.filter("", {F, L})
    assert rows(listed) == ["5", "2"]
    listed.filter("user:ada", {F, L, R})
    assert rows(listed) == ["3"]
    assert [*listed.unknown()] == []
    listed.filter("", {F})
    assert [*listed.unknown()] == [("Train10", "4")]


def test_groups_come_in_the_order_of_their_first_runs() -> None:
    listed = index()
    listed.group(Grouping.FLOW)
    assert rows(listed) == ["Report:2", "5", "3", "Train10:1", "4", "Train:2", "2", "1"]
    listed.sort(Order.AGE, reverse=True)
    assert rows(listed) == ["Train:2", "1", "2", "Report:2", "3", "5", "Train10:1", "4"]
    listed.sort(Order.STATE, reverse=False)
    assert rows(listed) == ["Train:2", "2", "1", "Report:2", "5", "3", "Train10:1", "4"]
    listed.group(Grouping.USER)
    assert [row for row in rows(listed) if ":" in row] == ["bob:1", "Bob:1", "ada:2", ":1"]


def test_a_folded_group_is_its_head_alone_and_counts_on() -> None:
    listed = index()
    listed.group(Grouping.FLOW)
    listed.fold("Report", True)
    assert rows(listed) == ["Report:2", "Train10:1", "4", "Train:2", "2", "1"]
    assert listed.place(("Report", "5")) is None
    assert listed.group_of(("Report", "5")) == "Report"
    listed.apply(news(run("Report/6", 300, state=R)))
    assert rows(listed)[0] == "Report:3"
    head = listed[0]
    assert isinstance(head, Group)
    assert head.counts == Counter({R: 2, L: 1})
    listed.fold("Report", False)
    assert rows(listed)[:4] == ["Report:3", "6", "5", "3"]


def test_counts_follow_states_whatever_is_listed() -> None:
    listed = index()
    listed.filter("nothing of this", ())
    assert (len(listed), listed.listed) == (0, 0)
    listed.apply(news(replace(RUNS[2], state=S), vanished=(RUNS[4].key,)))
    assert {state: n for state, n in listed.counts.items() if n} == {S: 2, F: 1, None: 1}


def test_by_time_taken_a_running_run_overtakes_one_that_has_ended() -> None:
    ended = run("A/1", state=S, finished_at=Ms(START + 10_000))
    listed = RunIndex()
    listed.sort(Order.TOOK, reverse=False)
    listed.apply(news(ended, run("A/2", 5, state=R), now=START + 6000))
    assert rows(listed) == ["1", "2"]
    assert listed.tick(Ms(START + 16_000))
    assert rows(listed) == ["2", "1"]


def test_a_state_that_is_learnt_moves_no_row_of_a_list_by_age() -> None:
    listed = index()
    assert not listed.apply(news(replace(RUNS[3], state=S)))
    assert listed.counts[S] == 2


_STATES = st.sampled_from([None, S, F, L, R])
_RUN = st.builds(
    lambda flow, number, at, user, state, ended: run(
        f"{flow}/{number}",
        at,
        user=user,
        state=state,
        finished_at=Ms(START + ended) if state in (S, F) else None,
    ),
    st.sampled_from(["A", "B", "B2", "B10"]),
    st.integers(1, 6),
    st.integers(0, 5),
    st.sampled_from([None, "ada", "bob"]),
    _STATES,
    st.integers(0, 9000),
)
_CHANGES = st.lists(st.tuples(st.lists(_RUN, max_size=8), st.lists(_RUN, max_size=3)), max_size=6)


@pytest.mark.parametrize("many", [256, 4])
@settings(max_examples=50, deadline=None)
@given(
    _CHANGES,
    st.sampled_from(Order),
    st.booleans(),
    st.sampled_from(Grouping),
    st.sampled_from(["", "!ada", "flow:b state:f"]),
    st.frozensets(st.sampled_from([S, F, R]), max_size=2),
)
def test_step_by_step_leads_where_sorting_anew_does(
    many: int,
    changes: list[tuple[list[RunSummary], list[RunSummary]]],
    order: Order,
    reverse: bool,
    grouping: Grouping,
    text: str,
    states: frozenset[State],
) -> None:
    def wanted(listed: RunIndex) -> None:
        listed.sort(order, reverse=reverse)
        listed.group(grouping)
        listed.filter(text, states)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("flowtui.run_index._MANY", many)
        followed, known = RunIndex(), dict[tuple[str, str], RunSummary]()
        wanted(followed)
        for seconds, (runs, gone) in enumerate(changes):
            # A poll tells each run once.
            runs = list({each.key: each for each in runs}.values())
            vanished = tuple({each.key for each in gone} - {each.key for each in runs})
            now = Ms(NOW + 1000 * seconds)
            followed.apply(RunListChanges(now, tuple(runs), vanished))
            followed.tick(now)
            known |= {each.key: each for each in runs}
            for key in vanished:
                known.pop(key, None)
            anew = RunIndex()
            anew.apply(RunListChanges(now, tuple(known.values())))
            wanted(anew)
            assert rows(followed) == rows(anew)
            ids = [followed.id_at(row) for row in range(len(followed))]
            assert [followed.place(each) for each in ids] == [*range(len(ids))]
            assert +followed.counts == +anew.counts
            for row in range(len(followed)):
                one, other = followed[row], anew[row]
                if isinstance(one, Group) and isinstance(other, Group):
                    assert +one.counts == +other.counts


def test_one_changed_run_of_ten_thousand_costs_a_small_part_of_sorting_them() -> None:
    many = [run(f"Flow{at % 100}/{at}", at, state=S) for at in range(10_000)]
    listed = index(*many)
    began = time.perf_counter()
    listed.sort(Order.STATE, reverse=False)
    sorting = time.perf_counter() - began
    began = time.perf_counter()
    for changed in many[:50]:
        assert listed.apply(news(replace(changed, state=F)))
    assert (time.perf_counter() - began) / 50 < sorting / 20
    assert [listed[row] for row in (0, 49)] == [replace(many[at], state=F) for at in (49, 0)]
