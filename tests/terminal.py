"""A program in a real pseudo-terminal, and what its screen shows: pyte is the terminal emulator."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyte
from wcwidth import wcwidth

KEYS: Mapping[str, bytes] = {
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "shift+tab": b"\x1b[Z",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "pagedown": b"\x1b[6~",
    "f5": b"\x1b[15~",
    "backspace": b"\x7f",
    "ctrl+c": b"\x03",
    "ctrl+p": b"\x10",
    "ctrl+s": b"\x13",
}
"""What a terminal sends for the keys that are not a character."""

PATIENCE = 30.0
"""Seconds a screen may take to show what is waited for; a busy machine is no failure."""

# Kitty's keyboard protocol (`CSI > 25 u`, `CSI < u`) and other sequences with a private marker that
# pyte takes for text or for something else.
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<=>][0-9;:]*[ -/]*[@-~]")
_UNFINISHED = re.compile(rb"\x1b(\[[0-?]*[ -/]*)?$")

# Synchronized output: asked for by the program, known here, so that no half of a picture is read.
_IS_SYNC_KNOWN, _SYNC_IS_KNOWN = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_UPDATE_BEGINS, _UPDATE_ENDS = b"\x1b[?2026h", b"\x1b[?2026l"

# Becomes the command once the terminal is the one that its session is controlled by.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class _Screen(pyte.Screen):  # type: ignore[misc]
    """Draws what takes room: at a joiner pyte gives up a text, over a flood of marks it broods."""

    def draw(self, data: str) -> None:
        if not data.isascii():
            data = "".join([character for character in data if wcwidth(character) > 0])
        x = self.cursor.x
        if data.isascii() and x + len(data) <= self.columns:
            # As pyte does it, without asking for the width of each character.
            attributes = self.cursor.attrs
            cells = {character: attributes._replace(data=character) for character in set(data)}
            line = self.buffer[self.cursor.y]
            for column, character in enumerate(data, x):
                line[column] = cells[character]
            self.cursor.x = x + len(data)
            self.dirty.add(self.cursor.y)
        else:
            super().draw(data)


class Terminal:
    """Runs a command in a terminal of its own; its whole session is killed in the end."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        size: tuple[int, int] = (160, 45),
        cwd: Path | None = None,
    ) -> None:
        """`size` is columns and rows."""
        self._screen = _Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._arrived: list[tuple[float, bytes]] = []
        self._fed = 0
        self._unfinished = b""
        self._updating = False
        self._news = threading.Condition()
        self._master, self._slave = os.openpty()
        self._wake, self._waker = os.pipe()
        self._set_size(*size)
        self.attributes_before = termios.tcgetattr(self._slave)
        self.attributes_after: list[Any] | None = None
        self.ended_at = 0.0
        taking = (sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL)
        self.process = subprocess.Popen(
            [*taking, *map(str, command)],
            env={**_without_hints(environment), "TERM": "xterm-256color"},
            cwd=cwd,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._let_go()
        self.hang_up()

    # What goes in

    def press(self, *keys: str) -> float:
        """Type keys by name (`enter`, `ctrl+c`) or text as it is; returns the monotonic second."""
        data = b"".join(KEYS.get(key) or key.encode() for key in keys)
        at = time.monotonic()
        os.write(self._master, data)
        return at

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size; the kernel sends SIGWINCH."""
        self._feed()
        self._screen.resize(rows, columns)
        self._set_size(columns, rows)

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, as `kill` does."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Close the window."""
        if self._master >= 0:
            os.close(self._waker)
            # Closed under a reader it would stay open until that reader has read.
            self._reader.join()
            os.close(self._wake)
            os.close(self._master)
            self._master = -1

    # What comes out

    @property
    def raw(self) -> bytes:
        """All that the program has written so far."""
        with self._news:
            return b"".join(data for _, data in self._arrived)

    def lines(self) -> list[str]:
        """The rows of the screen as they are now, without trailing blanks."""
        self._feed()
        return self._shown()

    def text(self) -> str:
        """The screen as it is now."""
        return "\n".join(self.lines())

    def cells(self) -> list[list[str]]:
        """The screen as it is now, cell by cell; the second cell of a wide character is empty."""
        self._feed()
        return self._cells()

    def colour(self, text: str) -> str:
        """The foreground of the first place that shows `text`, as pyte names it; "" for nowhere.

        Of the screen as the last call saw it, so that a predicate may ask.
        """
        cell = self._first_cell(text)
        return str(cell.fg) if cell is not None else ""

    def is_bold(self, text: str) -> bool:
        """Whether the first place that shows `text` is bold; like `colour` otherwise."""
        cell = self._first_cell(text)
        return cell is not None and bool(cell.bold)

    def wait_for(self, *texts: str, seconds: float = PATIENCE) -> float:
        """Wait until the screen holds all texts; see `wait_until`."""
        return self.wait_until(lambda screen: all(text in screen for text in texts), texts, seconds)

    def wait_for_line(self, *texts: str, seconds: float = PATIENCE) -> float:
        """Wait until one row of the screen holds all texts; see `wait_until`."""
        return self.wait_until(
            lambda screen: any(all(t in line for t in texts) for line in screen.splitlines()),
            texts,
            seconds,
        )

    def wait_until(
        self, holds: Callable[[str], object], what: object, seconds: float = PATIENCE
    ) -> float:
        """Wait until a predicate of the screen's text holds.

        Returns the monotonic second at which the output that made it true arrived. Fails with
        `what` and the screen when it has not come within `seconds`, or the program has ended.
        """
        deadline = time.monotonic() + seconds
        at = time.monotonic()
        while self._updating or not holds("\n".join(self._shown())):
            arrived = self._feed_one(deadline)
            if arrived is None:
                why = "the program has ended" if self._ended() else f"not within {seconds} s"
                raise AssertionError(f"{why}: {what}; the screen:\n{self.text()}")
            at = arrived
        return at

    def wait_for_output(self, seconds: float = PATIENCE) -> None:
        """Wait until the program writes anything more."""
        self._feed()
        if self._feed_one(time.monotonic() + seconds) is None:
            raise AssertionError(f"no output within {seconds} s; the screen:\n{self.text()}")

    def exit_code(self, timeout: float = PATIENCE) -> int:
        """Wait for the program's end; negative when a signal killed it."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            message = f"the program has not ended within {timeout} s; the screen:\n{self.text()}"
            raise AssertionError(message) from None
        self.ended_at = time.monotonic()
        self._let_go()
        return code

    # Reading

    def _read(self) -> None:
        asked = b""
        while True:
            ready, _, _ = select.select([self._master, self._wake], [], [])
            try:
                data = os.read(self._master, 65536) if self._wake not in ready else b""
            except OSError:
                # All who held the terminal open have ended.
                data = b""
            asked = asked[-len(_IS_SYNC_KNOWN) + 1 :] + data
            if _IS_SYNC_KNOWN in asked:
                os.write(self._master, _SYNC_IS_KNOWN)
            with self._news:
                if data:
                    self._arrived.append((time.monotonic(), data))
                self._news.notify_all()
            if not data:
                return

    def _ended(self) -> bool:
        return self.process.poll() is not None

    def _feed_one(self, deadline: float) -> float | None:
        """Show the next piece of output; returns when it came, None when none came in time."""
        with self._news:
            while self._fed == len(self._arrived):
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    return None
                # The program may end while another process holds its terminal open.
                if not self._news.wait(min(left, 0.2)) and self._ended():
                    return None
            at, data = self._arrived[self._fed]
            self._fed += 1
        self._show(data)
        return at

    def _feed(self) -> None:
        while self._feed_one(0.0) is not None:
            pass

    def _show(self, data: bytes) -> None:
        data = self._unfinished + data
        cut = _UNFINISHED.search(data)
        end = cut.start() if cut else len(data)
        self._unfinished = data[end:]
        begun, ended = (data.rfind(mark, 0, end) for mark in (_UPDATE_BEGINS, _UPDATE_ENDS))
        if begun != ended:
            self._updating = begun > ended
        self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", data[:end]))

    def _shown(self) -> list[str]:
        # Not pyte's `display`, which trips over half of a wide character that was written over.
        return ["".join(row).rstrip() for row in self._cells()]

    def _cells(self) -> list[list[str]]:
        columns = range(self._screen.columns)
        rows = (self._screen.buffer[row] for row in range(self._screen.lines))
        return [[row[column].data for column in columns] for row in rows]

    def _first_cell(self, text: str) -> Any | None:
        for row, line in enumerate(self._shown()):
            if text in line:
                return self._screen.buffer[row][line.index(text)]
        return None

    # The terminal itself

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _let_go(self) -> None:
        """Look at the terminal's settings, and read what is left until nobody holds it open."""
        if self._slave >= 0:
            with suppress(termios.error):  # The window has been closed.
                self.attributes_after = termios.tcgetattr(self._slave)
            os.close(self._slave)
            self._slave = -1
            self._reader.join(2)


def _without_hints(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what other terminals left in it."""
    hints = ("COLUMNS", "LINES", "NO_COLOR", "TEXTUAL", "TERM")
    kept = {name: text for name, text in environment.items() if not name.startswith(hints)}
    return {**kept, "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
