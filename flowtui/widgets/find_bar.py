"""The line in which a filter or a search is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual.events import Key
from textual.widgets import Input


class FindBar(Input):
    """Hidden until someone asks; Enter keeps what was typed, Escape empties it.

    Each screen has one, for all who ask something there. It comes behind the key bar, whose line it
    takes while it is open.
    """

    DEFAULT_CSS = """
    FindBar { dock: bottom; height: 1; border: none; padding: 0 1; display: none; }
    FindBar:focus { border: none; }
    FindBar.-open { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._told = ""
        self._typed: Callable[[str], None] | None = None
        self._kept: Callable[[str], None] | None = None

    def ask(
        self,
        prompt: str,
        text: str,
        *,
        typed: Callable[[str], None] | None = None,
        kept: Callable[[str], None],
    ) -> None:
        """Show the line with this placeholder and text, and type into it.

        `typed` is called with each change, `kept` once with what was kept.
        """
        self._told = text
        self.placeholder = prompt
        with self.prevent(Input.Changed):
            self.value = text
        self.cursor_position = len(text)
        self._typed, self._kept = typed, kept
        self.add_class("-open")
        # Now, so that what is typed at once is typed here; what was hidden cannot take the focus.
        self.app.stylesheet.update(self)
        self.screen.set_focus(self)

    def on_input_changed(self, message: Input.Changed) -> None:
        message.stop()
        if self._typed is not None and message.value != self._told:
            self._told = message.value
            self._typed(message.value)

    def on_key(self, event: Key) -> None:
        if event.key == "escape":
            event.stop()
            self._close("")

    async def action_submit(self) -> None:
        self._close(self.value)

    def _close(self, text: str) -> None:
        typed, done = self._typed, self._kept
        self._typed = self._kept = None
        self.remove_class("-open")
        if typed is not None and (not text or text != self._told):
            typed(text)
        if done is not None:
            done(text)
