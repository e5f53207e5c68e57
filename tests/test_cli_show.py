"""`flowtui show`: lists of runs, parts of a run, and the documents that programs read."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.metadata_service import MetadataService
from tests.run_lists import grown_local
from tests.runs import RecordedRun
from tests.test_cli import DONE, NOT_FOUND, Cli, cli, complaint

__all__ = ["cli"]


def listed(cli: Cli, *arguments: str, **environment: str) -> Any:
    ended = cli("show", *arguments, "--json", **environment)
    assert (ended.returncode, ended.stderr) == (DONE, "")
    return json.loads(ended.stdout)


# Lists of runs


def test_a_flow_shows_its_runs_newest_first(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    ended = cli("show", "FailedFlow")
    assert (ended.returncode, ended.stderr) == (DONE, "")
    head, first, second = ended.stdout.splitlines()
    columns = "run state started took tasks at user tags resumed from"
    assert head.split() == columns.split()
    date = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    origin, resumed = runs["failed"], runs["resumed"]
    assert re.fullmatch(
        rf"{resumed.pathspec}  ✓ succeeded  {date} +\S+s  6/6 +tester +{origin.run}", first
    )
    assert re.fullmatch(
        rf"{origin.pathspec}  ✗ failed     {date} +\S+s  4/6    train  tester", second
    )


def test_the_document_of_a_list_says_of_each_run_what_its_own_document_says(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    found = listed(cli, "FailedFlow")
    assert list(found) == ["schema", "flow", "runs"]
    assert (found["schema"], found["flow"]) == ("flowtui.runs/1", "FailedFlow")
    resumed, failed = found["runs"]
    assert failed["current"] == ["train"]
    assert (failed["counts"], failed["expected"]) == ({"succeeded": 3, "failed": 1}, 6)
    assert (resumed["origin_run"], failed["origin_run"]) == (runs["failed"].run, None)
    own = listed(cli, runs["failed"].pathspec)
    shared = failed.keys() - {"current", "expected"}
    assert {key: failed[key] for key in shared} == {key: own[key] for key in shared}


def test_without_a_target_the_newest_runs_of_all_flows_are_shown(
    cli: Cli, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    shown = ["loop", "catch", "failed"]
    for name in shown:
        flow = runs[name].directory.parent
        shutil.copytree(runs[name].directory, tmp_path / ".metaflow" / flow.name / runs[name].run)
    newest = sorted((runs[name] for name in shown), key=lambda run: int(run.run), reverse=True)
    found = listed(cli, "--limit", "2", METAFLOW_DATASTORE_SYSROOT_LOCAL=str(tmp_path))
    assert found["flow"] is None
    assert [run["pathspec"] for run in found["runs"]] == [run.pathspec for run in newest[:2]]


def test_of_many_runs_only_the_newest_are_looked_into(
    cli: Cli, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    grown_local(runs["linear"], tmp_path, flows=3, runs=200, whole=30)
    found = listed(cli, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(tmp_path))
    assert [run["flow"] for run in found["runs"]] == [f"Flow{at % 3:04}" for at in range(20)]
    assert {run["status"] for run in found["runs"]} == {"succeeded"}
    assert all(run["counts"] == {"succeeded": 3} for run in found["runs"])


def test_the_newest_runs_of_a_service_come_from_all_its_flows(cli: Cli) -> None:
    with MetadataService() as service:
        # Of each flow, one created a second after the other, one run's row and nothing else.
        names = [f"Flow{number:04}" for number in range(120)]
        service.bulk("flows", [{"flow_id": name, "ts_epoch": 1000} for name in names])
        service.bulk(
            "runs",
            [
                {
                    "run_number": number,
                    "flow_id": name,
                    "user_name": "tester",
                    "ts_epoch": 1_700_000_000_000 + number * 1000,
                    "last_heartbeat_ts": 1_700_000_000 + number,
                    "tags": "[]",
                    "system_tags": '["user:tester"]',
                }
                for number, name in enumerate(names, 1)
            ],
        )
        found = listed(cli, "--limit", "3", **service.environment)
        rows = service.counts["GET /flows/{flow}/runs"]
    assert [run["flow"] for run in found["runs"]] == ["Flow0119", "Flow0118", "Flow0117"]
    assert rows >= 120, "each flow was asked before the newest were known"


def test_an_empty_list_says_so_and_is_a_document_all_the_same(cli: Cli, tmp_path: Path) -> None:
    ended = cli("show", "LinearFlow", "--namespace", "user:none")
    assert (ended.returncode, ended.stdout) == (DONE, "")
    assert ended.stderr == (
        "flowtui: There are no runs in this namespace. "
        "Pass --namespace '' to look in all of them.\n"
    )
    (tmp_path / ".metaflow").mkdir()
    ended = cli("show", "--json", "--namespace", "", "--metadata", f"local@{tmp_path}")
    assert json.loads(ended.stdout) == {"schema": "flowtui.runs/1", "flow": None, "runs": []}


def test_a_flow_that_is_not_there_is_named_with_the_nearest_one(cli: Cli) -> None:
    assert "Did you mean LinearFlow?" in complaint(cli("show", "LinerFlow"), NOT_FOUND)
    assert complaint(cli("show", "a b"), 2).startswith("'a b' is not a flow, and no run")


# Parts of a run


def test_of_a_step_its_tasks_are_shown(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    run = runs["catch"].pathspec
    shown = cli("show", f"{run}/divide").stdout.splitlines()
    assert shown[0].startswith(f"{run}  ✓ succeeded")
    assert shown[3] == "divide  ◆ caught  1 of 3 tasks caught"
    assert [row.split()[0] for row in shown[5:]] == ["task", "divide/2", "divide/3", "divide/4"]
    [step] = listed(cli, f"{run}/divide")["steps"]
    assert (step["name"], [task["id"] for task in step["tasks"]]) == ("divide", ["2", "3", "4"])


def test_of_a_task_its_attempts_are_shown(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    run = runs["catch"].pathspec
    attempts = [row.split()[2:4] for row in cli("show", f"{run}/divide/2").stdout.splitlines()[6:]]
    assert attempts == [["0", "failed"], ["1", "failed"], ["2", "caught"]]
    document = listed(cli, f"{run}/divide/2")
    [[task]] = [step["tasks"] for step in document["steps"]]
    assert task["pathspec"] == f"{run}/divide/2"
    assert document["counts"] == {"succeeded": 5, "caught": 1}, "those of the whole run"


# The graph as a picture


def test_the_graph_is_saved_as_a_picture(
    cli: Cli, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    saved = tmp_path / "graph.svg"
    saved.write_text("older")
    ended = cli("show", runs["switch"].pathspec, "--svg", str(saved))
    assert (ended.returncode, ended.stdout, ended.stderr) == (DONE, "", "")
    picture = saved.read_text("utf-8")
    assert picture.startswith("<svg ")
    assert "switch mode" in picture
    told = cli("show", runs["switch"].pathspec, "--svg", "-")
    assert (told.returncode, told.stdout, told.stderr) == (DONE, picture, "")


def test_a_picture_overwrites_nothing_but_a_file(
    cli: Cli, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    def refused(file: Path) -> str:
        return complaint(cli("show", runs["linear"].pathspec, "--svg", str(file)), 2)

    assert refused(tmp_path) == f"'{tmp_path}' is no regular file: --svg overwrites nothing else."
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is no regular file" in refused(pipe)
    nowhere = tmp_path / "nowhere" / "graph.svg"
    assert refused(nowhere) == f"'{nowhere}' cannot be written: no such file or directory."


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("LinearFlow",), "--svg draws a run, as in: flowtui show LinearFlow/@latest --svg"),
        ((), "--svg draws a run, as in: flowtui show FLOW/@latest --svg"),
        (("LinearFlow/@latest/start",), "--svg draws a run, as in: flowtui show LinearFlow/@l"),
        (("LinearFlow/@latest", "--json"), "Pass one of --json, --plain and --svg."),
        (("LinearFlow/@latest", "--plain"), "Pass one of --json, --plain and --svg."),
        (("LinearFlow/@latest", "--limit", "3"), "--limit is for lists of runs"),
    ],
)
def test_a_picture_is_of_one_run(cli: Cli, arguments: tuple[str, ...], expected: str) -> None:
    assert expected in complaint(cli("show", *arguments, "--svg", "x.svg"), 2)
