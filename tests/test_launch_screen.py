"""What the launcher of a run prints, live, and the way back to the dialog where it fails."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from flowtui.actions.launch import Launch, start_flow
from flowtui.model import Target
from flowtui.screens.launch import LaunchScreen
from flowtui.screens.resume import ResumeDialog
from flowtui.screens.run import RunScreen
from flowtui.theme import Look
from tests.pilot import shows, watching
from tests.resumes import happened
from tests.runs import FLOWS, RecordedRun, eventually
from tests.test_resume_dialog import (
    SIZES,
    Host,
    choose,
    dialog,
    driven,
    known_runs,
    root,
    shown,
    squeezed,
    tab_to,
    until,
)

__all__ = ["root"]

TALKING = """
import os, sys, time

def wait_for(name):
    while not os.path.exists(name):
        time.sleep(0.02)

print("it begins", flush=True)
wait_for("go-1")
with open(sys.argv[sys.argv.index("--run-id-file") + 1], "w") as told:
    told.write("19")
wait_for("go-2")
print("\\x1b]52;c;eA==\\x07[/b][@click=app.quit]hostile\\x1b[2J\\u202e", flush=True)
wait_for("go-3")
print("it ends", flush=True)
if os.path.exists("badly"):
    sys.exit(7)
"""
"""Stands for a launcher: prints, tells of a run, and ends, each as soon as a file is there."""


class Shell(App[None]):
    """Opens the screen, and keeps what it is closed with."""

    def __init__(self, screen: LaunchScreen) -> None:
        super().__init__()
        self.launch_screen = screen
        self.results: list[str | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.launch_screen, self.results.append)


@pytest.fixture
def talking(tmp_path: Path, state_home: Path) -> Iterator[Launch]:
    script = tmp_path / "talking.py"
    script.write_text(TALKING)
    launch = start_flow([sys.executable, str(script)], cwd=tmp_path, environment={})
    yield launch
    with suppress(psutil.NoSuchProcess):
        psutil.Process(launch.pid).kill()
    launch.exit_code()


async def says(pilot: Pilot[None], *texts: str) -> None:
    await until(
        pilot,
        lambda: all(text in squeezed(shown(pilot.app)) for text in texts),
        f"the screen shows {texts}",
    )


@pytest.mark.parametrize("size", SIZES)
async def test_the_log_is_live_and_the_screen_closes_with_the_run(
    size: tuple[int, int], talking: Launch, tmp_path: Path
) -> None:
    app = Shell(LaunchScreen(talking, "Resuming [/b]F/17\x1b[2J", Look(), waits=True))
    async with app.run_test(size=size) as pilot:
        await says(pilot, "Resuming [/b]F/17", "it begins")
        await says(pilot, "● Starting, 0:0", f"process {talking.pid}. It goes on if you leave.")
        assert app.results == []
        (tmp_path / "go-1").touch()
        await until(pilot, lambda: app.results == ["19"], "it closes with the run's id")


@pytest.mark.parametrize("badly", [False, True])
async def test_of_a_run_that_goes_on_the_log_stays_live_to_the_end(
    badly: bool, talking: Launch, tmp_path: Path
) -> None:
    app = Shell(LaunchScreen(talking, "F/19  launch log", Look(), waits=False))
    async with app.run_test(size=(100, 24)) as pilot:
        (tmp_path / "go-1").touch()
        await says(pilot, f"● Run 19 goes on: process {talking.pid}.", "it begins")
        (tmp_path / "go-2").touch()
        await says(pilot, "[/b][@click=app.quit]hostile")
        assert not any(bad in shown(app) for bad in ("\x1b", "\x07", "\u202e"))
        if badly:
            (tmp_path / "badly").touch()
        (tmp_path / "go-3").touch()
        await says(pilot, "it ends")
        end = "✗ The launcher has ended with exit code 7." if badly else "✓ The launcher has ended"
        await says(pilot, end)
        assert app.results == []
        await pilot.press("escape")
        assert app.results == [None]


async def test_a_launcher_killed_before_its_run_is_said_with_the_signal(talking: Launch) -> None:
    app = Shell(LaunchScreen(talking, "Resuming F/17", Look(), waits=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await says(pilot, "it begins")
        psutil.Process(talking.pid).send_signal(signal.SIGKILL)
        await says(pilot, "✗ The flow ended by signal 9 before it had a run.", "esc goes back")
        await says(pilot, "it begins")


async def test_left_before_its_run_the_launcher_goes_on(talking: Launch, tmp_path: Path) -> None:
    app = Shell(LaunchScreen(talking, "Resuming F/17", Look(), waits=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await says(pilot, "it begins")
        await pilot.press("escape")
        await until(pilot, lambda: app.results == [None], "it closes")
    assert talking.exit_code() is None
    for name in ("go-1", "go-2", "go-3"):
        (tmp_path / name).touch()
    eventually(lambda: talking.exit_code() == 0, "it goes on to its end")


# From the dialog, with a real flow

NOISE = "".join(f"print('noise {at}')\n" for at in range(100))
DIES = f"{NOISE}raise RuntimeError('[/b]\\x1b[31mno weather\\x07')\n\n"


@pytest.mark.parametrize("size", SIZES)
async def test_a_flow_that_dies_shows_its_output_and_can_be_mended_and_tried_again(
    size: tuple[int, int], root: Path, runs: dict[str, RecordedRun]
) -> None:
    before = known_runs(root)
    file = root / "failed.py"
    source = (FLOWS / "failed.py").read_text()
    file.write_text(DIES + source)

    async def drive(pilot: Pilot[None], app: Host) -> None:
        screen.query_one("#file", Input).value = str(file)
        await choose(pilot, screen, 3)
        await tab_to(pilot, screen, "tags")
        screen.query_one("#tags", Input).value = "'my tag'"
        await tab_to(pilot, screen, "workers")
        await pilot.press("3", "enter")
        await says(pilot, "✗ The flow ended with exit code 1 before it had a run.")
        assert isinstance(app.screen, LaunchScreen)
        await says(pilot, "RuntimeError: [/b]no weather", "noise 99")
        assert "\x1b" not in shown(app)
        await pilot.press("g")
        await says(pilot, "noise 0 noise 1 ")
        assert app.results == []

        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen, "the dialog is back")
        fields = {name: screen.query_one(f"#{name}", Input) for name in ("file", "tags", "workers")}
        assert {name: field.value for name, field in fields.items()} == {
            "file": str(file),
            "tags": "'my tag'",
            "workers": "3",
        }
        assert " resume join --origin-run-id" in str(screen.command_line)
        assert app.focused is fields["file"]
        assert known_runs(root) == before

        file.write_text(source)
        await pilot.press("enter")
        await until(pilot, lambda: app.results, "the dialog closes")

    screen = dialog(root, runs["failed"].run)
    [resumed] = (await driven(screen, drive, size)).results
    assert resumed is not None
    eventually(lambda: resumed.launch.exit_code() == 0, "the resumed run ends well")
    assert happened(root / ".metaflow" / resumed.pathspec) == {
        "start": (1, 0),
        "train": (2, 1),
        "join": (0, 1),
        "end": (0, 1),
    }


async def test_the_dialog_left_while_it_starts_closes_and_the_resume_goes_on(
    root: Path, runs: dict[str, RecordedRun]
) -> None:
    before = known_runs(root)
    gate = root / "gate"
    gate.touch()
    file = root / "failed.py"
    waits = f"import os, time\nwhile os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
    file.write_text(waits + (FLOWS / "failed.py").read_text())

    async def drive(pilot: Pilot[None], app: Host) -> None:
        screen.query_one("#file", Input).value = str(file)
        await pilot.press("enter")
        await says(pilot, "● Starting, ", "It goes on if you leave.", "has printed nothing yet")
        await pilot.press("enter", "enter", "escape")
        await until(pilot, lambda: app.results == [None], "screen and dialog close")

    screen = dialog(root, runs["failed"].run)
    await driven(screen, drive)
    assert known_runs(root) == before
    gate.unlink()
    eventually(lambda: known_runs(root) - before, "the run is there")
    [run] = known_runs(root) - before
    end = root / ".metaflow" / "FailedFlow" / run / "end"
    eventually(lambda: list(end.glob("*/_meta/sysmeta_attempt_ok_*")), "it runs to its end")


async def test_a_resume_that_was_left_is_known_by_its_run_and_a_bad_end_is_said(
    root: Path, runs: dict[str, RecordedRun]
) -> None:
    before = known_runs(root)
    gate = root / "gate"
    gate.touch()
    file = root / "failed.py"
    waits = f"import os, time\nwhile os.path.exists({str(gate)!r}): time.sleep(0.02)\n"
    file.write_text(waits + (FLOWS / "failed.py").read_text())
    async with watching(replace(runs["failed"], root=root)) as (app, pilot):
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ResumeDialog), "the dialog")
        app.screen.query_one("#file", Input).value = str(file)
        await pilot.press("enter")
        await shows(pilot, "Starting, ")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run again")
        gate.unlink()
        eventually(lambda: known_runs(root) - before, "the new run is there")
        [run] = known_runs(root) - before
        # The data it cannot do without is missing once more, so that it fails.
        await shows(pilot, "exit code 1: ctrl+l shows its log.")
        app.open_run(Target("FailedFlow", run))
        await shows(pilot, "resumed from")
        await pilot.press("ctrl+l")
        await shows(pilot, f"FailedFlow/{run}  launch log")
        await shows(pilot, "✗ The launcher has ended with exit code 1.")
