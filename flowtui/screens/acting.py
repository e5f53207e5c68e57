"""Resumes and stops runs for an app, and shows what their launchers print."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from flowtui.actions.errors import ActionError
from flowtui.actions.launch import Launch
from flowtui.logs.sanitise import one_line
from flowtui.model import ProcessId, Target
from flowtui.theme import Look

# What opens a dialog imports it: most of the time a run is only watched.
if TYPE_CHECKING:
    from flowtui.screens.resume import Resumed
    from flowtui.screens.run import RunScreen

_LOOK = 0.2
"""Seconds between two looks at a process that was told to stop."""

_PATIENCE = 15.0
"""Seconds after which it is said that a process has not stopped."""


class Actor:
    """Knows the launches of this session by the pathspecs of their runs."""

    def __init__(self, app: App[None], look: Look, open_run: Callable[[Target], None]) -> None:
        self._app, self._look, self._open_run = app, look, open_run
        self._launches: dict[str, Launch] = {}

    def note(self, pathspec: str, launch: Launch) -> None:
        """Take in that a run was started by this launch; say so should it end badly."""
        if pathspec in self._launches:
            return
        self._launches[pathspec] = launch

        def look_again() -> None:
            code = launch.exit_code()
            if code is not None:
                timer.stop()
            if code:
                how = f"with exit code {code}" if code > 0 else f"by signal {-code}"
                where = one_line(pathspec)
                self._say(f"The launcher of {where} has ended {how}: ctrl+l shows its log.")

        timer = self._app.set_interval(_LOOK, look_again)

    def _begin(self, flow: str, launch: Launch) -> None:
        """Follow a resume until it has a run, also when nobody waits for that any more."""

        def look_again() -> None:
            from flowtui.screens.launch import LaunchScreen

            run, failure = launch.poll_run_id(), launch.failure()
            if run is not None or failure is not None:
                timer.stop()
            if run is not None:
                self.note(f"{flow}/{run}", launch)
            elif failure is not None and not isinstance(self._app.screen, LaunchScreen):
                self._say(failure.sentence, "error")

        timer = self._app.set_interval(_LOOK, look_again)

    def act(self, wanted: RunScreen.ActWanted) -> None:
        """Do what the person asks for of a run."""
        pathspec = wanted.store.description.pathspec
        if wanted.what == "resume":
            self._resume(wanted)
        elif wanted.what == "stop":
            self._stop(pathspec, wanted.source.launcher() or self._launcher(pathspec))
        else:
            self._show_launch(pathspec)

    def _resume(self, wanted: RunScreen.ActWanted) -> None:
        from flowtui.screens.resume import ResumeDialog

        store = wanted.store
        dialog = ResumeDialog(
            store.description,
            {node.name: tuple(store.tasks(node.name).values()) for node in store.graph.nodes},
            store.splits,
            cwd=Path.cwd(),
            environment=wanted.source.environment(),
            look=self._look,
            ran=wanted.source.flow_source,
            started=partial(self._begin, store.description.flow),
        )
        self._app.push_screen(dialog, self._open_resumed)

    def _open_resumed(self, resumed: Resumed | None) -> None:
        if resumed is not None:
            self.note(resumed.pathspec, resumed.launch)
            flow, _, run = resumed.pathspec.partition("/")
            self._open_run(Target(flow, run))

    def _show_launch(self, pathspec: str) -> None:
        from flowtui.screens.launch import LaunchScreen

        launch = self._launches.get(pathspec)
        if launch is None:
            self._say("This run was not started from here: what its launcher printed is elsewhere.")
            return
        title = f"{pathspec}  launch log"
        self._app.push_screen(LaunchScreen(launch, title, self._look, waits=False))

    def _launcher(self, pathspec: str) -> ProcessId | None:
        """The process of a launch of this session, known before it has started a step."""
        from flowtui.sources.processes import identity

        launch = self._launches.get(pathspec)
        return identity(launch.pid) if launch is not None and launch.exit_code() is None else None

    def _stop(self, pathspec: str, process: ProcessId | None) -> None:
        if process is None:
            self._say("Nothing to stop: no launcher of this run is on this machine.")
            return
        from flowtui.screens.stop import StopDialog

        def decided(wanted: bool | None) -> None:
            if wanted:
                self._interrupt(pathspec, process)

        self._app.push_screen(StopDialog(pathspec, process), decided)

    def _interrupt(self, pathspec: str, process: ProcessId) -> None:
        from flowtui.actions.stop import stop, stopped

        try:
            stop(process)
        except ActionError as error:
            self._say(str(error), "error")
            return
        self._say(f"Interrupted process {process.pid}.")
        left = int(_PATIENCE / _LOOK)

        def look_again() -> None:
            nonlocal left
            left -= 1
            if stopped(process):
                timer.stop()
                self._say(f"{one_line(pathspec)} has been stopped.")
            elif not left:
                timer.stop()
                self._say(f"Process {process.pid} has not ended yet.", "warning")

        timer = self._app.set_interval(_LOOK, look_again)

    def _say(self, sentence: str, severity: str = "information") -> None:
        self._app.notify(
            sentence,
            severity=severity,  # type: ignore[arg-type]
            markup=False,
            timeout=5,
        )
