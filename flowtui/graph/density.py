"""Chooses how densely a graph is drawn, so that it fits its pane or scrolls not too far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flowtui.graph.arrange import arrange, least
from flowtui.graph.dag import layers
from flowtui.graph.geometry import Density, Edge, Geometry, Size
from flowtui.model import Graph

Sizes = Mapping[str, Size]

_SCREENS_BEFORE_COMPACT = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """A geometry, and the sizes of the boxes that it was made for."""

    geometry: Geometry
    sizes: Sizes


class Layouts:
    """The layouts of one graph. What sizes do not change is worked out once; a density that cannot
    fit is not worked out at all: in a graph of 1,000 steps each takes a tenth of a second."""

    def __init__(self, graph: Graph, labels: Sequence[Edge] = ()) -> None:
        self._graph = graph
        self._labels = labels
        self._layering = layers(graph)
        self._known: dict[Density, Layout] = {}

    def best(self, sizes: Callable[[Density], Sizes], room: Size) -> Layout:
        """The roomiest layout that fits, else a tight one of a few screens that is not too wide,
        else a compact one. `sizes` measures the boxes for a density."""
        few_screens = Size(room.width, room.height * _SCREENS_BEFORE_COMPACT)
        wanted: tuple[tuple[Density, Size], ...] = (
            ("normal", room), ("tight", room), ("compact", room), ("tight", few_screens)
        )  # fmt: skip
        for density, within in wanted:
            layout = self._if_it_fits(density, sizes(density), within)
            if layout is not None:
                return layout
        return self._layout("compact", sizes("compact"))

    def _if_it_fits(self, density: Density, sizes: Sizes, room: Size) -> Layout | None:
        if not _within(least(self._layering, sizes, density), room):
            return None
        layout = self._layout(density, sizes)
        size = Size(layout.geometry.width, layout.geometry.height)
        return layout if _within(size, room) else None

    def _layout(self, density: Density, sizes: Sizes) -> Layout:
        known = self._known.get(density)
        if known is not None and known.sizes == sizes:
            return known
        geometry = arrange(self._graph, sizes, self._labels, density, self._layering)
        self._known[density] = Layout(geometry, sizes)
        return self._known[density]


def _within(size: Size, room: Size) -> bool:
    return size.width <= room.width and size.height <= room.height
