"""The document and the picture of a run: every key, every time, and nothing a terminal obeys."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

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
    Target,
    Task,
)
from flowtui.report.document import run_document, to_json
from flowtui.report.paper import paper
from flowtui.report.run import print_run
from flowtui.sources.registry import Where, open_source
from flowtui.store import RunStore
from flowtui.theme import Look
from tests.runs import RecordedRun

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ANY_TIME = "a time"
ANY_SECONDS = "seconds"


def store_of(recorded: RecordedRun) -> RunStore:
    where = Where(metadata=f"local@{recorded.root}", namespace="")
    _, source = open_source(Target(recorded.flow, recorded.run), where)
    store = RunStore(source.describe())
    store.apply(source.poll())
    return store


def picture(store: RunStore, look: Look) -> None:
    """Print it where the test's output goes."""
    print_run(store, look, paper(sys.stdout))


def document_of(store: RunStore) -> Any:
    """The document with what differs from run to run replaced by words, its form checked."""
    return _levelled(json.loads(to_json(run_document(store))))


def _levelled(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _levelled(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_levelled(inner) for inner in value]
    if key.endswith("_at") and value is not None:
        assert TIME.fullmatch(value), value
        return ANY_TIME
    if key == "duration_s" and value is not None:
        assert 0 <= value < 600
        return ANY_SECONDS
    return value


def attempt(number: int, status: str, reason: str) -> dict[str, Any]:
    return {
        "attempt": number,
        "status": status,
        "reason": reason,
        "started_at": ANY_TIME,
        "finished_at": ANY_TIME,
        "duration_s": ANY_SECONDS,
    }


def task(
    pathspec: str, reason: str = "attempt_ok=True", status: str = "succeeded", **more: Any
) -> dict[str, Any]:
    """A task of the document; by default of one attempt, outside any foreach."""
    return {
        "id": pathspec.rpartition("/")[2],
        "pathspec": pathspec,
        "status": status,
        "reason": reason,
        "index": None,
        "label": None,
        "origin_task": None,
        "attempts": [attempt(0, status, more.pop("first", "attempt_ok=True"))],
        **more,
    }


def step(name: str, kind: str, following: list[str], *tasks: dict[str, Any]) -> dict[str, Any]:
    """A step of the document; by default of one task that succeeded, without decorators."""
    return {
        "name": name,
        "type": kind,
        "next": following,
        "status": "succeeded",
        "reason": "1 of 1 task succeeded",
        "counts": {"succeeded": 1},
        "decorators": [],
        "tasks": list(tasks),
    }


def test_the_document_of_a_run_with_retries_and_a_catch(runs: dict[str, RecordedRun]) -> None:
    run = runs["catch"].pathspec
    found = document_of(store_of(runs["catch"]))
    tags = found.pop("system_tags")
    assert tags == sorted(tags)
    assert {"user:tester", "runtime:dev"} <= set(tags)
    decorators = found["steps"][1].pop("decorators")
    assert found == {
        "schema": "flowtui.run/1",
        "pathspec": run,
        "flow": "CatchFlow",
        "run": runs["catch"].run,
        "status": "succeeded",
        "reason": "end/6 attempt 0: attempt_ok=True",
        "source": "local",
        "user": "tester",
        "tags": [],
        "origin_run": None,
        "created_at": ANY_TIME,
        "finished_at": ANY_TIME,
        "duration_s": ANY_SECONDS,
        "counts": {"succeeded": 5, "caught": 1},
        "steps": [
            step("start", "split-foreach", ["divide"], task(f"{run}/start/1")),
            {
                "name": "divide",
                "type": "linear",
                "next": ["join"],
                "status": "caught",
                "reason": "1 of 3 tasks caught",
                "counts": {"succeeded": 2, "caught": 1},
                "tasks": [
                    task(
                        f"{run}/divide/2",
                        "try 3 of 3: @catch stored it in divide_failed",
                        "caught",
                        index=0,
                        label="divisors=0",
                        attempts=[
                            attempt(0, "failed", "attempt_ok=False, attempt 1 followed"),
                            attempt(1, "failed", "attempt_ok=False, attempt 2 followed"),
                            attempt(2, "caught", "@catch stored it in divide_failed"),
                        ],
                    ),
                    task(
                        f"{run}/divide/3",
                        "try 1 of 3: attempt_ok=True",
                        index=1,
                        label="divisors=1",
                    ),
                    task(
                        f"{run}/divide/4",
                        "try 1 of 3: attempt_ok=True",
                        index=2,
                        label="divisors=2",
                    ),
                ],
            },
            step("join", "join", ["end"], task(f"{run}/join/5")),
            step("end", "end", [], task(f"{run}/end/6")),
        ],
    }
    by_name = {decorator["name"]: decorator["attributes"] for decorator in decorators}
    assert by_name["retry"] == {"times": 2, "minutes_between_retries": 0}
    assert by_name["catch"]["var"] == "divide_failed"


def test_the_document_of_a_resumed_run(runs: dict[str, RecordedRun]) -> None:
    run, origin = runs["resumed"].pathspec, runs["failed"].pathspec
    found = document_of(store_of(runs["resumed"]))
    assert found["origin_run"] == runs["failed"].run
    assert found["counts"] == {"succeeded": 3, "cloned": 3}
    start, train, join, end = found["steps"]
    cloned = f"cloned from {origin}/start/1"
    # Metaflow clones in several threads: which clone gets which of the first three ids differs.
    clone = f"{origin}/start/1"
    number = start["tasks"][0]["id"]
    assert number in ("1", "2", "3")
    assert start == step("start", "split-foreach", ["train"]) | {
        "status": "cloned",
        "reason": "1 of 1 task cloned",
        "counts": {"cloned": 1},
        "tasks": [task(f"{run}/start/{number}", cloned, "cloned", first=cloned, origin_task=clone)],
    }
    assert (train["status"], train["counts"]) == ("succeeded", {"succeeded": 1, "cloned": 2})
    by_label = {entry["label"]: entry for entry in train["tasks"]}
    assert set(by_label) == {"countries=FI", "countries=SE", "countries=NO"}
    assert by_label["countries=FI"]["origin_task"] == f"{origin}/train/2"
    assert by_label["countries=SE"]["origin_task"] == f"{origin}/train/3"
    assert by_label["countries=NO"] == task(f"{run}/train/4", index=2, label="countries=NO")
    assert join == step("join", "join", ["end"], task(f"{run}/join/5"))
    assert end == step("end", "end", [], task(f"{run}/end/6"))


def test_a_step_never_reached_is_listed_without_tasks(runs: dict[str, RecordedRun]) -> None:
    found = document_of(store_of(runs["failed"]))
    assert [entry["name"] for entry in found["steps"]] == ["start", "train", "join", "end"]
    assert found["steps"][3] == step("end", "end", []) | {
        "status": "skipped",
        "reason": "never reached, and the run is over",
        "counts": {},
    }


def test_times_are_utc_with_milliseconds() -> None:
    found = json.loads(to_json(run_document(hostile())))
    assert found["created_at"] == "2001-09-09T01:46:40.007Z"
    assert found["steps"][0]["tasks"][0]["attempts"] == [
        {
            "attempt": 0,
            "status": "running",
            "reason": EVIL,
            "started_at": "2001-09-09T01:46:41.000Z",
            "finished_at": None,
            "duration_s": None,
        }
    ]


EVIL = "\x1b]0;owned\x07\x1b[31mred\u202e\x9b2J[@click=app.quit]ä\ud800\r\n"


def hostile() -> RunStore:
    """A run whose every text is what a terminal had better not see, and odd attributes."""
    odd: dict[Any, Any] = {
        "a": float("nan"),
        "b": float("-inf"),
        ("c", 1): {b"\xff", None},
        "d": [(1, b"x")],
    }
    graph = Graph(
        (
            Node(
                EVIL, "split-switch", ("end",), (Decorator(EVIL, odd),), switch_cases={EVIL: "end"}
            ),
            Node("end", "end"),
        ),
        EVIL,
        "end",
    )
    began = Ms(1_000_000_001_000)
    tried = Attempt(0, State.RUNNING, EVIL, began)
    found = RunStore(
        RunDescription(
            EVIL,
            EVIL,
            EVIL,
            EVIL,
            (EVIL,),
            (EVIL,),
            Ms(1_000_000_000_007),
            graph,
            {EVIL: EVIL},
            (EVIL,),
        )
    )
    found.apply(
        Changes(
            Ms(1_000_000_002_000),
            status=RunStatus(State.RUNNING, EVIL),
            tasks=(Task(EVIL, EVIL, State.RUNNING, EVIL, (tried,), 0, (EVIL,), EVIL),),
        )
    )
    return found


def test_the_document_is_ascii_and_strict_json_whatever_the_names_are() -> None:
    text = to_json(run_document(hostile()))
    assert text.isascii()
    assert all(character.isprintable() or character == "\n" for character in text)
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert found["user"] == EVIL
    attributes = found["steps"][0]["decorators"][0]["attributes"]
    assert (attributes["a"], attributes["b"]) == ("nan", "-inf")
    assert attributes["d"] == [[1, "b'x'"]]
    assert set(attributes) == {"a", "b", "('c', 1)", "d"}


@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_picture_holds_nothing_that_a_terminal_obeys(
    ascii_only: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    picture(hostile(), Look(ascii=ascii_only))
    printed = capsys.readouterr().out
    assert all(line.isprintable() for line in printed.splitlines())
    assert "\u202e" not in printed
    assert "red" in printed
    assert printed.isascii() is ascii_only


def test_the_picture_shows_the_graph_and_each_task_in_a_line(
    runs: dict[str, RecordedRun], capsys: pytest.CaptureFixture[str]
) -> None:
    picture(store_of(runs["catch"]), Look())
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert lines[0].startswith(f"{runs['catch'].pathspec}  ✓ succeeded  0:")
    assert lines[0].endswith("  1 caught  5 succeeded")
    assert lines[1] == "end/6 attempt 0: attempt_ok=True"
    for box in ("│ ✓ start │", "││ ◆ divide ×3 ↻1  ◆1 ✓2 ││", "│ ✓ join  │", "│ ✓ end │"):
        assert box in printed
    (divided,) = [line for line in lines if line.startswith("divide/2")]
    assert re.fullmatch(
        r"divide/2  divisors=0  ✗✗◆ +caught +\d\d:\d\d:\d\d  \d+\.\ds  "
        r"try 3 of 3: @catch stored it in divide_failed",
        divided,
    )
    assert "\x1b" not in printed
    assert all(line == line.rstrip() for line in lines)


def test_the_picture_of_a_resumed_run_names_its_origin(
    runs: dict[str, RecordedRun], capsys: pytest.CaptureFixture[str]
) -> None:
    picture(store_of(runs["resumed"]), Look(ascii=True))
    printed = capsys.readouterr().out
    assert f"resumed from {runs['failed'].run}" in printed.splitlines()[0]
    assert "= cloned" not in printed
    assert re.search(r"^start/[123] +=  +cloned ", printed, re.MULTILINE)


def test_a_run_of_which_nothing_is_known_yet_has_a_picture(
    capsys: pytest.CaptureFixture[str],
) -> None:
    picture(RunStore(RunDescription("F", "1", "client")), Look(ascii=True))
    assert capsys.readouterr().out.startswith("F/1  . pending\nnothing read yet\n")
