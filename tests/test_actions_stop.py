"""Stopping a run: everything that it runs ends, and what it was doing is recorded."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from flowtui.actions import stop as stopping
from flowtui.actions.errors import ActionError
from flowtui.actions.launch import start_flow
from flowtui.actions.stop import stop, stopped
from flowtui.live_logs import python_path
from flowtui.model import Fact, ProcessId, State
from flowtui.sources.local import LocalSource
from flowtui.sources.processes import identity
from flowtui.sources.provider import Provider
from flowtui.store import RunStore
from tests.runs import FLOWS, eventually, flow_environment

ENDED_WITHIN = 10.0
"""Seconds in which a run that is stopped has ended."""


@dataclass
class Running:
    """StoppedFlow in its step `wait`, as flowtui sees it."""

    source: LocalSource
    store: RunStore
    launcher: ProcessId

    def processes(self) -> list[psutil.Process]:
        launcher = psutil.Process(self.launcher.pid)
        return [launcher, *launcher.children(recursive=True)]

    def poll(self) -> RunStore:
        self.store.apply(self.source.poll())
        return self.store

    def facts(self, name: str) -> list[str]:
        found: list[Fact] = list(self.source.facts("wait", "2"))
        return [fact.value for fact in found if fact.name == name]


class Starter:
    """Starts StoppedFlow in one way or another, and leaves nothing alive."""

    def __init__(self, root: Path) -> None:
        self._root, self._id_file = root, root / "id"
        self._reached = root / "reached"
        self._groups: list[int] = []
        self.environment = flow_environment(root, {"PYTHONPATH": python_path(None)})
        self.command = [
            *(sys.executable, str(FLOWS / "stopped.py"), "run", "--reached", str(self._reached)),
            *("--run-id-file", str(self._id_file)),
        ]

    def detached(self, *options: str) -> Running:
        """As flowtui starts a flow: in a session of its own."""
        command = [*self.command[:-2], *options]
        launch = start_flow(command, cwd=self._root, environment=self.environment)
        self._groups.append(launch.pid)
        eventually(lambda: launch.poll_run_id(), "the run has an id")
        return self._seen(str(launch.poll_run_id()))

    def by_shell(self, script: str, *options: str) -> Running:
        """As a script does; its `$@` is the command."""
        process = subprocess.Popen(
            ["sh", "-c", script, "sh", *self.command, *options],
            cwd=self._root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._groups.append(process.pid)
        eventually(lambda: self._id_file.exists() and self._id_file.read_text(), "it has an id")
        return self._seen(self._id_file.read_text())

    def _seen(self, run: str) -> Running:
        source = LocalSource(Provider(f"local@{self._root}", ""), "StoppedFlow", run)
        store = RunStore(source.describe())
        eventually(self._reached.exists, "`wait` has started")
        eventually(lambda: store.apply(source.poll()) and source.launcher(), "it has a launcher")
        launcher = source.launcher()
        assert launcher is not None
        return Running(source, store, launcher)

    def end(self) -> None:
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


@pytest.fixture
def starter(tmp_path: Path, state_home: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path)
    try:
        yield starter
    finally:
        starter.end()


def gone(processes: list[psutil.Process]) -> bool:
    def is_gone(process: psutil.Process) -> bool:
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return all(is_gone(process) for process in processes)


LIVE_LOGS = ("--with", "live_logs")


@pytest.mark.parametrize("options", [(), LIVE_LOGS], ids=["plain", "live logs"])
@pytest.mark.parametrize("how", ["detached", "by hand"])
def test_a_run_that_is_stopped_ends_and_its_failure_is_recorded(
    how: str, options: tuple[str, ...], starter: Starter
) -> None:
    if how == "detached":
        running = starter.detached(*options)
    else:
        running = starter.by_shell('"$@"; true', *options)
    processes = running.processes()
    assert len(processes) == (4 if options else 3)
    assert not stopped(running.launcher)
    began = time.monotonic()
    stop(running.launcher)
    eventually(lambda: stopped(running.launcher) and gone(processes), "it ended", ENDED_WITHIN)
    assert time.monotonic() - began < ENDED_WITHIN
    eventually(lambda: running.poll().status.state is State.FAILED, "it is seen to have failed")
    task = running.store.task("wait", "2")
    assert task is not None
    assert (task.state, task.reason) == (State.FAILED, "attempt_ok=False")
    assert running.store.status.reason == "wait/2 failed: attempt_ok=False"
    assert running.facts("attempt_ok") == ["False"]
    assert running.facts("exit") == ["exit code 1"]
    assert running.source.launcher() is None


def test_the_script_that_runs_a_flow_goes_on_when_the_run_is_stopped(
    starter: Starter, tmp_path: Path
) -> None:
    running = starter.by_shell(f'"$@"; echo $? > {shlex.quote(str(tmp_path / "code"))}')
    stop(running.launcher)
    code = tmp_path / "code"
    eventually(lambda: code.exists() and code.read_text() == "1\n", "the script has gone on")


def test_a_launcher_that_ignores_interrupts_is_terminated(starter: Starter) -> None:
    running = starter.by_shell('"$@" & wait; true', *LIVE_LOGS)
    processes = running.processes()
    stop(running.launcher)
    eventually(lambda: stopped(running.launcher) and gone(processes), "it ended", ENDED_WITHIN)
    eventually(lambda: running.poll().status.state is State.FAILED, "it is seen to have failed")
    task = running.store.task("wait", "2")
    assert task is not None
    assert task.state is State.LOST
    assert task.reason.endswith("and the run's launcher are gone")


def test_a_process_that_has_ended_or_is_another_one_is_refused(
    starter: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = identity(process.pid)
    try:
        assert known is not None
        assert known.command == shlex.join([sys.executable, "-c", "input()"])
        signals: list[int] = []
        monkeypatch.setattr(psutil.Process, "send_signal", lambda _, number: signals.append(number))
        others = [
            replace(known, started=known.started - 3),
            replace(known, command=known.command + " run"),
        ]
        for other in others:
            assert stopped(other)
            with pytest.raises(ActionError, match=f"^Process {known.pid} has ended already.$"):
                stop(other)
        assert not stopped(known)
        assert signals == []
    finally:
        process.kill()
        eventually(lambda: known is not None and stopped(known), "not yet collected, it has ended")
        process.communicate()
    with pytest.raises(ActionError, match="has ended already"):
        stop(known)


def test_a_process_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")
    process = subprocess.Popen(["sleep", "60"], user=65534)
    try:
        known = identity(process.pid)
        assert known is not None
        assert known.command == "sleep 60"
        result = subprocess.run(
            [sys.executable, "-c", _AS_ANOTHER, str(known.pid), str(known.started)],
            env={**os.environ, "PYTHONPATH": str(Path(stopping.__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.stdout == (
            f"Process {known.pid} is of another user: it can be stopped by that user.\n"
        ), result.stderr
        assert not stopped(known)
    finally:
        process.kill()
        process.wait()


_AS_ANOTHER = """
import os, sys
from flowtui.actions.errors import ActionError
from flowtui.actions.stop import stop
from flowtui.model import ProcessId
os.setuid(1)
try:
    stop(ProcessId(int(sys.argv[1]), float(sys.argv[2]), "sleep 60"))
except ActionError as error:
    print(error)
"""
