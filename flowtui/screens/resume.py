"""The resume dialog: what is cloned and what reruns, the command, and the start of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Static
from textual.worker import get_current_worker

from flowtui.actions.errors import ActionError
from flowtui.actions.launch import Launch
from flowtui.actions.resume import (
    ResumePlan,
    StepPreview,
    check_flow_file,
    plan,
    preview,
    propose_flow_file,
    start,
    stores_logs_at_the_end,
)
from flowtui.logs.sanitise import one_line
from flowtui.model import RunDescription, State, Task
from flowtui.theme import Look

_POLL_SECONDS = 0.1
_BORDER_ROWS = 2


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
    takes them; `cwd`, `environment` and `arguments` go into the plan. Closed without a result when
    cancelled. Once confirmed the resume goes on, even when the dialog is closed.
    """

    DEFAULT_CSS = """
    ResumeDialog {
        align: center middle;
    }
    ResumeDialog #dialog {
        width: 90%;
        max-width: 110;
        height: auto;
        max-height: 100%;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        padding: 0 1;
        border: round $primary;
        background: $surface;
    }
    ResumeDialog #title {
        height: 1;
        text-style: bold;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    ResumeDialog #preview {
        height: auto;
        min-height: 3;
        margin: 1 0;
        scrollbar-size-vertical: 1;
    }
    ResumeDialog #preview:focus {
        background: $boost;
    }
    ResumeDialog.-failed .before {
        display: none;
    }
    ResumeDialog #command-box {
        height: auto;
        max-height: 30vh;
        scrollbar-size-vertical: 1;
    }
    ResumeDialog #steps, ResumeDialog #remarks, ResumeDialog #command {
        height: auto;
    }
    ResumeDialog #remarks {
        color: $text-muted;
    }
    ResumeDialog .caption {
        height: 1;
        margin-top: 1;
        color: $text-muted;
    }
    ResumeDialog #file {
        height: 1;
        border: none;
        padding: 0;
        background: $boost;
    }
    ResumeDialog #file:focus {
        background: $primary 20%;
    }
    ResumeDialog #message {
        height: auto;
        max-height: 14;
        margin-top: 1;
        scrollbar-size-vertical: 1;
    }
    ResumeDialog #message.-empty {
        display: none;
    }
    ResumeDialog #message Static {
        height: auto;
    }
    ResumeDialog #sentence {
        color: $text-error;
    }
    ResumeDialog.-starting #sentence {
        color: $text-accent;
    }
    ResumeDialog #tail {
        color: $text-muted;
    }
    ResumeDialog #buttons {
        height: 1;
        margin-top: 1;
    }
    ResumeDialog #live-logs {
        background: transparent;
        padding: 0;
    }
    ResumeDialog #live-logs > .toggle--button {
        color: $foreground;
        background: transparent;
    }
    ResumeDialog #live-logs.-impossible {
        visibility: hidden;
    }
    ResumeDialog #gap {
        width: 1fr;
    }
    ResumeDialog Button {
        margin-left: 2;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "Cancel")]

    class Started(Message):
        """The resumed run has an id."""

        def __init__(self, resumed: Resumed) -> None:
            self.resumed = resumed
            super().__init__()

    class Failed(Message):
        """There is no resumed run: `sentence` says why, `tail` is the end of its output."""

        def __init__(self, sentence: str, tail: tuple[str, ...] = ()) -> None:
            self.sentence = sentence
            self.tail = tail
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
        arguments: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._description = description
        self._steps = preview(description.graph, tasks, splits)
        self._going_on = any(
            task.state is State.RUNNING for of_step in tasks.values() for task in of_step
        )
        self._cwd = cwd
        self._environment = environment
        self._look = look
        self._arguments = arguments
        self._may_be_live = stores_logs_at_the_end(environment)
        self._starting = False

    def compose(self) -> ComposeResult:
        proposed = propose_flow_file(self._description, self._cwd)
        with Vertical(id="dialog"):
            yield Static(
                Content(f"Resume {one_line(self._description.pathspec)}"), id="title", markup=False
            )
            yield Static(Content("\n".join(self._remarks())), id="remarks")
            with VerticalScroll(id="preview", classes="before"):
                yield Static(_table(self._steps, self._look), id="steps")
            yield Static("flow file", classes="caption")
            yield Input(
                str(proposed or ""),
                placeholder="path of the flow's Python file",
                id="file",
                select_on_focus=False,
            )
            yield Static("command", classes="caption before")
            with VerticalScroll(id="command-box", classes="before", can_focus=False):
                yield Static(id="command", markup=False)
            with VerticalScroll(id="message", classes="-empty", can_focus=False):
                yield Static(id="sentence", markup=False)
                yield Static(id="tail", markup=False)
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
        self.query_one("#command", Static).update(Content(one_line(shown, limit=4000)))

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
        self._say("starting…  Esc closes this dialog, the resume goes on")
        self._launch(resume)

    def _plan(self) -> ResumePlan:
        typed = self.query_one("#file", Input).value.strip()
        if not typed:
            raise ActionError("Give the flow's Python file: Metaflow resumes a run by running it.")
        return plan(
            self._description,
            Path(typed),
            cwd=self._cwd,
            environment=self._environment,
            arguments=self._arguments,
            live_logs=self.query_one("#live-logs", Checkbox).value,
        )

    @work(thread=True, exit_on_error=False)
    def _launch(self, resume: ResumePlan) -> None:
        """Start the process and wait for its run id; what comes of it is posted."""
        try:
            check_flow_file(resume.flow_file, self._description.flow)
            launch = start(resume)
        except ActionError as error:
            self.post_message(self.Failed(str(error)))
            return
        cancelled = get_current_worker().cancelled_event
        while not cancelled.wait(_POLL_SECONDS):
            run = launch.poll_run_id()
            if run is not None:
                resumed = Resumed(f"{self._description.flow}/{run}", launch)
                self.post_message(self.Started(resumed))
                return
            failure = launch.failure()
            if failure is not None:
                self.post_message(self.Failed(failure.sentence, failure.tail))
                return

    @on(Started)
    def _opened(self, event: Started) -> None:
        self.dismiss(event.resumed)

    @on(Failed)
    def _not_started(self, event: Failed) -> None:
        self._set_starting(False)
        self._say(event.sentence, event.tail)
        self.query_one("#file", Input).focus()

    def _set_starting(self, starting: bool) -> None:
        self._starting = starting
        # Else the focus would move on to the other button, and Enter with it.
        self.set_focus(None)
        self.set_class(starting, "-starting")
        self.query_one("#file", Input).disabled = starting
        self.query_one("#live-logs", Checkbox).disabled = starting or not self._may_be_live
        self.query_one("#resume", Button).disabled = starting
        self.query_one("#cancel", Button).label = "Close" if starting else "Cancel"

    def _say(self, sentence: str, tail: Sequence[str] = ()) -> None:
        self.query_one("#sentence", Static).update(Content(one_line(sentence, limit=2000)))
        self.query_one("#tail", Static).update(Content("\n".join(tail)))
        message = self.query_one("#message", VerticalScroll)
        message.set_class(not sentence, "-empty")
        self.query_one("#tail", Static).display = bool(tail)
        self.set_class(bool(tail), "-failed")
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

    def _remarks(self) -> list[str]:
        """What the numbers mean in sum, a sentence a line."""
        if not self._steps:
            return ["The run has not stored its steps: what is cloned shows once it is resumed."]
        cloned = sum(step.cloned for step in self._steps)
        caught = sum(step.caught for step in self._steps)
        reruns = sum(step.at_least for step in self._steps)
        exact = all(step.reruns is not None for step in self._steps)
        if exact and not reruns:
            remarks = ["Nothing to rerun: every task would be cloned."]
        else:
            more = "" if exact else " or more"
            remarks = [f"{_tasks(cloned)} cloned, {reruns}{more} to run."]
        if caught:
            remarks.append(f"{_tasks(caught)} caught: cloned as it ended, not tried again.")
        if self._going_on:
            remarks.append("The run is still going on: what runs now would run a second time.")
        return remarks


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"


def _table(steps: Sequence[StepPreview], look: Look) -> Table:
    """A row per step: tasks cloned, those of them caught, and tasks that run."""
    table = Table.grid(padding=(0, 3), pad_edge=False)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for _ in range(2):
        table.add_column(no_wrap=True)
    table.add_row(*(Text(caption, style="dim") for caption in ("step", "cloned", "to run")))
    for step in steps:
        cloned = Text()
        if step.cloned:
            cloned.append(f"{look.glyph(State.CLONED)} {step.cloned}", look.style(State.CLONED))
        if step.caught:
            cloned.append(f"  {look.glyph(State.CAUGHT)} {step.caught}", look.style(State.CAUGHT))
        table.add_row(Text(one_line(step.step, limit=60)), cloned, _reruns(step, look))
    return table


def _reruns(step: StepPreview, look: Look) -> Text:
    if step.reruns == 0:
        return Text("")
    running = look.style(State.RUNNING)
    if step.reruns is not None:
        return Text(f"{look.glyph(State.RUNNING)} {step.reruns}", running)
    if step.at_least:
        return Text(f"{look.glyph(State.RUNNING)} {step.at_least} or more", running)
    return Text("not known yet", look.style(State.PENDING))
