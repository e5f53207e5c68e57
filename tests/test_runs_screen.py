"""The list of runs as the app shows it, on real recorded runs."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from flowtui.app import FlowtuiApp
from flowtui.model import State, Target
from flowtui.run_summary import RunSummary
from flowtui.screens.resume import ResumeDialog
from flowtui.screens.run import RunScreen
from flowtui.screens.runs import RunsScreen
from flowtui.sources.registry import Where
from tests.contract import copied
from tests.pilot import SMALL, WIDE, screen_text, shows, until
from tests.runs import RecordedRun
from tests.test_run_list_local import register


@asynccontextmanager
async def listing(
    root: Path,
    flow: str | None = None,
    *,
    namespace: str = "",
    size: tuple[int, int] = WIDE,
    read_only: bool = False,
) -> AsyncIterator[tuple[FlowtuiApp, RunsScreen, Pilot[None]]]:
    """The app on the list of runs, once it has been read."""
    where = Where(f"local@{root}", namespace)
    app = FlowtuiApp(None, where, flow=flow, interval=0.1, read_only=read_only)
    async with app.run_test(size=size, notifications=True) as pilot:
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        await until(pilot, lambda: "reading …" not in screen_text(app), "all is read")
        await shows(pilot, "local · ")
        yield app, screen, pilot


def selected(screen: RunsScreen) -> str:
    current = screen.table.current
    return current.run if isinstance(current, RunSummary) else ""


def line_of(app: FlowtuiApp, text: str) -> str:
    return next((line for line in screen_text(app).splitlines() if text in line), "")


async def test_every_run_is_listed_with_how_it_stands(runs: dict[str, RecordedRun]) -> None:
    failed = runs["failed"]
    async with listing(failed.root, size=(160, 60)) as (app, screen, pilot):
        await shows(pilot, failed.run)
        await until(pilot, lambda: not screen.table.index.counts[None], "all are looked into")
        line = line_of(app, f"{failed.flow}         {failed.run}")
        assert line.split()[1:6] == ["✗", "failed", failed.flow, failed.run, "train"]
        assert "4/6" in line
        assert f"✗{screen.table.index.counts[State.FAILED]}" in line_of(app, " runs ")
        assert f"all namespaces · local@{failed.root}/.metaflow" in screen_text(app)


async def test_a_command_of_the_person_s_own_is_about_the_selected_run(
    runs: dict[str, RecordedRun],
) -> None:
    async with listing(runs["failed"].root, "FailedFlow") as (_, screen, pilot):
        await until(pilot, lambda: selected(screen) == runs["resumed"].run, "the newest")
        await pilot.press("down")
        await until(pilot, lambda: selected(screen) == runs["failed"].run, "the one before")
        picked = screen.picked()
        assert picked is not None
        assert picked.values() == {"flow": "FailedFlow", "run": runs["failed"].run}


async def test_a_run_is_opened_and_esc_leads_back_to_the_same_place(
    runs: dict[str, RecordedRun],
) -> None:
    run = runs["failed"]
    async with listing(run.root, size=SMALL) as (app, screen, pilot):
        await pilot.press("slash", *"flow:failed", "enter")
        await shows(pilot, "/flow:failed")
        await until(pilot, lambda: screen.table.row_count == 2, "both runs are left")
        await pilot.press("G")
        await until(pilot, lambda: selected(screen) == run.run, "the failed run is selected")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run is opened")
        await shows(pilot, "✗ failed")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen, "the list is shown")
        assert selected(screen) == run.run
        assert "/flow:failed" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: screen.table.row_count > 2, "all runs are listed again")
        assert selected(screen) == run.run
        await pilot.press("escape")
        await shows(pilot, "This is the outermost screen")


async def test_esc_on_a_run_opened_first_leads_to_all_runs_with_it_selected(
    runs: dict[str, RecordedRun],
) -> None:
    run = runs["linear"]
    app = FlowtuiApp(Target(run.flow, run.run), Where(f"local@{run.root}", ""), interval=0.1)
    async with app.run_test(size=WIDE) as pilot:
        await shows(pilot, "✓ succeeded")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen), "the list is shown")
        screen = app.screen
        assert isinstance(screen, RunsScreen)
        await until(pilot, lambda: selected(screen) == run.run, "the run is selected")


async def test_one_flow_alone_is_listed_without_its_name(runs: dict[str, RecordedRun]) -> None:
    run = runs["failed"]
    async with listing(run.root, run.flow) as (app, screen, pilot):
        await shows(pilot, "runs of FailedFlow")
        assert {flow for flow, _ in screen.table.index.runs} == {run.flow}
        assert line_of(app, "state").split()[1:3] == ["state", "run"]


async def test_only_what_failed_is_also_found_out_of_view(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["failed"], tmp_path)
    # Newer runs fill the screen; the failed one is days older than what is looked into unasked.
    for number in range(60):
        register(tmp_path, "Newer", f"{number}", at=1_900_000_000_000 + number)
    async with listing(tmp_path, size=SMALL) as (app, screen, pilot):
        await pilot.press("x")
        await shows(pilot, folder.name)
        assert "failed or lost" in screen_text(app) or "failed, lost" in screen_text(app)
        await pilot.press("x")
        await until(pilot, lambda: screen.table.row_count == 61, "all are listed again")


async def test_states_are_picked_from_a_list(runs: dict[str, RecordedRun]) -> None:
    async with listing(runs["failed"].root) as (app, screen, pilot):
        await until(pilot, lambda: not screen.table.index.counts[None], "all are looked into")
        await pilot.press("m")
        await shows(pilot, "[ ] ● running")
        await pilot.press("down", "space")
        await shows(pilot, "[x] ✗ failed")
        await pilot.press("enter")
        await until(pilot, lambda: "succeeded" not in screen_text(app), "failed ones alone")
        assert screen.table.index.states == {State.FAILED}
        await pilot.press("m", "space", "escape")
        await until(pilot, lambda: app.screen is screen, "the dialog is closed")
        assert screen.table.index.states == {State.FAILED}


async def test_a_new_run_appears_and_a_deleted_one_goes(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["linear"], tmp_path)
    async with listing(tmp_path) as (_, screen, pilot):
        await shows(pilot, folder.name)
        register(tmp_path, "LinearFlow", "99", at=1_900_000_000_000)
        await until(pilot, lambda: screen.table.row_count == 2, "the new run")
        assert selected(screen) == folder.name
        shutil.rmtree(tmp_path / ".metaflow" / "LinearFlow" / "99")
        await until(pilot, lambda: screen.table.row_count == 1, "it is gone")


async def test_without_runs_it_says_where_it_has_looked_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / ".metaflow").mkdir()
    async with listing(tmp_path, namespace="user:ada", size=SMALL) as (_, _, pilot):
        await shows(pilot, "There are no runs yet.")
        await shows(pilot, "namespace user:ada")
        await shows(pilot, "ctrl+n looks in another namespace, or in all")
        await shows(pilot, "flowtui demo")


async def test_a_filter_that_leaves_nothing_says_how_to_lift_it(
    runs: dict[str, RecordedRun],
) -> None:
    async with listing(runs["linear"].root) as (_, screen, pilot):
        await pilot.press("slash", *"zebra", "enter")
        await shows(pilot, "matches /zebra.")
        await shows(pilot, "esc lists all runs again")
        await pilot.press("escape")
        await until(pilot, lambda: screen.table.row_count, "runs are listed again")


async def test_another_namespace_lists_other_runs_and_opens_them(
    runs: dict[str, RecordedRun],
) -> None:
    run = runs["linear"]
    async with listing(run.root, namespace="user:nobody") as (app, _, pilot):
        await shows(pilot, "There are no runs yet.")
        await pilot.press("ctrl+n")
        await shows(pilot, "user:nobody  ")
        await pilot.press(*["backspace"] * len("user:nobody"), "enter")
        await shows(pilot, "all namespaces")
        await shows(pilot, run.run)
        await pilot.press("G", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "a run is opened")
        await shows(pilot, "tasks")


async def test_r_opens_the_run_with_its_resume(runs: dict[str, RecordedRun]) -> None:
    run = runs["failed"]
    async with listing(run.root) as (app, _, pilot):
        await pilot.press("slash", *f"run:{run.run}", "enter", "r")
        await until(pilot, lambda: isinstance(app.screen, ResumeDialog), "the dialog")
        await shows(pilot, "3 tasks cloned, 3 to run.")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run")


async def test_read_only_there_is_no_resume(runs: dict[str, RecordedRun]) -> None:
    async with listing(runs["failed"].root, read_only=True) as (app, screen, pilot):
        assert "resume" not in screen_text(app).splitlines()[-1]
        await pilot.press("r")
        await pilot.pause()
        assert app.screen is screen


async def test_the_list_rests_while_a_run_is_shown(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    folder = copied(runs["linear"], tmp_path)
    async with listing(tmp_path) as (app, screen, pilot):
        await shows(pilot, folder.name)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "the run is opened")
        await until(pilot, lambda: screen._feed and screen._feed.poller.paused, "it rests")
        register(tmp_path, "LinearFlow", "99", at=1_900_000_000_000)
        await shows(pilot, "✓ succeeded")
        await pilot.press("escape")
        await until(pilot, lambda: screen.table.row_count == 2, "the new run is listed")


async def test_the_command_that_reopens_is_told_and_copied(runs: dict[str, RecordedRun]) -> None:
    run = runs["failed"]
    options = f"--metadata local@{run.root} --namespace ''"
    async with listing(run.root, run.flow, size=(250, 40)) as (app, _, pilot):
        await shows(pilot, f"flowtui FailedFlow {options}")
        await pilot.press("Y")
        assert app.clipboard == f"flowtui FailedFlow {options}"
        await pilot.press("slash", *f"run:{run.run}", "enter", "enter")
        await shows(pilot, f"flowtui {run.pathspec} {options}")
        await pilot.press("exclamation_mark")
        await shows(pilot, f"flowtui {run.pathspec}/train/4 {options}")
        await pilot.press("Y")
        assert app.clipboard == f"flowtui {run.pathspec}/train/4 {options}"


async def test_the_palette_leads_to_runs_and_flows(runs: dict[str, RecordedRun]) -> None:
    run = runs["linear"]
    async with listing(run.root) as (app, screen, pilot):
        await pilot.press("colon")
        await shows(pilot, "Search for commands")
        await pilot.press(*"flow LoopFlow")
        await shows(pilot, "List its runs.")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen, "the palette is closed")
        await shows(pilot, "/flow:LoopFlow")


async def test_a_click_selects_and_a_double_click_opens(runs: dict[str, RecordedRun]) -> None:
    async with listing(runs["linear"].root) as (app, screen, pilot):
        await pilot.click("#runs", offset=(10, 4))
        await until(pilot, lambda: screen.table._cursor_at == 2, "the third run")
        await pilot.click("#runs", offset=(10, 4), times=2)
        await until(pilot, lambda: isinstance(app.screen, RunScreen), "it is opened")


async def test_a_click_on_a_heading_orders_the_runs_and_another_turns_them_round(
    runs: dict[str, RecordedRun],
) -> None:
    async with listing(runs["linear"].root) as (_, screen, pilot):
        table = screen.table

        async def click(heading: str) -> None:
            at = table.render_line(0).text.index(heading)
            await pilot.click("#runs", offset=(at + 2, 1))

        await click("took")
        await until(pilot, lambda: "took↓" in table.render_line(0).text, "the longest first")
        await click("took")
        await until(pilot, lambda: "took↑" in table.render_line(0).text, "the shortest first")
        await click("progress")
        await click("flow")
        await until(pilot, lambda: "flow↑" in table.render_line(0).text, "by flow")
