"""A task's metadata rows, as local metadata and services of any version return them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from flowtui.sources.metadata_rows import Fields, read_fields
from flowtui.status import AttemptEvidence

Row = dict[str, Any]


def row(name: str, value: Any, ts: Any = 1000, tags: Any = ()) -> Row:
    return {"field_name": name, "value": value, "ts_epoch": ts, "tags": tags}


def ok(number: int, value: Any, ts: int) -> Row:
    return row("attempt_ok", value, ts, [f"attempt_id:{number}"])


TWO_ATTEMPTS = [
    row("attempt", "0", 1000, ["attempt_id:0"]),
    row("ds-type", "local", 1001, ["attempt_id:0"]),
    row("ds-root", "/data", 1002, ["attempt_id:0"]),
    row("origin-run-id", "None", 1002, ["attempt_id:0"]),
    ok(0, "False", 1500),
    row("attempt-done", "0", 1501, ["attempt_id:0"]),
    row("attempt", "1", 2000, ["attempt_id:1"]),
    ok(1, "True", 2500),
    row("attempt-done", "1", 2501, ["attempt_id:1"]),
]


def check_two_attempts(fields: Fields) -> None:
    assert fields.attempts == (
        AttemptEvidence(0, 1000, 1500, ok=False, done=True, last_sign=1501),  # type: ignore[arg-type]
        AttemptEvidence(1, 2000, 2500, ok=True, done=True, last_sign=2501),  # type: ignore[arg-type]
    )
    assert (fields.datastore, fields.newest) == (("local", "/data"), 2501)
    assert (fields.origin_run, fields.origin_task) == (None, None)


def test_the_rows_of_two_attempts() -> None:
    check_two_attempts(read_fields(TWO_ATTEMPTS))


def test_rows_come_in_any_order() -> None:
    shuffler = random.Random(7)
    for _ in range(50):
        check_two_attempts(read_fields(shuffler.sample(TWO_ATTEMPTS, len(TWO_ATTEMPTS))))


def test_rows_are_read_once_so_that_they_may_come_from_a_generator() -> None:
    check_two_attempts(read_fields(one for one in TWO_ATTEMPTS))


def test_numbers_may_be_numbers_and_times_may_be_text() -> None:
    as_numbers = [
        {**one, "value": int(one["value"]) if one["value"].isdigit() else one["value"]}
        for one in TWO_ATTEMPTS
    ]
    check_two_attempts(read_fields(as_numbers))
    check_two_attempts(
        read_fields({**one, "ts_epoch": str(one["ts_epoch"])} for one in TWO_ATTEMPTS)
    )


def test_no_rows_are_no_attempts() -> None:
    assert read_fields([]).attempts == ()
    assert read_fields([]).newest is None


@pytest.mark.parametrize("number", [6, 7, 10**30, -1])
def test_attempts_that_metaflow_does_not_have_are_ignored(number: int) -> None:
    found = read_fields([row("attempt", str(number)), ok(number, "True", 5)])
    assert found.attempts == ()
    assert [a.number for a in read_fields([row("attempt", "5")]).attempts] == [5]


@pytest.mark.parametrize(
    "tags", [None, [], "attempt_id", ["attempt_id:"], ["attempt_id:x"], [None]]
)
def test_an_outcome_that_does_not_say_which_attempt_it_is_of_is_passed_over(tags: Any) -> None:
    (found,) = read_fields([row("attempt", "0"), row("attempt_ok", "True", 5, tags)]).attempts
    assert found.ok is None


@pytest.mark.parametrize("value", [None, "", "x", [], {}, "0x1"])
def test_an_attempt_without_a_number_is_passed_over(value: Any) -> None:
    assert read_fields([row("attempt", value), row("attempt-done", value)]).attempts == ()


def test_only_true_is_true() -> None:
    assert [
        read_fields([ok(0, value, 5)]).attempts[0].ok for value in ("True", True, "False", "", None)
    ] == [True, True, False, False, False]


@pytest.mark.parametrize("ts", [None, "soon", [], float("inf"), float("nan"), 10**40, -5])
def test_a_row_without_a_time_still_counts(ts: Any) -> None:
    (found,) = read_fields([row("attempt", "0", 1000), row("attempt-done", "0", ts)]).attempts
    assert found.done
    assert found.started_at == 1000


@pytest.mark.parametrize("junk", [{}, {"field_name": None}, {"field_name": 3, "value": object()}])
def test_a_row_of_nothing_known_is_passed_over(junk: Row) -> None:
    check_two_attempts(read_fields([junk, *TWO_ATTEMPTS]))


def test_a_heartbeat_of_the_runtime_is_a_sign_of_its_attempt_alone() -> None:
    later = row("runtime-note", "x", 9000, ["attempt_id:1"])
    first, second = read_fields([*TWO_ATTEMPTS, later]).attempts
    assert (first.last_sign, second.last_sign) == (1501, 9000)


def test_what_a_note_says_of_an_attempt_that_never_started_makes_none() -> None:
    assert read_fields([row("ds-root", "/data", 5, ["attempt_id:0"])]).attempts == ()


@pytest.mark.parametrize(
    ("stack", "labels"),
    [
        (["countries=FI", "titles=a"], ("countries=FI", "titles=a")),
        ('["countries=FI", "titles=a"]', ("countries=FI", "titles=a")),
        ("[]", ()),
        ("no json", ()),
        ("{divisors=0}", ("divisors=0",)),
        ('{countries=FI,"titles=a, b"}', ("countries=FI", "titles=a, b")),
        (r'{"q=say \"hi\"","p=C:\\dir"}', ('q=say "hi"', r"p=C:\dir")),
        ("{}", ()),
        ("7", ()),
        (None, ()),
        ([1, None], ("1", "None")),
    ],
)
def test_foreach_labels_are_a_list_its_json_or_a_postgresql_array(
    stack: Any, labels: tuple[str, ...]
) -> None:
    assert read_fields([row("foreach-stack", stack)]).labels == labels


@pytest.mark.parametrize(
    ("path", "index"),
    [("divide:0", 0), ("country:1,title:3", 3), ("", None), (None, None), ("divide", None), (5, 5)],
)
def test_the_index_is_that_of_the_innermost_foreach(path: Any, index: int | None) -> None:
    assert read_fields([row("foreach-execution-path", path)]).index == index


def test_a_num_parallel_task_is_labelled_by_its_node() -> None:
    found = read_fields(
        [
            row("parallel-world-size", "3"),
            row("foreach-execution-path", "train:2"),
            row("internal_task_type", "control_task"),
        ]
    )
    assert (found.labels, found.index, found.world_size, found.control) == (("node=2",), 2, 3, True)


def test_a_clone_names_its_run_and_task() -> None:
    found = read_fields([row("origin-run-id", 17), row("origin-task-id", "4")])
    assert (found.origin_run, found.origin_task) == ("17", "4")
    none = read_fields([row("origin-run-id", "None"), row("origin-task-id", "")])
    assert (none.origin_run, none.origin_task) == (None, None)
