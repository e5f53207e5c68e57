"""A person who looks elsewhere is told what happened: the bytes that a terminal and desktop get."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tests.program import assert_restored, monitor, running_flow
from tests.runs import eventually
from tests.terminal import Terminal
from tests.test_program import Gates

_OSC = re.compile(rb"\x1b\]([ -~]*?)(?:\x07|\x1b\\)")


def told(screen: Terminal) -> tuple[int, list[str]]:
    """How often the bell rang, and the terminal's notifications."""
    codes = [code.decode() for code in _OSC.findall(screen.raw)]
    bells = _OSC.sub(b"", screen.raw).count(b"\x07")
    return bells, [code for code in codes if code.startswith("9;")]


def test_the_first_failure_and_the_end_are_told_once_and_not_again(tmp_path: Path) -> None:
    root, gates, record = tmp_path / "metaflow", Gates(tmp_path / "gates"), tmp_path / "record"
    root.mkdir()
    script = tmp_path / "notify-send"
    script.write_text(f'#!/bin/sh\nshift 2\nprintf "%s|" "$@" >> {record}\necho >> {record}\n')
    script.chmod(0o700)
    here = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DISPLAY": ":7"}
    gates.open("start")
    with running_flow(
        "watched.py", "run", "--gates", str(gates.folder), root=root, home=tmp_path
    ) as (flow, run):
        name = f"WatchedFlow/{run}"
        with monitor(name, "--notify", root=root, home=tmp_path, extra=here) as screen:
            screen.wait_for_line("● running", "●3")
            gates.open("NO-0", "NO-1")
            screen.wait_for_line("● running", "✗1")
            gates.open("FI-0", "SE-0")
            assert flow.wait(60) != 0
            screen.wait_for_line("✗ failed")
            eventually(lambda: told(screen)[0] == 2, "the bell has rung twice")
            sent = told(screen)[1]
            assert [text.split(":")[0] for text in sent] == [f"9;{name}", f"9;{name} failed"]
            assert sent[0].startswith(f"9;{name}: train failed: train/")
            assert "(countries=NO)" in sent[0]
            eventually(lambda: record.read_text().count("\n") == 2, "the desktop is told twice")
            assert {line.split("|")[0] for line in record.read_text().splitlines()} == {
                *(f"{name}: train failed", f"{name} failed"),
            }
            screen.press("q")
            assert screen.exit_code() == 0
            assert_restored(screen)
        with monitor(name, "--notify", root=root, home=tmp_path, extra=here) as screen:
            screen.wait_for_line("✗ failed", "✗1")
            screen.press("q")
            assert screen.exit_code() == 0
            assert told(screen) == (0, [])
    assert record.read_text().count("\n") == 2
