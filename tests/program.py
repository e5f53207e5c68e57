"""The installed program `flowtui` in a terminal, and flows that run while it watches."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.runs import eventually, flow_environment, launch
from tests.terminal import Terminal

PROGRAM = Path(sys.executable).parent / "flowtui"
WIDE, SMALL = (160, 45), (80, 24)

AT_ONCE = 3.0
"""Seconds that leaving or answering a key may take on a busy machine; it waits for no I/O then."""


@contextmanager
def monitor(
    *arguments: str,
    root: Path,
    home: Path,
    size: tuple[int, int] = WIDE,
    extra: Mapping[str, str] | None = None,
    script: str | None = None,
) -> Iterator[Terminal]:
    """`flowtui` with these arguments in a terminal, reading the local metadata under `root`.

    `home` holds the user's directories. `script` is Python that changes flowtui before it starts.
    """
    environment = {**flow_environment(root, extra), **_home(home)}
    command: list[str | Path] = [PROGRAM, *arguments]
    if script is not None:
        started = f"{script}\nfrom flowtui.cli.main import main\nmain()\n"
        command = [sys.executable, "-c", started, *arguments]
    try:
        with Terminal(command, environment=environment, size=size, cwd=root) as terminal:
            yield terminal
    finally:
        _kill_all_of(home)


@contextmanager
def running_flow(
    flow_file: str, *arguments: str, root: Path, home: Path
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A flow of `tests/flows/` that runs meanwhile; gives its launcher and the run's id."""
    process, id_file = launch(root, flow_file, *arguments, extra=_home(home))
    try:
        eventually(lambda: id_file.exists() and id_file.read_text(), "the run has an id")
        yield process, id_file.read_text()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _kill_all_of(home)


def wait_for_focus(screen: Terminal, title: str) -> float:
    """Wait until the pane with this title has the focus, which its bold title shows."""
    return screen.wait_until(lambda _: screen.is_bold(title), f"the focus on {title}")


def run_ids(root: Path, flow: str) -> list[str]:
    """The runs that the local metadata under `root` holds of a flow, oldest first."""
    return sorted(
        path.parents[1].name for path in root.glob(f".metaflow/{flow}/*/_meta/_self.json")
    )


# What a terminal is left with

_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_ESCAPE = re.compile(rb"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\^_])")
_ON_IN_THE_BEGINNING = {7, 25}
"""DECAWM and DECTCEM, a terminal's line wrap and cursor: on where the other modes are off."""


def modes_changed(raw: bytes) -> set[int]:
    """The DEC private modes that output leaves other than it found them.

    1049 is the alternate screen, 25 the cursor, 1000 to 1016 the mouse, 2004 bracketed paste.
    """
    on = set(_ON_IN_THE_BEGINNING)
    for numbers, what in _MODE.findall(raw):
        for number in map(int, numbers.split(b";")):
            (on.add if what == b"h" else on.discard)(number)
    return on ^ _ON_IN_THE_BEGINNING


def printed(raw: bytes) -> list[str]:
    """The lines written to the terminal itself, before and after the alternate screen."""
    before, _, rest = raw.partition(b"\x1b[?1049h")
    outside = before + rest.rpartition(b"\x1b[?1049l")[2]
    text = _ESCAPE.sub(b"", outside).decode()
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def assert_restored(terminal: Terminal) -> None:
    """The terminal is as it was before the program started, which has ended."""
    assert b"\x1b[?1049h" in terminal.raw, "the app has never drawn"
    assert modes_changed(terminal.raw) == set()
    assert terminal.raw.count(b"\x1b[<u") == terminal.raw.count(b"\x1b[>25u"), "kitty keys stay on"
    assert terminal.attributes_after == terminal.attributes_before


def _home(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
    }


def _kill_all_of(home: Path) -> None:
    """Kill what was started with this home, however detached: resumed runs outlive the app."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("XDG_STATE_HOME") == str(home / "state"):
                process.kill()
