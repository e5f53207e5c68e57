"""Asks whether something is to be done that cannot be taken back, and shows what exactly."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static


class ConfirmDialog(ModalScreen[bool]):
    """Closes with whether it is to be done; Enter alone does not do it."""

    DEFAULT_CSS = """
    ConfirmDialog { align: center middle; }
    ConfirmDialog #dialog {
        width: 90%; max-width: 100; height: auto; max-height: 100%;
        padding: 0 1; border: round $error; background: $surface;
    }
    ConfirmDialog #title { text-style: bold; }
    ConfirmDialog Static { height: auto; }
    ConfirmDialog #what { margin: 1 0; color: $text-muted; }
    ConfirmDialog #buttons { height: 1; margin-top: 1; align-horizontal: right; }
    ConfirmDialog Button { margin-left: 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "leave", "No", show=False),
        Binding("y", "do", "Yes", show=False),
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, what: str, explained: str = "", *, yes: str) -> None:
        """`what` is shown as it is given, the explanation below it; `yes` is what `y` does."""
        super().__init__()
        self._question, self._what, self._explained, self._yes = question, what, explained, yes

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Content(self._question), id="title", markup=False)
            yield Static(Content(self._what), id="what", markup=False)
            if self._explained:
                yield Static(self._explained, markup=False)
            with Horizontal(id="buttons"):
                yield Button(f"{self._yes} (y)", variant="error", id="do", compact=True)
                yield Button("Leave it", id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one("#leave").focus()

    @on(Button.Pressed, "#do")
    def action_do(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        self.dismiss(False)
