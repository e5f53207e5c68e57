"""The program in terminals with few colours or none, and as a person's file has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowtui.model import State
from flowtui.theme import PALETTES
from tests.program import monitor
from tests.runs import RecordedRun
from tests.terminal import Terminal

SIXTEEN = "import os; os.environ['TERM'] = 'xterm'; del os.environ['COLORTERM']"
NO_COLOUR = "import os; os.environ['NO_COLOR'] = '1'"
"""Python that makes the terminal another one before the program starts."""


@contextmanager
def watching(
    run: RecordedRun, home: Path, *options: str, script: str = "", config: str = ""
) -> Iterator[Terminal]:
    """The program on a recorded run, with this file of settings."""
    folder = home / "config" / "flowtui"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(config)
    with monitor(run.pathspec, *options, root=run.root, home=home, script=script) as terminal:
        terminal.wait_for("local · ", "attempt 0")
        yield terminal


def test_states_stay_apart_in_sixteen_colours(runs: dict[str, RecordedRun], tmp_path: Path) -> None:
    with watching(runs["catch"], tmp_path, script=SIXTEEN) as terminal:
        terminal.wait_for("◆ caught", "✓ succeeded")
        assert b";2;" not in re.sub(rb"\x1b\[[?0-9;]*[hltu]", b"", terminal.raw)
        assert terminal.colour("◆ caught") == "brightmagenta"
        assert terminal.colour("✓ succeeded") == "brightgreen"


def test_sixteen_colours_come_before_a_palette_and_a_persons_own_before_them(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    config = 'palette = "high-contrast"\n[colours]\ncaught = "#aa0000"\n'
    with watching(runs["catch"], tmp_path, script=SIXTEEN, config=config) as terminal:
        terminal.wait_for("◆ caught", "✓ succeeded")
        assert terminal.colour("◆ caught") == "red"
        assert terminal.colour("✓ succeeded") == "brightgreen"


def test_without_colours_glyphs_and_words_are_left(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    with watching(runs["catch"], tmp_path, script=NO_COLOUR) as terminal:
        terminal.wait_for("◆ caught", "✓ succeeded")
        colours = set(re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", terminal.raw))
        assert colours
        assert {colour for colour in colours if len(set(colour)) > 1} == set()


@pytest.mark.parametrize("way", ["--palette", "file"])
def test_a_palette_is_that_of_the_flag_or_of_the_file(
    runs: dict[str, RecordedRun], tmp_path: Path, way: str
) -> None:
    config = f'palette = "{"colour-blind" if way == "file" else "default"}"\n'
    options = ("--palette", "colour-blind") if way == "--palette" else ()
    with watching(runs["catch"], tmp_path, *options, config=config) as terminal:
        terminal.wait_for("◆ caught")
        wanted = PALETTES["colour-blind"].dark[State.CAUGHT].removeprefix("#")
        assert terminal.colour("◆ caught") == wanted


def test_a_file_of_settings_is_in_force(runs: dict[str, RecordedRun], tmp_path: Path) -> None:
    config = (
        'ascii = true\nmouse = false\ntheme = "nord"\n'
        '[keys]\nhelp = "f1"\n[providers.local]\nread_only = true\n'
    )
    with watching(runs["catch"], tmp_path, config=config) as terminal:
        terminal.wait_for("c caught", "F1 help")
        assert "r resume" not in terminal.text()
        assert b"\x1b[?1000h" not in terminal.raw
        terminal.press("\x1bOP")
        terminal.wait_for("Show these keys and states.")
        assert "Resume the run" not in terminal.text()
        terminal.press("\x1bOP", "q")
        assert terminal.exit_code() == 0
