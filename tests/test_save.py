"""Saving a log: where to is asked for, nothing is written over, and every byte is as written."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from metaflow.mflog import mflog
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Static

from flowtui.commands import Scope, bindings
from flowtui.logs.tails import Part, Tail
from flowtui.screens.keep import Keeper, Kept
from flowtui.screens.save import SaveDialog
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.log_pane import LogPane
from tests.drawn import joined, timed
from tests.pilot import shows, until, watching
from tests.runs import RecordedRun
from tests.stored import Memory


class KeepingApp(App[None]):
    """A pane, and what keeps its log."""

    BINDINGS = bindings(Scope.APP)

    def __init__(self) -> None:
        super().__init__()
        self._keeper = Keeper(self)

    def compose(self) -> ComposeResult:
        yield LogPane("stdout")
        yield FindBar(id="find")

    def on_log_pane_wanted(self, message: LogPane.Wanted) -> None:
        self._keeper.keep(message)

    def on_kept(self, message: Kept) -> None:
        message.then()


class Keeping:
    """The app as a person sees it."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot, self.app = pilot, pilot.app
        self.pane = self.app.query_one(LogPane)

    async def until(self, holds: Callable[[], object]) -> None:
        for _ in range(1000):
            if holds():
                return
            await self.pilot.pause(0.01)
        raise AssertionError(f"not within 10 s; said: {self.said}")

    async def ask(self, typed: str) -> None:
        """Ask for a file by this name."""
        await self.pilot.press("ctrl+s")
        await self.until(lambda: isinstance(self.app.screen, SaveDialog))
        self.app.screen.query_one(Input).value = typed
        await self.pilot.press("enter")
        await self.pilot.pause()

    @property
    def refusal(self) -> str:
        return str(self.app.screen.query_one("#refusal", Static).content)

    @property
    def said(self) -> Sequence[str]:
        return [str(notification.message) for notification in self.app._notifications]


@asynccontextmanager
async def keeping(*parts: Part) -> AsyncIterator[Keeping]:
    async with KeepingApp().run_test(size=(100, 20)) as pilot:
        keeping = Keeping(pilot)
        tail = Tail(parts)
        keeping.pane.clear(tail=tail)
        keeping.pane.grow(tail.poll())
        while tail.more:
            keeping.pane.grow(tail.poll())
        keeping.pane.focus()
        await pilot.pause()
        yield keeping


def over() -> bool:
    return True


ANYTHING = joined(timed(b"\xff\x00 \x1b[31mred\r", "", "two ✓")) + timed("unfinished")[0]
WRITTEN = b"\xff\x00 \x1b[31mred\r\n\ntwo \xe2\x9c\x93\nunfinished"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, also at home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


async def test_a_log_is_saved_as_it_was_written(here: Path) -> None:
    async with keeping(Part(Memory(ANYTHING), over)) as keep:
        await keep.ask("a log.txt")
        await keep.until(lambda: keep.said)
        assert keep.said == [f"Saved {len(WRITTEN)} bytes to a log.txt."]
        assert (here / "a log.txt").read_bytes() == WRITTEN
        assert keep.pane.has_focus


async def test_a_long_log_and_a_long_line_are_saved_whole(here: Path) -> None:
    content = b"x" * 3_000_000 + b"\n" + b"line\n" * 300_000
    async with keeping(Part(Memory(content), over)) as keep:
        await keep.ask(str(here / "long"))
        await keep.until(lambda: keep.said)
        assert (here / "long").read_bytes() == content


async def test_both_streams_are_saved_by_time(here: Path) -> None:
    out = Memory(joined([*timed("one", second=1), *timed("three", second=3)]))
    err = Memory(joined(timed(b"two \x1b[1m", second=2)))
    async with keeping(Part(out, over, "stdout"), Part(err, over, "stderr")) as keep:
        await keep.ask("~/both")
        await keep.until(lambda: keep.said)
        assert (here / "both").read_bytes() == b"one\ntwo \x1b[1m\nthree\n"


async def test_of_a_filtered_log_the_lines_that_are_shown_are_saved(here: Path) -> None:
    lines = [f"{word} {number}\t" for number in range(5000) for word in ("hay", "needle")]
    long = "needle " + "x" * 200_000
    async with keeping(Part(Memory(joined([*timed(*lines, long), "unneedled"])), over)) as keep:
        keep.pane.filter("^needle")
        chosen = keep.pane.document.filter
        await keep.until(lambda: chosen and chosen.progress == 1)
        await keep.ask("needles")
        await keep.until(lambda: keep.said)
        expected = [f"needle {number}\t" for number in range(5000)] + [long]
        assert (here / "needles").read_bytes() == joined(expected)


async def test_the_dialog_proposes_a_name_and_goes_away_with_escape(here: Path) -> None:
    async with keeping(Part(Memory(b"x\n"), over)) as keep:
        keep.pane.file_name = "Flow-17-start-1-0.stdout.log"
        await keep.pilot.press("ctrl+s")
        await keep.until(lambda: isinstance(keep.app.screen, SaveDialog))
        field = keep.app.screen.query_one(Input)
        assert field.value == "Flow-17-start-1-0.stdout.log"
        await keep.pilot.press("x")
        assert field.value == "Flow-17-start-1-0.stdout.logx"
        await keep.pilot.press("escape")
        await keep.pilot.pause()
        assert not isinstance(keep.app.screen, SaveDialog)
        assert keep.pane.has_focus
        assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", "Give the name of a file."),
        ("   ", "Give the name of a file."),
        (".", "Give the name of a file."),
        ("folder/", "Give the name of a file."),
        ("there", "That exists already, and is not written over. Choose another name."),
        ("dangling", "That exists already, and is not written over. Choose another name."),
        ("none/log", "There is no folder none."),
        ("[b]none[/b]/log", "There is no folder [b]none[/b]."),
        ("there/log", "There is no folder there."),
        ("n" * 300, "That is no name for a file here: file name too long."),
        (
            "~nobody-by-this-name/log",
            "That is no name for a file here: Could not determine home directory.",
        ),
    ],
)
async def test_a_name_that_will_not_do_is_refused(typed: str, refusal: str, here: Path) -> None:
    (here / "folder").mkdir()
    (here / "there").write_text("theirs")
    (here / "dangling").symlink_to("nowhere")
    before = sorted(here.iterdir())
    async with keeping(Part(Memory(b"x\n"), over)) as keep:
        await keep.ask(typed)
        assert keep.refusal == refusal
        assert isinstance(keep.app.screen, SaveDialog)
        await keep.pilot.press("escape")
        await keep.pilot.pause()
    assert sorted(here.iterdir()) == before
    assert (here / "there").read_text() == "theirs"


async def test_a_refusal_goes_when_another_name_is_given(here: Path) -> None:
    (here / "there").touch()
    async with keeping(Part(Memory(b"x\n"), over)) as keep:
        await keep.ask("there")
        assert keep.refusal
        await keep.pilot.press("2", "enter")
        await keep.until(lambda: keep.said)
        assert (here / "there2").read_bytes() == b"x\n"


async def test_what_the_disk_refuses_is_said(here: Path) -> None:
    async with keeping(Part(Memory(b"x\n"), over)) as keep:
        await keep.ask("/proc/self/log")
        await keep.until(lambda: keep.said)
        assert keep.said[0].startswith("/proc/self/log cannot be written: ")
        # The next one is written.
        await keep.ask("log")
        await keep.until(lambda: len(keep.said) == 2)
        assert os.listdir(here) == ["log"]


class Gated(Memory):
    """A log that is read by others than the app only once its gate is open."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.reading, self.gate = threading.Event(), threading.Event()

    def read(self, offset: int, count: int) -> bytes:
        if threading.current_thread() is not threading.main_thread():
            self.reading.set()
            assert self.gate.wait(20)
        return b"" if self.closed else super().read(offset, count)


async def test_a_log_that_is_left_meanwhile_is_not_saved_in_part(here: Path) -> None:
    memory = Gated(b"line\n" * 100_000)
    async with keeping(Part(memory, over)) as keep:
        await keep.ask("log")
        await keep.until(memory.reading.is_set)
        keep.pane.clear("Another attempt.")
        memory.gate.set()
        await keep.until(lambda: keep.said)
        assert keep.said == ["The log was left before all of it was read."]
        assert list(here.iterdir()) == []


async def test_one_log_is_saved_at_a_time(here: Path) -> None:
    memory = Gated(b"line\n")
    async with keeping(Part(memory, over)) as keep:
        await keep.ask("one")
        await keep.until(memory.reading.is_set)
        await keep.ask("two")
        assert keep.said == ["A log is being written already."]
        memory.gate.set()
        await keep.until(lambda: len(keep.said) == 2)
        assert os.listdir(here) == ["one"]


@pytest.mark.parametrize("key", ["ctrl+s", "o", "O"])
async def test_nothing_is_made_of_an_empty_log(key: str) -> None:
    async with keeping(Part(Memory(), over)) as keep:
        await keep.pilot.press(key)
        await keep.until(lambda: keep.said)
        assert keep.said == ["There is nothing in this log."]


@pytest.mark.parametrize("key", ["o", "O"])
async def test_where_the_terminal_cannot_be_lent_it_is_said(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER", "true")
    monkeypatch.setenv("VISUAL", "true")
    async with keeping(Part(Memory(b"x\n"), over)) as keep:
        await keep.pilot.press(key)
        await keep.until(lambda: keep.said)
        assert keep.said == ["No other program can be shown here."]


async def test_the_log_of_an_attempt_is_saved_by_its_name(
    runs: dict[str, RecordedRun], here: Path
) -> None:
    run = runs["failed"]
    async with watching(run, "/train/4") as (app, pilot):
        await shows(pilot, "ValueError: no data for NO")
        await pilot.press("tab", "tab")
        await until(pilot, lambda: isinstance(app.focused, LogPane), "a log has the focus")
        assert isinstance(app.focused, LogPane)
        await pilot.press("ctrl+s")
        await shows(pilot, "As it was written, byte for byte, to")
        name = f"FailedFlow-{run.run}-train-4-0.stderr.log"
        assert app.screen.query_one(Input).value == name
        await pilot.press("enter")
        await shows(pilot, "Saved ")
    stored = sorted((run.directory / "train" / "4").glob("0.*_stderr.log"))
    expected = mflog.merge_logs([path.read_bytes() for path in stored])
    # What Metaflow stores ends without a newline.
    assert (here / name).read_bytes() == b"\n".join([line.msg for line in expected])
