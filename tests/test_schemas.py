"""The published schemas: real documents are valid, and what is not as promised is refused."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from flowtui.model import State
from flowtui.report.document import run_document, runs_document, to_json
from flowtui.run_summary import RunSummary
from tests.runs import SCENARIOS, RecordedRun
from tests.test_report import store_of


def schema(name: str) -> Draft202012Validator:
    text = files("flowtui").joinpath("schemas", name).read_text()
    content = json.loads(text)
    Draft202012Validator.check_schema(content)
    return Draft202012Validator(content)


RUN, RUNS = schema("flowtui.run-1.json"), schema("flowtui.runs-1.json")


def document_of(recorded: RecordedRun) -> Any:
    return json.loads(to_json(run_document(store_of(recorded))))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_document_of_a_recorded_run_is_valid(
    scenario: str, runs: dict[str, RecordedRun]
) -> None:
    RUN.validate(document_of(runs[scenario]))


def test_the_list_of_runs_is_valid_whether_they_can_be_read_or_not() -> None:
    unread = RunSummary("F", "1")
    known = RunSummary(
        "F", "2", None, "ada", ("a",), ("b",), State.RUNNING, "why",
        current=("start",), counts={State.WAITING: 2}, expected=3,
    )  # fmt: skip
    RUNS.validate(runs_document([known, unread], None))
    RUNS.validate(runs_document([], "F"))


def missing_key(document: Any) -> None:
    del document["origin_run"]


def another_key(document: Any) -> None:
    document["steps"][0]["surprise"] = 1


def another_word(document: Any) -> None:
    document["status"] = "done"


def a_state_of_something_else(document: Any) -> None:
    document["steps"][1]["tasks"][0]["attempts"][0]["status"] = "waiting"


def a_time_without_milliseconds(document: Any) -> None:
    document["created_at"] = "2026-11-21T05:24:35Z"


def another_version(document: Any) -> None:
    document["schema"] = "flowtui.run/2"


def a_number_as_text(document: Any) -> None:
    document["steps"][1]["tasks"][0]["attempts"][0]["attempt"] = "0"


def a_count_of_no_state(document: Any) -> None:
    document["counts"]["finished"] = 1


@pytest.mark.parametrize(
    "broken",
    [
        missing_key,
        another_key,
        another_word,
        a_state_of_something_else,
        a_time_without_milliseconds,
        another_version,
        a_number_as_text,
        a_count_of_no_state,
    ],
)
def test_what_is_not_as_promised_is_refused(
    broken: Callable[[Any], None], runs: dict[str, RecordedRun]
) -> None:
    document = document_of(runs["catch"])
    changed = copy.deepcopy(document)
    broken(changed)
    assert RUN.is_valid(document)
    assert not RUN.is_valid(changed)


def test_each_object_is_closed_and_has_all_of_its_keys() -> None:
    def check(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("properties"), dict):
                assert part["additionalProperties"] is False
                assert part["required"] == list(part["properties"])
            for inner in part.values():
                check(inner)

    for validator in (RUN, RUNS):
        check(validator.schema)
