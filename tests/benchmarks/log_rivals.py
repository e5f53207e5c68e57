"""Other programs on the same log, as far as they are installed: less, lnav, toolong, grep, cut."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.benchmarks.fresh import check
from tests.benchmarks.grow_log import NOWHERE, GrownLogs, last_line
from tests.terminal import Terminal

READING = 300.0
"""Seconds that a program may take; one that takes longer is left out."""

OPENING = {"less": ("-S", "+G"), "lnav": (), "tl": ()}
"""Programs that show the end of a log, and the options with which they do."""


def opened(logs: GrownLogs) -> dict[str, tuple[float, int]]:
    """Of each program the seconds from its start to the last line on its screen, and the bytes it
    has resident then."""
    found = {}
    for program, options in OPENING.items():
        if path := shutil.which(program):
            took = _opened([path, *options, str(logs.file)], logs)
            if took is not None:
                found[program] = took
    return found


def _opened(command: Sequence[str], logs: GrownLogs) -> tuple[float, int] | None:
    with tempfile.TemporaryDirectory(prefix="flowtui-home-") as home:
        began = time.monotonic()
        with Terminal(command, environment=_environment(home)) as screen:
            try:
                at = screen.wait_for(last_line(logs.lines), seconds=READING)
            except AssertionError:
                return None
            return at - began, psutil.Process(screen.process.pid).memory_info().rss


def searched_by_less(logs: GrownLogs) -> float | None:
    """The seconds in which less has looked for a word that is nowhere in the log."""
    path = shutil.which("less")
    if path is None:
        return None
    with tempfile.TemporaryDirectory(prefix="flowtui-home-") as home:
        command = [path, "-S", str(logs.file)]
        with Terminal(command, environment=_environment(home)) as screen:
            screen.wait_for("item 0 ")
            pressed = screen.press("/", NOWHERE, "enter")
            return screen.wait_for("Pattern not found", seconds=READING) - pressed


def counted(logs: GrownLogs, pattern: str) -> tuple[float, int]:
    """The seconds that `grep -ci` takes, and what it counts."""
    took, ended = _timed(["grep", "-ciE", pattern, str(logs.file)])
    return took, int(ended.stdout)


def cut(logs: GrownLogs) -> tuple[float, int]:
    """The seconds that `cut` takes to write the log without its prefixes, and the bytes."""
    with tempfile.TemporaryDirectory(dir=logs.run.root) as folder:
        to = Path(folder) / "log"
        with to.open("wb") as file:
            began = time.monotonic()
            subprocess.run(["cut", "-d]", "-f2-", str(logs.file)], stdout=file, check=True)
            return time.monotonic() - began, to.stat().st_size


def _timed(command: Sequence[str]) -> tuple[float, subprocess.CompletedProcess[str]]:
    began = time.monotonic()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    # grep has found nothing: 1.
    check(f"what {command[0]} ends with", ended.returncode in (0, 1), True)
    return took, ended


def _environment(home: str) -> dict[str, str]:
    return {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
