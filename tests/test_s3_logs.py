"""Logs of real runs whose datastore is S3 are those that Metaflow's own client gives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from metaflow.mflog import mflog

from flowtui.logs.stored import Stored
from flowtui.sources.base import Unsupported
from flowtui.sources.datastore import Datastore, StoredIn
from flowtui.sources.provider import Provider
from tests.runs import flow_environment
from tests.s3 import Bucket, bucket, read_from
from tests.s3_runs import S3Runs, recorded_in_s3, variables

__all__ = ["bucket"]

SOURCES = ("runtime", "task")

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""


@pytest.fixture
def s3_runs(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> S3Runs:
    """The runs, and a Metaflow that finds them."""
    recorded = recorded_in_s3(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")
    read_from(recorded.bucket.server, monkeypatch)
    return recorded


def everything(logs: Sequence[Stored]) -> list[bytes]:
    contents = []
    for log in logs:
        size = log.look() or 0
        assert (log.look() or 0) == size
        contents.append(log.read(0, size + 1))
        log.close()
    return contents


def printed(contents: Sequence[bytes]) -> list[bytes]:
    """The lines without Metaflow's prefix."""
    lines = []
    for line in b"".join(contents).splitlines(keepends=True):
        parsed = mflog.parse(line)
        lines.append(parsed.msg if parsed else line)
    return lines


@pytest.mark.parametrize(
    ("flow", "step", "attempt", "stream"),
    [
        ("RetryFlow", "flaky", 0, "stdout"),
        ("RetryFlow", "flaky", 0, "stderr"),
        ("RetryFlow", "flaky", 2, "stdout"),
        ("RetryFlow", "end", 0, "stdout"),
        ("TalkingFlow", "start", 0, "stderr"),
        ("TalkingFlow", "wait", 0, "stdout"),
    ],
)
def test_a_log_is_what_the_client_gives(
    s3_runs: S3Runs, flow: str, step: str, attempt: int, stream: str
) -> None:
    provider = Provider(f"local@{s3_runs.root}", "")
    from metaflow import Step, Task

    path = Step(f"{flow}/{s3_runs.ids[flow]}/{step}").task.pathspec
    task = Task(path, attempt=attempt)
    stored_in = (task.metadata_dict["ds-type"], task.metadata_dict["ds-root"])
    assert stored_in == ("s3", s3_runs.bucket.root)
    names = [f"{attempt}.{source}_{stream}.log" for source in SOURCES]
    logs = Datastore(provider, flow, s3_runs.ids[flow]).stored(step, task.id, stored_in, names)
    ours = b"".join(line + b"\n" for line in printed(everything(logs)))
    assert ours.decode() == getattr(task, stream)
    if (flow, step, stream) == ("RetryFlow", "flaky", "stdout"):
        assert ours == b"attempt %d\n" % attempt


def test_bytes_that_are_no_text_and_a_long_line_are_as_they_are_stored(s3_runs: S3Runs) -> None:
    provider = Provider(f"local@{s3_runs.root}", "")
    from metaflow import Step

    run = s3_runs.ids["TalkingFlow"]
    task = Step(f"TalkingFlow/{run}/start").task
    stored_in = ("s3", s3_runs.bucket.root)
    names = [f"0.{source}_stdout.log" for source in SOURCES]
    runtime, of_task = everything(
        Datastore(provider, "TalkingFlow", run).stored("start", task.id, stored_in, names)
    )
    assert runtime == s3_runs.bucket.get(f"TalkingFlow/{run}/start/{task.id}/{names[0]}")
    assert of_task == b""
    lines = printed([runtime])
    assert b"\xff\x00 not text\r" in lines
    assert b"x" * 300_000 in lines
    assert lines[-1].strip() == b"unfinished"
    given = [message for _, message in task.loglines("stdout", as_unicode=False)]
    assert [line.strip() for line in lines] == [message.strip() for message in given]


def save_logs(bucket: Bucket, root: Path, stdout: Path) -> None:
    """Store a task's log as a task on another machine does, again and again as it grows."""
    stderr = root / "stderr"
    stderr.touch()
    subprocess.run(
        [sys.executable, "-m", "metaflow.mflog.save_logs"],
        env=flow_environment(root, variables(bucket))
        | {
            "MF_PATHSPEC": "FarFlow/7/train/3",
            "MF_ATTEMPT": "1",
            "MF_DATASTORE": "s3",
            "MF_DATASTORE_ROOT": bucket.root,
            "MFLOG_STDOUT": str(stdout),
            "MFLOG_STDERR": str(stderr),
        },
        check=True,
        capture_output=True,
        timeout=60,
    )


def test_the_log_of_a_task_elsewhere_is_followed(bucket: Bucket, tmp_path: Path) -> None:
    datastore = Datastore(Provider(f"local@{_empty_root(tmp_path)}", ""), "FarFlow", "7")
    (log,) = datastore.stored("train", "3", ("s3", bucket.root), ["1.task_stdout.log"])
    assert log.look() is None
    stdout = tmp_path / "stdout"
    content = b""
    for number in range(2):
        content += mflog.decorate("task", b"epoch %d\n" % number) + os.urandom(100_000)
        stdout.write_bytes(content)
        save_logs(bucket, tmp_path, stdout)
        bucket.asked()
        assert log.look() == len(content)
        assert log.read(0, len(content) + 1) == content
        (answer,) = bucket.asked()
        assert answer.size <= 100_000 + 500


def _empty_root(tmp_path: Path) -> Path:
    (tmp_path / ".metaflow").mkdir()
    return tmp_path


def test_nothing_is_asked_before_a_log_is_looked_at(bucket: Bucket, tmp_path: Path) -> None:
    datastore = Datastore(Provider(f"local@{_empty_root(tmp_path)}", ""), "FarFlow", "7")
    logs = datastore.stored("train", "3", ("s3", bucket.root), ["0.task_stdout.log"])
    assert logs[0].read(0, 10) == b""
    logs[0].close()
    assert bucket.asked() == []
    assert datastore.stored("train", "3", None, ["0.task_stdout.log"]) == []


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "../../secret", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, bucket: Bucket, tmp_path: Path) -> None:
    provider = Provider(f"local@{_empty_root(tmp_path)}", "")
    stored_in: StoredIn = ("s3", bucket.root)
    for flow, run, step, task, log in (
        (name, "1", "start", "1", "0.task_stdout.log"),
        ("FarFlow", name, "start", "1", "0.task_stdout.log"),
        ("FarFlow", "1", name, "1", "0.task_stdout.log"),
        ("FarFlow", "1", "start", name, "0.task_stdout.log"),
        ("FarFlow", "1", "start", "1", name),
    ):
        with pytest.raises(Unsupported, match="stores nothing"):
            Datastore(provider, flow, run).stored(step, task, stored_in, [log])


def test_an_unknown_kind_of_datastore_is_told(tmp_path: Path) -> None:
    datastore = Datastore(Provider(f"local@{_empty_root(tmp_path)}", ""), "FarFlow", "7")
    with pytest.raises(Unsupported, match="'punch-cards' is not known"):
        datastore.stored("train", "3", ("punch-cards", "attic"), ["0.task_stdout.log"])
