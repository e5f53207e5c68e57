"""A run's graph as lines of text, in the colours of its states."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from flowtui.graph.density import Layouts
from flowtui.graph.draw import paint
from flowtui.graph.drawing import Span, measure
from flowtui.graph.geometry import Density, Size
from flowtui.heat import QUIET
from flowtui.model import State
from flowtui.picture import MAX_BOX, Picture, not_taken
from flowtui.store import RunStore
from flowtui.theme import Look

_EDGES: Mapping[str, Style] = {"edge-dim": Style(dim=True), "edge-label": Style(italic=True)}


def graph_lines(store: RunStore, look: Look, width: int) -> Sequence[Text]:
    """The graph as roomy as `width` cells allow, in as many lines as it takes."""
    graph, picture = store.graph, Picture(store.graph, look)

    def sizes(density: Density) -> Mapping[str, Size]:
        contents = picture.boxes(store, density)
        return {
            name: measure(content, density, MAX_BOX[density]) for name, content in contents.items()
        }

    layout = Layouts(graph, picture.labels(store)).best(sizes, Size(width, sys.maxsize))
    drawing = paint(
        layout.geometry,
        picture.boxes(store, layout.geometry.density),
        dimmed=not_taken(graph, store.steps),
        captions=picture.captions(store),
        ascii=look.ascii,
    )
    return [_line(row, look) for row in drawing.rows]


def _line(row: Sequence[Span], look: Look) -> Text:
    line = Text(no_wrap=True, overflow="ignore")
    for span in row:
        line.append(" " * (span.x - cell_len(line.plain)))
        line.append(span.text, _style(span, look))
    line.rstrip()
    return line


def _style(span: Span, look: Look) -> Style:
    if span.step is None:
        return _EDGES.get(span.tag, Style())
    _, _, tag = span.tag.partition(":")
    return Style(dim=True) if tag == QUIET else look.style(State(tag))
