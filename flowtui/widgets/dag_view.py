"""The run's graph as boxes and edges, coloured by how the steps stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.graph.arrange import arrange
from flowtui.graph.draw import BoxContent, Direction, Drawing, Span, measure, paint
from flowtui.graph.geometry import Density, Geometry
from flowtui.graph.geometry import Size as BoxSize
from flowtui.model import Graph, State, StepStatus
from flowtui.picture import boxes, case_labels, not_taken
from flowtui.theme import ASCII_GLYPHS, GLYPHS, Look

_COUNT = re.compile(r"(\S)(\d+)")
_DENSITIES: tuple[Density, ...] = ("normal", "tight", "compact")
_SCREENS_BEFORE_COMPACT = 3


class DagView(ScrollView, can_focus=True):
    """Draws a graph; one step is selected. The layout is redone only when boxes need it."""

    BINDINGS = bindings(Scope.LIST)
    COMPONENT_CLASSES = {"dag--edge", "dag--edge-dim", "dag--edge-label", "dag--selected"}
    DEFAULT_CSS = """
    DagView { background: $surface; scrollbar-size: 1 1; }
    DagView > .dag--edge { color: $foreground 60%; }
    DagView > .dag--edge-dim { color: $foreground 25%; }
    DagView > .dag--edge-label { color: $accent; text-style: italic; }
    DagView > .dag--selected { background: $primary 20%; }
    DagView:focus > .dag--selected { background: $primary 45%; }
    """

    class Selected(Message):
        """Another step was selected by hand."""

        def __init__(self, step: str) -> None:
            super().__init__()
            self.step = step

    class Opened(Message):
        """A step was double-clicked."""

    def __init__(self, look: Look, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._look = look
        self._graph = Graph()
        self._steps: Mapping[str, StepStatus] = {}
        self._geometry: Geometry | None = None
        self._sizes: dict[str, BoxSize] = {}
        self._drawing: Drawing | None = None
        self._selected: str | None = None

    @property
    def selected(self) -> str | None:
        """The selected step."""
        return self._selected

    def show(self, graph: Graph, steps: Mapping[str, StepStatus]) -> None:
        """Draw this graph with its steps standing like this."""
        changed = graph != self._graph
        self._graph, self._steps = graph, steps
        if changed:
            self._geometry = None
        self._paint()

    def select(self, step: str | None) -> None:
        """Select a step and bring its box into view."""
        if step == self._selected:
            return
        self._selected = step
        self._reveal()
        self.refresh()

    def action_scroll_down(self) -> None:
        self._go("down")

    def action_scroll_up(self) -> None:
        self._go("up")

    def action_scroll_left(self) -> None:
        self._go("left")

    def action_scroll_right(self) -> None:
        self._go("right")

    def action_scroll_home(self) -> None:
        if self._graph.nodes:
            self._choose(self._graph.nodes[0].name)

    def action_scroll_end(self) -> None:
        if self._graph.nodes:
            self._choose(self._graph.nodes[-1].name)

    def action_page_down(self) -> None:
        self.scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        self.scroll_page_up(animate=False)

    def on_click(self, event: Click) -> None:
        if self._drawing is None:
            return
        left, top = self._margin()
        x = int(event.x) - left + self.scroll_offset.x
        step = self._drawing.hit(x, int(event.y) - top + self.scroll_offset.y)
        if step is not None:
            self._choose(step)
            if event.chain == 2:
                self.post_message(self.Opened())

    def on_resize(self, _event: Resize) -> None:
        self._geometry = None
        self._paint()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        left, top = self._margin()
        drawing = self._drawing
        row = y - top + self.scroll_offset.y
        if drawing is None or not 0 <= row < drawing.height:
            return Strip.blank(width, self.rich_style)
        segments: list[Segment] = []
        x = 0
        for span in drawing.rows[row]:
            if span.x > x:
                segments.append(Segment(" " * (span.x - x), self.rich_style))
            segments.extend(self._segments(span))
            x = span.x + cell_len(span.text)
        strip = Strip(segments).apply_style(self.rich_style)
        shift = self.scroll_offset.x
        if left:
            strip = Strip([Segment(" " * left, self.rich_style), *strip])
        return strip.crop_extend(shift, shift + width, self.rich_style)

    def _segments(self, span: Span) -> Iterator[Segment]:
        if span.step is None:
            ink = self.get_component_rich_style(f"dag--{span.tag}")
            yield Segment(span.text, Style(color=ink.color, italic=ink.italic))
            return
        kind, _, tag = span.tag.partition(":")
        base = self._look.style(State(tag)) if tag else Style()
        if span.step == self._selected:
            base += Style(bgcolor=self.get_component_rich_style("dag--selected").bgcolor, bold=True)
        if kind == "box":
            yield Segment(span.text, base)
            return
        at = 0
        for match in _COUNT.finditer(span.text):
            state = self._state_of(match[1])
            if state is None:
                continue
            yield Segment(span.text[at : match.start()], base)
            yield Segment(match[0], base + self._look.style(state))
            at = match.end()
        yield Segment(span.text[at:], base)

    def _state_of(self, glyph: str) -> State | None:
        glyphs = ASCII_GLYPHS if self._look.ascii else GLYPHS
        return next((state for state, known in glyphs.items() if known == glyph), None)

    def _go(self, direction: Direction) -> None:
        if self._drawing is None or self._selected is None:
            return
        step = self._drawing.neighbour(self._selected, direction)
        if step is not None:
            self._choose(step)

    def _choose(self, step: str) -> None:
        self.select(step)
        self.post_message(self.Selected(step))

    def _reveal(self) -> None:
        box = self._drawing.boxes.get(self._selected or "") if self._drawing else None
        if box is None:
            return
        self.scroll_to_region(
            Region(box.x, max(0, box.y - 1), box.width, box.height + 2), animate=False
        )

    def _margin(self) -> tuple[int, int]:
        """Blank cells left of and above a drawing that is smaller than the pane."""
        if self._drawing is None:
            return 0, 0
        return (
            max(0, (self.size.width - self._drawing.width) // 2),
            max(0, min(1, self.size.height - self._drawing.height)),
        )

    def _paint(self) -> None:
        if not self.size or not self._graph.nodes:
            return
        if self._geometry is None or self._outgrown(self._geometry):
            self._geometry = self._arrange()
            self.virtual_size = Size(self._geometry.width, self._geometry.height)
        contents = self._boxes(self._geometry.density)
        drawing = paint(
            self._geometry,
            contents,
            dimmed=not_taken(self._graph, self._steps),
            ascii=self._look.ascii,
        )
        first = self._drawing is None or self._drawing.boxes != drawing.boxes
        self._drawing = drawing
        if first:
            # The room to scroll in is made by the next layout.
            self.call_after_refresh(self._reveal)
        self.refresh()

    def _boxes(self, density: Density) -> Mapping[str, BoxContent]:
        return boxes(self._graph, self._steps, self._look, one_row=density == "compact")

    def _outgrown(self, geometry: Geometry) -> bool:
        """Whether a step's box has to say more than it was made for."""
        return any(
            measure(content, geometry.density).width > self._sizes[name].width
            or measure(content, geometry.density).height > self._sizes[name].height
            for name, content in self._boxes(geometry.density).items()
        )

    def _arrange(self) -> Geometry:
        """The roomiest arrangement that fits the pane, else one that scrolls not too far."""
        labels = case_labels(self._graph)
        width, height = self.size
        arranged: dict[Density, Geometry] = {}
        sizes: dict[Density, dict[str, BoxSize]] = {}
        for density in _DENSITIES:
            contents = self._boxes(density)
            sizes[density] = {name: measure(box, density) for name, box in contents.items()}
            arranged[density] = arrange(self._graph, sizes[density], labels, density)
            if arranged[density].height <= height and arranged[density].width <= width:
                break
        else:
            tight = arranged["tight"]
            near = tight.height <= height * _SCREENS_BEFORE_COMPACT and tight.width <= width
            density = "tight" if near else "compact"
        self._sizes = sizes[density]
        return arranged[density]
