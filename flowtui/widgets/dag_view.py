"""The run's graph as boxes and edges, coloured by how the steps stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.graph.density import Layout, Layouts
from flowtui.graph.draw import Canvas
from flowtui.graph.drawing import BoxContent, Direction, Drawing, Span, measure
from flowtui.graph.geometry import Density
from flowtui.graph.geometry import Size as BoxSize
from flowtui.model import Graph, State
from flowtui.picture import boxes, case_labels, not_taken
from flowtui.store import Applied, RunStore
from flowtui.theme import Look
from flowtui.widgets.extent import LineView
from flowtui.widgets.run_view import Opened, Picked, RunView

_MANY = 50
"""From this many boxes on, repainting all is cheaper than finding their places in the pane."""


class DagView(LineView, RunView, can_focus=True):
    """Draws a graph; one step is selected. The layout is redone only when boxes need it."""

    VIEW = "graph"
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

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._store: RunStore | None = None
        self._graph = Graph()
        self._layouts: Layouts | None = None
        self._layout_used: Layout | None = None
        self._canvas: Canvas | None = None
        self._stacked: frozenset[str] = frozenset()
        self._dimmed: Collection[tuple[str, str]] = ()
        self._selected: str | None = None

    @property
    def selected(self) -> str | None:
        """The selected step."""
        return self._selected

    def show(self, store: RunStore, applied: Applied | None) -> None:
        """Draw the run's graph. In a picture that is new, boxes are made to measure; in one that
        was there before they just grow."""
        graph = store.graph
        steps = applied.steps if applied is not None else None
        if steps is None:
            self._layout_used = None
        if graph is not self._graph and graph != self._graph:
            self._layouts = self._layout_used = self._canvas = None
        self._store, self._graph = store, graph
        if steps is None or not self._renew(store, steps):
            self._paint()

    def select(self, step: str, task: str | None = None) -> None:  # noqa: ARG002
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
        drawing = self._drawing
        if drawing is None:
            return
        left, top = self._margin()
        x = int(event.x) - left + self.scroll_offset.x
        step = drawing.hit(x, int(event.y) - top + self.scroll_offset.y)
        if step is not None:
            self._choose(step)
            if event.chain == 2:
                self.post_message(Opened())

    def on_resize(self, _event: Resize) -> None:
        self._layout_used = None
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
            segments.append(self._segment(span))
            x = span.x + cell_len(span.text)
        strip = Strip(segments).apply_style(self.rich_style)
        shift = self.scroll_offset.x
        if left:
            strip = Strip([Segment(" " * left, self.rich_style), *strip])
        return strip.crop_extend(shift, shift + width, self.rich_style)

    def _segment(self, span: Span) -> Segment:
        if span.step is None:
            ink = self.get_component_rich_style(f"dag--{span.tag}")
            return Segment(span.text, Style(color=ink.color, italic=ink.italic))
        _, _, tag = span.tag.partition(":")
        style = self._look.style(State(tag)) if tag else Style()
        if span.step == self._selected:
            style += Style(
                bgcolor=self.get_component_rich_style("dag--selected").bgcolor, bold=True
            )
        return Segment(span.text, style)

    def _go(self, direction: Direction) -> None:
        drawing = self._drawing
        if drawing is None or self._selected is None:
            return
        step = drawing.neighbour(self._selected, direction)
        if step is not None:
            self._choose(step)

    def _choose(self, step: str) -> None:
        self.select(step)
        self.post_message(Picked(step))

    def _reveal(self) -> None:
        drawing = self._drawing
        box = drawing.boxes.get(self._selected or "") if drawing else None
        if box is None:
            return
        self.scroll_to_region(
            Region(box.x, max(0, box.y - 1), box.width, box.height + 2), animate=False
        )

    @property
    def _drawing(self) -> Drawing | None:
        return self._canvas.drawing if self._canvas else None

    def _margin(self) -> tuple[int, int]:
        """Blank cells left of and above a drawing that is smaller than the pane."""
        drawing = self._drawing
        if drawing is None:
            return 0, 0
        return (
            max(0, (self.size.width - drawing.width) // 2),
            max(0, min(1, self.size.height - drawing.height)),
        )

    def _paint(self) -> None:
        store = self._store
        if not self.size or store is None or not self._graph.nodes:
            return
        layout = self._layout_used
        if layout is None or _outgrown(layout, self._boxes(store, layout.geometry.density)):
            layout = self._arrange(store)
            self.set_extent(Size(layout.geometry.width, layout.geometry.height))
        contents = self._boxes(store, layout.geometry.density)
        self._stacked = frozenset(name for name, box in contents.items() if box.stacked)
        self._dimmed = not_taken(self._graph, store.steps)
        before = self._drawing
        self._layout_used = layout
        self._canvas = Canvas(
            layout.geometry, contents, dimmed=self._dimmed, ascii=self._look.ascii
        )
        if before is None or before.boxes != layout.geometry.boxes:
            # The room to scroll in is made by the next layout.
            self.call_after_refresh(self._reveal)
        self.refresh()

    def _renew(self, store: RunStore, steps: Collection[str]) -> bool:
        """Paint these steps' boxes alone; False when that is not all that has to be painted."""
        layout, canvas = self._layout_used, self._canvas
        if layout is None or canvas is None or not_taken(self._graph, store.steps) != self._dimmed:
            return False
        contents = self._boxes(store, layout.geometry.density, steps)
        restacked = any(box.stacked != (name in self._stacked) for name, box in contents.items())
        if restacked or _outgrown(layout, contents):
            return False
        canvas.renew(contents)
        if len(contents) > _MANY:
            self.refresh()
        else:
            self._refresh_boxes(contents)
        return True

    def _refresh_boxes(self, steps: Collection[str]) -> None:
        left, top = self._margin()
        pane = Region(0, 0, *self.size)
        for step in steps:
            box = self._drawing.boxes[step] if self._drawing else None
            if box is not None:
                place = Region(box.x + left, box.y + top, box.width, box.height)
                visible = place.translate(-self.scroll_offset).intersection(pane)
                if visible:
                    self.refresh(visible)

    def _boxes(
        self, store: RunStore, density: Density, steps: Collection[str] | None = None
    ) -> Mapping[str, BoxContent]:
        return boxes(store, self._look, steps, one_row=density == "compact")

    def _arrange(self, store: RunStore) -> Layout:
        if self._layouts is None:
            self._layouts = Layouts(self._graph, case_labels(self._graph, self._look))

        @cache
        def sizes(density: Density) -> Mapping[str, BoxSize]:
            contents = self._boxes(store, density)
            return {name: measure(content, density) for name, content in contents.items()}

        return self._layouts.best(sizes, BoxSize(*self.size))


def _outgrown(layout: Layout, contents: Mapping[str, BoxContent]) -> bool:
    """Whether a step's box has to say more than it was made for."""
    for name, content in contents.items():
        size, made = measure(content, layout.geometry.density), layout.sizes[name]
        if size.width > made.width or size.height > made.height:
            return True
    return False
