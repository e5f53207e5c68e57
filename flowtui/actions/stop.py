"""Stops a run: interrupts its launcher and what that has started, as Ctrl-C in its terminal does.

Metaflow's launcher expects its step processes to get the signal too. To itself alone it makes it
wait five seconds and then kill them: what they would have recorded is lost, and what they have
started lives on.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil

from flowtui.actions.errors import ActionError
from flowtui.model import ProcessId
from flowtui.sources.processes import identity, is_alive

SAME_START = 0.5
"""Seconds by which two readings of one start may differ: no pid is reused as fast."""


def stop(process: ProcessId) -> None:
    """Interrupt a run's launcher, with its descendants in the same process group; does not wait.

    A launcher that ignores interrupts, as one that a script put in the background does, is
    terminated instead. Raises ActionError when the process is no longer the one it was, or is
    another user's.
    """
    launcher = _found(process)
    if launcher is None:
        raise ActionError(f"Process {process.pid} has ended already.")
    number = signal.SIGTERM if _ignores_interrupts(process.pid) else signal.SIGINT
    try:
        group = os.getpgid(process.pid)
        # A step before the programs it has started, or it would take their end for its result.
        started = launcher.children(recursive=True)
        # The launcher first: it would start another attempt of a step that fails.
        launcher.send_signal(number)
        with suppress(psutil.NoSuchProcess):
            # It may just have started one.
            later = launcher.children(recursive=True)
            started += [process for process in later if process not in started]
    except (psutil.NoSuchProcess, ProcessLookupError) as error:
        raise ActionError(f"Process {process.pid} has ended already.") from error
    except (psutil.AccessDenied, PermissionError) as error:
        raise ActionError(
            f"Process {process.pid} is of another user: it can be stopped by that user."
        ) from error
    for other in started:
        with suppress(psutil.Error, OSError):
            if os.getpgid(other.pid) == group:
                other.send_signal(number)


def stopped(process: ProcessId) -> bool:
    """Whether the process has ended; one that was not collected by its parent yet has, too."""
    return _found(process) is None


def _found(process: ProcessId) -> psutil.Process | None:
    """The live process, unless its pid stands for another one by now."""
    now = identity(process.pid)
    if now is None or now.command != process.command:
        return None
    if abs(now.started - process.started) > SAME_START:
        return None
    with suppress(psutil.Error):
        found = psutil.Process(process.pid)
        return found if is_alive(found) else None
    return None


def _ignores_interrupts(pid: int) -> bool:
    """Whether a process ignores SIGINT, as far as the system tells: Linux does."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        ignored = next(line for line in lines if line.startswith("SigIgn:")).split()[1]
        return bool(int(ignored, 16) >> (signal.SIGINT - 1) & 1)
    except (OSError, StopIteration, ValueError, IndexError):
        return False
