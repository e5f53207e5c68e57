"""The drawing of a run's graph, kept up to date at the cost of what differs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

from flowtui.graph.dag import Pair
from flowtui.graph.density import Layout, Layouts
from flowtui.graph.draw import Canvas
from flowtui.graph.drawing import BoxContent, Drawing, measure
from flowtui.graph.geometry import Density, Edge, Size
from flowtui.model import Graph, Ms, State
from flowtui.picture import MAX_BOX, Picture, not_taken
from flowtui.store import RunStore
from flowtui.theme import Look


class LiveDrawing:
    """The layout is redone only when a box has to say more than it has room for, and a box is
    filled anew only when its step differs."""

    def __init__(self, graph: Graph, look: Look) -> None:
        self._graph = graph
        self._look = look
        self._picture = Picture(graph, look)
        self._layouts: Layouts | None = None
        self._labels: Collection[Edge] = ()
        self._layout: Layout | None = None
        self._canvas: Canvas | None = None
        self._stacked: frozenset[str] = frozenset()
        self._dimmed: Collection[Pair] = ()

    @property
    def drawing(self) -> Drawing | None:
        """None before it is first painted."""
        return self._canvas.drawing if self._canvas else None

    @property
    def density(self) -> Density | None:
        """How dense it is drawn."""
        return self._layout.geometry.density if self._layout else None

    def measure_anew(self) -> None:
        """Make the boxes to measure when it is next painted; till then they just grow."""
        self._layout = None

    def paint(self, store: RunStore, room: Size, density: Density | None) -> None:
        """Draw all steps; `density` is the one that is wanted, None the roomiest that fits."""
        layout = self._layout
        contents = self._boxes(store, layout.geometry.density) if layout else {}
        if layout is None or _outgrown(layout, contents):
            layout = self._arrange(store, room, density)
            contents = self._boxes(store, layout.geometry.density)
        self._stacked = frozenset(name for name, box in contents.items() if box.stacked)
        self._dimmed = not_taken(self._graph, store.steps)
        self._layout = layout
        self._canvas = Canvas(
            layout.geometry,
            contents,
            dimmed=self._dimmed,
            captions=self._picture.captions(store),
            ascii=self._look.ascii,
        )

    def renew(self, store: RunStore, steps: Collection[str], now: Ms | None = None) -> bool:
        """Fill the boxes of these steps anew; False when that is not all that has to be drawn."""
        layout, canvas = self._layout, self._canvas
        if layout is None or canvas is None or self._edges_differ(store, steps):
            return False
        contents = self._picture.boxes(store, layout.geometry.density, steps, now)
        restacked = any(box.stacked != (name in self._stacked) for name, box in contents.items())
        if restacked or _outgrown(layout, contents):
            return False
        canvas.renew(contents)
        return True

    def _edges_differ(self, store: RunStore, steps: Collection[str]) -> bool:
        if not self._picture.rounds_of.isdisjoint(steps):
            return True
        dimmed = {step for edge in self._dimmed for step in edge}
        return (
            any(store.steps[step].state is State.SKIPPED or step in dimmed for step in steps)
            and not_taken(self._graph, store.steps) != self._dimmed
        )

    def _boxes(self, store: RunStore, density: Density) -> Mapping[str, BoxContent]:
        return self._picture.boxes(store, density)

    def _arrange(self, store: RunStore, room: Size, density: Density | None) -> Layout:
        labels = self._picture.labels(store)
        if self._layouts is None or labels != self._labels:
            self._layouts, self._labels = Layouts(self._graph, labels), labels

        @cache
        def sizes(density: Density) -> Mapping[str, Size]:
            contents = self._boxes(store, density)
            return {name: _measure(content, density) for name, content in contents.items()}

        return self._layouts.best(sizes, room, density)


def _measure(content: BoxContent, density: Density) -> Size:
    return measure(content, density, MAX_BOX[density])


def _outgrown(layout: Layout, contents: Mapping[str, BoxContent]) -> bool:
    """Whether a step's box has to say more than it was made for."""
    for name, content in contents.items():
        size, made = _measure(content, layout.geometry.density), layout.sizes[name]
        if size.width > made.width or size.height > made.height:
            return True
    return False
