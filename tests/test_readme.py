"""The README says what the program does: its commands, keys and states are checked against it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from flowtui.cli.main import cli
from flowtui.commands import COMMANDS
from flowtui.config.settings import configured
from flowtui.model import State
from flowtui.theme import GLYPHS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    return re.split(r"\n#+ ", README.split(f"# {title}\n", 1)[1], maxsplit=1)[0]


@pytest.mark.parametrize("state", State)
def test_every_state_is_in_the_table_with_its_glyph(state: State) -> None:
    assert f"| `{GLYPHS[state]}` | {state} |" in section("States")


def test_every_key_in_the_table_is_a_key_of_the_catalogue() -> None:
    known = {key for command in COMMANDS for key in command.shown.split()}
    named = set(re.findall(r"`([^`]+)`", section("Keys")))
    variables = {name for name in named if name.startswith("$")}
    assert named - known - variables == set()


def test_the_keys_a_person_needs_first_are_in_the_table() -> None:
    named = set(re.findall(r"`([^`]+)`", section("Keys")))
    ranked = {command.shown for command in COMMANDS if command.rank is not None}
    assert ranked - named == set()


def test_every_picture_it_shows_exists() -> None:
    pictures = re.findall(r"\]\((screenshots/[^)]+)\)", README)
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []


def test_ci_runs_the_test_command_as_it_is_written_here() -> None:
    commands = [line for line in README.splitlines() if "'.[test]'" in line]
    assert commands == [
        "python3 -m venv .venv && .venv/bin/pip install -q '.[test]' && .venv/bin/pytest"
    ]
    assert "grep -m1 -F \"'.[test]'\" README.md" in (ROOT / ".ci" / "run").read_text()


def test_every_command_that_may_get_another_key_is_listed() -> None:
    text = re.sub(r"```.*?```", "", section("Configuration"), flags=re.DOTALL)
    named = set(re.findall(r"`([^`]+)`", text))
    assert {command.id for command in COMMANDS} - named == set()


EXAMPLES = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n", 1)[0])
def test_its_settings_are_taken_as_they_are_written(example: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(example)
    settings = configured({}, {}, str(tmp_path / "config.toml")).settings()
    assert [origin for _, _, origin in settings.told() if origin != "default"]


def test_every_command_line_it_shows_is_one() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.split("#")[0].split("|")[0] for block in blocks for line in block.splitlines()]
    shown = [shlex.split(line)[1:] for line in lines if line.startswith("flowtui ")]
    assert len(shown) > 15
    for words in shown:
        name = words[0] if words and words[0] in cli.commands else "open"
        cli.commands[name].make_context(name, [word for word in words if word != name])
