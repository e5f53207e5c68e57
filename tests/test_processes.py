"""Which processes of this machine belong to a run: its launcher and its steps."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from flowtui.model import Ms
from flowtui.sources import processes
from flowtui.sources.processes import ProcessWatch, identity
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
    assert found.launched_by == identity(live.launcher.pid)
    assert found.launched_by is not None
    assert "killed.py run --gate" in found.launched_by.command
    assert set(found.steps) == {("2", 0)}
    step = psutil.Process(found.steps[("2", 0)])
    assert step.parent() == psutil.Process(live.launcher.pid)
    assert step.cmdline()[-1] != ""
    assert {"step", "wait", "--run-id", live.run} <= set(step.cmdline())
    assert found.uses[("2", 0)].pid == step.pid


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
    # A killed process takes a moment to end, and the step is not ours to wait for.
    eventually(lambda: not watch.look(FLOW_FILE, live.created_at).steps, "its step is gone")
    assert watch.look(FLOW_FILE, live.created_at).launcher_gone


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
    guessed = ProcessWatch("1").look("idle.py", registered)
    assert (guessed.launcher, guessed.launched_by) == (idle[1].pid, None)
    assert ProcessWatch("1").look("other.py", registered).launcher is None
    assert ProcessWatch("1").look(None, registered).launcher is None
    assert ProcessWatch("1").look("idle.py", None).launcher is None
    long_after, before = Ms(registered + 200_000), Ms(registered - 10_000)
    assert ProcessWatch("1").look("idle.py", long_after).launcher is None
    assert ProcessWatch("1").look("idle.py", before).launcher is None


IDLE = "print(flush=True); input()"
BUSY = (
    "import time; print(flush=True); end = time.monotonic() + 100\nwhile time.monotonic() < end: 0"
)
HOLDING = "held = b'x' * (64 << 20); " + BUSY
WRAPPER = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


class Started:
    """Starts processes and ends them all, with what they started."""

    def __init__(self) -> None:
        self.run = str(time.time_ns())
        """A run of this test alone: others may be executed at the same time."""
        self.flow_file = f"flow{self.run}.py"
        self.processes: list[subprocess.Popen[bytes]] = []

    def step_arguments(self, task: str) -> list[str]:
        return ["step", "work", "--run-id", self.run, "--task-id", task, "--retry-count", "1"]

    def __call__(self, *command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self.processes.append(process)
        return process

    def python(self, code: str, *arguments: str) -> subprocess.Popen[bytes]:
        """A process that runs `code`, once it has printed a line."""
        process = self(sys.executable, "-c", code, *arguments)
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        return process

    def end(self) -> None:
        for process in self.processes:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate(timeout=30)


@pytest.fixture
def started() -> Iterator[Started]:
    starter = Started()
    try:
        yield starter
    finally:
        starter.end()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The pids whose command lines are read, in order."""
    pids: list[int] = []
    cmdline = psutil.Process.cmdline

    def recorded(process: psutil.Process) -> list[str]:
        pids.append(process.pid)
        return cmdline(process)

    monkeypatch.setattr(psutil.Process, "cmdline", recorded)
    return pids


def test_a_command_line_is_read_once(
    started: Started, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SETTLED", -math.inf)
    unrelated = started.python(IDLE)
    step = started.python(IDLE, *started.step_arguments("7"))
    other_run = f"{started.run}0"
    other = started.python(IDLE, "step", "work", "--run-id", other_run, "--task-id", "7")
    launcher = started.python(IDLE, started.flow_file, "run")
    mine = {process.pid for process in (unrelated, step, other, launcher)}
    watch = ProcessWatch(started.run)
    assert watch.look(started.flow_file, None).steps == {("7", 1): step.pid}
    assert sorted(pid for pid in reads if pid in mine) == sorted(mine)
    reads.clear()
    assert watch.look(started.flow_file, None).steps == {("7", 1): step.pid}
    assert not mine & set(reads)
    late = started.python(IDLE, *started.step_arguments("8"))
    assert watch.look(started.flow_file, None).steps == {("7", 1): step.pid, ("8", 1): late.pid}
    assert reads.count(late.pid) == 1
    assert not mine & set(reads)


def test_a_young_process_may_become_a_step(
    started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SETTLED", math.inf)
    script = tmp_path / "wrapper.sh"
    script.write_text(
        f'read go; exec "{sys.executable}" -c "{IDLE}" {" ".join(started.step_arguments("7"))}\n'
    )
    process = started("sh", str(script))
    watch = ProcessWatch(started.run)
    assert watch.look(None, None).steps == {}
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    process.stdin.flush()
    eventually(lambda: watch.look(None, None).steps == {("7", 1): process.pid}, "it is a step")


def test_after_a_long_pause_pids_are_read_anew(
    started: Started, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SETTLED", -math.inf)
    monkeypatch.setattr(processes, "PIDS_REUSED", 0.0)
    step = started.python(IDLE, *started.step_arguments("7"))
    watch = ProcessWatch(started.run)
    for _ in range(2):
        assert watch.look(None, None).steps == {("7", 1): step.pid}
    assert reads.count(step.pid) == 2


def test_a_pid_that_was_gone_is_read_anew(
    started: Started, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SETTLED", -math.inf)
    step = started.python(IDLE, *started.step_arguments("7"))
    unrelated = started.python(IDLE)
    watch = ProcessWatch(started.run)
    assert watch.look(None, None).steps == {("7", 1): step.pid}
    with monkeypatch.context() as gone:
        others = set(psutil.pids()) - {step.pid, unrelated.pid}
        gone.setattr(psutil, "pids", lambda: sorted(others))
        assert watch.look(None, None).steps == {}
    assert watch.look(None, None).steps == {("7", 1): step.pid}
    assert (reads.count(step.pid), reads.count(unrelated.pid)) == (2, 2)


def test_a_pid_that_another_process_got_is_read_anew(
    started: Started, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SETTLED", -math.inf)
    step = started.python(IDLE, *started.step_arguments("7"))
    launcher = started.python(IDLE, started.flow_file, "run")
    registered = Ms(int(psutil.Process(launcher.pid).create_time() * 1000))
    watch = ProcessWatch(started.run)
    assert watch.look(started.flow_file, registered).launcher == launcher.pid
    with monkeypatch.context() as reused:
        # What psutil says of a process whose pid now belongs to one that started later.
        reused.setattr(psutil.Process, "is_running", lambda _: False)
        found = watch.look(started.flow_file, registered)
        assert (found.launcher, found.launcher_gone) == (None, True)
        assert (found.steps, found.uses) == ({}, {})
        assert found.ended == {("7", 1): step.pid}
    reads.clear()
    found = watch.look(started.flow_file, registered)
    assert found.steps == {("7", 1): step.pid}
    assert found.uses[("7", 1)].cpu is None
    assert {step.pid, launcher.pid} <= set(reads)


@pytest.mark.parametrize("collected", [True, False])
def test_what_has_ended_is_left_out_also_where_its_pid_is_still_listed(
    started: Started, collected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, alive = (started.python(IDLE, *started.step_arguments(task)) for task in ("7", "8"))
    watch = ProcessWatch(started.run)
    assert set(watch.look(None, None).steps) == {("7", 1), ("8", 1)}
    pids = psutil.pids()
    monkeypatch.setattr(psutil, "pids", lambda: pids)
    process = psutil.Process(ended.pid)
    ended.kill()
    if collected:
        ended.wait()
    else:
        eventually(lambda: process.status() == psutil.STATUS_ZOMBIE, "it is a zombie")
    for looking in (watch, watch, ProcessWatch(started.run)):
        found = looking.look(None, None)
        assert found.steps == {("8", 1): alive.pid}
        assert set(found.uses) == {("8", 1)}


def test_a_step_process_that_cannot_be_measured_has_no_use(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, open_ = (started.python(IDLE, *started.step_arguments(task)) for task in ("7", "8"))
    memory_info = psutil.Process.memory_info

    def denied(process: psutil.Process) -> object:
        if process.pid == closed.pid:
            raise psutil.AccessDenied(process.pid)
        return memory_info(process)

    monkeypatch.setattr(psutil.Process, "memory_info", denied)
    found = ProcessWatch(started.run).look(None, None)
    assert found.steps == {("7", 1): closed.pid, ("8", 1): open_.pid}
    assert set(found.uses) == {("8", 1)}


@pytest.mark.parametrize("settled", [-math.inf, math.inf])
def test_processor_time_is_that_since_the_look_before(
    started: Started, settled: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "SETTLED", settled)
    idle = started.python(IDLE, *started.step_arguments("7"))
    busy = started.python(BUSY, *started.step_arguments("8"))
    watch = ProcessWatch(started.run)
    uses = watch.look(None, None).uses
    assert {key: (use.pid, use.cpu) for key, use in uses.items()} == {
        ("7", 1): (idle.pid, None),
        ("8", 1): (busy.pid, None),
    }

    def told_apart() -> bool:
        uses = watch.look(None, None).uses
        calm, heavy = uses[("7", 1)].cpu, uses[("8", 1)].cpu
        assert calm is not None
        assert heavy is not None
        assert (calm, heavy) == (round(calm), round(heavy))
        return calm <= 5 and heavy >= 50

    eventually(told_apart, "the busy process has a core, the idle one has none")


def test_what_a_step_process_and_the_one_it_wraps_use_is_summed(started: Started) -> None:
    outer = started.python(WRAPPER, HOLDING, *started.step_arguments("7"))
    (inner,) = psutil.Process(outer.pid).children()
    watch = ProcessWatch(started.run)
    found = watch.look(None, None)
    assert found.steps == {("7", 1): outer.pid}
    use = found.uses[("7", 1)]
    assert (use.pid, use.cpu) == (outer.pid, None)
    assert inner.memory_info().rss > 64 << 20
    both = psutil.Process(outer.pid).memory_info().rss + inner.memory_info().rss
    assert use.memory == pytest.approx(both, rel=0.05)

    def busy() -> bool:
        cpu = watch.look(None, None).uses[("7", 1)].cpu
        return cpu is not None and cpu >= 50

    eventually(busy, "what the inner process uses counts")
