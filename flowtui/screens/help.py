"""What every key does and every glyph means, made from the catalogue."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from flowtui.commands import Scope, bindings, bound
from flowtui.model import State
from flowtui.theme import Look
from flowtui.widgets.preferences import hint, preferences_of

_MEANINGS = {
    State.PENDING: "has not started",
    State.RUNNING: "an attempt is running",
    State.WAITING: "failed, a retry is due",
    State.SUCCEEDED: "ended well",
    State.FAILED: "raised an exception, no retry left",
    State.CAUGHT: "failed for good, and @catch let the run go on",
    State.LOST: "killed, crashed or gone: it ended without an outcome",
    State.CLONED: "taken over from the run that was resumed",
    State.SKIPPED: "a switch took another branch, or never reached",
}


class HelpScreen(ModalScreen[None]):
    """Keys by where they work, then the states. The keys to go back and for help close it."""

    BINDINGS = [*bindings(Scope.BACK), bound("help", "screen.back")]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll {
        width: 80; max-width: 100%; height: auto; max-height: 90%;
        border: round $border; background: $surface; padding: 0 2;
        scrollbar-size: 1 1;
    }
    HelpScreen Static { margin-bottom: 1; }
    """

    def __init__(self, look: Look, *, read_only: bool) -> None:
        super().__init__()
        self._look, self._read_only = look, read_only

    def compose(self) -> ComposeResult:
        with VerticalScroll() as scroll:
            scroll.border_title = "help"
            scroll.border_subtitle = Content(hint(self, "back", "closes"))
            for scope in Scope:
                yield Static(self._keys(scope))
            yield Static(self._states())

    def action_back(self) -> None:
        self.dismiss(None)

    def _keys(self, scope: Scope) -> Table:
        table = _table(str(scope))
        catalogue = preferences_of(self).catalogue
        for command in catalogue.commands(scope, read_only=self._read_only):
            table.add_row(Text(command.shown, "bold"), Text(command.help))
        return table

    def _states(self) -> Table:
        table = _table("States")
        for state, meaning in _MEANINGS.items():
            glyph = Text(f"{self._look.glyph(state)} {state}", self._look.style(state))
            table.add_row(glyph, Text(meaning))
        return table


def _table(title: str) -> Table:
    table = Table(
        title=Text(title, "bold underline"), title_justify="left", box=None, show_header=False
    )
    table.add_column(min_width=13, no_wrap=True)
    table.add_column()
    return table
