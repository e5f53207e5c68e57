"""What is recorded of a step or a task, in sections that fold; values unfold below their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.events import Resize
from textual.message import Message
from textual.strip import Strip

from flowtui.commands import Scope
from flowtui.logs.sanitise import one_line
from flowtui.model import Artifact
from flowtui.theme import Look
from flowtui.times import clock
from flowtui.views.inspection import Entry, Section
from flowtui.widgets import inspector_rows as rows
from flowtui.widgets.inspector_rows import LONGEST_LINE, READING, Row, RowId, Value
from flowtui.widgets.row_list import RowList
from flowtui.widgets.task_columns import cell

_LONGEST_NAME = 32
_AT = 10
_DIM = Style(dim=True)


class InspectorList(RowList[RowId]):
    """Draws sections; the first of the person's foldings counts, also when they are renewed."""

    pane_name = "inspector"
    SCOPES = (Scope.INSPECTOR,)

    class Wanted(Message):
        """The value of an artifact is to be read."""

        def __init__(self, artifact: Artifact) -> None:
            super().__init__()
            self.artifact = artifact

    def __init__(self, look: Look) -> None:
        super().__init__()
        self.header_rows = 0
        self._look = look
        self._sections: Sequence[Section] = ()
        self._rows: list[Row] = []
        self._place_of: Mapping[RowId, int] = {}
        self._folds: dict[str, bool] = {}
        self._unfolded: set[RowId] = set()
        self._values: dict[Artifact, Value] = {}
        self._name_room = 0
        self.filter_text = ""

    def show(self, sections: Sequence[Section]) -> None:
        """Show these; what the person folded and unfolded stays so."""
        if sections != self._sections:
            self._sections = sections
            self._renew()

    def put(self, artifact: Artifact, value: Value) -> None:
        """Show what was read of an artifact."""
        self._values[artifact] = value
        self._renew()

    def set_filter(self, text: str) -> None:
        """Leave only entries that hold all of these words in name or value."""
        self.filter_text = text
        self._renew()

    def toggle(self) -> None:
        """Fold or unfold what is under the cursor; the value of an artifact is read first."""
        row = self._current
        if row is None:
            return
        if row.entry is None:
            self._fold(row.section, self._is_open(row.section))
        else:
            self._unfold(row, rows.head_of(row.id) not in self._unfolded)

    def copied(self) -> str | None:
        """What is to be copied of the row under the cursor: the whole value, safe to paste."""
        row = self._current
        if row is None:
            return None
        if row.entry is None:
            return one_line(row.section.note if row.line else row.section.title)
        whole = rows.pasted(self._lines(row.entry))
        return whole or one_line(f"{row.entry.name} {rows.beside(row.entry)}")

    def on_resize(self, _event: Resize) -> None:
        # Lines below entries are broken anew.
        self._renew()

    # Moving

    def action_scroll_left(self) -> None:
        """Fold what is under the cursor, or what that is in."""
        row = self._current
        if row is None:
            return
        if rows.head_of(row.id) in self._unfolded:
            self._unfold(row, False)
        elif row.entry is not None or row.line is not None:
            self._place_cursor(self._place_of[rows.heading_of(row.id)], by_hand=True)
        else:
            self._fold(row.section, True)

    def action_scroll_right(self) -> None:
        """Unfold what is under the cursor."""
        row = self._current
        if row is not None and row.entry is None:
            self._fold(row.section, False)
        elif row is not None and row.line is None:
            self._unfold(row, True)

    @property
    def _current(self) -> Row | None:
        at = self._cursor_at
        return self._rows[at] if at is not None and at < len(self._rows) else None

    def _fold(self, section: Section, folded: bool) -> None:
        self._folds[section.title] = not folded
        self._renew()

    def _unfold(self, row: Row, unfolded: bool) -> None:
        head, entry = rows.head_of(row.id), row.entry
        if entry is None or not (entry.artifact is not None or self._is_cut(entry)):
            return
        if unfolded:
            self._unfolded.add(head)
            self._want(entry.artifact)
        else:
            self._unfolded.discard(head)
            self._place_cursor(self._place_of[head], by_hand=True)
        self._renew()

    def _want(self, artifact: Artifact | None) -> None:
        """Ask for a value that is not known, or could not be had."""
        if artifact is None:
            return
        known = self._values.get(artifact)
        if known is None or known.tone is not None:
            self._values[artifact] = READING
            self.post_message(self.Wanted(artifact))

    # The list

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def _id_at(self, row: int) -> RowId:
        return self._rows[row].id

    def _place(self, row_id: RowId) -> int | None:
        return self._place_of.get(row_id)

    def _reason_for_nothing(self) -> str:
        if self.filter_text:
            return f"Nothing here holds {one_line(self.filter_text, 60)}."
        return "Nothing is recorded."

    def _tell_moved(self, by_hand: bool) -> None:
        """Nothing depends on where the cursor is."""

    def _tell_view(self, rows: range) -> None:
        """Nothing is read for the rows in view."""

    def on_row_list_opened(self, message: RowList.Opened) -> None:
        message.stop()
        self.toggle()

    def _fit(self) -> None:
        names = (entry.name for section in self._sections for entry in section.entries)
        widest = max((cell_len(one_line(name, 80)) + 2 for name in names), default=10)
        self._name_room = max(10, min(widest, _LONGEST_NAME, self._width // 3))

    def _renew(self) -> None:
        anchor = self._anchor()
        self._fit()
        self._rows = list(self._listed())
        self._place_of = {row.id: at for at, row in enumerate(self._rows)}
        if self._cursor is not None and self._cursor not in self._place_of:
            # What it stood on is folded away, or gone: the next above that is left.
            above = (rows.head_of(self._cursor), rows.heading_of(self._cursor))
            self._cursor = next((at for at in above if at in self._place_of), self._cursor)
        self._moved_from(anchor)

    def _listed(self) -> Iterator[Row]:
        words = self.filter_text.casefold().split()
        for section in self._sections:
            found = [row for row in rows.entries(section) if self._holds(row.entry, words)]
            if words and not found:
                continue
            yield rows.heading(section)
            if not words and not self._is_open(section):
                continue
            yield from rows.notes(section, self._width - 4)
            for row in found:
                yield row
                if row.id in self._unfolded and row.entry is not None:
                    yield from rows.below(row, row.entry, self._value(row.entry), self._width - 8)

    def _holds(self, entry: Entry | None, words: Sequence[str]) -> bool:
        if entry is None or not words:
            return True
        text = " ".join([entry.name, rows.beside(entry), *self._lines(entry)]).casefold()
        return all(word in text for word in words)

    def _is_open(self, section: Section) -> bool:
        return self._folds.get(section.title, section.open)

    def _is_cut(self, entry: Entry) -> bool:
        return len(entry.lines) > 1 or cell_len(rows.beside(entry)) > self._room_for(entry)

    def _value(self, entry: Entry) -> Value:
        """The whole value, as far as it is known."""
        if entry.artifact is None:
            return Value(entry.lines)
        return self._values.get(entry.artifact, READING)

    def _lines(self, entry: Entry) -> Sequence[str]:
        """The lines of the value; none before it has been read, and where it cannot be."""
        value = self._value(entry)
        return value.lines if value is not READING and value.tone is None else ()

    def _room_for(self, entry: Entry) -> int:
        return self._width - 5 - self._name_room - (_AT if entry.at is not None else 0)

    @property
    def _width(self) -> int:
        """Cells beside the scrollbar."""
        return self.scrollable_content_region.width

    # Drawing

    def _draw(self, row: int, cursor: bool, base: Style) -> Strip:
        told, look = self._rows[row], self._look
        text = Text(("> " if look.ascii else "▸ ") if cursor else "  ")
        if told.line is not None:
            style = look.style(told.tone) if told.tone is not None else Style.null()
            if told.aside:
                style = _DIM
            indent = "      " if told.entry is not None else "  "
            text.append(indent + one_line(told.line, LONGEST_LINE), style)
        elif told.entry is None:
            self._head(text, told.section)
        else:
            self._entry(text, told.entry, told.id in self._unfolded)
        return self._line(text, base)

    def _head(self, text: Text, section: Section) -> None:
        text.append(f"{self._sign(self._is_open(section) or bool(self.filter_text))} ", _DIM)
        text.append(one_line(section.title, 300), Style(bold=True, underline=True))
        if section.entries:
            count = sum(not entry.inner for entry in section.entries)
            text.append(f"  {count:,}", _DIM)

    def _entry(self, text: Text, entry: Entry, unfolded: bool) -> None:
        can_unfold = entry.artifact is not None or self._is_cut(entry)
        text.append(f"{self._sign(unfolded) if can_unfold else ' '} ", _DIM)
        indent = 2 if entry.inner else 0
        text.append(" " * indent + cell(entry.name, self._name_room - indent) + " ")
        told, room = rows.beside(entry), self._room_for(entry)
        quiet = _DIM if entry.artifact is not None else Style.null()
        text.append(cell(told, room) if room > 0 else "", quiet)
        if entry.at is not None:
            text.append(f"{clock(entry.at):>{_AT}}", _DIM)

    def _sign(self, unfolded: bool) -> str:
        signs = "v>" if self._look.ascii else "▾▸"
        return signs[0] if unfolded else signs[1]
