"""Which processes of this machine belong to a run: its launcher and its steps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from flowtui.model import Ms
from flowtui.sources.processes import ProcessWatch
from tests.runs import eventually, launch

FLOW_FILE = "killed.py"


@dataclass
class Live:
    """KilledFlow held at its gate in `wait`."""

    launcher: subprocess.Popen[bytes]
    run: str
    created_at: Ms
    root: Path


class Launched:
    """Starts runs and ends them all."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.processes: list[subprocess.Popen[bytes]] = []

    def __call__(self) -> Live:
        gate = self.root / "gate"
        self.root.mkdir(exist_ok=True)
        gate.touch()
        process, id_file = launch(self.root, FLOW_FILE, "run", "--gate", str(gate))
        self.processes.append(process)
        eventually(lambda: id_file.exists() and id_file.read_text(), "the run has an id")
        run = id_file.read_text()
        # A local run's id is the time of its registration in microseconds.
        live = Live(process, run, Ms(int(run) // 1000), self.root)
        wait = self.root / ".metaflow" / "KilledFlow" / run / "wait"
        eventually(lambda: list(wait.glob("*/_meta/sysmeta_attempt_*")), "`wait` has started")
        return live

    def end(self) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    starter = Launched(tmp_path)
    try:
        yield starter
    finally:
        starter.end()


def test_a_live_run_has_its_launcher_and_its_step(launched: Launched) -> None:
    live = launched()
    found = ProcessWatch(live.run).look(FLOW_FILE, live.created_at)
    assert (found.launcher, found.launcher_gone) == (live.launcher.pid, False)
    assert set(found.steps) == {("2", 0)}
    step = psutil.Process(found.steps[("2", 0)])
    assert step.parent() == psutil.Process(live.launcher.pid)
    assert step.cmdline()[-1] != ""
    assert {"step", "wait", "--run-id", live.run} <= set(step.cmdline())


def test_another_run_of_the_same_flow_is_not_mistaken_for_it(launched: Launched) -> None:
    first, second = launched(), launched()
    for live in (first, second):
        found = ProcessWatch(live.run).look(FLOW_FILE, live.created_at)
        assert found.launcher == live.launcher.pid
        assert len(found.steps) == 1
    # A run that was registered at the same time and has nothing alive.
    dead = ProcessWatch("1").look(FLOW_FILE, second.created_at)
    assert (dead.launcher, dead.launcher_gone, dict(dead.steps)) == (None, False, {})


def test_a_launcher_that_nobody_has_collected_yet_counts_as_gone(launched: Launched) -> None:
    live = launched()
    watch = ProcessWatch(live.run)
    assert watch.look(FLOW_FILE, live.created_at).launcher == live.launcher.pid
    os.kill(live.launcher.pid, signal.SIGKILL)
    process = psutil.Process(live.launcher.pid)
    eventually(lambda: process.status() == psutil.STATUS_ZOMBIE, "the launcher is a zombie")
    found = watch.look(FLOW_FILE, live.created_at)
    assert (found.launcher, found.launcher_gone) == (None, True)
    assert set(found.steps) == {("2", 0)}, "its step lives on"
    launched.end()
    assert watch.look(FLOW_FILE, live.created_at).launcher_gone
    assert not watch.look(FLOW_FILE, live.created_at).steps


def test_a_launcher_that_was_never_seen_is_not_known_to_be_gone() -> None:
    found = ProcessWatch("1").look(FLOW_FILE, Ms(1))
    assert (found.launcher, found.launcher_gone, dict(found.steps)) == (None, False, {})


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two launchers of `idle.py` that have started no step."""
    script = tmp_path / "idle.py"
    script.write_text("import time\ntime.sleep(60)\n")
    processes = [subprocess.Popen([sys.executable, str(script), "run"]) for _ in range(2)]
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_a_launcher_without_a_step_is_known_by_when_it_started_unless_two_fit(
    idle: list[subprocess.Popen[bytes]],
) -> None:
    started = psutil.Process(idle[1].pid).create_time() * 1000
    registered = Ms(int(started) + 1000)
    assert ProcessWatch("1").look("idle.py", registered).launcher is None
    idle[0].kill()
    idle[0].wait()
    assert ProcessWatch("1").look("idle.py", registered).launcher == idle[1].pid
    assert ProcessWatch("1").look("other.py", registered).launcher is None
    assert ProcessWatch("1").look(None, registered).launcher is None
    assert ProcessWatch("1").look("idle.py", None).launcher is None
    long_after, before = Ms(registered + 200_000), Ms(registered - 10_000)
    assert ProcessWatch("1").look("idle.py", long_after).launcher is None
    assert ProcessWatch("1").look("idle.py", before).launcher is None
