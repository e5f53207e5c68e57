"""What the launcher of a run prints, and what has become of it."""

from __future__ import annotations

import time

from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from flowtui.actions.launch import Launch
from flowtui.commands import Scope, bindings
from flowtui.logs.sanitise import one_line
from flowtui.logs.stored import StoredFile
from flowtui.logs.tails import Part, Tail
from flowtui.model import State
from flowtui.screens.feeds import LogFeed, LogNews
from flowtui.theme import Look
from flowtui.times import stopwatch
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.key_bar import KeyBar
from flowtui.widgets.log_pane import LogPane
from flowtui.widgets.preferences import hint

_LOOK = 0.1
"""Seconds between two looks at a launcher."""


class LaunchScreen(Screen[str | None]):
    """Closes with the id of the run as soon as there is one, if it is waited for.

    Left before, or where the launcher ends without a run, it closes without one; a launcher that
    still goes on is not stopped. `title` says what was started.
    """

    SCOPES = (Scope.BACK,)
    BINDINGS = bindings(*SCOPES)
    DEFAULT_CSS = """
    LaunchScreen #where { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    LaunchScreen #state { height: auto; max-height: 3; padding: 0 1; background: $surface; }
    LaunchScreen LogPane { height: 1fr; }
    """

    def __init__(self, launch: Launch, title: str, look: Look, *, waits: bool) -> None:
        super().__init__()
        self._launch, self._look, self._waits = launch, look, waits
        self._titled = title
        self._began = time.monotonic()
        self._tail = Tail([Part(StoredFile(launch.log_path), self._over)])
        self._feed: LogFeed | None = None

    def compose(self) -> ComposeResult:
        yield Static(Content(one_line(self._titled)), id="where", markup=False)
        yield Static(id="state", markup=False)
        yield LogPane("launch log")
        yield KeyBar()
        yield FindBar(id="find")

    def on_mount(self) -> None:
        pane = self.query_one(LogPane)
        pane.clear(tail=self._tail)
        pane.note = "The launcher has printed nothing yet."
        self._feed = LogFeed(self, self._tail)
        pane.focus()
        self.query_one(KeyBar).show(Scope.LOG, Scope.BACK, Scope.APP)
        self._look_again()
        self.set_interval(_LOOK, self._look_again)

    def on_unmount(self) -> None:
        if self._feed is not None:
            self._feed.stop()
        self._tail.close()

    def on_log_news(self, message: LogNews) -> None:
        pane = self.query_one(LogPane)
        pane.grow(message.growth)
        pane.title(ended=self._over())
        message.taken.set()

    def action_back(self) -> None:
        self.dismiss(None)

    def _over(self) -> bool:
        return self._launch.exit_code() is not None

    def _look_again(self) -> None:
        run = self._launch.poll_run_id()
        if run is not None and self._waits:
            self.dismiss(run)
            return
        state, told = self._told(run)
        text = Content.assemble(
            (f"{self._look.glyph(state)} {told}", self._look.colour(state)),
        )
        self.query_one("#state", Static).update(text)

    def _told(self, run: str | None) -> tuple[State, str]:
        code = self._launch.exit_code()
        if code is None:
            since = stopwatch(int((time.monotonic() - self._began) * 1000))
            process = f"process {self._launch.pid}"
            if run is not None:
                return State.RUNNING, f"Run {run} goes on: {process}."
            return State.RUNNING, f"Starting, {since}: {process}. It goes on if you leave."
        failure = self._launch.failure()
        if failure is not None:
            return State.FAILED, f"{failure.sentence} {hint(self, 'back', 'goes back')}".rstrip()
        if code == 0:
            return State.SUCCEEDED, "The launcher has ended well."
        how = f"with exit code {code}" if code > 0 else f"by signal {-code}"
        return State.FAILED, f"The launcher has ended {how}."
