"""A log as it is laid out: its blocks, the rows they take, and what is marked in them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from rich.cells import cell_len
from rich.text import Text

from flowtui.logs.blocks import Block
from flowtui.logs.counts import Counts
from flowtui.logs.drawing import NO_INKS, Inks, Looks, draw, labels_of, row_count
from flowtui.logs.hits import Hits, Place
from flowtui.logs.mflog import NOTE, LogLine
from flowtui.logs.sanitise import plain_text
from flowtui.logs.tails import Growth, Part, Tail

_GAP = -1
_BLOCKS_HELD = 64
_PREFIX_BYTES = 90
"""What mflog's prefix takes of a line, for estimates."""


class LogDocument:
    """The log that a tail follows, in rows; of its blocks only those in view are read.

    Rows are exact where every line takes one. Where lines fold, those of blocks that were not
    `measure`d yet are an estimate. `filter` leaves the lines that it found, `search` marks them.
    """

    def __init__(self) -> None:
        self.looks = Looks()
        self._width = 80
        self.tail: Tail | None = None
        self.clear(None)

    def clear(self, tail: Tail | None) -> None:
        """Forget all, and go on with another log; how lines look stays."""
        if self.tail is not None and self.tail is not tail:
            self.tail.close()
        self.tail = tail
        self.target: Place | None = None
        """The line to make stand out."""
        self.search: Hits | None = None
        self.filter: Hits | None = None
        self._named: Sequence[str] = ()
        self.looks = replace(self.looks, labels=(), stderr=())
        self._void()

    def _void(self) -> None:
        self.line_count = 0
        """Lines that are known; those at the head of a long log come in little by little."""
        self._blocks: dict[int, Block] = {}
        self._rows = Counts()
        self._numbers = Counts()
        self._starts: dict[int, Sequence[int]] = {}
        self._held: OrderedDict[int, Sequence[LogLine]] = OrderedDict()

    def grow(self, growth: Growth) -> None:
        """Take in what the tail found."""
        if self.tail is not None:
            self._name_parts(self.tail.parts[:])
        if growth.restarted:
            self._void()
            self.target = None
            for hits in (self.search, self.filter):
                if hits is not None:
                    hits.forget()
        for at in growth.gone:
            self._remove(at)
        gap = []
        if growth.unread:
            gap = [Block(_GAP, (), 1, f"… {growth.unread / 1e6:,.1f} MB to be read yet")]
        elif _GAP in self._blocks:
            del self._blocks[_GAP]
            self._rows.discard(_GAP)
        for block in (*growth.blocks, *gap):
            known = self._blocks.get(block.at)
            if not block.note:
                self.line_count += block.lines - (known.lines if known else 0)
                self._numbers.set(block.at, block.lines)
            self._blocks[block.at] = block
            self._starts.pop(block.at, None)
            self._held.pop(block.at, None)
            self._rows.set(block.at, self._estimate(block))

    def _remove(self, at: int) -> None:
        block = self._blocks.pop(at, None)
        if block is None:
            return
        self.line_count -= block.lines
        self._starts.pop(at, None)
        self._held.pop(at, None)
        for counts in (self._rows, self._numbers):
            counts.discard(at)
        for hits in (self.search, self.filter):
            if hits is not None:
                hits.remove(at)

    def knows(self, block: Block) -> bool:
        """Whether this is a block of the log as it is now."""
        return self._blocks.get(block.at) is block

    def _name_parts(self, parts: Sequence[Part]) -> None:
        named = [part.label for part in parts]
        if named == self._named:
            return
        self._named = named
        margin = self.looks.margin
        mixed = len({part.stream for part in parts}) > 1
        self.looks = replace(
            self.looks,
            labels=labels_of(parts),
            stderr=[part.stream == "stderr" for part in parts] if mixed else (),
        )
        if self.looks.margin != margin:
            self._measure_anew()

    def blocks_from(self, place: Place, *, forward: bool = True) -> Sequence[Block]:
        """All blocks, from that of a place on and then round the end."""
        ats = sorted(self._blocks)
        if forward:
            index = bisect_left(ats, place.at)
            ats = ats[index:] + ats[:index]
        else:
            index = bisect_right(ats, place.at)
            ats = ats[:index][::-1] + ats[index:][::-1]
        return [self._blocks[at] for at in ats]

    # Rows

    def lay_out(self, **looks: bool) -> None:
        """Change how lines look."""
        self.looks = replace(self.looks, **looks)  # type: ignore[arg-type]
        self._measure_anew()

    def fit(self, width: int, *, wrap: bool) -> None:
        """Fold lines to `width` cells, or do not.

        A width of 0, that of a widget not shown, changes nothing: no one sees those rows.
        """
        self._width = width or self._width
        folded = self._width if wrap else None
        if folded != self.looks.width:
            self.looks = replace(self.looks, width=folded)
            self._measure_anew()

    def filter_by(self, hits: Hits | None) -> None:
        """Leave those lines only, or all when it is None."""
        self.filter = hits
        self._measure_anew()

    def filtered(self, blocks: Sequence[Block]) -> None:
        """The filter has found other lines in these blocks, or in those that they became."""
        for at in [block.at for block in blocks if block.at in self._blocks]:
            self._starts.pop(at, None)
            self._rows.set(at, self._estimate(self._blocks[at]))

    def _measure_anew(self) -> None:
        self._starts.clear()
        self._rows = Counts()
        for at in sorted(self._blocks):
            self._rows.set(at, self._estimate(self._blocks[at]))

    def _estimate(self, block: Block) -> int:
        shown = self._shown_count(block)
        width = self.looks.text_width
        if width is None or block.note:
            return shown
        length = block.size / block.lines - _PREFIX_BYTES
        return shown * max(1, round(length / width + 0.5))

    def measure(self, first: int, last: int) -> bool:
        """Count the rows of the blocks that are in rows `first` to `last`; whether any changed."""
        if self.looks.in_one_row or not self.row_count:
            return False
        changed = False
        row = max(0, first)
        while row <= min(last, self.row_count - 1):
            at, _ = self._rows.find(row)
            if at not in self._starts:
                block = self._blocks[at]
                lines = self._lines(block)
                heights = [row_count(lines[n], self.looks) for n in self._shown(block)]
                self._starts[at] = list(accumulate(heights, initial=0))
                known = self._rows[at]
                self._rows.set(at, self._starts[at][-1])
                changed = changed or known != self._rows[at]
            row = self._rows.before(at) + max(1, self._rows[at])
        return changed

    @property
    def row_count(self) -> int:
        return self._rows.total

    def locate(self, row: int) -> tuple[Place, int]:
        """The line in a row, and which of its parts is there."""
        if not self.row_count:
            return Place(0, 0), 0
        at, row = self._rows.find(min(max(0, row), self.row_count - 1))
        block = self._blocks[at]
        index, part = row, 0
        if not self.looks.in_one_row:
            starts = self._starts.get(at)
            if starts is None:
                index = row * self._shown_count(block) // self._rows[at]
            else:
                index = bisect_right(starts, row) - 1
                part = row - starts[index]
        return Place(at, self._shown(block)[index]), part

    def row_of(self, place: Place, part: int = 0) -> int:
        """The row of a line's part; of a line that is not shown, that of the next one."""
        before = self._rows.before(place.at)
        block = self._blocks.get(place.at)
        if block is None:
            return before
        shown = self._shown(block)
        index = bisect_left(shown, place.line)
        if self.looks.in_one_row:
            return before + index
        starts = self._starts.get(place.at)
        if starts is None:
            return before + index * self._rows[place.at] // max(1, len(shown))
        inside = index < len(shown) and shown[index] == place.line
        return before + starts[index] + (part if inside else 0)

    def line_number(self, place: Place) -> int | None:
        """The number of a line in the log, from 1; None as long as its head has yet to be read."""
        if _GAP in self._blocks:
            return None
        return self._numbers.before(place.at) + place.line + 1

    def row_of_line(self, number: int) -> int:
        """The row of the line with this number, from 1, or of the nearest to it that there is."""
        total = self._numbers.total
        if not total:
            return 0
        at, line = self._numbers.find(min(max(1, number), total) - 1)
        return self.row_of(Place(at, line))

    def _shown(self, block: Block) -> Sequence[int]:
        """The lines of a block that are shown."""
        if self.filter is None:
            return range(block.lines)
        shown = self.filter.within(block.at)
        # Of a block that was replaced it is known only later which lines there are in it now.
        return shown if not shown or shown[-1] < block.lines else shown[:0]

    def _shown_count(self, block: Block) -> int:
        return len(self._shown(block))

    # Lines

    def _lines(self, block: Block) -> Sequence[LogLine]:
        if block.at in self._held:
            self._held.move_to_end(block.at)
            return self._held[block.at]
        if block.note or self.tail is None:
            lines: Sequence[LogLine] = [LogLine(None, NOTE, block.note.encode())]
        else:
            lines = self.tail.lines(block)
        self._held[block.at] = lines
        if len(self._held) > _BLOCKS_HELD:
            self._held.popitem(last=False)
        return lines

    def line(self, place: Place) -> LogLine:
        """A line of the log; an empty one where there is none any more."""
        block = self._blocks.get(place.at)
        lines = self._lines(block) if block is not None else ()
        return lines[place.line] if place.line < len(lines) else LogLine(None, NOTE, b"")

    def draw(self, place: Place, inks: Inks) -> list[Text]:
        """The rows of a line, matches marked."""
        marked = self.search or self.filter
        pattern = marked.pattern if marked else None
        current = self.search is not None and self.search.current == place
        return draw(self.line(place), inks, self.looks, pattern, current=current)

    def first_match(self, place: Place) -> tuple[int, int, int]:
        """The cells in which the first match in a line starts and ends, and its last cell."""
        line = self.line(place)
        text = plain_text(line.text, beyond=line.beyond)
        spans = self.search.pattern.spans(text) if self.search else []
        start, end = spans[0] if spans else (0, 0)
        margin = self.looks.margin
        return (
            margin + cell_len(text[:start]),
            margin + cell_len(text[:end]),
            margin + cell_len(text),
        )

    # Text

    def last_lines(self, count: int) -> Sequence[str]:
        """At most `count` lines from the end, as shown, without colours and times."""
        lines: list[LogLine] = []
        for at in sorted(self._blocks, reverse=True):
            if len(lines) >= count:
                break
            block = self._blocks[at]
            shown = self._shown(block)
            shown = shown[max(0, len(shown) + len(lines) - count) :]
            known = self._lines(block) if shown else ()
            lines[:0] = [known[number] for number in shown]
        return [plain_text(line.text, beyond=line.beyond) for line in lines]

    def contents(self) -> Iterator[bytes]:
        """All lines that are shown, byte for byte as they were written; can be read by any thread.

        Notes are left out.
        """
        blocks = [self._blocks[at] for at in sorted(self._blocks)]
        chosen = [(block, self._shown(block)) for block in blocks if not block.note]
        if self.tail is None:
            return iter(())
        return _contents(self.tail, [(block, shown) for block, shown in chosen if shown])

    def text_between(
        self, first: int, last: int, span: Callable[[int], tuple[int, int] | None]
    ) -> str:
        """Rows `first` to `last` as plain text, of each the characters that `span(row)` names.

        -1 is the end of a row. A line that was folded is put together again.
        """
        last = min(last, self.row_count - 1)
        places = [self.locate(row) for row in range(first, last + 1)]
        joints = [""] + ["" if a[0] == b[0] else "\n" for a, b in pairwise(places)]
        if self.looks.pretty:
            joints = ["", *["\n"] * (len(places) - 1)]
        text = ""
        for row, joint, (place, part) in zip(range(first, last + 1), joints, places, strict=False):
            start, end = span(row) or (0, 0)
            drawn = self.draw(place, NO_INKS)
            shown = drawn[min(part, len(drawn) - 1)].plain
            if not joint and row > first:
                start = max(start, self.looks.margin)
            text += joint + shown[start : None if end < 0 else end]
        return text


def _contents(tail: Tail, chosen: Sequence[tuple[Block, Sequence[int]]]) -> Iterator[bytes]:
    """These lines of these blocks. Where a source ends without a newline another may go on."""
    ends_a_line = True
    for block, shown in chosen:
        if not ends_a_line:
            yield b"\n"
        if len(shown) == block.lines:
            content = tail.contents(block)
        else:
            lines = tail.lines(block)
            content = iter([lines[number].text + b"\n" for number in shown])
        for data in content:
            yield data
            ends_a_line = data.endswith(b"\n")
