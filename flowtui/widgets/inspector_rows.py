"""The rows of the inspector: what each is told by, and its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.cells import cell_len, chop_cells

from flowtui.logs.sanitise import one_line
from flowtui.model import Artifact, State
from flowtui.sizes import size
from flowtui.views.inspection import Entry, Section
from flowtui.widgets.task_columns import cell

LONGEST_LINE = 10_000
"""Characters of a line of a value that are shown."""

_LEAST_ROOM = 10
_TYPE, _SIZE = 24, 9
_ROOT = ":root:"

RowId = tuple[str, str, int, int]
"""Title of the section, name of the entry, which one of that name, and which line below it."""

_HEAD, _WHERE = -1, -2
"""Instead of a number of a line of the value: none, and the first that says where it is stored."""


@dataclass(frozen=True, slots=True)
class Value:
    """What was read of an artifact: its lines, or with a `tone` why there are none."""

    lines: tuple[str, ...]
    tone: State | None = None


READING = Value(("Reading …",))


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the heading of a section, its note, an entry, or with a `line` what is below one."""

    id: RowId
    section: Section
    entry: Entry | None = None
    line: str | None = None
    tone: State | None = None

    @property
    def aside(self) -> bool:
        """Whether it only says where something is stored."""
        return self.id[3] <= _WHERE


def head_of(row_id: RowId) -> RowId:
    """The entry that a row is of."""
    return (*row_id[:3], _HEAD)


def heading_of(row_id: RowId) -> RowId:
    """The heading of the section that a row is in."""
    return (row_id[0], "", 0, _HEAD)


def heading(section: Section) -> Row:
    """The heading of a section."""
    return Row((section.title, "", 0, _HEAD), section)


def notes(section: Section, room: int) -> Iterator[Row]:
    """The sentence that a section begins with, in as many rows as it needs."""
    for at, line in enumerate(_wrapped(section.note, room)):
        yield Row((section.title, "", 0, at), section, line=line, tone=section.tone)


def entries(section: Section) -> Iterator[Row]:
    """The entries, told apart: names may be there more than once."""
    seen: dict[str, int] = {}
    for entry in section.entries:
        seen[entry.name] = which = seen.get(entry.name, -1) + 1
        yield Row((section.title, entry.name, which, _HEAD), section, entry)


def below(row: Row, entry: Entry, value: Value, room: int) -> Iterator[Row]:
    """What stands below an entry that is unfolded, in lines of at most so many cells."""
    room = max(_LEAST_ROOM, room)
    if entry.artifact is not None:
        where = [piece for line in _where(entry.artifact) for piece in _chopped(line, room)]
        for at, piece in enumerate(where):
            yield Row((*row.id[:3], _WHERE - at), row.section, entry, piece)
    # A sentence breaks between words, a value wherever the line is full.
    broken = _chopped if value.tone is None else _wrapped
    for at, piece in enumerate(piece for line in value.lines for piece in broken(line, room)):
        yield Row((*row.id[:3], at), row.section, entry, piece, value.tone)


def beside(entry: Entry) -> str:
    """What stands beside an entry's name: the value, or an artifact's type, size, key and place."""
    artifact = entry.artifact
    if artifact is None:
        return one_line("  ".join(entry.lines), 1000)
    kind = artifact.type or "?"
    if cell_len(kind) > _TYPE:
        kind = kind.rpartition(".")[2]
    amount = size(artifact.size) if artifact.size is not None else "?"
    stored = one_line(f"sha {artifact.sha}  {_place(artifact)}", 400)
    return f"{cell(kind, _TYPE)} {amount:>{_SIZE}}  {stored}"


def pasted(lines: Sequence[str]) -> str:
    """Lines as text that is safe to paste."""
    return "\n".join(one_line(line, LONGEST_LINE) for line in lines)


def _where(artifact: Artifact) -> tuple[str, str]:
    return f"{artifact.type or '?'}  sha {artifact.sha}", _place(artifact)


def _place(artifact: Artifact) -> str:
    return f"in {artifact.kind} {artifact.root.removeprefix(_ROOT)}"


def _chopped(line: str, room: int) -> list[str]:
    return chop_cells(one_line(line, LONGEST_LINE), room) or [""]


def _wrapped(sentence: str, room: int) -> list[str]:
    return wrap(one_line(sentence, LONGEST_LINE), max(_LEAST_ROOM, room))
