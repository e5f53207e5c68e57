"""A view drawn by line: told its size whenever that differs, and cheap to give more to scroll."""

from __future__ import annotations

from textual.events import Resize
from textual.geometry import Size
from textual.scroll_view import ScrollView


class LineView(ScrollView):
    """Draws its lines itself, by its size and what it has to scroll."""

    _told: Size | None = None

    def on_hide(self) -> None:
        self._told = None

    def _size_updated(
        self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True
    ) -> bool:
        """Say so when the size differs from what was told since the view has been shown.

        Textual does it for what the last map of the screen did not have. A widget that is repainted
        as it comes to be shown is in a map that is made for that alone, and would never know.
        """
        resized = super()._size_updated(size, virtual_size, container_size, layout)
        if size != self._told:
            self._told = size
            self.post_message(Resize(size, virtual_size, container_size))
        return resized

    def set_extent(self, extent: Size) -> None:
        """Have this much content, in cells.

        Textual lays the screen out again whenever `virtual_size` is set, which is most of what a
        key press costs. Only a scrollbar that comes or goes needs that, and asks for it by itself.
        """
        if extent != self.virtual_size:
            self.set_reactive(ScrollView.virtual_size, extent)
            self._scroll_update(extent)
