"""An independent reader of drawn graphs: it sees only characters, and knows only their arms."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from rich.cells import cell_len

from flowtui.graph.dag import Pair, back_edges
from flowtui.graph.drawing import Drawing
from flowtui.model import Graph

NORTH, EAST, SOUTH, WEST = (0, -1), (1, 0), (0, 1), (-1, 0)
ARMS = {
    "│": {NORTH, SOUTH},
    "─": {EAST, WEST},
    "╭": {EAST, SOUTH},
    "╮": {WEST, SOUTH},
    "╰": {NORTH, EAST},
    "╯": {NORTH, WEST},
    "├": {NORTH, SOUTH, EAST},
    "┤": {NORTH, SOUTH, WEST},
    "┬": {EAST, WEST, SOUTH},
    "┴": {EAST, WEST, NORTH},
    "┼": {NORTH, EAST, SOUTH, WEST},
    "▼": {NORTH, SOUTH},
    "▲": {NORTH, SOUTH},
    "◂": {EAST, WEST},
    "▸": {EAST, WEST},
}
HEADS = {"▼": SOUTH, "▲": NORTH, "◂": WEST, "▸": EAST}
Cell = tuple[int, int]
Way = tuple[int, int]


class Found(NamedTuple):
    """A way that leads from one box to another: its cells, where it passes under another line, and
    the cells in which it goes across, not ahead."""

    edge: Pair
    cells: frozenset[Cell]
    under: frozenset[Cell]
    across: frozenset[Cell]


class Reader:
    """Follows lines. Where a horizontal one meets a vertical one that has no arm towards it, it
    passes under it; a label in a horizontal line interrupts it.

    Lines lead ahead from the side of a box, which is down or to the right, and never back again,
    except those with an arrow head: these are followed from the head, and no other line may touch
    them.
    """

    def __init__(self, drawing: Drawing) -> None:
        self.boxes = drawing.boxes
        self.ahead = SOUTH if drawing.geometry.orientation == "down" else EAST
        self.edge_cells: set[Cell] = set()
        self.characters: dict[Cell, str] = {}
        self.box_of: dict[Cell, str] = {}
        for y, row in enumerate(drawing.rows):
            for span in row:
                if span.tag == "edge" or span.tag.startswith("box:"):
                    for x, character in enumerate(span.text, span.x):
                        self.characters[x, y] = character
                        if span.tag == "edge":
                            self.edge_cells.add((x, y))
        for y, row in enumerate(drawing.rows):
            for span in row:
                if span.tag == "edge-label":
                    self.bridge(span.x - 1, span.x + cell_len(span.text), y)
        for step, box in drawing.boxes.items():
            for x in range(box.x, box.right + 1):
                self.box_of |= {(x, y): step for y in range(box.y, box.bottom + 1)}
        self.compact = drawing.geometry.density == "compact"

    def bridge(self, first: int, last: int, y: int) -> None:
        if EAST in self.arms((first - 1, y)) and WEST in self.arms((last + 1, y)):
            for x in range(first, last + 1):
                assert (x, y) not in self.characters, "a label hides a line"
                self.characters[x, y] = "─"
                self.edge_cells.add((x, y))

    def arms(self, cell: Cell) -> set[Way]:
        return ARMS.get(self.characters.get(cell, ""), set())

    def joins(self, here: Cell, way: Way) -> bool:
        """Whether a line that goes this way can go into that cell; a compact box has no arms."""
        return turned(way) in self.arms(here) or (self.compact and here in self.box_of)

    def ways(self) -> list[Found]:
        found: list[Found] = []
        for step, box in self.boxes.items():
            side = (
                [(x, box.bottom) for x in range(box.x, box.right + 1)]
                if self.ahead == SOUTH
                else [(box.right, y) for y in range(box.y, box.bottom + 1)]
            )
            for cell in side:
                beyond = turned(self.ahead) in self.arms(step_to(cell, self.ahead))
                if self.ahead in self.arms(cell) or (self.compact and beyond):
                    self.follow(step, [cell], self.ahead, found, set(), set())
        for cell in sorted(self.edge_cells):
            character = self.characters[cell]
            if character in HEADS:
                found.append(self.follow_back(cell, HEADS[character]))
            elif character == "↺":
                at = (cell[0] - 2, cell[1]) if self.ahead == SOUTH else (cell[0], cell[1] - 1)
                edge = (self.box_of[at], self.box_of[at])
                found.append(Found(edge, frozenset({cell}), frozenset(), frozenset()))
        return found

    def enter(self, here: Cell, way: Way) -> bool:
        """Checks the next cell of a line; True if the line passes under another one there."""
        assert self.arms(here), f"the line ends at {here}"
        if self.joins(here, way):
            return False
        assert way in (EAST, WEST), f"a vertical line breaks at {here}"
        assert self.arms(here) == {NORTH, SOUTH}, f"no plain crossing at {here}"
        return True

    def follow(
        self,
        step: str,
        path: list[Cell],
        way: Way,
        found: list[Found],
        under: set[Cell],
        across: set[Cell],
    ) -> None:
        here = step_to(path[-1], way)
        if here in self.box_of:
            assert way == self.ahead, f"{path[-1]} runs into the wrong side of a box"
            assert self.joins(here, way), f"{path[-1]} runs into a box"
            edge = (step, self.box_of[here])
            found.append(Found(edge, frozenset(path[1:]), frozenset(under), frozenset(across)))
            return
        assert here not in path, f"the line goes round in a circle at {here}"
        if self.enter(here, way):
            self.follow(step, [*path, here], way, found, under | {here}, across)
            return
        if way != self.ahead:
            across = across | {here}
        for arm in self.arms(here) - {turned(way), turned(self.ahead)}:
            self.follow(step, [*path, here], arm, found, under, across)

    def follow_back(self, cell: Cell, head: Way) -> Found:
        target = self.box_of[step_to(cell, head)]
        way = turned(head)
        cells, under, level = {cell}, set[Cell](), set[Cell]()
        while True:
            here = step_to(cell, way)
            if here in self.box_of:
                assert way in (NORTH, WEST)
                assert self.joins(here, way), f"{cell} runs into a box"
                edge = (self.box_of[here], target)
                return Found(edge, frozenset(cells), frozenset(under), frozenset(level))
            cells.add(here)
            if self.enter(here, way):
                under.add(here)
            else:
                level.add(here)
                (way,) = self.arms(here) - {turned(way)}
            cell = here


def turned(way: Way) -> Way:
    return -way[0], -way[1]


def step_to(cell: Cell, way: Way) -> Cell:
    return cell[0] + way[0], cell[1] + way[1]


def check_boxes(drawing: Drawing, flow: Graph) -> None:
    """No box overlaps or touches another one, and every edge leads ahead or closes a cycle."""
    down = drawing.geometry.orientation == "down"
    assert set(drawing.boxes) == set(flow.by_name)
    boxes = list(drawing.boxes.values())
    for i, a in enumerate(boxes):
        assert 0 <= a.x <= a.right < drawing.width
        assert 0 <= a.y <= a.bottom < drawing.height
        for b in boxes[i + 1 :]:
            room = 2 if down else 0
            apart = a.right + room < b.x or b.right + room < a.x
            assert apart or a.bottom < b.y or b.bottom < a.y
    back = back_edges(flow)
    for node in flow.nodes:
        for name in node.next:
            if (node.name, name) not in back:
                source, target = drawing.boxes[node.name], drawing.boxes[name]
                assert source.bottom < target.y if down else source.right < target.x
    for layer in drawing.layers:
        starts = {drawing.boxes[step].y if down else drawing.boxes[step].x for step in layer}
        places = [drawing.boxes[step].x if down else drawing.boxes[step].y for step in layer]
        assert len(starts) <= 1
        assert places == sorted(places)


def check_spans(drawing: Drawing) -> None:
    """No text lies on another, and boxes are whole and say which step they are."""
    for row in drawing.rows:
        end = 0
        for span in row:
            assert span.x >= end, "spans overlap"
            end = span.x + cell_len(span.text)
        assert end <= drawing.width
    for step, box in drawing.boxes.items():
        spans = [s for row in drawing.rows[box.y : box.bottom + 1] for s in row if s.step == step]
        assert step in "".join(span.text for span in spans)
        assert all(box.x <= s.x and s.x + cell_len(s.text) <= box.right + 1 for s in spans)
        if drawing.geometry.density != "compact":
            top, bottom = spans[0].text, spans[-1].text
            assert (top[0], top[-1], bottom[0]) == ("╭", "╮", "╰")
            assert bottom[-1] in "╯┴"


def check_lines(drawing: Drawing, flow: Graph) -> None:
    """Every edge can be followed from its source to its target, and nothing else can."""
    reader = Reader(drawing)
    ways = reader.ways()
    expected = {(node.name, name) for node in flow.nodes for name in node.next}
    assert {way.edge for way in ways} == expected
    assert reader.edge_cells == {c for way in ways for c in way.cells}, "lines of no edge"
    users: dict[Cell, set[Pair]] = defaultdict(set)
    for way in ways:
        for cell in way.across:
            users[cell].add(way.edge)
    for cell, edges in users.items():
        sources, targets = zip(*edges, strict=True)
        assert 1 in (len(set(sources)), len(set(targets))), f"{edges} share {cell}"
    check_edges_at(drawing, ways)


def check_edges_at(drawing: Drawing, ways: list[Found]) -> None:
    """A click finds the edge that is drawn in the cell, where it is one alone."""
    through: dict[Cell, set[Pair]] = defaultdict(set)
    for way in ways:
        for cell in way.cells - way.under:
            through[cell].add(way.edge)
    for cell, edges in through.items():
        assert drawing.edge_at(*cell) == (next(iter(edges)) if len(edges) == 1 else None)
