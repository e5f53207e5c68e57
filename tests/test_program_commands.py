"""Commands of the person's own in a terminal: real programs that note what they were given."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.program import assert_restored, monitor
from tests.runs import RecordedRun, eventually

NOTE = """
import json, os, pathlib, sys, time
out, *arguments = sys.argv[1:]
logs = {path: oct(os.stat(path).st_mode) + pathlib.Path(path).read_text()
        for path in arguments if os.path.exists(path)}
pathlib.Path(out).write_text(json.dumps([arguments, logs]))
print("noted it", flush=True)
sys.exit(3)
"""
WAIT = "import time; print('here it waits', flush=True); time.sleep(60)"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A command that notes its arguments, and one that goes on until it is ended."""
    program = tmp_path / "note.py"
    program.write_text(NOTE)
    run = json.dumps(
        [
            *(sys.executable, str(program), str(tmp_path / "noted"), "{flow}/{run} {{}}", "{step}"),
            *("{task}", "{attempt}", "{stdout_file}", "{stderr_file}"),
        ]
    )
    file = tmp_path / "config.toml"
    file.write_text(
        f"[commands.note]\nkey = 'ctrl+t'\nconfirm = true\nrun = {run}\n"
        f"[commands.wait]\nkey = 'ctrl+o'\nrun = {json.dumps([sys.executable, '-c', WAIT])}\n"
    )
    return file


def test_a_command_gets_what_is_selected_and_its_output_can_be_read(
    runs: dict[str, RecordedRun], config: Path, tmp_path: Path
) -> None:
    run = runs["failed"]
    arguments = (run.pathspec, "--config", str(config))
    private = {"TMPDIR": str(tmp_path)}
    with monitor(*arguments, root=run.root, home=tmp_path / "home", extra=private) as screen:
        screen.wait_for_line("✗ failed", "✗1")
        screen.press("!")
        screen.wait_for("ValueError: no data for NO")
        screen.press("\x14")
        screen.wait_for("note: run it?")
        screen.press("y")
        screen.wait_for("noted it", "ended with exit code 3. Press enter to go back to flowtui.")
        screen.press("enter")
        screen.wait_for_line("✗ failed", "✗1")
        (pathspec, step, task, attempt, stdout, stderr), logs = json.loads(
            (tmp_path / "noted").read_text()
        )
        assert (pathspec, step, attempt) == (f"{run.pathspec} {{}}", "train", "0")
        assert task.isdecimal()
        assert Path(stdout).parent.parent == tmp_path
        assert logs[stdout].startswith("0o100600")
        assert logs[stderr].startswith("0o100600")
        assert "ValueError: no data for NO\n" in logs[stderr]
        eventually(lambda: not Path(stdout).parent.exists(), "the logs are removed")
        screen.press("q")
        assert screen.exit_code() == 0
        assert_restored(screen)


@pytest.mark.parametrize("paused", [False, True])
def test_asked_to_end_it_ends_the_command_and_waits_for_no_key(
    runs: dict[str, RecordedRun], config: Path, tmp_path: Path, paused: bool
) -> None:
    run = runs["failed"]
    arguments = (run.pathspec, "--config", str(config))
    with monitor(*arguments, root=run.root, home=tmp_path) as screen:
        screen.wait_for_line("✗ failed", "✗1")
        screen.press("\x0f")
        screen.wait_for("here it waits")
        if paused:
            screen.press("ctrl+c")
            screen.wait_for("Press enter to go back to flowtui.")
        screen.send_signal(signal.SIGTERM)
        assert screen.exit_code() == 128 + signal.SIGTERM
        assert_restored(screen)


@pytest.mark.parametrize("paused", [False, True])
def test_a_window_that_is_closed_while_a_command_has_it_ends_both(
    runs: dict[str, RecordedRun], config: Path, tmp_path: Path, paused: bool
) -> None:
    run = runs["failed"]
    arguments = (run.pathspec, "--config", str(config))
    with monitor(*arguments, root=run.root, home=tmp_path / "home") as screen:
        screen.wait_for_line("✗ failed", "✗1")
        screen.press("\x0f")
        screen.wait_for("here it waits")
        if paused:
            screen.press("ctrl+c")
            screen.wait_for("Press enter to go back to flowtui.")
        screen.hang_up()
        assert screen.exit_code() == 129
