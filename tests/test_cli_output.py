"""What the headless commands write to: colours as asked, and an end when it cannot be written."""

from __future__ import annotations

import os
import re
import subprocess
from io import StringIO
from pathlib import Path

import pytest

from flowtui.report.paper import Colour, paper
from flowtui.report.run import print_run
from flowtui.theme import Look
from tests.program import monitor
from tests.runs import RecordedRun
from tests.test_cli import CLOSED_PIPE, DONE, FAILURE, PROGRAM, Cli, cli
from tests.test_client_source import copied
from tests.test_report import store_of

__all__ = ["cli"]

ESCAPE = "\x1b["
RED = re.compile(r"\x1b\[[0-9;]*(31|91|38;[0-9;]+)m")


# Colours


@pytest.mark.parametrize(
    ("option", "environment", "coloured"),
    [
        ("auto", {}, False),
        ("always", {}, True),
        ("always", {"NO_COLOR": "1", "TERM": "dumb"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        ("auto", {"CLICOLOR_FORCE": "0"}, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_a_pipe_has_colours_only_when_they_are_asked_for(
    option: Colour,
    environment: dict[str, str],
    coloured: bool,
    runs: dict[str, RecordedRun],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    pipe = StringIO()
    print_run(store_of(runs["failed"]), Look(), paper(pipe, option))
    assert "✗" in pipe.getvalue()
    assert (ESCAPE in pipe.getvalue()) is coloured
    assert bool(RED.search(pipe.getvalue())) is coloured


@pytest.mark.parametrize(
    ("arguments", "environment", "coloured"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
    ],
)
def test_a_terminal_has_colours_unless_they_are_not_wanted(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    coloured: bool,
    runs: dict[str, RecordedRun],
    tmp_path: Path,
) -> None:
    run = runs["failed"]
    script = f"import os; os.environ |= {environment}"
    with monitor(
        "show", run.pathspec, *arguments, root=run.root, home=tmp_path, script=script
    ) as screen:
        assert screen.exit_code() == DONE
        assert "✗ failed" in screen.text()
    assert bool(RED.search(screen.raw.decode())) is coloured


def test_a_log_keeps_its_own_colours_where_there_are_colours(
    cli: Cli, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    log = copied(runs["linear"], tmp_path) / "middle" / "2" / "0.task_stdout.log"
    log.write_bytes(b"\x1b[31mred\x1b[0m \x1b[2J plain\n")
    task = f"{runs['linear'].pathspec}/middle/2"
    root = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path)}
    stripped = cli("logs", task, "--stream", "stdout", **root).stdout
    assert stripped.startswith("red  plain\n")
    kept = cli("logs", task, "--stream", "stdout", "--color", "always", **root).stdout
    assert kept.startswith("\x1b[31mred\x1b[0m  plain\n")


# What cannot be written

COMMANDS = [
    "--version",
    "show CatchFlow",
    "show {run} --json",
    "logs {run}",
    "logs {run} --color always",
    "watch {run}",
    "info",
]


def in_shell(cli: Cli, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line],
        env=cli.environment,
        cwd=cli.directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest, runs: dict[str, RecordedRun]) -> str:
    arguments = request.param.format(run=runs["catch"].pathspec)
    return f"{PROGRAM} {arguments}"


def test_it_ends_quietly_when_nobody_reads_on(cli: Cli, command: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        ended = subprocess.run(
            command.split(),
            env=cli.environment,
            stdin=subprocess.DEVNULL,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == CLOSED_PIPE
    assert "flowtui:" not in ended.stderr
    assert "Error" not in ended.stderr


def test_a_full_disk_is_told(cli: Cli, command: str) -> None:
    full = in_shell(cli, f"{command} >/dev/full")
    assert full.returncode == FAILURE
    last = full.stderr.splitlines()[-1]
    assert last == "flowtui: The output cannot be written: no space left on device."


def test_a_closed_output_is_told(cli: Cli) -> None:
    closed = in_shell(cli, f"{PROGRAM} show CatchFlow >&-")
    assert (closed.returncode, closed.stderr) == (FAILURE, "flowtui: Standard output is closed.\n")


def test_progress_that_nobody_hears_of_keeps_no_result_back(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    run = runs["catch"].pathspec
    ended = in_shell(cli, f"{PROGRAM} watch {run} 2>&-")
    assert (ended.returncode, ended.stdout) == (DONE, f"{run}\tsucceeded\n")
