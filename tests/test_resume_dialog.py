"""The resume dialog: says what will happen, starts it once, and says what went wrong."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static

from flowtui.model import Graph, Node, RunDescription, State, Task
from flowtui.screens.resume import Resumed, ResumeDialog
from flowtui.theme import Look
from tests.runs import FIXED, FLOWS, RecordedRun, eventually, flow_environment

SIZES = [(80, 24), (160, 45)]


class Host(App[None]):
    """Opens the dialog, and keeps what it is closed with."""

    def __init__(self, dialog: ResumeDialog) -> None:
        super().__init__()
        self.dialog = dialog
        self.results: list[Resumed | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.results.append)


def failed_graph(source_file: Path) -> Graph:
    return Graph(
        tuple(
            Node(name, type_, next_, matching_join=join, source_file=str(source_file))
            for name, type_, next_, join in [
                ("start", "split-foreach", ("train",), "join"),
                ("train", "linear", ("join",), None),
                ("join", "join", ("end",), None),
                ("end", "end", (), None),
            ]
        ),
        start_step="start",
        end_step="end",
        file=source_file.name,
    )


def failed_tasks(last: State = State.FAILED) -> dict[str, list[Task]]:
    trained = [State.SUCCEEDED, State.CAUGHT, last]
    return {
        "start": [Task("start", "1", State.SUCCEEDED, "")],
        "train": [Task("train", str(at), state, "") for at, state in enumerate(trained, 2)],
    }


@pytest.fixture
def root(
    tmp_path: Path,
    state_home: Path,
    runs: dict[str, RecordedRun],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A metadata root of the test's own that holds the recorded failed run.

    flowtui runs where the flow is, with the same settings, so that the command needs few.
    """
    run = runs["failed"]
    for name, value in flow_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(FLOWS)
    shutil.copytree(run.root / ".metaflow" / run.flow, tmp_path / ".metaflow" / run.flow)
    return tmp_path


def dialog(root: Path, run: str = "17", **options: Any) -> ResumeDialog:
    graph = options.pop("graph", failed_graph(FLOWS / "failed.py"))
    return ResumeDialog(
        RunDescription("FailedFlow", run, "local", graph=graph),
        options.pop("tasks", failed_tasks()),
        options.pop("splits", {"start": 3}),
        cwd=root,
        environment=flow_environment(root, FIXED),
        look=options.pop("look", Look()),
        **options,
    )


def shown(app: App[None]) -> str:
    """What stands on the screen, row by row."""
    screen = app.screen
    strips = screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def squeezed(text: str) -> str:
    """Text without the frame and line breaks that wrapping put into it."""
    return " ".join(text.replace("│", " ").split())


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str) -> None:
    for _ in range(600):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError(f"not within 30 s: {what}\n{shown(pilot.app)}")


Drive = Callable[[Pilot[None], Host], Awaitable[None]]


async def driven(screen: ResumeDialog, drive: Drive, size: tuple[int, int] = (80, 24)) -> Host:
    app = Host(screen)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await drive(pilot, app)
    return app


@pytest.mark.parametrize("size", SIZES)
async def test_it_shows_origin_preview_file_command_and_buttons(
    root: Path, size: tuple[int, int]
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        text = shown(app)
        assert "Resume FailedFlow/17" in text
        assert "3 tasks cloned, 3 to run." in text
        assert "1 task caught: cloned as it ended, not tried again." in text
        rows = {
            line.strip(" │").split()[0]: line.split() for line in text.splitlines() if "↺" in line
        }
        assert rows["start"][-3:-1] == ["↺", "1"]
        assert rows["train"][2:-1] == ["↺", "2", "◆", "1", "●", "1"]
        assert screen.command_line is not None
        assert screen.command_line in squeezed(text)
        words = shlex.split(screen.command_line)
        assert words[words.index("resume") :] == [
            *("resume", "--origin-run-id", "17"),
            *("--with", "live_logs"),
        ]
        assert any("Resume" in line and "Cancel" in line for line in text.splitlines())

    screen = dialog(root)
    await driven(screen, drive, size)


async def test_editing_the_file_changes_the_command(root: Path) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        screen.query_one(Input).value = "my flow.py"
        await pilot.pause()
        assert f"'{root / 'my flow.py'}' resume" in str(screen.command_line)
        assert str(screen.command_line) in squeezed(shown(app))
        screen.query_one(Input).value = ""
        await pilot.pause()
        assert screen.command_line is None
        assert "Give the flow's Python file" in shown(app)

    screen = dialog(root)
    await driven(screen, drive, (160, 45))


async def test_live_logs_can_be_left_out_and_the_command_shows_it(
    root: Path, runs: dict[str, RecordedRun]
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        assert "[x] live logs" in shown(app)
        for tick, on in (("[ ]", False), ("[x]", True), ("[ ]", False)):
            await pilot.press(*(["space"] if app.focused is tickbox() else ["tab", "space"]))
            await pilot.pause()
            assert f"{tick} live logs" in shown(app)
            assert ("--with live_logs" in str(screen.command_line)) == on
            assert ("PYTHONPATH" in str(screen.command_line)) == on
            assert str(screen.command_line) in squeezed(shown(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.results, "the dialog closes")

    def tickbox() -> object:
        return screen.query_one("#live-logs")

    screen = dialog(root, runs["failed"].run)
    [resumed] = (await driven(screen, drive, (160, 45))).results
    assert resumed is not None
    eventually(lambda: resumed.launch.exit_code() is not None, "the resumed run ends")
    new = root / ".metaflow" / resumed.pathspec
    assert list(new.glob("end/*/0.runtime_stdout.log"))
    assert not list(new.glob("end/*/0.task_stdout.log"))


async def test_live_logs_are_no_choice_where_data_is_not_local(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        assert "live logs" not in shown(app)
        assert "live_logs" not in str(screen.command_line)
        await pilot.press("tab")
        assert app.focused is screen.query_one("#resume", Button)

    monkeypatch.setenv("METAFLOW_DATASTORE", "s3")
    screen = dialog(root)
    await driven(screen, drive)


async def test_escape_closes_without_a_result_and_nothing_is_started(
    root: Path, state_home: Path
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        await pilot.press("escape")

    app = await driven(dialog(root), drive)
    assert app.results == [None]
    assert not state_home.exists()


async def test_many_presses_start_one_run_which_the_dialog_returns(
    root: Path, runs: dict[str, RecordedRun]
) -> None:
    before = known_runs(root)

    async def drive(pilot: Pilot[None], app: Host) -> None:
        await pilot.press(*["enter"] * 20)
        await until(pilot, lambda: app.results, "the dialog closes")

    app = await driven(dialog(root, runs["failed"].run), drive)
    [resumed] = app.results
    assert resumed is not None
    eventually(lambda: resumed.launch.exit_code() is not None, "the resumed run ends")
    assert resumed.launch.exit_code() == 0
    assert {f"FailedFlow/{run}" for run in known_runs(root) - before} == {resumed.pathspec}


def known_runs(root: Path) -> set[str]:
    return {path.name for path in (root / ".metaflow" / "FailedFlow").iterdir() if path.is_dir()}


async def test_the_keyboard_reaches_both_buttons(root: Path, runs: dict[str, RecordedRun]) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        await pilot.press("tab")
        assert app.focused is screen.query_one("#live-logs")
        await pilot.press("tab")
        assert app.focused is screen.query_one("#resume", Button)
        await pilot.press("tab")
        assert app.focused is screen.query_one("#cancel", Button)
        await pilot.press("enter")
        await pilot.pause()

    screen = dialog(root, runs["failed"].run)
    assert (await driven(screen, drive)).results == [None]


async def test_a_wrong_file_is_said_and_can_be_corrected(
    root: Path, runs: dict[str, RecordedRun]
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        screen.query_one(Input).value = str(FLOWS / "linear.py")
        await pilot.press("enter")
        complaint = "has no flow named FailedFlow (the flows in it: LinearFlow)."
        await until(pilot, lambda: complaint in squeezed(shown(app)), "the complaint")
        screen.query_one(Input).value = str(FLOWS / "failed.py")
        await pilot.pause()
        assert complaint not in squeezed(shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.results, "the dialog closes")

    screen = dialog(root, runs["failed"].run)
    app = await driven(screen, drive)
    assert app.results[0] is not None
    launch = app.results[0].launch
    eventually(lambda: launch.exit_code() is not None, "the resumed run ends")


@pytest.mark.parametrize("size", SIZES)
async def test_a_launch_without_a_run_shows_its_output_and_the_dialog_stays(
    root: Path, size: tuple[int, int]
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        await pilot.press("enter")
        await until(pilot, lambda: "ended with exit code" in squeezed(shown(app)), "the failure")
        output = "Error: no such option: --[/red]nonsense"
        await until(pilot, lambda: output in shown(app), "the end of its output")
        assert "Resume" in shown(app)
        assert app.results == []
        assert app.focused is screen.query_one(Input)

    screen = dialog(root, arguments=["--[/red]nonsense"])
    before = known_runs(root)
    await driven(screen, drive, size)
    assert known_runs(root) == before


async def test_closing_while_it_starts_leaves_the_resume_running(
    root: Path, runs: dict[str, RecordedRun]
) -> None:
    before = known_runs(root)

    async def drive(pilot: Pilot[None], app: Host) -> None:
        await pilot.press("enter", "escape")
        await until(pilot, lambda: app.results, "the dialog closes")

    app = await driven(dialog(root, runs["failed"].run), drive)
    assert app.results == [None]
    eventually(lambda: known_runs(root) - before, "the run is there")
    [run] = known_runs(root) - before
    end = root / ".metaflow" / "FailedFlow" / run / "end"
    eventually(lambda: list(end.glob("*/_meta/sysmeta_attempt_ok_*")), "it runs to its end")


async def test_a_long_command_leaves_room_for_the_rest(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        text = shown(app)
        assert "cd /" in text
        assert "Resume FailedFlow/17" in text
        assert any("Resume" in line and "Cancel" in line for line in text.splitlines())
        screen.query_one(Input).value = str(FLOWS / "linear.py")
        await pilot.press("enter")
        await until(pilot, lambda: "the flows in it: LinearFlow" in squeezed(shown(app)), "said")

    monkeypatch.chdir(root)
    monkeypatch.setenv("METAFLOW_HOME", "/elsewhere")
    screen = dialog(root, arguments=["--tag", "x" * 500])
    await driven(screen, drive)


async def test_a_run_of_dagster_has_no_command(root: Path) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        await pilot.press("enter")
        await pilot.pause()
        assert screen.command_line is None
        assert "dagster resume --run-id dagster-0a1b" in squeezed(shown(app))
        assert app.results == []

    screen = dialog(root, "dagster-0a1b")
    await driven(screen, drive)


@pytest.mark.parametrize(
    ("options", "remark"),
    [
        (
            {"tasks": {"start": [Task("start", "1", State.FAILED, "")]}},
            "0 tasks cloned, 3 or more to run.",
        ),
        (
            {"tasks": failed_tasks(State.RUNNING)},
            "The run is still going on: what runs now would run a second time.",
        ),
        (
            {
                "tasks": failed_tasks(State.SUCCEEDED)
                | {name: [Task(name, "9", State.SUCCEEDED, "")] for name in ("join", "end")}
            },
            "Nothing to rerun: every task would be cloned.",
        ),
        ({"graph": Graph(), "tasks": {}}, "The run has not stored its steps"),
    ],
)
async def test_what_is_unusual_is_remarked(
    root: Path, options: dict[str, Any], remark: str
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        assert remark in shown(app)

    await driven(dialog(root, **options), drive)


async def test_hostile_names_are_shown_as_text(root: Path) -> None:
    name = "[/b][@click=app.quit]x\x1b[31m"
    graph = Graph((Node(name, "start", source_file=f"/[/b]/\x1b{name}.py"),), name, file=name)

    async def drive(pilot: Pilot[None], app: Host) -> None:
        assert "[/b][@click=app.quit]x" in shown(app)
        for static in screen.query(Static):
            assert "\x1b" not in str(static.visual)

    screen = dialog(root, graph=graph, tasks={})
    await driven(screen, drive)


async def test_a_long_flow_scrolls_to_what_runs_and_the_buttons_stay_in_view(root: Path) -> None:
    names = [f"step{at}" for at in range(300)]
    nodes = tuple(
        Node(name, "linear", (after,))
        for name, after in zip(names, [*names[1:], "end"], strict=True)
    )
    graph = Graph((*nodes, Node("end", "end")), "step0", "end")
    done = {name: [Task(name, "1", State.SUCCEEDED, "")] for name in names[:200]}

    async def drive(pilot: Pilot[None], app: Host) -> None:
        for size in ((80, 24), (160, 45), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            text = shown(app)
            assert "step200" in text
            assert "Cancel" in text
            assert "Resume FailedFlow/17" in text

    await driven(dialog(root, graph=graph, tasks=done), drive)


async def test_ascii_has_no_glyph_beyond_ascii_in_the_preview(root: Path) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        [train] = [line for line in shown(app).splitlines() if "train" in line]
        assert train.strip(" │").split() == ["train", "=", "2", "c", "1", "*", "1"]

    await driven(dialog(root, look=Look(ascii=True)), drive)
