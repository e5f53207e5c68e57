"""The reference source: logs, lineage, and names from the metadata that lead elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from flowtui.logs.tails import LOCAL_INTERVAL, Part, Tail
from flowtui.model import State
from flowtui.sources import plain_pickle
from flowtui.sources.base import Unsupported
from flowtui.sources.client import ClientSource
from flowtui.sources.datastore import Datastore
from flowtui.sources.provider import Provider
from flowtui.store import RunStore
from tests.log_reader import Reader
from tests.runs import FIXED, RecordedRun, launch


def source_of(root: Path, flow: str, run: str) -> ClientSource:
    source = ClientSource(Provider(f"local@{root}", ""), flow, run)
    source.poll()
    return source


def lines(parts: Sequence[Part]) -> list[bytes]:
    tail = Tail(parts)
    found = [line.text for line in Reader(tail).finish().lines]
    tail.close()
    return found


def test_a_log_holds_the_lines_that_the_flow_printed(runs: dict[str, RecordedRun]) -> None:
    linear = source_of(runs["linear"].root, "LinearFlow", runs["linear"].run)
    assert lines(linear.log("start", "1", 0, "stdout")) == [b"hello from start"]
    assert lines(linear.log("middle", "2", 0, "stdout")) == [b"alpha is 0.5"]
    assert b"a word on stderr" in lines(linear.log("middle", "2", 0, "stderr"))


def test_a_log_has_a_part_for_each_writer_and_says_whose_stream_it_is(
    runs: dict[str, RecordedRun],
) -> None:
    linear = source_of(runs["linear"].root, "LinearFlow", runs["linear"].run)
    for stream in ("stdout", "stderr"):
        parts = linear.log("middle", "2", 0, stream)
        assert [(part.stream, part.interval) for part in parts] == [(stream, LOCAL_INTERVAL)] * 2


def test_a_log_of_which_nothing_is_stored_yet_is_empty(runs: dict[str, RecordedRun]) -> None:
    linear = source_of(runs["linear"].root, "LinearFlow", runs["linear"].run)
    tail = Tail(linear.log("middle", "2", 7, "stdout"))
    growth = tail.poll()
    assert (growth.blocks, growth.trouble, tail.finished) == ([], None, False)
    tail.close()


def test_each_attempt_has_its_own_log(runs: dict[str, RecordedRun]) -> None:
    retry = source_of(runs["retry"].root, "RetryFlow", runs["retry"].run)
    printed = [lines(retry.log("flaky", "2", number, "stdout")) for number in range(3)]
    assert printed == [[b"attempt 0"], [b"attempt 1"], [b"attempt 2"]]


def test_the_environment_leads_a_flow_to_the_same_metadata(
    runs: dict[str, RecordedRun],
) -> None:
    source = source_of(runs["linear"].root, "LinearFlow", runs["linear"].run)
    assert source.environment() == {
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(runs["linear"].root),
    }


def test_a_run_resumed_from_a_resumed_run_keeps_its_foreach_labels(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    shutil.copytree(
        runs["failed"].root / ".metaflow" / "FailedFlow", tmp_path / ".metaflow/FailedFlow"
    )
    process, id_file = launch(
        tmp_path, "failed.py", "resume", "join", "--origin-run-id", runs["resumed"].run, extra=FIXED
    )
    assert process.wait(timeout=60) == 0
    source = ClientSource(Provider(f"local@{tmp_path}", ""), "FailedFlow", id_file.read_text())
    store = RunStore(source.describe())
    store.apply(source.poll())
    found = {(task.labels, task.index, task.state) for task in store.tasks("train").values()}
    assert found == {
        (("countries=FI",), 0, State.CLONED),
        (("countries=SE",), 1, State.CLONED),
        (("countries=NO",), 2, State.CLONED),
    }
    assert store.description.origin_run == runs["resumed"].run
    assert all(
        task.origin_task and task.origin_task.startswith(f"FailedFlow/{runs['resumed'].run}/train/")
        for task in store.tasks("train").values()
    )


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "../../secret", "a\0b"])
def test_a_name_that_leads_out_of_the_datastore_is_not_followed(
    name: str, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    provider = Provider(f"local@{runs['linear'].root}", "")
    local = ("local", str(tmp_path))
    for flow, run, step, task in (
        (name, "1", "start", "1"),
        ("LinearFlow", name, "start", "1"),
        ("LinearFlow", "1", name, "1"),
        ("LinearFlow", "1", "start", name),
    ):
        datastore = Datastore(provider, flow, run)
        assert datastore.task_folder(step, task, local) is None
        assert datastore.exit(step, task, local, 0) is None
        with pytest.raises(Unsupported, match="stores nothing"):
            datastore.stored(step, task, local, ["0.task_stdout.log"])


@pytest.mark.parametrize("form", [":root:{root}", "{root}/LinearFlow/data/{short}/{sha}"])
def test_an_artifact_is_read_from_where_a_service_says_it_is(
    form: str, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    root = runs["linear"].root / ".metaflow"
    (tmp_path / ".metaflow").mkdir()
    datastore = Datastore(_NotLocal(f"local@{tmp_path}", ""), "LinearFlow", runs["linear"].run)
    (listed,) = runs["linear"].directory.glob("_parameters/*/_meta/0_artifact_alpha.json")
    artifact = json.loads(listed.read_text())
    sha = artifact["sha"]
    artifact["location"] = form.format(root=root, short=sha[:2], sha=sha)
    assert plain_pickle.loads(datastore.blob(artifact)) == 0.5


class _NotLocal(Provider):
    """A provider of which nothing can be said of where its data lies."""

    @property
    def is_local(self) -> bool:
        return False


def test_a_task_whose_id_leads_elsewhere_is_shown_and_its_log_is_refused(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    kept = runs["linear"].root / ".metaflow" / "LinearFlow"
    there = tmp_path / ".metaflow" / "LinearFlow"
    for part in (runs["linear"].run, "_meta", "data"):
        shutil.copytree(kept / part, there / part)
    self_file = there / runs["linear"].run / "middle" / "2" / "_meta" / "_self.json"
    hostile = "../../../../../../outside"
    self_file.write_text(json.dumps(json.loads(self_file.read_text()) | {"task_id": hostile}))
    secret = tmp_path / "outside"
    secret.mkdir()
    (secret / "0.task_stdout.log").write_text("secret")
    (secret / "0.runtime").write_text('{"return_code": 77}')
    source = ClientSource(Provider(f"local@{tmp_path}", ""), "LinearFlow", runs["linear"].run)
    store = RunStore(source.describe())
    store.apply(source.poll())
    (task,) = store.tasks("middle").values()
    assert task.id == hostile
    assert "77" not in task.reason
    tail = Tail(source.log("middle", hostile, 0, "stdout"))
    growth = tail.poll()
    assert (growth.blocks, tail.finished) == ([], False)
    assert "stores nothing" in str(growth.trouble)
