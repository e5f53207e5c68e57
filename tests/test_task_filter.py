"""What a person types to filter tasks: one grammar for the list and the tree."""

from __future__ import annotations

import pytest

from flowtui.model import State, Task
from flowtui.task_filter import BadFilterError, TaskFilter
from flowtui.task_index import StepTasks

LEVELS = ("country", "title")


def task(number: int, country: str, title: str, state: State = State.SUCCEEDED) -> Task:
    labels = (f"country={country}", f"title={title}")
    return Task("sell", str(number), state, "…", index=number % 10, labels=labels)


TASKS = StepTasks(
    [
        task(10, "FI", "a"),
        task(11, "FI", "ab", State.FAILED),
        task(12, "SE", "a", State.RUNNING),
        task(13, "SE", "The Hobbit", State.CAUGHT),
        Task("sell", "14", State.PENDING, "…"),
    ]
)


def left(text: str, levels: tuple[str, ...] = LEVELS) -> list[str]:
    chosen = TaskFilter.parse(text, levels)
    return [task.id for task in TASKS.values() if chosen.leaves(task, TASKS)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "10 11 12 13 14"),
        # A word may stand anywhere: in the id, the label, the state.
        ("13", "13"),
        ("hob", "13"),
        ("fail", "11"),
        ("country=f", "  "),
        ("fi ab", "11"),
        ("!fail", "10 12 13 14"),
        # `=` asks for the whole value, `:` for a part of it.
        ("country=fi", "10 11"),
        ("title=a", "10 12"),
        ("title:a", "10 11 12"),
        ("country=FI title=a", "10"),
        ("!country=FI", "12 13 14"),
        ("count=FI", "10 11"),
        ('title="the hobbit"', "13"),
        ('"the hobbit"', "13"),
        ('"country=f"', "10 11"),
        # Places in the innermost foreach.
        ("index:1", "11"),
        ("index:1-2", "11 12"),
        ("index:2-", "12 13"),
        ("index:-1", "10 11"),
        ("#3", "13"),
        ("#0-1 !state:failed", "10"),
        ("id:4", "14"),
        ("state:run", "12"),
        # What is not complete yet leaves all.
        ("!", "10 11 12 13 14"),
        ("country=", "10 11 12 13 14"),
        ("index:", "10 11 12 13 14"),
        ("state:", "10 11 12 13 14"),
        ("#", "10 11 12 13 14"),
        ('"', "10 11 12 13 14"),
        # A colon behind anything else is text like any other.
        ("ratio:3", ""),
    ],
)
def test_the_tasks_that_are_left(text: str, expected: str) -> None:
    assert left(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "levels", "sentence"),
    [
        ("land=FI", LEVELS, "There is no foreach level 'land'. Levels: country, title."),
        (
            "land=FI",
            (),
            "There is no foreach level 'land': these tasks are in no foreach.",
        ),
        (
            "index:two",
            LEVELS,
            "An index is a number or a range of them, as index:3 or index:2-5.",
        ),
        ("#x", LEVELS, "An index is a number or a range of them, as #3 or #2-5."),
        (
            "state:broken",
            LEVELS,
            "There is no state 'broken'. States: pending, running, waiting, succeeded, failed, "
            "caught, lost, cloned, skipped.",
        ),
    ],
)
def test_what_is_no_filter_is_answered_by_a_sentence(
    text: str, levels: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(BadFilterError, match="^" + sentence.replace(".", r"\.")):
        TaskFilter.parse(text, levels)


def test_a_level_is_meant_in_full_before_it_is_by_its_start() -> None:
    labels = ("item=1", "items=2")
    tasks = StepTasks([Task("work", "1", State.RUNNING, "…", labels=labels)])
    for text, found in (("item=1", True), ("item=2", False), ("ite=2", True)):
        chosen = TaskFilter.parse(text, ("item", "items"))
        assert chosen.leaves(tasks["1"], tasks) is found, text
