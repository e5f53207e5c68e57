"""Makes `screenshots/` from real runs: `python -m tests.screenshots`, about a minute.

The demo flow runs in `/tmp/demo` while the app watches it; pictures are taken when the run has come
to the states they show. Nothing in them is drawn or changed by hand.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from flowtui.app import FlowtuiApp
from flowtui.live_logs import python_path
from flowtui.model import State, Target
from flowtui.screens.diff import DiffScreen
from flowtui.screens.resume import ResumeDialog
from flowtui.screens.run import RunScreen
from flowtui.sources.registry import Where
from flowtui.store import RunStore
from flowtui.widgets.exception_view import ExceptionView
from flowtui.widgets.log_pane import LogPane
from flowtui.widgets.run_table import RunTable
from tests.pilot import screen_text, with_local_fonts
from tests.runs import RecordedRun, flow_environment, launch, recorded_runs

HERE = Path("/tmp/demo")
PICTURES = Path(__file__).parent.parent / "screenshots"
WIDE, SMALL = (160, 45), (80, 24)


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str) -> None:
    """Let the app work until `condition` holds, a minute at most."""
    for _ in range(600):
        if condition():
            await pilot.pause(0.3)
            return
        await pilot.pause(0.1)
    raise SystemExit(f"It did not come to this: {what}.")


def save(app: FlowtuiApp, name: str) -> None:
    """Write the screen as SVG."""
    picture = with_local_fonts(app.export_screenshot(title="flowtui"))
    (PICTURES / f"{name}.svg").write_text(picture)
    print(f"screenshots/{name}.svg")


def store(app: FlowtuiApp) -> RunStore | None:
    """The store of the run screen on top of the stack."""
    screens = [screen for screen in app.screen_stack if isinstance(screen, RunScreen)]
    return screens[-1].store if screens else None


def reached(app: FlowtuiApp, state: State) -> bool:
    known = store(app)
    return known is not None and known.status.state is state


def retrying(app: FlowtuiApp) -> bool:
    """One task caught, others still running: the picture that says most."""
    known = store(app)
    return known is not None and bool(known.counts[State.CAUGHT] and known.counts[State.RUNNING])


def log_shown(app: FlowtuiApp) -> bool:
    return any(pane.line_count for pane in app.screen.query(LogPane))


def raised(app: FlowtuiApp) -> bool:
    return any(view.raised is not None for view in app.screen.query(ExceptionView))


def lines_shown(app: FlowtuiApp) -> int:
    return sum(pane.line_count for pane in app.screen.query(LogPane))


async def watch_the_demo(run: str) -> None:
    app = FlowtuiApp(Target("DemoFlow", run), Where(), interval=0.5)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: retrying(app), "a caught and a running task")
        await pilot.press("tab", "down", "down", "down")
        await until(pilot, lambda: log_shown(app), "the log of a finished attempt")
        save(app, "running-160x45")
        await pilot.press("L")
        await until(pilot, lambda: log_shown(app), "the logs of the running tasks")
        await pilot.press("t")
        await until(pilot, lambda: lines_shown(app) > 5, "some lines of them")
        save(app, "step-log-160x45")
        await pilot.press("escape")
        await until(pilot, lambda: reached(app, State.FAILED), "a failed run")
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: log_shown(app), "the log of the failed attempt")
        save(app, "failed-160x45")
        await pilot.press("2")
        await until(pilot, lambda: "step, task" in screen_text(app), "the tree")
        save(app, "tree-160x45")
        await pilot.press("1")
        await pilot.press("enter")
        await until(pilot, lambda: raised(app), "what was raised")
        await pilot.press("enter")
        await pilot.pause(0.3)
        save(app, "log-160x45")
        await pilot.press("escape", "i")
        await until(pilot, lambda: "attempt_ok" in screen_text(app), "its records")
        save(app, "why-160x45")
        await pilot.press("escape", "I")
        await until(pilot, lambda: "Artifacts of attempt" in screen_text(app), "its artifacts")
        await pilot.press(*"jjjjjjjj", "enter")
        await pilot.pause(0.5)
        save(app, "inspector-160x45")
        await pilot.press("escape", "escape", "4", "s")
        await until(pilot, lambda: "all steps" in screen_text(app), "where time went")
        save(app, "times-160x45")
        await pilot.press("1", "exclamation_mark", "F")
        await until(pilot, lambda: "2 groups" in screen_text(app), "the failures")
        save(app, "failures-160x45")
        await pilot.press("escape", "r")
        await until(pilot, lambda: isinstance(app.screen, ResumeDialog), "the resume dialog")
        save(app, "resume-160x45")
        await pilot.press("enter")
        await until(pilot, lambda: reached(app, State.SUCCEEDED), "the resumed run's success")
        save(app, "resumed-160x45")
        await pilot.press("question_mark")
        await pilot.pause(0.3)
        save(app, "help-160x45")


async def two_attempts(run: str) -> None:
    app = FlowtuiApp(Target("DemoFlow", run, "train"), Where())
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: reached(app, State.FAILED), "the failed run")
        await pilot.press("down", "down", "d")
        await until(pilot, lambda: isinstance(app.screen, DiffScreen), "the comparison")
        await pilot.press("tab")
        await pilot.pause(0.5)
        save(app, "compare-160x45")


async def in_detail(run: str) -> None:
    app = FlowtuiApp(Target("DemoFlow", run), Where())
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: reached(app, State.FAILED), "the failed run")
        await pilot.press("home", "plus", "plus", "down", "down", "z")
        await pilot.pause(0.5)
        save(app, "graph-detailed-160x45")


async def small_window(run: str) -> None:
    app = FlowtuiApp(Target("DemoFlow", run), Where())
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: reached(app, State.FAILED), "the failed run")
        save(app, "graph-80x24")
        await pilot.press("4", "s")
        await until(pilot, lambda: "all steps" in screen_text(app), "where time went")
        save(app, "times-80x24")
        await pilot.press("1", "k", "k", "k", "enter")
        await pilot.pause(0.5)
        save(app, "tasks-80x24")
        await pilot.press("exclamation_mark", "enter")
        await until(pilot, lambda: raised(app), "what was raised")
        save(app, "log-80x24")


async def timelines(run: str) -> None:
    for size, name, keys in (
        (WIDE, "timeline-160x45", ("3", "z", "k")),
        (SMALL, "timeline-80x24", ("3", "k")),
    ):
        app = FlowtuiApp(Target("DemoFlow", run), Where())
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda app=app: reached(app, State.FAILED), "the failed run")  # type: ignore[misc]
            await pilot.press(*keys)
            await until(pilot, lambda app=app: "waited" in screen_text(app), "the timeline")  # type: ignore[misc]
            save(app, name)


async def all_runs() -> None:
    """The demo's runs among others, as they are listed."""
    for size, name in ((WIDE, "runs-160x45"), (SMALL, "runs-80x24")):
        app = FlowtuiApp(None, Where(namespace=""))
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda app=app: looked_into(app), "all runs")  # type: ignore[misc]
            save(app, name)


def looked_into(app: FlowtuiApp) -> bool:
    """Whether it is known of each run that is listed how its tasks stand."""
    tables = list(app.screen.query(RunTable))
    runs = tables[0].index.runs.values() if tables else ()
    return bool(runs) and all(run.counts for run in runs)


async def graphs(recorded: dict[str, RecordedRun]) -> None:
    """The shapes of `tests/flows/`, one picture each."""
    for name in ("nested_foreach", "switch", "loop", "parallel"):
        run = recorded[name]
        app = FlowtuiApp(Target(run.flow, run.run), Where(f"local@{run.root}", namespace=""))
        async with app.run_test(size=SMALL) as pilot:
            await until(pilot, lambda app=app: reached(app, State.SUCCEEDED), name)  # type: ignore[misc]
            save(app, f"graph-{name.replace('_', '-')}-80x24")
            if name == "nested_foreach":
                await pilot.press("2", "plus", "plus", "minus", "g", "j", "j", "l", "j", "l")
                await pilot.pause(0.3)
                save(app, "tree-nested-foreach-80x24")


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    PICTURES.mkdir(exist_ok=True)
    environment = flow_environment(HERE, {"METAFLOW_USER": "ada"})
    HERE.mkdir()
    (HERE / ".venv").symlink_to(sys.prefix)
    flow_file = HERE / "forecast.py"
    shutil.copy(Path(__file__).parent.parent / "flowtui" / "demo" / "flow.py", flow_file)
    os.environ.update(environment, VIRTUAL_ENV=str(HERE / ".venv"), COLORTERM="truecolor")
    # As where it is set already: a command that is shown names no folder of this checkout.
    os.environ["PYTHONPATH"] = python_path(None)
    os.chdir(HERE)
    process, id_file = launch(
        HERE,
        str(flow_file),
        "run",
        "--max-workers",
        "2",
        "--with",
        "live_logs",
        extra={"METAFLOW_USER": "ada"},
        python=HERE / ".venv/bin/python",
    )
    while not id_file.exists() and process.poll() is None:
        asyncio.run(asyncio.sleep(0.1))
    demo_run = id_file.read_text()
    asyncio.run(watch_the_demo(demo_run))
    asyncio.run(two_attempts(demo_run))
    asyncio.run(in_detail(demo_run))
    asyncio.run(small_window(demo_run))
    asyncio.run(timelines(demo_run))
    cache = Path(__file__).parent.parent / ".pytest_cache" / "flowtui-runs"
    recorded = recorded_runs(cache)
    for run in recorded.values():
        there = HERE / ".metaflow" / run.flow
        shutil.copytree(run.directory, there / run.run)
        shutil.copytree(run.directory.parent / "data", there / "data", dirs_exist_ok=True)
        shutil.copytree(run.directory.parent / "_meta", there / "_meta", dirs_exist_ok=True)
    asyncio.run(all_runs())
    asyncio.run(graphs(recorded))
