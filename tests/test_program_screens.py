"""Help, palette, `--read-only`, and text that means harm, in a real terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.program import assert_restored, monitor, running_flow, wait_for_focus
from tests.runs import RecordedRun

ATTACKS = {
    "the clipboard is written": rb"\x1b\]52;|\x9d52;",
    "the window's title is set": rb"\x1b\][012];pwned|\x9d2;pwned",
    "the screen is cleared or left": rb"\x1b\[2J\x1b\[H\x1b\[\?1049l",
    "a reply is asked for": rb"\x1b\[6n",
    "C1 controls": rb"(?<![\xc2-\xf4\x80-\xbf])[\x80-\x9f]|\xc2[\x80-\x9f]",
    "the text's direction is changed": "\u202e".encode(),
}
"""What `hostile.py` tries, as bytes that the terminal must never get."""


@pytest.fixture
def run(runs: dict[str, RecordedRun]) -> RecordedRun:
    """A run to look at: one of three tasks has failed."""
    return runs["failed"]


def test_help_lists_keys_and_states_until_escape(run: RecordedRun, tmp_path: Path) -> None:
    with monitor(run.pathspec, root=run.root, home=tmp_path, size=(120, 70)) as screen:
        screen.wait_for("✗ train ×3")
        screen.press("?")
        screen.wait_for("esc closes", "Show these keys and states.")
        screen.wait_for_line("!", "Go to the task that failed first.")
        screen.wait_for_line("r", "Resume the run: what failed runs again.")
        for _ in range(5):
            screen.press("pagedown")
        screen.wait_for_line("◆ caught", "failed for good, and @catch let the run go on")
        screen.wait_for_line("⊘ lost", "killed, crashed or gone")
        screen.press("escape")
        screen.wait_until(lambda shown: "esc closes" not in shown, "the help is closed")
        assert "✗ train ×3" in screen.text()


@pytest.mark.parametrize("key", [":", "ctrl+p"])
def test_the_palette_finds_and_runs_a_command(key: str, run: RecordedRun, tmp_path: Path) -> None:
    with monitor(run.pathspec, root=run.root, home=tmp_path) as screen:
        screen.wait_for("✗ train ×3", "countries=FI")
        screen.press(key)
        screen.wait_for("Search for commands", "Leave; runs go on.")
        screen.press("failed")
        screen.wait_until(lambda shown: "Leave; runs go on." not in shown, "the filter works")
        screen.wait_for("List only what failed")
        screen.press("backspace", "backspace", "backspace", "backspace", "backspace", "backspace")
        screen.press("list only")
        screen.wait_until(lambda shown: "Go to the task" not in shown, "one command is left")
        screen.press("down", "enter")
        screen.wait_for_line("train", "1 of 3 tasks", "failed only")
        assert "countries=FI" not in screen.text()
        screen.press(key)
        screen.wait_for("Search for commands")
        screen.press("escape")
        screen.wait_until(lambda shown: "Search for commands" not in shown, "it is closed")


def test_read_only_takes_resume_away(run: RecordedRun, tmp_path: Path) -> None:
    with monitor(
        run.pathspec, "--read-only", root=run.root, home=tmp_path, size=(160, 70)
    ) as screen:
        screen.wait_for_line("first failure", "q quit")
        screen.wait_for("countries=NO")
        assert "resume" not in screen.text()
        screen.press("r", "!")
        screen.wait_for_line("▸ 4", "countries=NO")
        assert "cloned" not in screen.text()
        screen.press("?")
        screen.wait_for("esc closes", "Go to the task that failed first.")
        assert "Resume" not in screen.text()
        screen.press("escape")
        screen.wait_until(lambda shown: "esc closes" not in shown, "the help is closed")
        screen.press(":")
        screen.wait_for("Search for commands", "Leave; runs go on.")
        assert "Resume" not in screen.text()


def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    root = tmp_path / "metaflow"
    arguments = ("run", "--tag", "\x1b]52;c;cHduZWQ=\x07[/bold]", "--tag", "[@click=app.quit]tag")
    with running_flow("hostile.py", *arguments, root=root, home=tmp_path) as (flow, run):
        assert flow.wait(60) == 1
        with monitor(f"HostileFlow/{run}", root=root, home=tmp_path) as screen:
            screen.wait_for("✗3", "[/bold][@click=app.quit]quit[/][red]")
            screen.press("tab")
            wait_for_focus(screen, "work · foreach")
            screen.press("enter")
            screen.wait_for_line(f"HostileFlow/{run}/work/", "labels=")
            screen.wait_for("ValueError: [/bold][@click=app.quit]quit[/][red]", "before", "after")
            screen.press("escape")
            screen.wait_for("─ graph")
            screen.press(":")
            screen.wait_for("Search for commands")
            screen.press("work")
            screen.wait_until(lambda shown: "Leave; runs go on." not in shown, "it is filtered")
            screen.wait_for("task work/2")
            screen.press("escape")
            screen.wait_until(lambda shown: "task work/2" not in shown, "the palette is closed")
            screen.press("q")
            assert screen.exit_code() == 0
        assert_restored(screen)
    inside = screen.raw.partition(b"\x1b[?1049h")[2]
    for attack, sequence in ATTACKS.items():
        assert not re.search(sequence, inside), attack
