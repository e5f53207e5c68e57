"""How much a view has to scroll, changed without laying out the whole screen again."""

from __future__ import annotations

from textual.geometry import Size
from textual.scroll_view import ScrollView


def set_extent(view: ScrollView, extent: Size) -> None:
    """Give the view this much content, in cells.

    Textual lays the screen out again whenever `virtual_size` is set, which is most of what a key
    press costs. Only a scrollbar that comes or goes needs that, and asks for it by itself.
    """
    if extent != view.virtual_size:
        view.set_reactive(ScrollView.virtual_size, extent)
        view._scroll_update(extent)
