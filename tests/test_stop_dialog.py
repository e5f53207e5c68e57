"""Stopping a run from its screen: the question names the process, and what came of it is said."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from flowtui.actions.stop import stopped
from flowtui.model import ProcessId
from flowtui.screens.run import RunScreen
from flowtui.screens.stop import StopDialog
from tests.pilot import screen_text, shows, until, watching
from tests.runs import FLOWS, RecordedRun, eventually
from tests.test_actions_stop import Running, Starter
from tests.test_resume_dialog import SIZES, shown, squeezed


class Host(App[None]):
    """Opens the dialog, and keeps what it is closed with."""

    def __init__(self, process: ProcessId) -> None:
        super().__init__()
        self.process = process
        self.results: list[bool | None] = []

    def on_mount(self) -> None:
        self.push_screen(StopDialog("[/b]F/17\x1b[2J", self.process), self.results.append)


PROCESS = ProcessId(4321, 0.0, "python '[/b][@click=app.quit]flow.py' run \x1b[31m\n" + "x" * 3000)


@pytest.mark.parametrize("size", SIZES)
async def test_it_names_run_process_and_command_as_text_and_shows_both_buttons(
    size: tuple[int, int],
) -> None:
    app = Host(PROCESS)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        text = squeezed(shown(app))
        assert "Stop [/b]F/17?" in text
        assert "process 4321 python '[/b][@click=app.quit]flow.py' run" in text
        assert "\x1b" not in text
        assert any("Stop it (y)" in line and "Leave it" in line for line in shown(app).splitlines())
        assert app.results == []


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ("enter", False),
        ("escape", False),
        ("n", False),
        ("y", True),
        ("left enter", True),
        ("shift+tab enter", True),
        ("tab tab enter", False),
        ("h l enter", False),
    ],
)
async def test_enter_alone_leaves_it_and_only_yes_stops(keys: str, wanted: bool) -> None:
    app = Host(PROCESS)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press(*keys.split())
        await pilot.pause()
        assert app.results == [wanted]


# On a run's screen


@pytest.fixture
def starter(tmp_path: Path, state_home: Path) -> Iterator[Starter]:
    starter = Starter(tmp_path)
    try:
        yield starter
    finally:
        starter.end()


def as_run(running: Running, root: Path) -> RecordedRun:
    run = running.store.description
    return RecordedRun(run.flow, run.run, root, FLOWS / "stopped.py", 0)


async def asked(pilot: Pilot[None], launcher: ProcessId) -> None:
    """Ask to stop the run, once it is known who runs it."""

    def is_asked() -> bool:
        return isinstance(pilot.app.screen, StopDialog)

    for _ in range(200):
        await pilot.press("ctrl+k")
        await pilot.pause(0.05)
        if is_asked():
            break
    await until(pilot, is_asked, "it asks")
    await shows(pilot, f"process {launcher.pid} ")


async def test_a_run_is_left_by_enter_and_stopped_by_yes(starter: Starter, tmp_path: Path) -> None:
    running = starter.detached("--with", "live_logs")
    launcher = running.launcher
    async with watching(as_run(running, tmp_path)) as (app, pilot):
        await asked(pilot, launcher)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the dialog is closed")
        assert not stopped(launcher)
        assert "Interrupted" not in screen_text(app)

        await asked(pilot, launcher)
        await pilot.press("y")
        await shows(pilot, f"Interrupted process {launcher.pid}.")
        await shows(pilot, f"{running.store.description.pathspec} has been stopped.")
        assert stopped(launcher)
        await shows(pilot, "✗ failed")


async def test_a_process_that_has_ended_meanwhile_is_said(starter: Starter, tmp_path: Path) -> None:
    running = starter.detached()
    launcher = running.launcher
    async with watching(as_run(running, tmp_path)) as (_, pilot):
        await asked(pilot, launcher)
        os.killpg(launcher.pid, signal.SIGKILL)
        eventually(lambda: stopped(launcher), "it has ended")
        await pilot.press("y")
        await shows(pilot, f"Process {launcher.pid} has ended already.")


async def test_where_no_launcher_is_here_that_is_said(runs: dict[str, RecordedRun]) -> None:
    async with watching(runs["failed"]) as (app, pilot):
        await pilot.press("ctrl+k")
        await shows(pilot, "Nothing to stop: no launcher")
        assert isinstance(app.screen, RunScreen)
        await pilot.press("ctrl+l")
        await shows(pilot, "This run was not started")


async def test_with_read_only_there_is_neither_stop_nor_resume(
    runs: dict[str, RecordedRun],
) -> None:
    async with watching(runs["failed"], read_only=True) as (app, pilot):
        available = {command.id for command in app.available(app.screen, app.focused)}
        assert not available & {"resume", "stop"}
        assert "launch_log" in available
        assert "resume" not in screen_text(app)
        for key in ("ctrl+k", "r"):
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(app.screen, RunScreen)
            assert "Nothing to stop" not in screen_text(app)
            assert "cloned" not in screen_text(app)
