"""Runs other programs on the terminal that flowtui is on, which has let go of it meanwhile."""

from __future__ import annotations

import errno
import shlex
import signal
import subprocess
import sys
import termios
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

from flowtui.actions.errors import ActionError
from flowtui.logs.sanitise import one_line

_LONGEST_COMMAND = 4000


class _Left(Exception):  # noqa: N818
    """flowtui is to end while it waits for a key."""


class _Foreground:
    """Ends the running process when flowtui is to end; the signal stays noted.

    asyncio learns of a signal by its wake-up descriptor, whatever the handler is.
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.waiting = False
        self.leaving = False

    def __enter__(self) -> _Foreground:
        numbers = (signal.SIGTERM, signal.SIGHUP)
        self._before = {number: signal.signal(number, self._end) for number in numbers}
        self._before[signal.SIGINT] = signal.getsignal(signal.SIGINT)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.leaving = True
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)
        if self.waiting:
            raise _Left


def run_in_foreground(command: Sequence[str], *, pause: bool = False) -> int:
    """Run a command on this terminal until it ends; returns its exit code, or -N for signal N.

    With `pause` the command is shown first, and in the end Enter waited for, so that what it
    printed can be read. Asked to end meanwhile, it ends the command first. Raises ActionError.
    """
    if pause:
        print(f"$ {one_line(shlex.join(command), _LONGEST_COMMAND)}\n", flush=True)
    with _Foreground() as foreground:
        try:
            process = subprocess.Popen(command)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ActionError(f"{command[0]} could not be started: {reason.lower()}.") from error
        foreground.process = process
        if foreground.leaving:
            # Asked to end before the process was known to be there.
            process.terminate()
        # Not before the program is there, which would inherit it: ctrl+c is the program's.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = process.wait()
        if pause and not foreground.leaving:
            _wait_for_enter(foreground, f"{one_line(command[0])} {ended(code)}.")
    return code


def ended(code: int) -> str:
    """How a process has ended, by its exit code, or -N for signal N."""
    if not code:
        return "has ended"
    return f"ended with exit code {code}" if code > 0 else f"ended with signal {-code}"


def _wait_for_enter(foreground: _Foreground, told: str) -> None:
    try:
        foreground.waiting = True
        # What was typed for the program is no answer.
        termios.tcflush(0, termios.TCIFLUSH)
        print(f"\n{told} Press enter to go back to flowtui.", end="", flush=True)
        sys.stdin.readline()
    except (_Left, OSError, termios.error):
        return
    finally:
        foreground.waiting = False


def window_closed() -> bool:
    """Whether the terminal on standard input has hung up; False when there is none."""
    try:
        termios.tcgetattr(0)
    except termios.error as error:
        return bool(error.args[0] == errno.EIO)
    return False
