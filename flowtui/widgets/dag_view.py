"""The run's graph as boxes and edges, coloured by how the steps stand."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from operator import attrgetter

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Offset, Region, Size
from textual.scrollbar import ScrollTo
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.graph.drawing import Direction, Span
from flowtui.graph.geometry import Density
from flowtui.graph.geometry import Size as BoxSize
from flowtui.heat import QUIET
from flowtui.model import Graph, Ms, State
from flowtui.store import Applied, RunStore
from flowtui.theme import Look
from flowtui.widgets.extent import LineView
from flowtui.widgets.live_drawing import LiveDrawing
from flowtui.widgets.run_view import Following, Opened, Picked, Retitled, RunView

_MANY = 50
"""From this many boxes on, repainting all is cheaper than finding their places in the pane."""

_WHEEL = 4
"""Columns that the wheel scrolls a drawing that is wide and not high."""

_ZOOMS: tuple[Density, ...] = ("compact", "normal", "detailed")


class DagView(LineView, RunView, can_focus=True):
    """Draws a graph; one step is selected.

    Who scrolls is no longer taken along to what runs, until they zoom to fit.
    """

    VIEW = "graph"
    BINDINGS = bindings(Scope.LIST, Scope.VIEW)
    COMPONENT_CLASSES = {
        "dag--edge",
        "dag--edge-dim",
        "dag--edge-label",
        "dag--quiet",
        "dag--selected",
    }
    DEFAULT_CSS = """
    DagView { background: $surface; scrollbar-size: 1 1; }
    DagView > .dag--edge { color: $foreground 60%; }
    DagView > .dag--edge-dim { color: $foreground 25%; }
    DagView > .dag--edge-label { color: $accent; text-style: italic; }
    DagView > .dag--quiet { color: $foreground 70%; }
    DagView > .dag--selected { background: $primary 20%; }
    DagView:focus > .dag--selected { background: $primary 45%; }
    """

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._store: RunStore | None = None
        self._graph = Graph()
        self._live = LiveDrawing(self._graph, look)
        self._zoom: Density | None = None
        self._selected: str | None = None

    @property
    def selected(self) -> str | None:
        """The selected step."""
        return self._selected

    def title(self) -> str:
        return f"{self.VIEW} · {self._zoom}" if self._zoom else self.VIEW

    def show(self, store: RunStore, applied: Applied | None) -> None:
        """Draw the run's graph. In a picture that is new, boxes are made to measure; in one that
        was there before they just grow."""
        graph = store.graph
        if graph is not self._graph and graph != self._graph:
            self._live = LiveDrawing(graph, self._look)
        self._store, self._graph = store, graph
        if applied is None:
            self._live.measure_anew()
        if applied is None or not self._live.renew(store, applied.steps):
            self._paint()
        else:
            self._refresh_boxes(applied.steps)

    def select(self, step: str, task: str | None = None) -> None:  # noqa: ARG002
        if step == self._selected:
            return
        before, self._selected = self._selected, step
        self._reveal()
        self._refresh_boxes([name for name in (before, step) if name is not None])

    def tick(self, now: Ms) -> None:
        store = self._store
        if store is None or self._live.density != "detailed":
            return
        running = [name for name, step in store.steps.items() if step.state is State.RUNNING]
        if running and self._live.renew(store, running, now):
            self._refresh_boxes(running)

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
        self._page(1)

    def action_page_up(self) -> None:
        self._page(-1)

    def action_zoom_in(self) -> None:
        """Let the boxes say more."""
        self._zoom_by(1)

    def action_zoom_out(self) -> None:
        """Let more boxes fit."""
        self._zoom_by(-1)

    def action_zoom_fit(self) -> None:
        """Draw what fits, and follow what runs."""
        self._zoom_to(None)
        self.post_message(Following(True))

    def on_click(self, event: Click) -> None:
        drawing = self._live.drawing
        if drawing is None:
            return
        x, y = Offset(int(event.x), int(event.y)) - self._margin() + self.scroll_offset
        step = drawing.hit(x, y)
        edge = drawing.edge_at(x, y) if step is None else None
        if edge is not None:
            self._choose(edge[0] if edge[1] == self._selected else edge[1])
        if step is not None:
            self._choose(step)
            if event.chain == 2:
                self.post_message(Opened())

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self._wheel(event, -1)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self._wheel(event, 1)

    def on_scroll_to(self, _event: ScrollTo) -> None:
        self._hold()

    def on_resize(self, _event: Resize) -> None:
        self._live.measure_anew()
        self._paint()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        left, top = self._margin()
        shift = self.scroll_offset.x
        drawing = self._live.drawing
        row = y - top + self.scroll_offset.y
        if drawing is None or not 0 <= row < drawing.height:
            return Strip.blank(width, self.rich_style)
        spans = drawing.rows[row]
        # The span before the first one in view may reach into it.
        first = max(0, bisect_left(spans, shift, key=attrgetter("x")) - 1)
        segments = [Segment(" " * left, self.rich_style)]
        x = shift
        for span in spans[first:]:
            if span.x >= shift + width:
                break
            if span.x > x:
                segments.append(Segment(" " * (span.x - x), self.rich_style))
            x = span.x + cell_len(span.text)
            segments += Strip([self._segment(span)]).crop(max(0, shift - span.x))
        strip = Strip(segments).apply_style(self.rich_style)
        return strip.adjust_cell_length(width, self.rich_style)

    def _segment(self, span: Span) -> Segment:
        if span.step is None:
            ink = self.get_component_rich_style(f"dag--{span.tag}")
            return Segment(span.text, Style(color=ink.color, italic=ink.italic))
        _, _, tag = span.tag.partition(":")
        if tag == QUIET:
            style = Style(color=self.get_component_rich_style("dag--quiet").color)
        else:
            style = self._look.style(State(tag)) if tag else Style()
        if span.step == self._selected:
            back = self.get_component_rich_style("dag--selected").bgcolor
            style += Style(bgcolor=back, bold=True)
        return Segment(span.text, style)

    def _wheel(self, event: MouseScrollDown | MouseScrollUp, zoom: int) -> None:
        if event.ctrl:
            self._zoom_by(zoom)
        elif self._level:
            self._hold()
            self.scroll_relative(x=-zoom * _WHEEL, animate=False)
        else:
            self._hold()
            return
        event.prevent_default()
        event.stop()

    def _page(self, pages: int) -> None:
        self._hold()
        way = (
            Offset(pages * self.size.width, 0)
            if self._level
            else Offset(0, pages * self.size.height)
        )
        self.scroll_relative(*way, animate=False)

    @property
    def _level(self) -> bool:
        """Whether there is more to see aside alone."""
        return bool(self.max_scroll_x) and not self.max_scroll_y

    def _hold(self) -> None:
        """Stay where the person scrolls to."""
        if self.max_scroll_x or self.max_scroll_y:
            self.post_message(Following(False))

    def _zoom_by(self, steps: int) -> None:
        # A tight drawing, which is one that fits, stands between the first two.
        now = {"compact": 0.0, "tight": 0.5, "normal": 1.0, "detailed": 2.0}
        level = now[self._live.density or "normal"]
        if steps > 0:
            further = [zoom for zoom in _ZOOMS if now[zoom] > level]
        else:
            further = [zoom for zoom in reversed(_ZOOMS) if now[zoom] < level]
        if further:
            self._zoom_to(further[0])

    def _zoom_to(self, zoom: Density | None) -> None:
        if zoom == self._zoom:
            return
        self._zoom = zoom
        self._live.measure_anew()
        self._paint()
        self.post_message(Retitled())

    def _go(self, direction: Direction) -> None:
        drawing = self._live.drawing
        if drawing is None or self._selected is None:
            return
        step = drawing.neighbour(self._selected, direction)
        if step is not None:
            self._choose(step)

    def _choose(self, step: str) -> None:
        self.select(step)
        self.post_message(Picked(step))

    def _reveal(self) -> None:
        drawing = self._live.drawing
        box = drawing.boxes.get(self._selected or "") if drawing else None
        if box is None:
            return
        self.scroll_to_region(
            Region(box.x, max(0, box.y - 1), box.width, box.height + 2), animate=False
        )

    def _margin(self) -> Offset:
        """Blank cells left of and above a drawing that is smaller than the pane."""
        drawing = self._live.drawing
        if drawing is None:
            return Offset()
        return Offset(
            max(0, (self.size.width - drawing.width) // 2),
            max(0, min(1, self.size.height - drawing.height)),
        )

    def _paint(self) -> None:
        store = self._store
        if not self.size or store is None or not self._graph.nodes:
            return
        before = self._live.drawing
        self._live.paint(store, BoxSize(*self.size), self._zoom)
        drawing = self._live.drawing
        if drawing is not None and (before is None or before.boxes != drawing.boxes):
            self.set_extent(Size(drawing.width, drawing.height))
            # The room to scroll in is made by the next layout.
            self.call_after_refresh(self._reveal)
        self.refresh()

    def _refresh_boxes(self, steps: Collection[str]) -> None:
        drawing = self._live.drawing
        if drawing is None or len(steps) > _MANY:
            self.refresh()
            return
        pane = Region(0, 0, *self.size)
        for step in steps:
            box = drawing.boxes.get(step)
            if box is not None:
                place = Region(box.x, box.y, box.width, box.height).translate(self._margin())
                visible = place.translate(-self.scroll_offset).intersection(pane)
                if visible:
                    self.refresh(visible)
