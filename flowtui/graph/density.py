"""Chooses how densely a graph is drawn, so that it fits its pane or scrolls not too far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from flowtui.graph.arrange import arrange, least
from flowtui.graph.dag import layers
from flowtui.graph.geometry import Density, Edge, Geometry, Orientation, Size
from flowtui.model import Graph

Sizes = Mapping[str, Size]

_Kind = tuple[Density, Orientation]

_BY_ROOM: tuple[Density, ...] = ("normal", "tight", "compact")
_FEW = 3
_WAYS: tuple[Orientation, ...] = ("down", "right")


@dataclass(frozen=True, slots=True)
class Layout:
    """A geometry, and the sizes of the boxes that it was made for."""

    geometry: Geometry
    sizes: Sizes


class Layouts:
    """The layouts of one graph. What sizes do not change is worked out once; one that cannot fit is
    not worked out at all: in a graph of 1,000 steps each takes a tenth of a second."""

    def __init__(self, graph: Graph, labels: Sequence[Edge] = ()) -> None:
        self._graph = graph
        self._labels = labels
        self._layering = layers(graph)
        self._known: dict[_Kind, Layout] = {}

    def best(
        self, sizes: Callable[[Density], Sizes], room: Size, density: Density | None = None
    ) -> Layout:
        """The roomiest layout that fits, or one of this density; `sizes` measures the boxes for a
        density.

        It leads down, or to the right where only that fits. Where nothing does it is a tight one of
        a few screens, else a compact one, and to be scrolled in one direction if possible.
        """
        if density is not None:
            return self._fitting(density, sizes(density), room) or self._scrolled(
                density, sizes(density), room
            )
        for found in _BY_ROOM:
            layout = self._fitting(found, sizes(found), room)
            if layout is not None:
                return layout
        return self._of_few_screens("tight", sizes("tight"), room) or self._scrolled(
            "compact", sizes("compact"), room
        )

    def _fitting(self, density: Density, sizes: Sizes, room: Size) -> Layout | None:
        """The layout that fits the room."""
        found = (self._within((density, way), sizes, room) for way in _WAYS)
        return next(filter(None, found), None)

    def _of_few_screens(self, density: Density, sizes: Sizes, room: Size) -> Layout | None:
        """The layout that fits a short column or row of screens."""
        return self._fitting(density, sizes, Size(room.width, room.height * _FEW)) or self._fitting(
            density, sizes, Size(room.width * _FEW, room.height)
        )

    def _scrolled(self, density: Density, sizes: Sizes, room: Size) -> Layout:
        """The layout that is scrolled in one direction, if there is one, and the least."""

        def screens(layout: Layout) -> tuple[bool, int]:
            aside = ceil(layout.geometry.width / max(1, room.width))
            down = ceil(layout.geometry.height / max(1, room.height))
            return aside > 1 and down > 1, aside * down

        return min((self._layout((density, way), sizes) for way in _WAYS), key=screens)

    def _within(self, kind: _Kind, sizes: Sizes, room: Size) -> Layout | None:
        density, orientation = kind
        if not _fits(least(self._layering, sizes, density, orientation), room):
            return None
        layout = self._layout(kind, sizes)
        size = Size(layout.geometry.width, layout.geometry.height)
        return layout if _fits(size, room) else None

    def _layout(self, kind: _Kind, sizes: Sizes) -> Layout:
        known = self._known.get(kind)
        if known is not None and known.sizes == sizes:
            return known
        density, orientation = kind
        geometry = arrange(self._graph, sizes, self._labels, density, self._layering, orientation)
        self._known[kind] = Layout(geometry, sizes)
        return self._known[kind]


def _fits(size: Size, room: Size) -> bool:
    return size.width <= room.width and size.height <= room.height
