"""The last line of a screen: the keys that do something here and now."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.events import Click
from textual.message import Message
from textual.widget import Widget

from flowtui.commands import Command


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

    def show(self, commands: Sequence[Command]) -> None:
        """Show these commands, in this order."""
        if commands != self._commands:
            self._commands = commands
            self.refresh()

    def render(self) -> Text:
        text = Text(no_wrap=True, end="")
        key_style = f"bold {self.app.theme_variables.get('accent', 'cyan')}"
        self._places.clear()
        x = 1
        text.append(" ")
        for command in self._commands:
            width = cell_len(command.shown) + 1 + cell_len(command.title)
            if x + width > self.size.width:
                break
            text.append(command.shown, key_style)
            text.append(f" {command.title}  ")
            self._places.append((x, x + width, command))
            x += width + 2
        return text

    def on_click(self, event: Click) -> None:
        for start, end, command in self._places:
            if start <= event.x < end:
                self.post_message(self.Pressed(command))
