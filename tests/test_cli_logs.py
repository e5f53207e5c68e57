"""`flowtui logs`: whose lines it prints, how they are told apart, and that no more comes out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowtui.live_logs import NAME, python_path
from flowtui.logs.stored import TailError
from flowtui.model import Target
from flowtui.reading import Choice, followed
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from flowtui.store import RunStore
from tests.runs import RecordedRun, eventually, flow_environment, launch
from tests.test_cli import CLOSED_PIPE, DONE, NOT_FOUND, PROGRAM, UNREACHABLE, Cli, cli, complaint
from tests.test_client_source import copied

__all__ = ["cli"]


def test_one_stream_of_one_attempt_comes_as_it_was_printed(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    target = f"{runs['retry'].pathspec}/end"
    ended = cli("logs", f"{runs['catch'].pathspec}/divide/3", "--stream", "stdout")
    assert (ended.returncode, ended.stdout, ended.stderr) == (DONE, "dividing by 1\n", "")
    silent = cli("logs", target, "--stream", "stdout")
    assert (silent.returncode, silent.stdout) == (DONE, "")
    assert silent.stderr == "flowtui: This attempt wrote nothing to stdout.\n"


def test_lines_of_several_are_led_by_task_attempt_and_stream(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    rows = cli("logs", f"{runs['catch'].pathspec}/divide").stdout.splitlines()
    led = [row.split("\t", 3) for row in rows]
    assert {(task, stream) for task, _, stream, _ in led} == {
        (task, stream)
        for task in ("divide/2", "divide/3", "divide/4")
        for stream in ("stdout", "stderr")
    }
    # The last attempt of each; that of 2 is its third.
    assert {(task, attempt) for task, attempt, *_ in led} == {
        ("divide/2", "2"),
        ("divide/3", "0"),
        ("divide/4", "0"),
    }
    of_last = {text for task, *_, text in led if task == "divide/4"}
    assert of_last == {"dividing by 2", "to stderr"}


def test_an_attempt_can_be_named(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    task = f"{runs['catch'].pathspec}/divide/2"
    first = cli("logs", task, "--attempt", "0", "--stream", "stderr").stdout
    assert "ZeroDivisionError: division by zero" in first
    none = complaint(cli("logs", task, "--attempt", "5"), NOT_FOUND)
    assert none.endswith("has no such attempt, or none yet.")


def test_failed_leaves_every_attempt_that_did_not_succeed(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    rows = cli("logs", runs["catch"].pathspec, "--failed").stdout.splitlines()
    assert {tuple(row.split("\t")[:2]) for row in rows} == {
        ("divide/2", "0"),
        ("divide/2", "1"),
        ("divide/2", "2"),
    }


def test_escape_sequences_stay_out_of_a_pipe_and_long_lines_are_whole(
    cli: Cli, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["linear"], tmp_path)
    log = folder / "middle" / "2" / "0.task_stdout.log"
    hostile = b"\x1b]52;c;aGk=\x07\x1b[31mred\x1b[0m \x9b2J[/bold]\nx" + b"y" * 50_000 + b"\n"
    log.write_bytes(hostile)
    ended = cli(
        "logs",
        f"{runs['linear'].pathspec}/middle/2",
        "--stream",
        "stdout",
        METAFLOW_DATASTORE_SYSROOT_LOCAL=str(tmp_path),
    )
    first, second = ended.stdout.splitlines()[:2]
    assert first == "red \ufffd2J[/bold]"
    assert second == "x" + "y" * 50_000


def test_a_log_that_cannot_be_read_is_named(
    cli: Cli, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    log = copied(runs["linear"], tmp_path) / "middle" / "2" / "0.task_stdout.log"
    log.unlink(missing_ok=True)
    log.mkdir()
    task = f"{runs['linear'].pathspec}/middle/2"
    ended = cli("logs", task, METAFLOW_DATASTORE_SYSROOT_LOCAL=str(tmp_path))
    assert ended.returncode == UNREACHABLE
    assert "Traceback" not in ended.stderr
    assert "0.task_stdout.log cannot be read: is a directory." in ended.stderr


def test_a_log_that_cannot_be_read_is_said_once_and_keeps_no_other_from_being_followed(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    recorded = runs["catch"]
    log = copied(recorded, tmp_path) / "divide" / "2" / "2.task_stdout.log"
    log.with_name("2.runtime_stdout.log").unlink()
    log.unlink(missing_ok=True)
    log.mkdir()
    source = LocalSource(Provider(f"local@{tmp_path}", ""), recorded.flow, recorded.run)

    told: list[str] = []
    lines = followed(
        source,
        RunStore(source.describe()),
        Target(recorded.flow, recorded.run, "divide"),
        Choice(streams=["stdout"]),
        interval=0.0,
        trouble=told.append,
    )
    texts = [next(lines).line.text for _ in range(2)]
    assert texts == [b"dividing by 1", b"dividing by 2"]
    with pytest.raises(TailError, match=r"2\.task_stdout\.log cannot be read: is a directory\."):
        next(lines)
    assert len(told) == 1
    source.close()


def test_a_reader_that_leaves_ends_it_quietly(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    command = f"{PROGRAM} logs {runs['catch'].pathspec} | head -1; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", command],
        env=cli.environment | {"PYTHONUNBUFFERED": "1"},
        cwd=cli.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode in (DONE, CLOSED_PIPE)
    assert (ended.stdout.count("\n"), ended.stderr) == (1, "")


def test_follow_prints_lines_as_they_come_and_ends_with_the_run(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    path = {"PYTHONPATH": python_path(os.environ.get("PYTHONPATH"))}
    process, id_file = launch(
        tmp_path, "talking.py", "run", "--with", NAME, "--gate", str(gate), extra=path
    )
    try:
        eventually(lambda: id_file.exists() and id_file.read_text(), "the run has an id")
        target = f"TalkingFlow/{id_file.read_text()}/wait"
        with subprocess.Popen(
            [PROGRAM, "logs", target, "--stream", "stdout", "--follow"],
            env=flow_environment(tmp_path),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
        ) as following:
            assert following.stdout is not None
            assert following.stdout.readline() == "wait/2\t0\tstdout\twaiting\n"
            assert gate.exists(), "the line came while the task ran"
            gate.unlink()
            assert following.stdout.readline() == "wait/2\t0\tstdout\tdone\n"
            assert following.stdout.read() == ""
            assert following.wait(timeout=30) == DONE
    finally:
        gate.unlink(missing_ok=True)
        process.wait(timeout=60)
