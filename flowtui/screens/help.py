"""What the keys do here and now, and what every glyph means, made from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from flowtui.catalogue import Catalogue
from flowtui.commands import Command, Scope, bindings, bound
from flowtui.model import State
from flowtui.screens.place import Place
from flowtui.theme import Look
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.preferences import hint

_TWO_COLUMNS = 130
"""Cells of a window from which on there are two columns of keys."""

_KEY_WIDTH = 11
"""Cells that keys and states have, so that what they mean begins in one column."""

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


@dataclass(frozen=True, slots=True)
class Section:
    """Keys, or states, with what they do or mean."""

    title: str
    rows: Sequence[tuple[Text, str]]

    def matching(self, text: str) -> Section:
        """Only the rows that hold a text; all of them where the title does."""
        wanted = text.casefold()
        if wanted in self.title.casefold():
            return self
        rows = [row for row in self.rows if wanted in f"{row[0].plain} {row[1]}".casefold()]
        return replace(self, rows=rows)


def sections(catalogue: Catalogue, place: Place, *, read_only: bool) -> Iterator[Section]:
    """What the keys do at a place: of the pane first, then of the screen, then everywhere."""
    scopes = (*place.of_pane, Scope.LIST, *place.of_screen, Scope.APP)
    reached = catalogue.within_reach(*scopes, read_only=read_only)

    def keys(*wanted: Scope) -> Sequence[Command]:
        return [c for scope in wanted for c in reached if c.scope is scope and c.keys]

    yield Section(f"Here: {place.pane}", _rows(keys(*place.of_pane, Scope.LIST)))
    for scope in place.of_screen:
        if scope not in (*place.of_pane, Scope.BACK):
            yield Section(str(scope), _rows(keys(scope)))
    for scope in place.others:
        there = catalogue.commands(scope, read_only=read_only)
        yield Section(f"{scope}, once it has the focus", _rows(there))
    everywhere = keys(*({Scope.BACK} & {*place.of_screen}), Scope.APP)
    yield Section(str(Scope.APP), _rows(everywhere))


def _rows(commands: Sequence[Command]) -> Sequence[tuple[Text, str]]:
    rows: list[list[Command]] = []
    for command in commands:
        if command.beside and rows:
            rows[-1].append(command)
        else:
            rows.append([command])
    return [
        (
            Text("  ".join(command.shown for command in row), "bold"),
            " ".join(command.help for command in row),
        )
        for row in rows
    ]


class _Keys(VerticalScroll):
    """Scrolls by the keys of lists."""

    BINDINGS = bindings(Scope.LIST)


class HelpScreen(ModalScreen[None]):
    """Keys by where they work, then the states. The keys to go back and for help close it."""

    BINDINGS = [
        *bindings(Scope.BACK),
        bound("help", "screen.back"),
        bound("filter_tasks", "screen.find"),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen _Keys {
        width: 80; max-width: 100%; height: auto; max-height: 96%;
        border: round $border; background: $surface; padding: 0 2;
        scrollbar-size: 1 1;
    }
    HelpScreen.-wide _Keys { width: 152; }
    """

    def __init__(self, look: Look, keys: Sequence[Section]) -> None:
        super().__init__()
        states = [
            (Text(f"{look.glyph(state)} {state}", look.style(state)), meaning)
            for state, meaning in _MEANINGS.items()
        ]
        self._sections = [*keys, Section("States", states)]
        self._filter = ""

    def compose(self) -> ComposeResult:
        with _Keys() as scroll:
            scroll.border_title = "help"
            yield Static()
        yield FindBar(id="find")

    def on_mount(self) -> None:
        keys = self.query_one(_Keys)
        told = (hint(self, "filter_tasks", "filters"), hint(self, "back", "closes"))
        keys.border_subtitle = Content(" · ".join(part for part in told if part))
        keys.focus()

    def on_resize(self) -> None:
        self.set_class(self.size.width >= _TWO_COLUMNS, "-wide")
        self._show()

    def action_back(self) -> None:
        self.dismiss(None)

    def action_find(self) -> None:
        self.query_one(FindBar).ask(
            "filter the keys: what they do, or the key itself",
            self._filter,
            typed=self._narrow,
            kept=self._narrowed,
        )

    def _narrow(self, text: str) -> None:
        self._filter = text
        self._show()
        self.query_one(_Keys).scroll_home(animate=False)

    def _narrowed(self, _kept: str) -> None:
        self.query_one(_Keys).focus()

    def _show(self) -> None:
        matching = [section.matching(self._filter) for section in self._sections]
        found = [section for section in matching if section.rows]
        page = Table.grid(padding=(0, 4, 0, 0), expand=True)
        columns = _columns(found, 2 if self.has_class("-wide") else 1)
        for _ in columns:
            page.add_column(ratio=1)
        page.add_row(*map(_column, columns))
        nothing = Text(f"No key does {self._filter!r}.")
        self.query_one(Static).update(page if found else nothing)


def _columns(found: Sequence[Section], count: int) -> Sequence[Sequence[Section]]:
    """The sections in columns of about the same height, in reading order."""
    rows = sum(map(_height, found))
    columns: list[list[Section]] = [[] for _ in range(count)]
    above = 0
    for section in found:
        # Where its middle is: a column is not left for the last row of a section.
        middle = above + _height(section) // 2
        columns[min(count - 1, middle * count // max(1, rows))].append(section)
        above += _height(section)
    return columns


def _height(section: Section) -> int:
    return len(section.rows) + 2


def _column(found: Sequence[Section]) -> Group:
    parts: list[Text | Table] = []
    for section in found:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(no_wrap=True, min_width=_KEY_WIDTH)
        table.add_column()
        for key, told in section.rows:
            table.add_row(key, Text(told))
        parts += [Text(section.title, "bold underline"), table, Text()]
    return Group(*parts[:-1])
