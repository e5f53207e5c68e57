"""Logs in the person's own programs: a pager or an editor borrows the terminal."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.program import (
    AT_ONCE,
    assert_restored,
    modes_changed,
    monitor,
    printed,
    wait_for_focus,
)
from tests.runs import RecordedRun, eventually
from tests.terminal import Terminal

VIEWER = """#!/bin/sh
trap 'echo it was interrupted' INT
printf '%s\\n' "$@" > "$HOME/arguments"
for file; do :; done
cp "$file" "$HOME/seen"
echo the viewer is open
read answer
[ "$answer" = fail ] && exit 3
[ -n "$answer" ] || read answer
"""
"""Keeps its arguments and the file it is to show, and ends when a word is typed."""

HOSTILE = b"\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2J\xe2\x80\xaeevil\n10 %\r100 %\nlast"
SAFE = "red �evil\n100 %\nlast\n"


@pytest.fixture
def run(runs: dict[str, RecordedRun], tmp_path: Path) -> RecordedRun:
    """A run of which one task has written what a terminal would obey."""
    recorded = runs["failed"]
    copy = replace(recorded, root=tmp_path / "root")
    shutil.copytree(recorded.directory, copy.directory)
    shutil.copytree(recorded.directory.parent / "data", copy.directory.parent / "data")
    log_of(copy).write_bytes(HOSTILE)
    return copy


def log_of(run: RecordedRun) -> Path:
    return run.directory / "train" / "4" / "0.runtime_stderr.log"


@contextmanager
def reading(run: RecordedRun, home: Path, **environment: str) -> Iterator[Terminal]:
    """The monitor on that task's stderr; programs called `viewer` and `vi` are there."""
    programs = home / "bin"
    programs.mkdir()
    for name in ("viewer", "vi"):
        (programs / name).write_text(VIEWER)
        (programs / name).chmod(0o755)
    path = f"{programs}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}/usr/bin:/bin"
    extra = {"PATH": path, "VISUAL": "", "EDITOR": "", "PAGER": "", **environment}
    target = f"{run.pathspec}/train/4"
    with monitor(target, root=run.root, home=home, extra=extra) as screen:
        screen.wait_for("red �evil")
        wait_for_focus(screen, "train · foreach")
        screen.press("tab")
        wait_for_focus(screen, "stdout ·")
        screen.press("tab")
        wait_for_focus(screen, "stderr ·")
        yield screen


def test_a_pager_shows_the_log_and_gives_the_terminal_back(
    run: RecordedRun, tmp_path: Path
) -> None:
    with reading(run, tmp_path, PAGER="viewer --quiet") as screen:
        screen.press("o")
        screen.wait_for("the viewer is open")
        assert modes_changed(screen.raw) == set()
        assert (tmp_path / "seen").read_text() == SAFE
        option, file = (tmp_path / "arguments").read_text().splitlines()
        assert option == "--quiet"
        assert Path(file).name == f"FailedFlow-{run.run}-train-4-0.stderr.log"

        screen.press("done", "enter")
        screen.wait_until(lambda text: "the viewer" not in text, "all is painted again")
        screen.wait_for("red �evil", "countries=NO")
        assert not Path(file).parent.exists()
        screen.press("?")
        screen.wait_for("Go to the task that failed first.")
        screen.press("escape")
        screen.wait_until(lambda text: "Go to the task" not in text, "the help is closed")
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)


def test_the_window_may_change_after_a_pager(run: RecordedRun, tmp_path: Path) -> None:
    with reading(run, tmp_path, PAGER="viewer") as screen:
        screen.press("o")
        screen.wait_for("the viewer is open")
        screen.press("done", "enter")
        screen.wait_for("countries=NO")
        screen.resize(100, 30)
        screen.wait_for("stderr · attempt 0")
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)


def test_ctrl_c_is_the_pagers(run: RecordedRun, tmp_path: Path) -> None:
    with reading(run, tmp_path, PAGER="viewer") as screen:
        screen.press("o")
        screen.wait_for("the viewer is open")
        screen.press("ctrl+c")
        screen.wait_for("it was interrupted")
        screen.press("done", "enter")
        screen.wait_until(lambda text: "it was" not in text, "all is painted again")
        # And flowtui's own again.
        screen.press("ctrl+c")
        assert screen.exit_code() == 130
    assert_restored(screen)


@pytest.mark.parametrize(
    ("pager", "sentence"),
    [
        ("nowhere", "There is no nowhere here."),
        ("viewer 'x", "$PAGER cannot be understood"),
    ],
)
def test_a_pager_that_cannot_be_had_is_said(
    pager: str, sentence: str, run: RecordedRun, tmp_path: Path
) -> None:
    with reading(run, tmp_path, PAGER=pager) as screen:
        screen.press("o")
        screen.wait_for(sentence)
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)


def test_a_pager_that_fails_is_said(run: RecordedRun, tmp_path: Path) -> None:
    with reading(run, tmp_path, PAGER="viewer") as screen:
        screen.press("o")
        screen.wait_for("the viewer is open")
        screen.press("fail", "enter")
        screen.wait_for("viewer ended with exit code 3.", "red �evil")
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_pager_and_flowtui(
    number: signal.Signals, code: int, run: RecordedRun, tmp_path: Path
) -> None:
    with reading(run, tmp_path, PAGER="viewer") as screen:
        screen.press("o")
        screen.wait_for("the viewer is open")
        file = Path((tmp_path / "arguments").read_text().strip())
        sent = time.monotonic()
        screen.send_signal(number)
        assert screen.exit_code() == code
        assert screen.ended_at - sent < AT_ONCE
    assert not file.parent.exists()
    assert_restored(screen)
    assert printed(screen.raw) == []


def test_the_window_is_closed_while_the_pager_is_open(run: RecordedRun, tmp_path: Path) -> None:
    with reading(run, tmp_path, PAGER="viewer") as screen:
        screen.press("o")
        screen.wait_for("the viewer is open")
        screen.hang_up()
        assert screen.exit_code() == 129


def test_an_editor_opens_the_log_at_the_line_on_top(run: RecordedRun, tmp_path: Path) -> None:
    log_of(run).write_bytes(b"red \xe2\x80\xaeevil\n" * 200)
    with reading(run, tmp_path, EDITOR="vi -R") as screen:
        screen.press("g", "j", "j")
        screen.wait_for("stderr · attempt 0 · 200 lines · line 3 ")
        screen.press("O")
        screen.wait_for("the viewer is open")
        arguments = (tmp_path / "arguments").read_text().splitlines()
        assert arguments[:2] == ["-R", "+3"]
        assert (tmp_path / "seen").read_text() == "red �evil\n" * 200
        screen.press("done", "enter")
        screen.wait_for("stderr · attempt 0 · 200 lines · line 3 ")
        # While the end is followed there is no line to go to.
        screen.press("f")
        screen.wait_for("stderr · attempt 0 · 200 lines ─")
        screen.press("O")
        screen.wait_for("the viewer is open")
        assert len((tmp_path / "arguments").read_text().splitlines()) == 2
        screen.press("done", "enter")
        screen.wait_for("countries=NO")
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)


READS_SLOWLY = """
import time
from pathlib import Path
import flowtui.screens.compare

def log_end(*_):
    Path.home().joinpath("reading").touch()
    time.sleep(60)

flowtui.screens.compare.log_end = log_end
"""
"""Comparing attempts takes a minute."""


def test_leaving_does_not_wait_for_logs_that_are_compared(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    retried = runs["retry"]
    target = f"{retried.pathspec}/flaky"
    with monitor(target, root=retried.root, home=tmp_path, script=READS_SLOWLY) as screen:
        screen.wait_for("stdout · attempt 2 · 1 line")
        screen.press("d")
        screen.wait_for("Reading stdout of both attempts…")
        eventually((tmp_path / "reading").exists, "the logs are being read")
        pressed = screen.press("q")
        assert screen.exit_code() == 0
        assert screen.ended_at - pressed < AT_ONCE
    assert_restored(screen)
