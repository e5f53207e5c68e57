"""A log view with the keys of the catalogue and a title that says what it shows."""

from __future__ import annotations

from textual.content import Content

from flowtui.commands import Scope, bindings
from flowtui.widgets.log_view import LogView


class LogPane(LogView):
    """One stream of the selected attempt."""

    BINDINGS = bindings(Scope.LIST, Scope.LOG)
    DEFAULT_CSS = """
    LogPane { scrollbar-size-horizontal: 0; }
    """

    def __init__(self, stream: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.stream = stream
        self._of = ""
        self._ended = False
        self._titled = ""
        self.title()

    def title(self, of: str | None = None, *, ended: bool | None = None) -> None:
        """Say in the border what is shown: `of` names the attempt, `ended` that no line follows."""
        self._of = self._of if of is None else of
        self._ended = self._ended if ended is None else ended
        parts = [self.stream]
        if self._of:
            parts.append(self._of)
        if self.line_count:
            lines = self.line_count
            parts.append(f"{lines:,} line{'s' if lines != 1 else ''}")
        if self._of and not self._ended:
            parts.append("following" if self.following else "not following")
        if self.search_summary:
            parts.append(f"match {self.search_summary}")
        title = " · ".join(parts)
        if title != self._titled:
            # Textual paints a widget anew whenever its title is set, also to what it was.
            self._titled = title
            self.border_title = Content(title)
        self.set_class(self._ended and not self.line_count, "-blank")

    def on_log_view_changed(self) -> None:
        self.title()
