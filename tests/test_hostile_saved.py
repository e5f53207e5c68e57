"""Hostile logs saved byte for byte; lines of 100 MB, and logs that grow by halves of a payload."""

from __future__ import annotations

import re
import time
from itertools import count
from pathlib import Path

import pytest

from flowtui.model import STREAMS
from tests.hostile import payloads, short_payloads
from tests.hostile_runs import PREFIX, LocalRun, graph_info, in_order, structured
from tests.program import AT_ONCE, assert_restored, monitor, wait_for_focus
from tests.raw_terminal import assert_framed, assert_harmless
from tests.terminal import Terminal

SIZE = (110, 40)
HEADER = "HostileFlow/17"
SOON = 5.0
"""Seconds in which a log of one immense line has to be shown on a busy machine."""

IMMENSE = {
    "100 MB": (b"\x1b]52;c;cHduZWQ=\x07[/bold]\x1b[2J\xff\x00" * 4_545_455)[:100_000_000],
    "a million returns": b"\x1b]0;pwned\x07a\r" * 1_000_000 + b"the last state",
    "100 MB in one sequence": b"\x1b]52;c;" + b"A" * 100_000_000,
}


@pytest.fixture
def run(tmp_path: Path) -> LocalRun:
    made = LocalRun(tmp_path / "metaflow")
    made.graph(graph_info())
    made.step("start")
    made.step("work")
    made.task("start", "1", {"attempt_ok": "True"})
    return made


def open_log(screen: Terminal) -> None:
    screen.wait_for("✗ failed", "╭")
    screen.press("!")
    wait_for_focus(screen, "work · foreach")
    screen.press("enter")
    screen.wait_for(f"{HEADER}/work/2", "esc back")
    # From what was raised past stdout.
    screen.press("tab", "tab")
    wait_for_focus(screen, "stderr · attempt 0")


def test_a_hostile_log_is_saved_byte_for_byte(run: LocalRun, tmp_path: Path) -> None:
    messages = in_order(payload.raw for payload in payloads())
    logs = {
        "0.task_stderr.log": structured(messages),
        "0.runtime_stderr.log": b"",
        "0.runtime_stdout.log": b"",
    }
    run.task("work", "2", {"attempt_ok": "False"}, logs=logs)
    with monitor(run.pathspec, root=run.root, home=tmp_path, size=SIZE) as screen:
        open_log(screen)
        screen.press("ctrl+s")
        screen.wait_for("save the log", "HostileFlow-17-work-2-0.stderr.log")
        screen.press("enter")
        screen.wait_for("Saved ")
        screen.press("q")
        assert screen.exit_code() == 0
    saved = (run.root / "HostileFlow-17-work-2-0.stderr.log").read_bytes()
    assert saved == b"".join(message + b"\n" for message in messages)
    assert_restored(screen)
    assert_harmless(screen.raw, SIZE)


@pytest.mark.parametrize("what", IMMENSE)
def test_an_immense_line_is_shown_and_saved_and_harms_nothing(
    what: str, run: LocalRun, tmp_path: Path
) -> None:
    line = IMMENSE[what]
    logs = {
        "0.task_stderr.log": structured([b"before", line, b"after"]),
        "0.runtime_stderr.log": b"",
        "0.runtime_stdout.log": b"",
    }
    run.task("work", "2", {"attempt_ok": "False"}, logs=logs)
    with monitor(run.pathspec, root=run.root, home=tmp_path, size=SIZE) as screen:
        open_log(screen)
        screen.wait_for("│before", "│after", seconds=SOON)
        for key in ("w", "t", "J", "w", "t", "J"):
            screen.press(key)
            screen.wait_for_output(SOON)
        screen.press("?")
        screen.wait_for("esc closes", seconds=SOON)
        screen.press("escape")
        screen.wait_until(lambda now: "esc closes" not in now and "│before" in now, "the log")
        assert_framed(screen, header=HEADER)
        screen.press("ctrl+s")
        screen.wait_for("save the log")
        screen.press("enter")
        screen.wait_for("Saved ")
        began = time.monotonic()
        screen.press("q")
        assert screen.exit_code() == 0
        assert screen.ended_at - began < AT_ONCE
    assert_restored(screen)
    assert_harmless(screen.raw, SIZE)
    saved = (run.root / "HostileFlow-17-work-2-0.stderr.log").read_bytes()
    assert saved == b"before\n" + line + b"\nafter\n"


SPLIT = [
    b"\x1b]52;c;cHduZWQ=\x07",
    b"\x9d0;pwned\x9c\xc2\x9b2J",
    b"\xf0\x9f\x92\xa5\xe2\x80\xae\r\x00\xe2\x80",
    b"[/bold][@click=app.quit]x\x1b[?1049l",
    *(payload.raw for payload in short_payloads(24)[7::500]),
]
TASKS = 60
SOURCES = [f"0.{who}_{stream}.log" for who in ("task", "runtime") for stream in STREAMS]


def _append(log: Path, data: bytes) -> None:
    with log.open("ab") as file:
        file.write(data)


def test_a_payload_cut_at_any_byte_does_nothing_while_it_is_written(
    run: LocalRun, tmp_path: Path
) -> None:
    """Each line is written in two halves, to a log of its own, cut between any two bytes once."""
    cuts = [
        (raw, cut)
        for raw in (re.sub(b"[\r\n]", b"", payload) for payload in SPLIT)
        for cut in range(len(raw) + 1)
    ]
    tasks = [run.task("work", str(n + 2), {"foreach-stack": [f"items={n}"]}) for n in range(TASKS)]
    logs = [task / source for source in SOURCES for task in tasks]
    assert 120 < len(cuts) <= len(logs)
    sentinel = run.task("work", "1000", {}) / "0.task_stdout.log"
    times = (PREFIX % (0, number, 1) for number in count())
    target = f"{run.pathspec}/work"
    with monitor(target, root=run.root, home=tmp_path, size=SIZE) as screen:
        wait_for_focus(screen, "work · foreach")
        screen.press("L")
        screen.wait_for(f"{HEADER}/work", f"{TASKS + 1} running")
        for log, (raw, cut) in zip(logs, cuts, strict=False):
            _append(log, next(times) + b"half " + raw[:cut])
        _append(sentinel, next(times) + b"that was the first half\n")
        screen.wait_for("that was the first half")
        assert_framed(screen, header=HEADER)
        for log, (raw, cut) in zip(logs, cuts, strict=False):
            _append(log, raw[cut:] + b"\n")
        _append(sentinel, next(times) + b"that was the second half\n")
        screen.wait_for("that was the second half")
        assert_framed(screen, header=HEADER)
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)
    assert "half " in assert_harmless(screen.raw, SIZE).text
