"""The resume dialog: what is cloned and what reruns, its options, the command, the start of it."""

from __future__ import annotations

import os
import re
import shlex
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Select, Static

from flowtui.actions.code_change import CodeChange, code_change
from flowtui.actions.errors import ActionError
from flowtui.actions.launch import Launch
from flowtui.actions.resume import (
    ResumeOptions,
    ResumePlan,
    check_flow_file,
    plan,
    preview,
    propose_flow_file,
    start,
    stores_logs_at_the_end,
)
from flowtui.logs.sanitise import one_line
from flowtui.model import FlowSource, RunDescription, State, Task
from flowtui.screens.launch import LaunchScreen
from flowtui.screens.resume_preview import difference, remarks, table
from flowtui.sources.base import SourceError
from flowtui.theme import Look

_BORDER_ROWS = 2

_WHAT_FAILED = "what failed"
_LONGEST_COMMAND = 4000
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Resumed:
    """The dialog's result: the new run, and the process that runs it."""

    pathspec: str
    launch: Launch


class _Tick(Checkbox):
    """A checkbox whose state can be read without colours."""

    BUTTON_LEFT, BUTTON_RIGHT = "", ""

    def watch_value(self) -> None:
        self.BUTTON_INNER = "[x]" if self.value else "[ ]"
        super().watch_value()


class ResumeDialog(ModalScreen[Resumed | None]):
    """Shows what resuming a run does, and does it once it is confirmed.

    `tasks` are the run's tasks by step and `splits` what its split steps asked for, as `preview`
    takes them; `cwd` and `environment` go into the plan. `ran` gives the flow's file as the run's
    code package holds it; it blocks. Closed without a result when cancelled. Once confirmed the
    resume goes on, even when the dialog is closed; `started` is told of it.
    """

    CSS_PATH = "resume.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]

    class Started(Message):
        """The resume runs; it has no id yet."""

        def __init__(self, launch: Launch) -> None:
            self.launch = launch
            super().__init__()

    class Refused(Message):
        """The resume was not started: `sentence` says why."""

        def __init__(self, sentence: str) -> None:
            self.sentence = sentence
            super().__init__()

    class Compared(Message):
        """How a file differs from what ran is known, or that it cannot be compared."""

        def __init__(self, file: str, change: CodeChange | None) -> None:
            self.file = file
            self.change = change
            super().__init__()

    def __init__(
        self,
        description: RunDescription,
        tasks: Mapping[str, Sequence[Task]],
        splits: Mapping[str, int],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        look: Look,
        ran: Callable[[], FlowSource | None] = lambda: None,
        started: Callable[[Launch], None] = lambda _: None,
    ) -> None:
        super().__init__()
        self._description = description
        self._known = (tasks, splits)
        self._steps = preview(description.graph, tasks, splits)
        self._going_on = any(
            task.state is State.RUNNING for of_step in tasks.values() for task in of_step
        )
        self._cwd = cwd
        self._environment = environment
        self._look = look
        self._ran, self._on_start = _once(ran), started
        self._change: CodeChange | None = None
        self._may_be_live = stores_logs_at_the_end(environment)
        self._starting = False

    def compose(self) -> ComposeResult:
        proposed = propose_flow_file(self._description, self._cwd)
        names = [node.name for node in self._description.graph.nodes]
        steps = [(Text(one_line(name, 60)), name) for name in names]
        with Vertical(id="dialog"):
            yield Static(
                Content(f"Resume {one_line(self._description.pathspec)}"), id="title", markup=False
            )
            yield Static(id="remarks", markup=False)
            with VerticalScroll(id="preview"):
                yield Static(id="steps", markup=False)
            with _field("flow file"):
                yield Input(
                    str(proposed or ""),
                    placeholder="path of the flow's Python file",
                    id="file",
                    select_on_focus=False,
                )
            with _field("from step"):
                yield Select(steps, prompt=_WHAT_FAILED, id="step", compact=True)
            with _field("tags"):
                yield Input(placeholder="none: those of the run are not taken over", id="tags")
            with _field("with"):
                yield Input(placeholder="decorators for every step: retry:times=3", id="with")
            with _field("max workers"):
                yield Input(placeholder="Metaflow's default: 16", id="workers")
            box = VerticalScroll(id="command-box", can_focus=False)
            with _field("command", id="command-row"), box:
                yield Static(id="command", markup=False)
            with VerticalScroll(id="message", classes="-empty", can_focus=False):
                yield Static(id="sentence", markup=False)
            with Horizontal(id="buttons"):
                yield _Tick(
                    "live logs",
                    self._may_be_live,
                    id="live-logs",
                    compact=True,
                    disabled=not self._may_be_live,
                    classes="" if self._may_be_live else "-impossible",
                    tooltip="Store each line as it is printed, not all when an attempt has ended.",
                )
                yield Static(id="gap")
                yield Button("Resume", variant="primary", id="resume", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        self.watch(self.query_one("#dialog"), "virtual_size", self._fit)
        self._show_command()
        self._show_preview()
        self.query_one("#file", Input).focus()

    @property
    def command_line(self) -> str | None:
        """The command as it would be started now, quoted for a shell; None while there is none."""
        try:
            return self._plan().command_line
        except ActionError:
            return None

    def action_cancel(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_cancel()

    @on(Input.Changed)
    @on(Checkbox.Changed)
    def _show_command(self) -> None:
        try:
            self._say("")
            shown = self._plan().command_line
        except ActionError as error:
            self._say(str(error))
            shown = "–"
        self.query_one("#command", Static).update(Content(one_line(shown, _LONGEST_COMMAND)))

    @on(Select.Changed)
    def _show_steps(self) -> None:
        self._steps = preview(self._description.graph, *self._known, step=self._step)
        self._show_command()
        self._show_preview()

    def _show_preview(self) -> None:
        lines = [
            Content(line)
            for line in remarks(self._description, self._steps, going_on=self._going_on)
        ]
        if self._change and self._change.sentence:
            sentence = one_line(self._change.sentence)
            warning = "$text-warning" if self._change.warns else ""
            lines.append(Content.styled(sentence, warning))
        self.query_one("#remarks", Static).update(Content("\n").join(lines))
        rows = table(self._steps, self._look)
        rows += difference(self._change, self._look) if self._change else []
        self.query_one("#steps", Static).update(Content.from_rich_text(Text("\n").join(rows)))
        self.call_after_refresh(self._fit)

    @on(Input.Changed, "#file")
    @work(thread=True, exclusive=True, group="compare", exit_on_error=False)
    def _compare(self) -> None:
        """Compare the file with what ran; what cannot be compared shows when it is confirmed."""
        typed = self.query_one("#file", Input).value.strip()
        change = None
        with suppress(ActionError, SourceError, OSError, ValueError):
            file = self._cwd / os.path.expanduser(typed)
            change = code_change(file, self._ran(), self._description.created_at)
        self.post_message(self.Compared(typed, change))

    @on(Compared)
    def _take_change(self, event: Compared) -> None:
        if event.file == self.query_one("#file", Input).value.strip():
            self._change = event.change
            self._show_preview()

    @on(Input.Submitted)
    @on(Button.Pressed, "#resume")
    def _confirm(self) -> None:
        """Start the resume; while it starts, more presses do nothing."""
        if self._starting:
            return
        try:
            resume = self._plan()
        except ActionError as error:
            self._say(str(error))
            return
        self._set_starting(True)
        self._launch(resume)

    @property
    def _step(self) -> str | None:
        """The step to resume from, None for what failed."""
        chosen = self.query_one("#step", Select).value
        return chosen if isinstance(chosen, str) else None

    def _options(self) -> ResumeOptions:
        workers = self.query_one("#workers", Input).value.strip()
        if workers and not _NUMBER.fullmatch(workers):
            raise ActionError(f"{one_line(workers, 20)!r} is no number of workers.")
        return ResumeOptions(
            step=self._step,
            tags=self._words("tags"),
            decorators=self._words("with"),
            max_workers=int(workers) if workers else None,
        )

    def _words(self, field: str) -> tuple[str, ...]:
        """What was typed into a field, as a shell would take it apart."""
        try:
            return tuple(shlex.split(self.query_one(f"#{field}", Input).value))
        except ValueError as error:
            raise ActionError(f"{field}: {str(error).lower()}. Quote it as for a shell.") from error

    def _plan(self) -> ResumePlan:
        typed = self.query_one("#file", Input).value.strip()
        if not typed:
            raise ActionError("Give the flow's Python file: Metaflow resumes a run by running it.")
        return plan(
            self._description,
            Path(os.path.expanduser(typed)),
            cwd=self._cwd,
            environment=self._environment,
            options=self._options(),
            live_logs=self.query_one("#live-logs", Checkbox).value,
        )

    @work(thread=True, exit_on_error=False)
    def _launch(self, resume: ResumePlan) -> None:
        """Check the file and start the process; what comes of it is posted."""
        try:
            check_flow_file(resume.flow_file, self._description.flow)
            launch = start(resume)
            # By way of the app: the dialog may have been closed.
            self.app.call_later(self._on_start, launch)
            self.post_message(self.Started(launch))
        except ActionError as error:
            self.post_message(self.Refused(str(error)))

    @on(Started)
    def _follow(self, event: Started) -> None:
        """Show what it prints until it has a run, or for as long as the person wants to see it."""
        launch = event.launch

        def left(run: str | None) -> None:
            if run is not None:
                self.dismiss(Resumed(f"{self._description.flow}/{run}", launch))
            elif launch.failure() is None:
                self.dismiss(None)
            else:
                self._set_starting(False)
                self.query_one("#file", Input).focus()

        title = f"Resuming {self._description.pathspec}"
        self.app.push_screen(LaunchScreen(launch, title, self._look, waits=True), left)

    @on(Refused)
    def _not_started(self, event: Refused) -> None:
        self._set_starting(False)
        self._say(event.sentence)
        self.query_one("#file", Input).focus()

    def _set_starting(self, starting: bool) -> None:
        self._starting = starting
        # Else the focus would move on to the other button, and Enter with it.
        self.set_focus(None)
        self.query_one("#dialog").disabled = starting

    def _say(self, sentence: str) -> None:
        self.query_one("#sentence", Static).update(Content(one_line(sentence, limit=2000)))
        message = self.query_one("#message", VerticalScroll)
        message.set_class(not sentence, "-empty")
        if sentence:
            message.call_after_refresh(message.scroll_visible, animate=False)

    @on(Resize)
    def _fit(self) -> None:
        """Give the steps the rows that the rest of the dialog leaves; CSS cannot say that."""
        dialog, steps = self.query_one("#dialog"), self.query_one("#preview")
        rest = dialog.virtual_size.height - steps.size.height
        steps.styles.max_height = max(3, self.size.height - _BORDER_ROWS - rest)
        # Where not all of them fit, what runs again is worth more than what is cloned.
        first = next((at for at, step in enumerate(self._steps) if step.reruns != 0), 0)
        steps.call_after_refresh(steps.scroll_to, y=first, animate=False)


def _once(read: Callable[[], FlowSource | None]) -> Callable[[], FlowSource | None]:
    """`read`, which may take long, done once for all threads that ask, unless it raises."""
    lock = threading.Lock()
    found: list[FlowSource | None] = []

    def asked() -> FlowSource | None:
        with lock:
            if not found:
                found.append(read())
            return found[0]

    return asked


def _field(name: str, *, id: str | None = None) -> Horizontal:  # noqa: A002
    """A row for an option: its name, and what is yielded within."""
    return Horizontal(Static(name, classes="name"), classes="field", id=id)
