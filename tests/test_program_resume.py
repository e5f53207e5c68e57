"""Resuming and stopping as a person does, in a real terminal: with the key, of real runs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.program import assert_restored, monitor, run_ids, running_flow
from tests.resumes import happened, recorded
from tests.runs import FIXED, FLOWS, RecordedRun, eventually
from tests.terminal import Terminal
from tests.test_actions_resumed import HEAD
from tests.test_actions_resumed_steps import PATHS

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""

CLEAR, STOP, LAUNCH_LOG = "\x15", "\x0b", "\x0c"
"""What a terminal sends for ctrl+u, ctrl+k and ctrl+l."""

SOURCES = {
    "the end failed, after loops and switches in a foreach": PATHS.replace(
        "self.rounds == 2", "False"
    ),
}
"""Flows that fail unless FLOWTUI_TEST_FIXED is set."""


@dataclass(frozen=True)
class Shape:
    """A run that failed, and what becomes of it once it is resumed.

    `origin` is a recorded run or one of `SOURCES`. `told` is what the dialog says, `steps` how many
    tasks are cloned and executed. `chosen` is the number of a step in the list of them, 0 for what
    failed. `mended` is what to replace in the flow's file.
    """

    origin: str
    told: str
    steps: Mapping[str, tuple[int, int]]
    chosen: int = 0
    mended: tuple[str, str] | None = None
    before: str | None = None


SHAPES = {
    "a foreach task failed": Shape(
        "failed",
        "3 tasks cloned, 3 to run.",
        {"start": (1, 0), "train": (2, 1), "join": (0, 1), "end": (0, 1)},
    ),
    "from a step before the one that failed": Shape(
        "failed",
        "1 task cloned, 5 to run.",
        {"start": (1, 0), "train": (0, 3), "join": (0, 1), "end": (0, 1)},
        chosen=2,
    ),
    "a resumed run, resumed again": Shape(
        "resumed",
        "5 tasks cloned, 1 to run.",
        {"start": (1, 0), "train": (3, 0), "join": (1, 0), "end": (0, 1)},
        chosen=4,
        before="failed",
    ),
    "a step crashed": Shape(
        "segfault",
        "1 task cloned, 2 to run.",
        {"start": (1, 0), "crash": (0, 1), "end": (0, 1)},
        mended=("ctypes.string_at(0)", "pass"),
    ),
    "the launcher was killed": Shape(
        "launcher_killed",
        "1 task cloned, 2 to run.",
        {"start": (1, 0), "wait": (0, 1), "end": (0, 1)},
    ),
    "the end failed, after loops and switches in a foreach": Shape(
        "the end failed, after loops and switches in a foreach",
        "11 tasks cloned, 1 to run.",
        {
            "start": (1, 0),
            "loop": (3, 0),
            "choose": (2, 0),
            "odd": (1, 0),
            "even": (1, 0),
            "merge": (2, 0),
            "join": (1, 0),
            "end": (0, 1),
        },
    ),
}


Origin = Callable[[str], RecordedRun]


@pytest.fixture
def origin(runs: dict[str, RecordedRun], pytestconfig: pytest.Config, tmp_path: Path) -> Origin:
    """Gives a copy, which may be added to, of a run that has taken place."""
    cache = Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs"
    root = tmp_path / "metaflow"

    def copied(name: str) -> RecordedRun:
        if name in SOURCES:
            run = recorded(f"{HEAD}{SOURCES[name]}\nif __name__ == '__main__':\n    F()\n", cache)
        else:
            run = runs[name]
        copy = RecordedRun(run.flow, run.run, root, run.flow_file, run.exit_code)
        shutil.copytree(run.directory, copy.directory)
        data = copy.directory.parent / "data"
        shutil.copytree(run.directory.parent / "data", data, dirs_exist_ok=True)
        return copy

    return copied


def new_run(run: RecordedRun, *others: str) -> str:
    """The one run that has come to those that were there."""
    [new] = set(run_ids(run.root, run.flow)) - {run.run, *others}
    return new


def has_ended(run: RecordedRun, new: str) -> bool:
    """Whether a run has recorded its end's outcome."""
    end = run.directory.with_name(new) / "end"
    return any(end.glob("*/_meta/sysmeta_attempt_ok_*"))


def ask(screen: Terminal, run: RecordedRun, file: Path | None = None) -> None:
    """Open the dialog, and type another flow file."""
    screen.wait_for(run.pathspec, "1 ")
    screen.wait_for("local · ")
    screen.press("r")
    screen.wait_for(f"Resume {run.pathspec}", "flow file", "Cancel")
    if file is not None:
        type_file(screen, file)


def type_file(screen: Terminal, file: Path) -> None:
    """Put another path into the dialog's first field."""
    # One after the other: of what comes at once, Textual types the letters first.
    screen.press(CLEAR)
    screen.wait_for("path of the flow's Python file")
    screen.press(str(file))
    screen.wait_for_line("flow file", file.name)


def choose(screen: Terminal, number: int) -> None:
    """Choose from the steps, and go on to the field after them."""
    to_next_field(screen, "from step")
    screen.press("enter")
    screen.wait_for_line("from step", "▲")
    screen.press("home", *["down"] * number, "enter")
    screen.wait_for_line("from step", "▼")
    to_next_field(screen, "tags")


def to_next_field(screen: Terminal, name: str) -> None:
    """Press Tab, and wait until the focus is on the field of this name, which its colour shows."""

    def background(_: str) -> str:
        found = screen._first_cell(name)
        row = next(at for at, line in enumerate(screen._shown()) if name in line)
        column = screen._shown()[row].index(name) + len("max workers  ")
        return str(screen._screen.buffer[row][column].bg) if found else ""

    before = background("")
    screen.press("tab")
    screen.wait_until(lambda shown: background(shown) != before, f"the focus on {name}")


def close(screen: Terminal, text: str) -> None:
    """Leave the screen that shows this text."""
    screen.press("escape")
    screen.wait_until(lambda shown: text not in shown, f"no {text} any more")


def wait_for_header(screen: Terminal, text: str, *, beside: RecordedRun) -> None:
    """Wait until another run than `beside` is on the screen, with this in its first line."""

    def holds(shown: str) -> bool:
        header = shown.partition("\n")[0]
        return f"{beside.flow}/" in header and beside.pathspec not in header and text in header

    screen.wait_until(holds, f"another run, {text}", 60)


def dialog_says(screen: Terminal, sentence: str) -> None:
    """Wait until the dialog shows this, wherever it is wrapped."""

    def within(shown: str) -> bool:
        lines = shown.splitlines()
        title = next((line for line in lines if "│ Resume " in line), "")
        left = title.find("│ Resume ")
        rows = [line[left + 1 : title.find("│", left + 1)] for line in lines]
        text = "".join(re.sub("[▁-█]", "", "".join(rows)).split())
        return left >= 0 and sentence.replace(" ", "") in text

    screen.wait_until(within, sentence)


@pytest.mark.parametrize("name", SHAPES)
def test_a_run_is_resumed_by_its_key_and_the_new_one_does_what_was_told(
    name: str, origin: Origin, tmp_path: Path
) -> None:
    shape = SHAPES[name]
    run = origin(shape.origin)
    before = [origin(shape.before).run] if shape.before else []
    file = None
    if shape.mended is not None:
        file = tmp_path / run.flow_file.name
        file.write_text(run.flow_file.read_text().replace(*shape.mended))
    with monitor(run.pathspec, root=run.root, home=tmp_path, extra=FIXED) as screen:
        ask(screen, run, file)
        if shape.chosen:
            choose(screen, shape.chosen)
        screen.wait_for(shape.told)
        assert run_ids(run.root, run.flow) == sorted([run.run, *before])

        screen.press("enter")
        wait_for_header(screen, "✓ succeeded", beside=run)
        new = new_run(run, *before)
        assert f"{run.flow}/{new}" in screen.lines()[0]
        if before:
            screen.wait_for(" → ".join([*before, run.run, new]))
        else:
            screen.wait_for(f"resumed from {run.run}")
        assert happened(run.directory.with_name(new)) == shape.steps

        screen.press(LAUNCH_LOG)
        screen.wait_for(f"{run.flow}/{new}  launch log", "✓ The launcher has ended well.", "Done!")
        close(screen, "launch log")
        screen.press("escape")
        screen.wait_until(lambda shown: shown.startswith(f" {run.pathspec}"), "the origin is back")
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)


# What a resume outlives


def waiting_flow(folder: Path, gate: Path, *, before: str) -> Path:
    """`failed.py` as a file that waits while `gate` exists, at the line with this text."""
    gate.touch()
    source = (FLOWS / "failed.py").read_text()
    assert source.count(before) == 1
    at = source.index(before)
    indent = len(before) - len(before.lstrip())
    line = f"{' ' * indent}while os.path.exists({str(gate)!r}): __import__('time').sleep(0.02)\n"
    file = folder / "waiting.py"
    file.write_text(source[:at] + line + source[at:])
    return file


@pytest.mark.parametrize("how", ["killed before there is a run", "the window is closed"])
def test_the_resume_outlives_the_app(how: str, origin: Origin, tmp_path: Path) -> None:
    run = origin("failed")
    gate = tmp_path / "gate"
    early = how == "killed before there is a run"
    line = "class FailedFlow" if early else "        self.countries = [task"
    file = waiting_flow(tmp_path, gate, before=line)
    with monitor(run.pathspec, root=run.root, home=tmp_path, extra=FIXED) as screen:
        ask(screen, run, file)
        screen.press("enter")
        if early:
            screen.wait_for(f"Resuming {run.pathspec}", "Starting, ")
            screen.send_signal(signal.SIGKILL)
            assert screen.exit_code() == -signal.SIGKILL
            assert run_ids(run.root, run.flow) == [run.run]
        else:
            screen.wait_for(f"resumed from {run.run}", "● running")
            screen.hang_up()
            screen.exit_code()
        gate.unlink()
        eventually(lambda: len(run_ids(run.root, run.flow)) == 2, "the run is there")
        eventually(lambda: has_ended(run, new_run(run)), "it runs to its end", 60)
        assert (
            happened(run.directory.with_name(new_run(run))) == SHAPES["a foreach task failed"].steps
        )


def test_twenty_enters_start_one_run_and_another_flowtui_is_refused(
    origin: Origin, tmp_path: Path
) -> None:
    run = origin("failed")
    gate = tmp_path / "gate"
    file = waiting_flow(tmp_path, gate, before="        self.countries = [task")
    with monitor(run.pathspec, root=run.root, home=tmp_path, extra=FIXED) as screen:
        ask(screen, run, file)
        screen.press(*["enter"] * 20)
        screen.wait_for(f"resumed from {run.run}")
        with monitor(run.pathspec, root=run.root, home=tmp_path, extra=FIXED) as other:
            ask(other, run)
            other.press(*["enter"] * 20)
            dialog_says(other, f"{run.pathspec} is already being resumed (process ")
            dialog_says(other, "Wait until that has ended.")
            assert len(run_ids(run.root, run.flow)) == 2
            close(other, "Cancel")
            other.press("q")
            assert other.exit_code() == 0
            gate.unlink()
            wait_for_header(screen, "✓ succeeded", beside=run)
    assert len(run_ids(run.root, run.flow)) == 2


# What is wrong with what was typed


def test_each_bad_input_is_said_and_can_be_corrected_without_a_run(
    origin: Origin, tmp_path: Path
) -> None:
    run = origin("failed")
    source = run.flow_file.read_text()
    files = {
        "syntax.py": "def (:\n",
        "import.py": f"import no_such_module\n{source}",
        "renamed.py": source.replace("join", "merge"),
        "secret.py": source,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "secret.py").chmod(0)
    refused = {
        tmp_path / "gone.py": "gone.py does not exist. Give the flow's Python file.",
        tmp_path: "is a directory. Give the flow's Python file.",
        FLOWS / "linear.py": "has no flow named FailedFlow (the flows in it: LinearFlow).",
        tmp_path / "syntax.py": "syntax.py is not Python: invalid syntax at line 1.",
    }
    if os.geteuid():
        refused[tmp_path / "secret.py"] = "secret.py cannot be read: Permission denied."

    with monitor(run.pathspec, root=run.root, home=tmp_path, extra=FIXED) as screen:
        ask(screen, run)
        for file, sentence in refused.items():
            type_file(screen, file)
            screen.press("enter")
            dialog_says(screen, sentence)

        type_file(screen, tmp_path / "import.py")
        screen.press("enter")
        screen.wait_for("✗ The flow ended with exit code 1 before it had a run.")
        screen.wait_for("ModuleNotFoundError: No module named 'no_such_module'")
        screen.press("escape")
        screen.wait_for(f"Resume {run.pathspec}", "import.py")

        type_file(screen, tmp_path / "renamed.py")
        choose(screen, 3)
        screen.press("enter")
        screen.wait_for("✗ The flow ended with exit code 1 before it had a run.")
        screen.wait_for("join")
        screen.press("escape")
        screen.wait_for(f"Resume {run.pathspec}", "renamed.py")
        assert run_ids(run.root, run.flow) == [run.run]
        close(screen, "Cancel")
        screen.press("q")
        assert screen.exit_code() == 0


def test_a_state_directory_that_takes_no_file_is_said_in_the_dialog(
    origin: Origin, tmp_path: Path
) -> None:
    run = origin("failed")
    (tmp_path / "state").touch()
    with monitor(run.pathspec, root=run.root, home=tmp_path, extra=FIXED) as screen:
        ask(screen, run)
        screen.press("enter")
        dialog_says(screen, f"{tmp_path}/state/flowtui cannot be written to: Not a directory.")
        dialog_says(screen, "Make room there, or set XDG_STATE_HOME to another directory.")
        assert run_ids(run.root, run.flow) == [run.run]


# Stopping

STOPPED_WITHIN = 15.0
"""Seconds after the answer in which a run has failed on the screen."""


def stop_it(screen: Terminal, launcher: psutil.Process) -> None:
    """Stop the run on the screen, and see it fail."""
    # Where two such flows run at once, the launcher is certain once a step process was looked at;
    # what that uses of a processor is known at the second look.
    screen.wait_for("% cpu")
    screen.press(STOP)
    screen.wait_for("Stop StoppedFlow/", f"process {launcher.pid} ", "stopped.py run")
    screen.press("enter")
    screen.wait_until(lambda shown: "Leave it" not in shown, "it is left")
    assert launcher.is_running()
    screen.press(STOP)
    screen.wait_for("Leave it")
    began = screen.press("y")
    screen.wait_for_line("StoppedFlow/", "✗ failed", seconds=STOPPED_WITHIN)
    assert time.monotonic() - began < STOPPED_WITHIN
    eventually(
        lambda: not launcher.is_running() or launcher.status() == psutil.STATUS_ZOMBIE,
        "the launcher has ended",
    )


def test_a_run_started_by_hand_warns_of_a_resume_and_is_stopped(tmp_path: Path) -> None:
    root, reached = tmp_path / "metaflow", tmp_path / "reached"
    arguments = ("run", "--reached", str(reached))
    with running_flow("stopped.py", *arguments, root=root, home=tmp_path) as (flow, run):
        eventually(reached.exists, "`wait` has started")
        with monitor(f"StoppedFlow/{run}", root=root, home=tmp_path) as screen:
            screen.wait_for("● wait", "● running")
            screen.press("r")
            dialog_says(screen, "The run is still going on: what runs now would run a second time.")
            close(screen, "Cancel")
            stop_it(screen, psutil.Process(flow.pid))
            screen.press(STOP)
            screen.wait_for("Nothing to stop")
        assert flow.wait(10) != 0


def test_a_run_started_by_flowtui_shows_its_launch_log_live_and_is_stopped(tmp_path: Path) -> None:
    root, reached = tmp_path / "metaflow", tmp_path / "reached"
    root.mkdir()
    flow = str(FLOWS / "stopped.py")
    with monitor("run", flow, "--reached", str(reached), root=root, home=tmp_path) as screen:
        screen.wait_for("StoppedFlow/", "● running")
        eventually(reached.exists, "`wait` has started")
        screen.press(LAUNCH_LOG)
        screen.wait_for("launch log", " goes on: process ", "Task is starting.")
        [launcher] = [
            process
            for process in psutil.process_iter()
            if process.ppid() == screen.process.pid and flow in process.cmdline()
        ]
        close(screen, "launch log")
        stop_it(screen, launcher)
