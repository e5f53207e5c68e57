"""Processes on this machine that belong to a run: its launcher and its step processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import psutil

from flowtui.model import Ms

START_UP = 120_000
"""Milliseconds that a launcher may take from its start until it registers its run."""


@dataclass(frozen=True, slots=True)
class RunProcesses:
    """`steps` maps (task id, attempt) to the process id of its step process.

    `ended` are step processes that were seen and are gone, once the launcher is gone too: nobody is
    left to write down how they ended.
    """

    launcher: int | None = None
    launcher_gone: bool = False
    steps: Mapping[tuple[str, int], int] = field(default_factory=dict)
    ended: Mapping[tuple[str, int], int] = field(default_factory=dict)


class ProcessWatch:
    """Finds a run's processes; remembers its launcher, so that its end is noticed at once.

    Metaflow starts a step as `python flow.py … step NAME --run-id R --task-id T … --retry-count K`.
    The launcher (`python flow.py … run`) does not name its run: it is the parent of a step process
    or, before and between those, a process running the same flow file that started just before the
    run was registered and has no step process of another run.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._launcher: psutil.Process | None = None
        self._sure = False
        self._others: set[psutil.Process] = set()
        self._seen: dict[tuple[str, int], int] = {}

    def look(self, flow_file: str | None, created_at: Ms | None) -> RunProcesses:
        """The run's processes as they are now; `flow_file` is the base name of the flow's file."""
        steps: dict[tuple[str, int], int] = {}
        parents: dict[int, set[str]] = {}
        candidates: list[psutil.Process] = []
        for process, arguments in _python_processes():
            options = _step_options(arguments)
            if options is None:
                if flow_file and _launches(arguments, flow_file):
                    candidates.append(process)
                continue
            run = options.get("--run-id", "")
            parents.setdefault(_parent(process), set()).add(run)
            if run == self._run:
                attempt = options.get("--retry-count", "0")
                key = (options.get("--task-id", ""), int(attempt) if attempt.isdigit() else 0)
                # Metaflow may wrap a step process in another with the same arguments: the outer
                # one, which started first, lives as long as the attempt.
                steps.setdefault(key, process.pid)
        self._seen.update(steps)
        self._find_launcher(candidates, parents, created_at)
        if self._launcher is None:
            return RunProcesses(steps=steps)
        if _is_alive(self._launcher):
            return RunProcesses(launcher=self._launcher.pid, steps=steps)
        ended = {key: pid for key, pid in self._seen.items() if key not in steps}
        return RunProcesses(launcher_gone=True, steps=steps, ended=ended)

    def _find_launcher(
        self,
        candidates: Sequence[psutil.Process],
        parents: Mapping[int, set[str]],
        created_at: Ms | None,
    ) -> None:
        """The parent of a step process is the launcher; before there is one, it is guessed.

        A guess is given up when the process turns out to be another run's launcher, and not made
        where more than one fits.
        """
        if self._sure:
            return
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


def _python_processes() -> Iterator[tuple[psutil.Process, Sequence[str]]]:
    """Every process with more than two arguments, oldest first."""
    found = [
        (process, process.info["cmdline"])
        for process in psutil.process_iter(["cmdline", "create_time"])
        if process.info["cmdline"] and len(process.info["cmdline"]) > 2
    ]
    return iter(sorted(found, key=lambda item: item[0].info["create_time"] or 0))


def _step_options(arguments: Sequence[str]) -> Mapping[str, str] | None:
    """The `--name value` pairs of a step process, or None for any other process."""
    if "step" not in arguments or "--run-id" not in arguments or "--task-id" not in arguments:
        return None
    return dict(pairwise(arguments))


def _launches(arguments: Sequence[str], flow_file: str) -> bool:
    names = [os.path.basename(argument) for argument in arguments[:4]]
    return flow_file in names and ("run" in arguments or "resume" in arguments)


def _is_alive(process: psutil.Process) -> bool:
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
