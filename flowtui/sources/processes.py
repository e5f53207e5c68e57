"""Processes on this machine that belong to a run: its launcher and its step processes."""

from __future__ import annotations

import math
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import psutil

from flowtui.model import Ms, ProcessId, ProcessUse

START_UP = 120_000
"""Milliseconds that a launcher may take from its start until it registers its run."""

SETTLED = 5.0
"""Seconds that a process may take from its start until it has its lasting command line."""

PIDS_REUSED = 60.0
"""Seconds between two looks from which on any pid may stand for another process than before."""


@dataclass(frozen=True, slots=True)
class RunProcesses:
    """`steps` maps (task id, attempt) to the process id of its step process.

    `launched_by` is the launcher once it is certain, as the parent of a step process; before that,
    `launcher` is the most likely one.

    `ended` are step processes that were seen and are gone, once the launcher is gone too: nobody is
    left to write down how they ended. `uses` has what the step processes use, also by (task id,
    attempt): summed over all that carry the same arguments, so that memory which they share counts
    once for each; `cpu` is in whole percents, since the look before. A step process that cannot be
    read is in `steps` alone.
    """

    launcher: int | None = None
    launched_by: ProcessId | None = None
    launcher_gone: bool = False
    steps: Mapping[tuple[str, int], int] = field(default_factory=dict)
    ended: Mapping[tuple[str, int], int] = field(default_factory=dict)
    uses: Mapping[tuple[str, int], ProcessUse] = field(default_factory=dict)


class ProcessWatch:
    """Finds a run's processes; remembers its launcher, so that its end is noticed at once.

    Metaflow starts a step as `python flow.py … step NAME --run-id R --task-id T … --retry-count K`.
    The launcher (`python flow.py … run`) does not name its run: it is the parent of a step process
    or, before and between those, a process running the same flow file that started just before the
    run was registered and has no step process of another run.
    """

    def __init__(self, run: str, commands: Commands | None = None) -> None:
        """`commands` may be shared by the watches of many runs."""
        self._run = run
        self._commands = commands or Commands()
        self._launcher: psutil.Process | None = None
        self._sure = False
        self._launched_by: ProcessId | None = None
        self._others: set[psutil.Process] = set()
        self._seen: dict[tuple[str, int], int] = {}
        self._measured: set[psutil.Process] = set()

    def look(self, flow_file: str | None, created_at: Ms | None) -> RunProcesses:
        """The run's processes as they are now; `flow_file` is the base name of the flow's file."""
        commands = self._commands.look()
        processes = self._step_processes(commands)
        # Metaflow may wrap a step process in another with the same arguments: the outer one, which
        # started first, lives as long as the attempt.
        steps = {key: found[0].pid for key, found in processes.items()}
        uses = self._uses(processes)
        self._seen.update(steps)
        if flow_file and not self._sure:
            self._find_launcher(commands, flow_file, created_at)
        if self._launcher is None:
            return RunProcesses(steps=steps, uses=uses)
        if is_alive(self._launcher):
            if self._sure and self._launched_by is None:
                self._launched_by = identity(self._launcher.pid)
            return RunProcesses(self._launcher.pid, self._launched_by, steps=steps, uses=uses)
        ended = {key: pid for key, pid in self._seen.items() if key not in steps}
        return RunProcesses(launcher_gone=True, steps=steps, ended=ended, uses=uses)

    def _step_processes(
        self, commands: Sequence[_Command]
    ) -> dict[tuple[str, int], list[psutil.Process]]:
        """The run's live step processes by (task id, attempt), oldest first."""
        processes: dict[tuple[str, int], list[psutil.Process]] = {}
        for command in commands:
            options = command.options
            if options and options.get("--run-id") == self._run and self._is_alive(command):
                attempt = options.get("--retry-count", "0")
                key = (options.get("--task-id", ""), int(attempt) if attempt.isdigit() else 0)
                processes.setdefault(key, []).append(command.process)
        return processes

    def _uses(
        self, processes: Mapping[tuple[str, int], Sequence[psutil.Process]]
    ) -> dict[tuple[str, int], ProcessUse]:
        """What these use together, by the same keys; what has ended meanwhile is left out."""
        uses: dict[tuple[str, int], ProcessUse] = {}
        measured: set[psutil.Process] = set()
        for key, found in processes.items():
            cpus: list[float] = []
            memory: list[int] = []
            for process in found:
                try:
                    cpu, resident = process.cpu_percent(), process.memory_info().rss
                except psutil.Error:
                    continue
                memory.append(resident)
                measured.add(process)
                # The first percentage means nothing: there is no time that it is a part of.
                if process in self._measured:
                    cpus.append(cpu)
            if memory:
                # Fractions are noise, and each change has the screen painted anew.
                percent = round(sum(cpus)) if cpus else None
                uses[key] = ProcessUse(found[0].pid, percent, sum(memory))
        self._measured = measured
        return uses

    def _find_launcher(
        self, commands: Sequence[_Command], flow_file: str, created_at: Ms | None
    ) -> None:
        """The parent of a step process is the launcher; before there is one, it is guessed.

        A guess is given up when the process turns out to be another run's launcher, and not made
        where more than one fits.
        """
        candidates = [
            command.process
            for command in commands
            if command.options is None
            and command.process not in self._others
            and _launches(command.arguments, flow_file)
            and self._is_alive(command)
        ]
        if not candidates:
            return
        parents: dict[int, set[str]] = {}
        for command in commands:
            if command.options is not None and self._is_alive(command):
                run = command.options.get("--run-id", "")
                parents.setdefault(_parent(command.process), set()).add(run)
        for process in candidates:
            runs = parents.get(process.pid, set())
            if self._run in runs:
                self._launcher, self._sure = process, True
                return
            if runs:
                self._others.add(process)
        if self._launcher in self._others:
            self._launcher = None
        if self._launcher is None and created_at is not None:
            fitting = [
                process
                for process in candidates
                if process not in self._others and _started_for(process, created_at)
            ]
            self._launcher = fitting[0] if len(fitting) == 1 else None

    def _is_alive(self, command: _Command) -> bool:
        if is_alive(command.process):
            return True
        self._commands.forget(command)
        return False


@dataclass(frozen=True, slots=True)
class _Command:
    """A process that has the arguments of a step, then also as `options`, or may be a launcher."""

    process: psutil.Process
    arguments: Sequence[str]
    options: Mapping[str, str] | None


class Commands:
    """The step processes and possible launchers of this machine, of whatever run.

    Only command lines tell them from all other processes. To read those of a large machine takes
    long, to list its pids does not: each is read once. That a pid has passed to another process is
    not looked for at each look, for the kernel hands out all others first; who relies on a process
    asks whether it is alive, and calls `forget` if not.
    """

    def __init__(self, lasts: float = 0.0) -> None:
        """`lasts` is for how many seconds what was found is not looked for again."""
        self._lasts = lasts
        self._settled: set[int] = set()
        self._found: dict[int, _Command] = {}
        self._looked_at = -math.inf

    def look(self) -> Sequence[_Command]:
        """Those there are, oldest first; some may be zombies, or their pids reused by now."""
        now = time.monotonic()
        if now - self._looked_at >= self._lasts:
            self._look(now)
        return sorted(self._found.values(), key=_age_order)

    def local_runs(self) -> frozenset[str]:
        """The ids of runs with local metadata that have a live step process on this machine."""
        return frozenset(
            command.options.get("--run-id", "")
            for command in self.look()
            if command.options is not None
            and command.options.get("--metadata", "local").startswith("local")
            and is_alive(command.process)
        )

    def _look(self, now: float) -> None:
        if now - self._looked_at > PIDS_REUSED:
            self._settled.clear()
        self._looked_at = now
        pids = set(psutil.pids())
        self._settled &= pids
        for pid in self._found.keys() - pids:
            del self._found[pid]
        for pid in pids - self._settled:
            self._read(pid)

    def forget(self, command: _Command) -> None:
        """Read what has this pid anew in the next look: `command` has ended."""
        self._settled.discard(command.process.pid)
        self._found.pop(command.process.pid, None)

    def _read(self, pid: int) -> None:
        known = self._found.pop(pid, None)
        try:
            # Processor time is measured between two calls on the same object.
            kept = known is not None and known.process.is_running()
            process = known.process if known and kept else psutil.Process(pid)
            # A new process has its parent's command line until it executes its own program, and
            # that may be a wrapper which executes another: it is read again while it is young.
            if time.time() - process.create_time() >= SETTLED:
                self._settled.add(pid)
            arguments = process.cmdline()
        except psutil.Error:
            return
        options = _step_options(arguments)
        if options is not None or _may_launch(arguments):
            self._found[pid] = _Command(process, arguments, options)


def _age_order(command: _Command) -> tuple[float, int]:
    return (command.process.create_time(), command.process.pid)


def _step_options(arguments: Sequence[str]) -> Mapping[str, str] | None:
    """The `--name value` pairs of a step process, or None for any other process."""
    if "step" not in arguments or "--run-id" not in arguments or "--task-id" not in arguments:
        return None
    return dict(pairwise(arguments))


def _launches(arguments: Sequence[str], flow_file: str) -> bool:
    names = [os.path.basename(argument) for argument in arguments[:4]]
    return flow_file in names and _may_launch(arguments)


def _may_launch(arguments: Sequence[str]) -> bool:
    return "run" in arguments or "resume" in arguments


def identity(pid: int) -> ProcessId | None:
    """What the process with this pid is told by; None when there is none, or it has ended."""
    try:
        process = psutil.Process(pid)
        # The kernel counts from the machine's start: setting the clock moves both of these.
        started = process.create_time() - psutil.boot_time()
        return ProcessId(pid, started, shlex.join(process.cmdline()))
    except psutil.Error:
        return None


def is_alive(process: psutil.Process) -> bool:
    """A zombie, ended but not yet collected by its parent, is not alive."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _parent(process: psutil.Process) -> int:
    try:
        return int(process.ppid())
    except psutil.Error:
        return 0


def _started_for(process: psutil.Process, created_at: Ms) -> bool:
    try:
        started = process.create_time() * 1000
    except psutil.Error:
        return False
    # A second of slack: process start times are rounded to clock ticks.
    return -1000 <= created_at - started <= START_UP
