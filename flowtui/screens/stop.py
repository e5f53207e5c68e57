"""Asks whether a run is to be stopped, naming the process that will be."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from flowtui.logs.sanitise import one_line
from flowtui.model import ProcessId

_LONGEST_COMMAND = 600


class StopDialog(ModalScreen[bool]):
    """Closes with whether the run is to be stopped; Enter alone does not stop it."""

    DEFAULT_CSS = """
    StopDialog { align: center middle; }
    StopDialog #dialog {
        width: 90%; max-width: 100; height: auto; max-height: 100%;
        padding: 0 1; border: round $error; background: $surface;
    }
    StopDialog #title { text-style: bold; }
    StopDialog Static { height: auto; }
    StopDialog #process { margin: 1 0; color: $text-muted; }
    StopDialog #buttons { height: 1; margin-top: 1; align-horizontal: right; }
    StopDialog Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "leave", "No", show=False),
        Binding("y", "stop", "Yes", show=False),
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
    ]

    def __init__(self, run: str, process: ProcessId) -> None:
        super().__init__()
        self._run, self._process = run, process

    def compose(self) -> ComposeResult:
        process = self._process
        command = one_line(process.command, _LONGEST_COMMAND)
        with Vertical(id="dialog"):
            yield Static(Content(f"Stop {one_line(self._run)}?"), id="title", markup=False)
            yield Static(Content(f"process {process.pid}  {command}"), id="process", markup=False)
            yield Static(
                "Its launcher and the steps it runs are interrupted, as ctrl+c does where it was "
                "started. What has finished is kept: the run can be resumed.",
                markup=False,
            )
            with Horizontal(id="buttons"):
                yield Button("Stop it (y)", variant="error", id="stop", compact=True)
                yield Button("Leave it", id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one("#leave").focus()

    @on(Button.Pressed, "#stop")
    def action_stop(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        self.dismiss(False)
