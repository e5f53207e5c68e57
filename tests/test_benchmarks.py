"""The benchmarks: a run is grown as it would have grown, and each area prints its table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.grow_local import Unfinished, grow, restore
from tests.runs import RecordedRun, flow_environment

PROJECT = Path(__file__).parent.parent

READ = """
import json, sys
from metaflow import Run, namespace
namespace(None)
run = Run(sys.argv[1])
tasks = [task for step in run for task in step]
place = lambda task: task.pathspec.split("/", 2)[2]
rows = {place(task): task.metadata_dict for task in tasks}
print(json.dumps({
    "run": [run.finished, run.successful],
    "splits": run["start"].task["_foreach_num_splits"].data,
    "oldest first": [place(task) for task in sorted(tasks, key=lambda task: task.created_at)],
    "finished": sorted(int(task.id) for task in tasks if task.finished),
    "ok": sorted(int(task.partition("/")[2]) for task in rows if "attempt_ok" in rows[task]),
    "labels": {task: row["foreach-stack"] for task, row in rows.items() if "foreach-stack" in row},
    "paths": [rows["visit/4"]["foreach-execution-path"], rows["visit/7"]["foreach-execution-path"]],
    "artifacts": sorted(artifact.id for artifact in run["visit"]["14"]),
    "country": run["visit"]["11"]["country"].data if run["visit"]["11"].finished else None,
}))
"""


@pytest.fixture
def twelve(runs: dict[str, RecordedRun], tmp_path: Path) -> RecordedRun:
    """The foreach over three countries, grown to twelve."""
    return grow(runs["foreach"], tmp_path / "grown", "start", "visit", 12)


def read(run: RecordedRun) -> Any:
    """What Metaflow's client, in a process of its own, makes of a run."""
    ended = subprocess.run(
        [sys.executable, "-c", READ, run.pathspec],
        env=flow_environment(run.root),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def files(run: RecordedRun) -> set[Path]:
    """All files of a run's tasks."""
    return {path for path in run.directory.rglob("*") if path.is_file()}


def test_metaflow_reads_a_grown_run_as_one_that_ran_with_so_many_tasks(
    twelve: RecordedRun,
) -> None:
    seen = read(twelve)
    # When the run was recorded `join` was 5 and `end` 6: the nine copies are 7 to 15.
    first, *visits, last_but_one, last = seen.pop("oldest first")
    assert (first, last_but_one, last) == ("start/1", "join/5", "end/6")
    assert visits[:3] == ["visit/2", "visit/3", "visit/4"]
    assert set(visits) == set(seen["labels"])
    assert seen == {
        "run": [True, True],
        "splits": 12,
        "finished": list(range(1, 16)),
        "ok": list(range(1, 16)),
        "labels": {
            "visit/2": ["countries=FI"],
            "visit/3": ["countries=SE"],
            "visit/4": ["countries=NO"],
            "visit/7": ["countries=3"],
            "visit/8": ["countries=4"],
            "visit/9": ["countries=5"],
            "visit/10": ["countries=6"],
            "visit/11": ["countries=7"],
            "visit/12": ["countries=8"],
            "visit/13": ["countries=9"],
            "visit/14": ["countries=10"],
            "visit/15": ["countries=11"],
        },
        "paths": ["visit:2", "visit:3"],
        "artifacts": ["countries", "country", "name"],
        # Copied from FI, SE and NO in turn: 7 from FI, so 11 from SE.
        "country": "SE",
    }


def test_what_is_grown_already_is_left_alone(
    runs: dict[str, RecordedRun], twelve: RecordedRun
) -> None:
    before = {path: path.stat().st_mtime_ns for path in files(twelve)}
    again = grow(runs["foreach"], twelve.root, "start", "visit", 12)
    assert {path: path.stat().st_mtime_ns for path in files(again)} == before


def test_the_last_tasks_of_a_grown_run_can_end_once_more(twelve: RecordedRun) -> None:
    before = files(twelve)
    held = Unfinished(twelve, "visit", 2)
    assert held.tasks == ["14", "15"]
    running = read(twelve)
    held.finish("14")
    one_ended = read(twelve)
    restore(twelve)

    assert running["run"] == [False, False]
    assert running["oldest first"][0] == "start/1"
    assert all(place.startswith("visit/") for place in running["oldest first"][1:])
    assert running["finished"] == running["ok"] == [1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13]
    assert running["artifacts"] == []
    assert one_ended["finished"] == one_ended["ok"] == [1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14]
    assert one_ended["artifacts"] == ["countries", "country", "name"]
    assert files(twelve) == before


AREAS = {
    "local": ("opened, the graph", "first complete picture", "nothing changed", "one task changed"),
    "service": ("first picture", "requests per step", "nothing changed", "one task changed"),
    "screen": ("from the start to the graph", "share of a core", "memory resident", "repaint"),
    "start": ("flowtui --version", "first frame", "layout of 1,000 steps"),
    "logs": ("open at its end", "the whole log", "longest block", "line printed", "save it all"),
}


@pytest.mark.parametrize("area", AREAS)
def test_the_command_prints_a_table_of_each_area(area: str, runs: dict[str, RecordedRun]) -> None:
    size = ("--tasks", "12", "--lines", "2000")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *size, "--quick", "--only", area],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    for row in AREAS[area]:
        assert any(row in line for line in ended.stdout.splitlines()), ended.stdout
