"""The resume dialog: says what will happen, starts it once, and says what went wrong."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button, Input, Select, Static

from flowtui.model import FlowSource, Graph, Node, RunDescription, State, Task
from flowtui.screens.resume import Resumed, ResumeDialog
from flowtui.theme import Look
from tests.resumes import happened, read
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
        RunDescription(
            "FailedFlow",
            run,
            "local",
            graph=graph,
            created_at=options.pop("created_at", None),
            parameters=options.pop("parameters", {}),
        ),
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


def bare(text: str) -> str:
    """Text without frames, scrollbars and any space: a long path is broken anywhere."""
    return re.sub(r"[\s│▁-█]", "", text)


def beginning(command: str | None) -> str:
    """As much of a command, bare, as fits into a small window, however long its paths are."""
    assert command is not None
    return bare(command)[:150]


def squeezed(text: str) -> str:
    """Text without the frame, scrollbars and line breaks that wrapping put into it."""
    return " ".join(re.sub("[│▁-█]", " ", text).split())


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str) -> None:
    for _ in range(600):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError(f"not within 30 s: {what}\n{shown(pilot.app)}")


async def tab_to(pilot: Pilot[None], screen: ResumeDialog, id: str) -> None:  # noqa: A002
    """Press Tab until the focus is there."""
    for _ in range(10):
        if screen.focused is not None and screen.focused.id == id:
            return
        await pilot.press("tab")
    raise AssertionError(f"Tab does not lead to #{id}")


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
        assert beginning(screen.command_line) in bare(text)
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
        screen.query_one("#file", Input).value = "my flow.py"
        await pilot.pause()
        assert f"'{root / 'my flow.py'}' resume" in str(screen.command_line)
        assert str(screen.command_line) in squeezed(shown(app))
        screen.query_one("#file", Input).value = ""
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
        await tab_to(pilot, screen, "live-logs")
        for tick, on in (("[ ]", False), ("[x]", True), ("[ ]", False)):
            await pilot.press("space")
            await pilot.pause()
            assert f"{tick} live logs" in shown(app)
            assert ("--with live_logs" in str(screen.command_line)) == on
            assert ("PYTHONPATH" in str(screen.command_line)) == on
            assert str(screen.command_line) in squeezed(shown(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.results, "the dialog closes")

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
        await tab_to(pilot, screen, "workers")
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


async def test_the_keyboard_goes_from_field_to_field_to_both_buttons(root: Path) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        visited = []
        for _ in range(8):
            assert app.focused is not None
            visited.append(app.focused.id)
            await pilot.press("tab")
        assert visited == [
            *("file", "step", "tags", "with", "workers", "live-logs", "resume", "cancel")
        ]
        await tab_to(pilot, screen, "cancel")
        await pilot.press("enter")
        await pilot.pause()

    screen = dialog(root)
    assert (await driven(screen, drive)).results == [None]


async def test_a_wrong_file_is_said_and_can_be_corrected(
    root: Path, runs: dict[str, RecordedRun]
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        screen.query_one("#file", Input).value = str(FLOWS / "linear.py")
        await pilot.press("enter")
        complaint = "has no flow named FailedFlow (the flows in it: LinearFlow)."
        await until(pilot, lambda: complaint in squeezed(shown(app)), "the complaint")
        screen.query_one("#file", Input).value = str(FLOWS / "failed.py")
        await pilot.pause()
        assert complaint not in squeezed(shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.results, "the dialog closes")

    screen = dialog(root, runs["failed"].run)
    app = await driven(screen, drive)
    assert app.results[0] is not None
    launch = app.results[0].launch
    eventually(lambda: launch.exit_code() is not None, "the resumed run ends")


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
        screen.query_one("#tags", Input).value = "x" * 400
        await until(pilot, lambda: "xxxx" * 3 in shown(app), "the command has the tag")
        text = shown(app)
        assert "cd /" in text
        assert "Resume FailedFlow/17" in text
        assert any("Resume" in line and "Cancel" in line for line in text.splitlines())
        screen.query_one("#file", Input).value = str(FLOWS / "linear.py")
        await pilot.press("enter")
        await until(pilot, lambda: "the flows in it: LinearFlow" in squeezed(shown(app)), "said")

    monkeypatch.chdir(root)
    monkeypatch.setenv("METAFLOW_HOME", "/elsewhere")
    screen = dialog(root)
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
            # `start`, one `train` at least, `join`, `end`.
            "0 tasks cloned, 4 or more to run.",
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


async def choose(pilot: Pilot[None], screen: ResumeDialog, number: int) -> None:
    """Choose an entry of the steps with the keyboard; the first one is number 0."""
    await tab_to(pilot, screen, "step")
    await pilot.press("enter")
    await until(pilot, lambda: screen.query_one("#step", Select).expanded, "the steps are listed")
    await pilot.press("home", *["down"] * number, "enter")
    await until(pilot, lambda: not screen.query_one("#step", Select).expanded, "one is chosen")
    await pilot.pause()


def previewed(app: App[None]) -> dict[str, list[str]]:
    """Step → its cells in the preview."""
    rows = [line.strip(" │").split() for line in shown(app).splitlines()]
    return {row[0]: row[1:] for row in rows if row and row[0] in ("start", "train", "join", "end")}


async def test_a_chosen_step_changes_preview_and_command_and_enter_on_it_starts_nothing(
    root: Path, state_home: Path
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        whole = {"start": ["↺", "1"], "train": ["↺", "2", "◆", "1", "●", "1"]}
        assert previewed(app) == whole | {"join": ["●", "1"], "end": ["●", "1"]}
        await choose(pilot, screen, 2)
        assert "1 task cloned, 5 to run." in shown(app)
        after = {"start": ["↺", "1"], "train": ["●", "3"]}
        assert previewed(app) == after | {"join": ["●", "1"], "end": ["●", "1"]}
        assert " resume train --origin-run-id 17 " in str(screen.command_line)
        assert str(screen.command_line) in squeezed(shown(app))
        await choose(pilot, screen, 0)
        assert "3 tasks cloned, 3 to run." in shown(app)
        assert " resume --origin-run-id 17 " in str(screen.command_line)
        assert app.screen is screen
        assert app.results == []

    screen = dialog(root)
    await driven(screen, drive, (160, 45))
    assert not state_home.exists()


TAGS = [
    "a b",
    "it's",
    '"said"',
    "$(id)",
    "`id`",
    "-dash",
    "--tag=x",
    "two\nlines",
    "[/b]é",
    "a:b=c",
]


async def test_tags_decorators_step_and_workers_arrive_as_typed(
    root: Path, runs: dict[str, RecordedRun]
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        await choose(pilot, screen, 4)
        screen.query_one("#tags", Input).value = shlex.join(TAGS)
        await tab_to(pilot, screen, "with")
        await pilot.press(*"retry:times=1")
        await tab_to(pilot, screen, "workers")
        await pilot.press("2")
        words = shlex.split(str(screen.command_line))
        assert words[words.index("resume") + 1 :] == [
            *("end", "--origin-run-id", runs["failed"].run, "--with", "live_logs"),
            *(f"--tag={tag}" for tag in TAGS),
            *("--with", "retry:times=1", "--max-workers", "2"),
        ]
        await pilot.press("enter")
        await until(pilot, lambda: app.results, "the dialog closes")

    screen = dialog(root, runs["failed"].run)
    [resumed] = (await driven(screen, drive)).results
    assert resumed is not None
    eventually(lambda: resumed.launch.exit_code() is not None, "the resumed run ends")
    assert resumed.launch.exit_code() == 0
    flow, _, run = resumed.pathspec.partition("/")
    new = RecordedRun(flow, run, root, FLOWS / "failed.py", 0)
    assert sorted(read(new).description.tags) == sorted(TAGS)
    assert happened(new.directory) == {
        "start": (1, 0),
        "train": (2, 1),
        "join": (0, 1),
        "end": (0, 1),
    }


BAD_OPTIONS = [
    ("tags", "good 'open", "tags: no closing quotation. Quote it as for a shell."),
    ("tags", "good ''", "A tag is empty. Give it a text, or leave it out."),
    (
        "tags",
        "x" * 501,
        f"The tag '{'x' * 20}'… has 501 characters, Metaflow takes 500. Shorten it.",
    ),
    ("with", "retry \\", "with: no escaped character. Quote it as for a shell."),
    ("with", "' '", "--with needs a decorator's name, as in --with retry:times=3."),
    ("workers", "0", "--max-workers is 0: at least 1 has to work."),
    ("workers", "many", "'many' is no number of workers."),
    ("workers", "-3", "'-3' is no number of workers."),
    ("workers", "2.5", "'2.5' is no number of workers."),
    ("workers", "\u0663", "'\u0663' is no number of workers."),
    ("workers", "9" * 10, f"'{'9' * 10}' is no number of workers."),
]


@pytest.mark.parametrize(("field", "typed", "sentence"), BAD_OPTIONS, ids=range(len(BAD_OPTIONS)))
async def test_an_option_that_makes_no_sense_is_said_at_once_and_starts_nothing(
    field: str, typed: str, sentence: str, root: Path, state_home: Path
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        await tab_to(pilot, screen, field)
        screen.query_one(f"#{field}", Input).value = typed
        await until(pilot, lambda: sentence in squeezed(shown(app)), "it is said")
        assert screen.command_line is None
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen is screen
        assert app.results == []
        assert sentence in squeezed(shown(app))
        assert screen.focused is not None
        assert screen.focused.id == field
        screen.query_one(f"#{field}", Input).clear()
        await until(pilot, lambda: screen.command_line is not None, "it can be mended")
        await until(pilot, lambda: sentence not in squeezed(shown(app)), "it is forgotten")

    screen = dialog(root)
    await driven(screen, drive)
    assert not state_home.exists()


async def test_more_digits_than_python_reads_are_no_number_of_workers(root: Path) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        screen.query_one("#workers", Input).value = "9" * 5000
        sentence = f"'{'9' * 19}…' is no number of workers."
        await until(pilot, lambda: sentence in squeezed(shown(app)), "it is said")

    screen = dialog(root)
    await driven(screen, drive)


@pytest.mark.parametrize("size", SIZES)
async def test_hostile_steps_and_parameters_are_shown_as_text(
    root: Path, size: tuple[int, int]
) -> None:
    name = "[/b][@click=app.quit]x\x1b]52;c;eA==\x07"
    graph = Graph((Node(name, "start"), Node("end", "end")), name, "end", file="failed.py")

    async def drive(pilot: Pilot[None], app: Host) -> None:
        screen.query_one("#file", Input).value = "flow.py"
        assert "Parameters stay as they were: [red]p=[/red][@click=app.quit]v " in shown(app)
        await tab_to(pilot, screen, "step")
        await pilot.press("enter")
        await until(pilot, lambda: shown(app).count("[/b][@click=app.quit]x") == 2, "it is listed")
        await pilot.press("home", "down", "enter")
        complaint = "Run FailedFlow/17 has no step '[/b][@click=app.quit]x"
        await until(pilot, lambda: complaint in squeezed(shown(app)), "it is refused")
        assert "\x1b" not in shown(app)
        assert "\x07" not in shown(app)

    parameters = {"[red]p": "[/red][@click=app.quit]v\n\x1b[2J" + "y" * 10_000}
    screen = dialog(root, graph=graph, tasks={}, parameters=parameters)
    await driven(screen, drive, size)


@pytest.mark.parametrize("size", SIZES)
async def test_title_remarks_command_and_buttons_fit_with_all_that_is_to_be_remarked(
    root: Path, size: tuple[int, int]
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        await until(pilot, lambda: "the run kept no copy" in shown(app), "the code is compared")
        text = shown(app)
        for line in (
            "Resume FailedFlow/17",
            "3 tasks cloned, 3 to run.",
            "1 task caught: cloned as it ended, not tried again.",
            "The run is still going on: what runs now would run a second time.",
            "Parameters stay as they were: alpha=0.5",
            "failed.py was written after the run began",
        ):
            assert line in text
        assert beginning(screen.command_line) in bare(text)
        assert any("Resume" in line and "Cancel" in line for line in text.splitlines())
        assert {"start", "train", "join"} <= set(previewed(app))

    screen = dialog(
        root, tasks=failed_tasks(State.RUNNING), parameters={"alpha": 0.5}, created_at=1000
    )
    await driven(screen, drive, size)


async def test_a_path_may_begin_with_the_home_directory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def drive(pilot: Pilot[None], app: Host) -> None:
        screen.query_one("#file", Input).value = "~/failed.py"
        await until(pilot, lambda: f" {FLOWS}/failed.py resume " in str(screen.command_line), "~")

    monkeypatch.setenv("HOME", str(FLOWS))
    screen = dialog(root)
    await driven(screen, drive)


async def test_the_code_package_is_read_once_however_much_is_typed(root: Path) -> None:
    asked = []

    def ran() -> FlowSource:
        asked.append(1)
        return FlowSource("failed.py", b"print(1)\n")

    async def drive(pilot: Pilot[None], app: Host) -> None:
        await until(pilot, lambda: "failed.py is not what ran" in shown(app), "it is compared")
        await pilot.press(*"xyz")
        await until(pilot, lambda: "is not what ran" not in shown(app), "of no file nothing")
        await pilot.press("backspace", "backspace", "backspace")
        await until(pilot, lambda: "failed.py is not what ran" in shown(app), "it is back")
        assert asked == [1]

    screen = dialog(root, ran=ran)
    await driven(screen, drive)
