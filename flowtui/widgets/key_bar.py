"""The last line of a screen: the keys that do something here and now."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from flowtui.commands import Command, Scope
from flowtui.widgets.preferences import preferences_of


class KeyBar(Widget):
    """As many commands as fit, most wanted first; a click on one runs it."""

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $panel; color: $foreground-muted; }
    """

    class Pressed(Message):
        """A command was clicked."""

        def __init__(self, command: Command) -> None:
            super().__init__()
            self.command = command

    def __init__(self) -> None:
        super().__init__()
        self._commands: Sequence[Command] = ()
        self._places: list[tuple[int, int, Command]] = []

    def show(self, *scopes: Scope, read_only: bool = False, without: str | None = None) -> None:
        """Show what applies where these scopes do, but the command with the id `without`."""
        catalogue = preferences_of(self).catalogue
        known = catalogue.key_bar(*scopes, read_only=read_only)
        commands = [command for command in known if command.id != without]
        if commands != self._commands:
            self._commands = commands
            self.refresh()

    def render(self) -> Text:
        self._places.clear()
        text = Text(" ", no_wrap=True, end="")
        ending = [c for c in self._commands if c.scope is Scope.APP and not c.acts]
        room = self.size.width - 1 - sum(_width(command) for command in ending)
        for command in self._commands:
            if command not in ending and text.cell_len + _width(command) <= room:
                self._append(text, command)
        for command in ending:
            self._append(text, command)
        return text

    def _append(self, text: Text, command: Command) -> None:
        """Add a command: its key, and what it does."""
        start = text.cell_len
        text.append(command.shown, f"bold {self.app.theme_variables.get('accent', 'cyan')}")
        text.append(f" {command.title}  ")
        self._places.append((start, text.cell_len - 2, command))

    def on_click(self, event: Click) -> None:
        for start, end, command in self._places:
            if start <= event.x < end:
                self.post_message(self.Pressed(command))


def _width(command: Command) -> int:
    return cell_len(command.shown) + 1 + cell_len(command.title) + 2
