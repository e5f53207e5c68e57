"""Settings from the command line: what is in force, and what is said when one is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.runs import RecordedRun
from tests.test_cli import DONE, USAGE, Cli, cli, complaint, lines

__all__ = ["cli"]


def test_info_says_what_is_in_force_and_from_where(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'theme = "nord"\n\n[keys]\nresume = "ctrl+r"\n[providers.local]\ninterval = 7\n'
    )
    told = lines(cli("info", "--config", str(file), "--ascii", FLOWTUI_PALETTE="high-contrast"))
    known = {name: text.strip() for name, text in told.items()}
    assert known["settings"] == str(file)
    assert known["theme"] == "nord  (mine.toml:1)"
    assert known["interval"] == "7.0  (mine.toml:6)"
    assert known["keys.resume"] == "ctrl+r  (mine.toml:4)"
    assert known["ascii"] == "true  (flag)"
    assert known["palette"] == "high-contrast  (FLOWTUI_PALETTE)"
    assert known["mouse"] == "true  (default)"
    there = lines(cli("info", FLOWTUI_CONFIG=str(file)))
    assert there["settings"].strip() == str(file)
    none = lines(cli("info", XDG_CONFIG_HOME=str(tmp_path)))
    assert none["settings"].strip() == f"{tmp_path}/flowtui/config.toml (there is none)"


@pytest.mark.parametrize("command", ["info", "show", "logs", "open", "resume", "run", "demo"])
def test_a_wrong_setting_is_told_in_one_line_by_every_command(
    cli: Cli, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("\nintervall = 3\n")
    target = {"info": [], "demo": [], "run": ["flow.py"]}.get(command, ["A/1"])
    said = complaint(cli(command, "--config", str(file), *target), USAGE)
    assert said == f"{file}:2: There is no setting 'intervall'. Did you mean interval?"


def test_an_unknown_theme_is_told_with_its_origin(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('theme = "plaid"\n')
    said = complaint(cli("A/1", "--config", str(file)), USAGE)
    assert said.startswith("mine.toml:1: There is no theme 'plaid'. Themes: textual-dark")
    said = complaint(cli("A/1", FLOWTUI_THEME="plaid"), USAGE)
    assert said.startswith("FLOWTUI_THEME: There is no theme 'plaid'.")


def test_the_version_and_help_come_without_a_look_at_the_file(cli: Cli, tmp_path: Path) -> None:
    for argument in ("--version", "--help"):
        assert cli(argument, FLOWTUI_CONFIG=str(tmp_path / "none")).returncode == DONE


def test_what_only_looks_does_not_resume(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    said = complaint(cli("resume", runs["failed"].pathspec, FLOWTUI_READ_ONLY="1"), USAGE)
    assert said == "FLOWTUI_READ_ONLY: read_only takes away what acts on runs, and resume does."


def test_a_picture_is_in_ascii_as_configured(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    target = runs["catch"].pathspec
    assert "xxc" in cli("show", target, FLOWTUI_ASCII="1").stdout
    assert "✗✗◆" in cli("show", target, FLOWTUI_ASCII="0").stdout


def test_without_a_home_directory_all_goes_on(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    homeless = cli.without("HOME")
    program = "import pwd\ndef getpwuid(_): raise KeyError\npwd.getpwuid = getpwuid\n"
    program += "from flowtui.cli.main import main\nmain()"
    command = (sys.executable, "-c", program)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        homeless = homeless.without(name)
    told = lines(homeless("info", program=command))
    assert told["settings"].strip() == "no file, as there is no home directory"
    assert told["state"].strip() == "nowhere, as there is no home directory"
    shown = homeless("show", runs["linear"].pathspec, program=command)
    assert (shown.returncode, shown.stderr) == (DONE, "")
