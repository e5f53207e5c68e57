"""Where to save a log: a path is asked for, nothing is ever written over."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from flowtui.commands import Scope, bindings
from flowtui.logs.sanitise import one_line


class SaveDialog(ModalScreen[Path | None]):
    """Asks for the path of a new file; gives None when nothing is to be saved."""

    BINDINGS = bindings(Scope.BACK)
    DEFAULT_CSS = """
    SaveDialog { align: center middle; }
    SaveDialog Vertical {
        width: 76; max-width: 95%; height: auto; padding: 1 2;
        background: $surface; border: round $accent;
    }
    SaveDialog Input, SaveDialog Input:focus {
        border: none; height: 1; padding: 0 1; margin: 1 0; background: $boost;
    }
    SaveDialog #refusal { color: $error; height: auto; }
    SaveDialog #keys { color: $foreground-muted; height: 1; }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = Content("save the log")
            yield Static(Content("As it was written, byte for byte, to"))
            yield Input(value=self._name, select_on_focus=False)
            yield Static(id="refusal", markup=False)
            yield Static(Content("enter save · esc cancel"), id="keys")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        typed = message.value.strip()
        refusal = _refusal(typed)
        if refusal is None:
            self.dismiss(Path(typed).expanduser())
        self.query_one("#refusal", Static).update(Content(one_line(refusal or "")))

    def action_back(self) -> None:
        self.dismiss(None)


def _refusal(typed: str) -> str | None:
    """Why there can be no new file by this name."""
    try:
        path = Path(typed).expanduser()
        if not typed or path.is_dir():
            return "Give the name of a file."
        if path.exists() or path.is_symlink():
            return "That exists already, and is not written over. Choose another name."
        if not path.parent.is_dir():
            return f"There is no folder {path.parent}."
    except OSError as error:
        return f"That is no name for a file here: {(error.strerror or str(error)).lower()}."
    except (RuntimeError, ValueError) as error:
        # Of `~someone` there is no home; a NUL is in no name.
        return f"That is no name for a file here: {error}"
    return None
