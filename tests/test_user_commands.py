"""Commands of the person's own: what the file may say of them, and what becomes of what is
selected."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowtui.app import FlowtuiApp
from flowtui.config.settings import Settings, configured
from flowtui.model import Target
from flowtui.screens.help import HelpScreen
from flowtui.sources.registry import Where
from flowtui.user_commands import UserCommand
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.preferences import Preferences
from tests.fixed_run import RUN, FixedSource
from tests.pilot import WIDE, screen_text, shows, until
from tests.test_config import complaint, file, settings

__all__ = ["file"]

COMMAND = """
[commands.rerun-tests]
key = "ctrl+t"
run = ["make", "RUN={flow}/{run}", "{{x}}"]
title = "rerun"
confirm = true
"""

# The file


def test_a_command_is_read_with_all_it_says(file: Path) -> None:
    known = settings(file, COMMAND)
    assert known.commands == {
        "rerun-tests": UserCommand(
            "rerun-tests", ("make", "RUN={flow}/{run}", "{{x}}"), ("ctrl+t",), "rerun", True
        )
    }
    told = {name: (value, origin) for name, value, origin in known.told()}
    assert told["commands.rerun-tests"] == (
        "ctrl+t · make 'RUN={flow}/{run}' '{{x}}' · asks first",
        "config.toml:2",
    )


def test_all_but_what_is_run_may_be_left_out(file: Path) -> None:
    known = settings(file, "[commands.top]\nrun = ['htop']")
    assert known.commands["top"] == UserCommand("top", ("htop",))
    assert known.catalogue().shown("top") == ""


def test_where_flowtui_only_looks_there_is_none(file: Path) -> None:
    assert "rerun-tests" in {known.id for known in settings(file, COMMAND).catalogue().all}
    known = settings(file, f"read_only = true\n{COMMAND}")
    assert "rerun-tests" not in {known.id for known in known.catalogue().all}


NO_ID = (
    "{id} is no placeholder. "
    "There are {flow}, {run}, {step}, {task}, {attempt}, {stdout_file}, {stderr_file}."
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("commands = 3", "1: commands is a table."),
        ("[commands]\nx = 3", "2: commands.x is a table."),
        ("\n[commands.x]", "2: [commands.x] lacks what it runs, as in: run = ['make', '{run}']"),
        ("[commands.x]\nruns = ['a']", "2: [commands.x] has no 'runs'. Did you mean run?"),
        ("[commands.resume]\nrun = ['a']", "1: [commands.resume]: flowtui has a command of this"),
        ("[commands.'a b']\nrun = ['a']", "1: [commands.a b]: A command is named with letters"),
        ("[commands.x]\nrun = 'make'", "2: commands.x.run: This wants a program and its arguments"),
        ("[commands.x]\nrun = []", "2: commands.x.run: This wants a program and its arguments"),
        ("[commands.x]\nrun = ['']", "2: commands.x.run: This wants a program and its arguments"),
        ("[commands.x]\nrun = ['a', 1]", "2: commands.x.run: This wants a program and its argum"),
        ("[commands.x]\nrun = ['{run}']", "2: commands.x.run: The program is named as it is"),
        ('[commands.x]\nrun = ["a\\u0000"]', "2: commands.x.run: No argument can hold a NUL."),
        ("[commands.x]\nrun = ['a', '{id}']", f"2: commands.x.run: {NO_ID}"),
        ("[commands.x]\nrun = ['a', '{}']", "2: commands.x.run: {} is no placeholder."),
        ("[commands.x]\nrun = ['a', '{run.x}']", "2: commands.x.run: {run.x} is no placeholder."),
        ("[commands.x]\nrun = ['a', '{run!r}']", "2: commands.x.run: {run} is no placeholder."),
        ("[commands.x]\nrun = ['a', '{run:>9}']", "2: commands.x.run: {run} is no placeholder."),
        ("[commands.x]\nrun = ['a', '}']", "2: commands.x.run: A brace that stands for itself is"),
        ("[commands.x]\nrun = ['a', '{']", "2: commands.x.run: A brace that stands for itself is"),
        ("[commands.x]\nrun = ['a']\nkey = 'ctl+t'", "3: commands.x.key: 'ctl+t' is no key: 'ctl'"),
        ("[commands.x]\nrun = ['a']\ntitle = ''", "3: commands.x.title: This wants a few words"),
        ("[commands.x]\nrun = ['a']\ntitle = 7", "3: commands.x.title: This wants a few words"),
        ('[commands.x]\nrun = ["a"]\ntitle = "a\\nb"', "3: commands.x.title: This wants a few wo"),
        ("[commands.x]\nrun = ['a']\nconfirm = 1", "3: commands.x.confirm: This wants true or"),
        ("[commands.x]\nrun = ['a']\nkey = 'q'", "3: q would be both quit and x. Give one of"),
        ("[commands.x]\nrun = ['a']\nkey = 'u'", "3: u would be both origin and x. Give one of"),
        ("[keys]\nstop = 'f9'\n[commands.x]\nrun = ['a']\nkey = 'f9'", "5: F9 would be both stop"),
        ("[commands.x]\nrun = ['a']\nkey = 'f9'\n[keys]\nstop = 'f9'", "5: F9 would be both stop"),
        (
            "[commands.x]\nrun = ['a']\nkey = 'f9'\n[commands.y]\nkey = 'f9'\nrun = ['a']",
            "5: F9 would be both x and y.",
        ),
        ("read_only = true\n[commands.x]\nrun = ['a']\nkey = 'q'", "4: q would be both quit"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_command_is_told_with_its_line(
    file: Path, text: str, says: str
) -> None:
    assert complaint(file, text).startswith(f"config.toml:{says}")


# What is filled in

VALUES = {"flow": "F", "run": "17", "step": "train", "task": "4"}


@pytest.mark.parametrize(
    ("argument", "values", "filled"),
    [
        ("plain", {}, "plain"),
        ("RUN={flow}/{run}", VALUES, "RUN=F/17"),
        ("{{{run}}}{{}}", VALUES, "{17}{}"),
        ("{step}", {"step": "a b; $(x) `y` 'z' *"}, "a b; $(x) `y` 'z' *"),
        ("{step}", {"step": "{run}"}, "{run}"),
        ("--tag={step}", {"step": "--force"}, "--tag=--force"),
        ("", {}, ""),
    ],
)
def test_a_value_is_text_within_its_argument(
    argument: str, values: dict[str, str], filled: str
) -> None:
    assert UserCommand("x", ("p", argument)).filled(values) == ["p", filled]


@pytest.mark.parametrize(
    ("argument", "values", "says"),
    [
        ("{task}", {"run": "17"}, "x needs {task}, and no task is selected here."),
        ("{attempt}", VALUES, "x needs {attempt}, and no attempt is selected here."),
        ("{stdout_file}", VALUES, "x needs {stdout_file}, and no attempt is selected here."),
        ("{run}", {}, "x needs {run}, and no run is selected here."),
        ("{step}", {"step": "--force"}, "x is not run: {step} is --force, as options are."),
        ("{step}{task}", {"step": "-", "task": "f"}, "x is not run: {step} is -, as options are."),
        ("{step}", {"step": "a\nb"}, "x is not run: {step} holds control characters."),
        ("a{step}", {"step": "a\0"}, "x is not run: {step} holds control characters."),
        ("a{step}", {"step": "\x1b]0;x\x07"}, "x is not run: {step} holds control characters."),
        ("a{step}", {"step": "a\u202eb"}, "x is not run: {step} holds control characters."),
        ("a{step}", {"step": "\udc80"}, "x is not run: {step} holds control characters."),
    ],
)
def test_what_is_missing_or_meant_for_more_than_a_name_is_not_run(
    argument: str, values: dict[str, str], says: str
) -> None:
    with pytest.raises(ValueError, match="x ") as raised:
        UserCommand("x", ("p", argument)).filled(values)
    assert str(raised.value) == says


# In the app


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowtui.app.open_source", lambda target, _: (target, FixedSource()))


def configured_app(known: Settings) -> FlowtuiApp:
    return FlowtuiApp(
        Target(RUN.flow, RUN.run),
        Where(),
        read_only=known.read_only,
        preferences=Preferences(known.catalogue()),
        user_commands=known.commands,
    )


async def test_a_command_is_in_key_bar_palette_and_help_and_asks(file: Path) -> None:
    # `q` is free for it, as quit is elsewhere.
    text = COMMAND.replace("ctrl+t", "q") + "[keys]\nquit = 'Q'\n"
    app = configured_app(settings(file, text))
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shows(pilot, "ForecastRefusedError")
        assert "q rerun  " in app.screen.query_one(KeyBar).render().plain
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "help is open")
        await shows(pilot, "rerun: make 'RUN={flow}/{run}' '{{x}}'")
        await pilot.press("escape", "colon", *"rerun")
        await shows(pilot, "q  rerun: make")
        await pilot.press("escape")
        await pilot.press("q")
        await shows(pilot, "rerun: run it?")
        assert f"make RUN={RUN.flow}/{RUN.run} '{{x}}'" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "run it?" not in screen_text(app), "it is left")


async def test_read_only_its_key_does_nothing(file: Path) -> None:
    known = settings(file, COMMAND, flags={"read_only": True})
    app = configured_app(known)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shows(pilot, "ForecastRefusedError")
        assert "rerun" not in app.screen.query_one(KeyBar).render().plain
        await pilot.press("ctrl+t")
        await pilot.pause()
        assert "run it?" not in screen_text(app)
        available = {command.id for command in app.available(app.screen, app.focused)}
        assert "rerun-tests" not in available


def test_nothing_is_configured_by_default() -> None:
    assert configured({}, {"HOME": "/nowhere"}).settings().commands == {}


async def test_a_command_is_about_what_is_selected_below_too(file: Path) -> None:
    text = "[commands.x]\nkey = 'ctrl+t'\nconfirm = true\nrun = ['p', '{step}/{task}']"
    app = configured_app(settings(file, text))
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shows(pilot, "ForecastRefusedError")
        await pilot.press("!", "F")
        await shows(pilot, "failures")
        await pilot.press("ctrl+t")
        await shows(pilot, "p publish/12")


async def test_what_is_not_selected_is_said_and_a_terminal_that_cannot_be_lent_too(
    file: Path,
) -> None:
    text = (
        "[commands.x]\nkey = 'ctrl+t'\nrun = ['p', '{attempt}']\n"
        "[commands.y]\nkey = 'ctrl+o'\nrun = ['p']"
    )
    app = configured_app(settings(file, text))
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shows(pilot, "ForecastRefusedError")
        app.screen.visit("end")  # type: ignore[attr-defined]
        await pilot.press("ctrl+t")
        await shows(pilot, "x needs {attempt}, and no attempt is selected here.")
        await pilot.press("ctrl+o")
        await shows(pilot, "No other program can be shown here.")
