"""How a flow's file differs from what ran: by its text, by its age, and as the dialog says it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from flowtui.actions.code_change import MOST_COMPARED, MOST_LINES, CodeChange, code_change
from flowtui.actions.errors import ActionError
from flowtui.model import FlowSource, Ms, Target
from flowtui.screens.resume import ResumeDialog
from flowtui.sources.registry import Where, open_source
from flowtui.store import RunStore
from flowtui.theme import Look
from tests.runs import FLOWS, RecordedRun, flow_environment, packaged_run
from tests.test_resume_dialog import SIZES, Host, driven, shown, squeezed, until

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the run, once, is not part of the time that a test has."""


@dataclass(frozen=True)
class Case:
    """What ran, what the file holds now, and what is said of it."""

    ran: bytes
    now: bytes
    sentence: str | None
    lines: tuple[str, ...] = ()


HEADER = ("--- as it ran", "+++ now")
CASES = {
    "the same": Case(b"a = 1\n", b"a = 1\n", None),
    "both empty": Case(b"", b"", None),
    "a line changed": Case(
        b"a = 1\nb = 2\nc = 3\nd = 4\n",
        b"a = 1\nb = 2\nc = 5\nd = 4\n",
        "flow.py is not what ran: 1 line added, 1 removed since.",
        (*HEADER, "@@ -1,5 +1,5 @@", " a = 1", " b = 2", "-c = 3", "+c = 5", " d = 4", " "),
    ),
    "lines that look like a diff's own": Case(
        b"-- a\n",
        b"++ b\n++ c\n",
        "flow.py is not what ran: 2 lines added, 1 removed since.",
        (*HEADER, "@@ -1,2 +1,3 @@", "--- a", "+++ b", "+++ c", " "),
    ),
    "emptied": Case(
        b"a\nb",
        b"",
        "flow.py is not what ran: 1 line added, 2 removed since.",
        (*HEADER, "@@ -1,2 +1 @@", "-a", "-b", "+"),
    ),
    "hostile bytes": Case(
        b"safe",
        b"\x1b]52;c;eA==\x07[/b]\xff\x9b2J\xe2\x80\xae\x00",
        "flow.py is not what ran: 1 line added, 1 removed since.",
        (*HEADER, "@@ -1 +1 @@", "-safe", "+[/b]\ufffd\ufffd2J\ufffd\ufffd"),
    ),
    "the ends of lines alone": Case(
        b"a\nb\n", b"a\r\nb\r\n", "flow.py is not what ran, in nothing that can be shown."
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_file_is_held_against_the_code_package(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    file = tmp_path / "flow.py"
    file.write_bytes(case.now)
    change = code_change(file, FlowSource("flow.py", case.ran), None)
    assert (change.sentence, change.warns) == (case.sentence, case.sentence is not None)
    assert tuple(change.lines) == case.lines


def test_of_a_long_difference_the_beginning_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_bytes(b"\n".join(b"new %d" % at for at in range(1000)))
    change = code_change(file, FlowSource("flow.py", b""), None)
    assert change.sentence == "flow.py is not what ran: 1,000 lines added, 1 removed since."
    assert len(change.lines) == MOST_LINES + 1
    # Two lines of a header, one of a place, and 1,001 that changed: 604 are left of them.
    assert change.lines[-2:] == ["+new 395", "… 604 lines more"]


def test_files_of_many_lines_are_not_compared_line_by_line(tmp_path: Path) -> None:
    ran = [b"x = %d" % at for at in range(MOST_COMPARED + 1)]
    file = tmp_path / "flow.py"
    file.write_bytes(b"\n".join(line + b"." * (at % 2) for at, line in enumerate(ran)))
    change = code_change(file, FlowSource("flow.py", b"\n".join(ran)), None)
    assert change == CodeChange(
        "flow.py is not what ran; it is too long to say what has changed.", warns=True
    )


def test_of_a_long_line_the_beginning_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_bytes(b"x" * 4_000_000)
    change = code_change(file, FlowSource("flow.py", b"y"), None)
    assert max(map(len, change.lines)) < 20_000
    assert change.lines[-1].startswith("+xxxx")


MADE = 1_700_000_000
"""Second at which the file below was written."""


@pytest.mark.parametrize(
    ("began", "sentence", "warns"),
    [
        (
            MADE - 1,
            "flow.py was written after the run began, and the run kept no copy of its code.",
            True,
        ),
        (MADE + 1, "flow.py is older than the run; the run kept no copy of its code.", False),
        (
            None,
            "Whether flow.py has changed is not known: the run kept no copy of its code.",
            True,
        ),
    ],
)
def test_without_a_code_package_the_time_of_the_file_tells(
    began: int | None, sentence: str, warns: bool, tmp_path: Path
) -> None:
    file = tmp_path / "flow.py"
    file.touch()
    os.utime(file, (MADE, MADE))
    change = code_change(file, None, None if began is None else Ms(began * 1000))
    assert change == CodeChange(sentence, warns=warns)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("gone.py", "does not exist"),
        ("folder", "is a directory"),
        ("large.py", "is larger than 5 MB"),
        ("pipe", "is not a regular file"),
        ("x" * 5000, "cannot be read: File name too long"),
    ],
)
def test_what_cannot_be_read_is_not_compared(name: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large.py").open("wb") as large:
        large.truncate(5_000_001)
    with pytest.raises(ActionError, match=complaint):
        code_change(tmp_path / name, FlowSource("flow.py", b""), None)


# In the dialog, of a real run that has a code package


@pytest.fixture(scope="session")
def packaged(pytestconfig: pytest.Config) -> RecordedRun:
    return packaged_run(Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")


def dialog_of(run: RecordedRun, cwd: Path) -> ResumeDialog:
    where = Where(metadata=f"local@{run.root}", namespace="")
    _, source = open_source(Target(run.flow, run.run), where)
    store = RunStore(source.describe())
    store.apply(source.poll())
    return ResumeDialog(
        store.description,
        {node.name: tuple(store.tasks(node.name).values()) for node in store.graph.nodes},
        store.splits,
        cwd=cwd,
        environment=flow_environment(run.root),
        look=Look(),
        ran=source.flow_source,
    )


@pytest.mark.parametrize("size", SIZES)
async def test_the_dialog_says_how_the_file_differs_and_shows_it(
    size: tuple[int, int], packaged: RecordedRun, tmp_path: Path, state_home: Path
) -> None:
    changed = tmp_path / "linear.py"
    source = (FLOWS / "linear.py").read_text()
    changed.write_text(source.replace('print("done")', 'print("[/b]\x1b[31mdone")\n        pass'))
    screen = dialog_of(packaged, tmp_path)

    async def drive(pilot: Pilot[None], app: Host) -> None:
        await until(pilot, lambda: screen._change is not None, "the recorded file is compared")
        assert "is not what ran" not in shown(app)
        assert "how the flow file differs" not in shown(app)
        assert "Parameters stay as they were: alpha=0.5" in shown(app)
        file = screen.query_one("#file", Input)
        file.value = "linear.py"
        said = "linear.py is not what ran: 2 lines added, 1 removed since."
        await until(pilot, lambda: said in squeezed(shown(app)), "the change is said")
        preview = screen.query_one("#preview")

        def at_its_end() -> bool:
            preview.scroll_end(animate=False)
            return "+        pass" in shown(app)

        await until(pilot, at_its_end, "the change is shown")
        if size == SIZES[1]:
            assert '-        print("done")' in shown(app)
            assert '+        print("[/b]done")' in shown(app)
        file.value = "gone.py"
        await until(pilot, lambda: said not in squeezed(shown(app)), "of no file nothing is said")

    await driven(screen, drive, size)


async def test_a_warning_of_other_code_is_told_apart_from_a_remark(
    packaged: RecordedRun, tmp_path: Path
) -> None:
    (tmp_path / "linear.py").write_text("pass\n")
    screen = dialog_of(packaged, tmp_path)

    async def drive(pilot: Pilot[None], app: Host) -> None:
        screen.query_one("#file", Input).value = "linear.py"
        await until(pilot, lambda: "is not what ran" in shown(app), "the change is said")
        remarks = screen.query_one("#remarks").render_lines(
            screen.query_one("#remarks").region.reset_offset
        )
        colours = {
            segment.text.split()[0]: segment.style and segment.style.color
            for strip in remarks
            for segment in strip
            if segment.text.strip()
        }
        assert colours["linear.py"] != colours["Nothing"]

    await driven(screen, drive)
