"""The line in which a filter or a search is typed."""

from __future__ import annotations

from textual.events import Key
from textual.message import Message
from textual.widgets import Input


class FindBar(Input):
    """Hidden until opened; Enter keeps what was typed, Escape takes it back."""

    DEFAULT_CSS = """
    FindBar { dock: bottom; height: 1; border: none; padding: 0 1; display: none; }
    FindBar:focus { border: none; }
    FindBar.-open { display: block; }
    """

    class Closed(Message):
        """Typing has ended; `kept` is False when it was taken back."""

        def __init__(self, kept: bool) -> None:
            super().__init__()
            self.kept = kept

    def open(self, prompt: str, text: str) -> None:
        """Show the line with this placeholder and text, and type into it."""
        self.placeholder = prompt
        self.value = text
        self.add_class("-open")
        self.focus()

    def close(self, *, kept: bool) -> None:
        """Hide the line."""
        self.remove_class("-open")
        self.post_message(self.Closed(kept))

    def on_key(self, event: Key) -> None:
        if event.key == "escape":
            event.stop()
            self.close(kept=False)

    async def action_submit(self) -> None:
        self.close(kept=True)
