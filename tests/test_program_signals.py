"""However the program ends: at once, with the terminal as it was, and never waiting for I/O."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.program import AT_ONCE, assert_restored, monitor, printed, wait_for_focus
from tests.runs import RecordedRun, eventually
from tests.terminal import Terminal

SLOW_SOURCE = """
import time
from pathlib import Path
import flowtui.app
from flowtui.sources.registry import open_source

class Slow:
    def __init__(self, source):
        self._source, self._polls = source, 0
    def __getattr__(self, name):
        return getattr(self._source, name)
    def poll(self):
        self._polls += 1
        if self._polls > 1:
            Path.home().joinpath("polling").touch()
            time.sleep(5)
        return self._source.poll()

def open_slow(target, where):
    resolved, source = open_source(target, where)
    return resolved, Slow(source)

flowtui.app.open_source = open_slow
"""
"""The source of a run, each poll of which after the first takes five seconds."""

CRASHES_ON_HELP = """
import flowtui.app

def crash(self):
    raise RuntimeError("the help is on fire")

flowtui.app.FlowtuiApp.action_help = crash
"""

CRASHES_IN_POLL = """
import flowtui.app
from flowtui.sources.registry import open_source

class Crashing:
    def __init__(self, source):
        self._source, self._polls = source, 0
    def __getattr__(self, name):
        return getattr(self._source, name)
    def poll(self):
        self._polls += 1
        if self._polls == 2:
            raise RuntimeError("the source is on fire")
        return self._source.poll()

def open_crashing(target, where):
    resolved, source = open_source(target, where)
    return resolved, Crashing(source)

flowtui.app.open_source = open_crashing
"""


@pytest.fixture
def run(runs: dict[str, RecordedRun]) -> RecordedRun:
    """A run to look at: one of three tasks has failed."""
    return runs["failed"]


@contextmanager
def watching(
    run: RecordedRun, home: Path, *options: str, script: str | None = None
) -> Iterator[Terminal]:
    """The monitor on a run, once its picture is complete."""
    with monitor(run.pathspec, *options, root=run.root, home=home, script=script) as screen:
        screen.wait_for("countries=NO", "ValueError: no data for NO")
        yield screen


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+c", 130)])
def test_a_key_leaves_at_once(key: str, code: int, run: RecordedRun, tmp_path: Path) -> None:
    with watching(run, tmp_path) as screen:
        pressed = screen.press(key)
        assert screen.exit_code() == code
        took(f"{key} while idle", pressed, screen)
    assert_restored(screen)
    assert printed(screen.raw) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_restores_the_terminal(
    number: signal.Signals, code: int, run: RecordedRun, tmp_path: Path
) -> None:
    with watching(run, tmp_path) as screen:
        sent = time.monotonic()
        screen.send_signal(number)
        assert screen.exit_code() == code
        took(number.name, sent, screen)
    assert_restored(screen)
    assert printed(screen.raw) == []


def test_a_signal_during_the_start_restores_the_terminal(run: RecordedRun, tmp_path: Path) -> None:
    with monitor(run.pathspec, root=run.root, home=tmp_path) as screen:
        eventually(lambda: b"\x1b[?1049h" in screen.raw, "the alternate screen is shown")
        screen.send_signal(signal.SIGTERM)
        assert screen.exit_code() == 143
    assert_restored(screen)


def test_the_program_ends_when_its_window_is_closed(run: RecordedRun, tmp_path: Path) -> None:
    with watching(run, tmp_path) as screen:
        screen.hang_up()
        assert screen.exit_code() == 129


def test_a_crash_restores_the_terminal_and_says_what_happened(
    run: RecordedRun, tmp_path: Path
) -> None:
    with watching(run, tmp_path, script=CRASHES_ON_HELP) as screen:
        screen.press("?")
        assert screen.exit_code() == 1
    assert_restored(screen)
    assert any("RuntimeError: the help is on fire" in line for line in printed(screen.raw))


def test_a_source_that_breaks_is_named_on_the_screen(run: RecordedRun, tmp_path: Path) -> None:
    with watching(run, tmp_path, script=CRASHES_IN_POLL) as screen:
        screen.press("f5")
        screen.wait_for_line("the source is on fire")
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)


def test_keys_are_answered_while_a_poll_takes_five_seconds(
    run: RecordedRun, tmp_path: Path
) -> None:
    with watching(run, tmp_path, script=SLOW_SOURCE) as screen:
        screen.press("tab")
        wait_for_focus(screen, "train · foreach")
        screen.press("g")
        screen.wait_for("▸ 2 ")
        screen.press("f5")
        eventually((tmp_path / "polling").exists, "the second poll has begun")

        delays = []
        for key, task in [("j", "3"), ("j", "4"), ("k", "3"), ("k", "2")] * 4:
            pressed = screen.press(key)
            delays.append(screen.wait_for(f"▸ {task} ") - pressed)
        for title in ("stdout ·", "stderr ·", "graph ─", "train · foreach"):
            pressed = screen.press("tab")
            delays.append(wait_for_focus(screen, title) - pressed)

        pressed = screen.press("q")
        assert screen.exit_code() == 0
        took("q while a poll sleeps", pressed, screen)
    assert_restored(screen)
    in_order = sorted(delays)
    median, p95 = statistics.median(in_order), in_order[18]
    print(f"20 keys, to repaint: median {median * 1e3:.0f} ms, p95 {p95 * 1e3:.0f} ms")
    assert in_order[-1] < AT_ONCE


def took(what: str, since: float, screen: Terminal) -> None:
    """The program has ended at once, counted from that moment."""
    seconds = screen.ended_at - since
    print(f"{what}: ended after {seconds:.2f} s")
    assert seconds < AT_ONCE
