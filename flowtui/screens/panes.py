"""A screen of panes side by side, of which a small window or zoom shows one at a time."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import DescendantFocus
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from flowtui.widgets.pane_tabs import PaneTabs

NARROW, LOW = 110, 30
"""Below this many columns or rows only one pane is shown at a time."""


class PaneScreen(Screen[None]):
    """Keeps the pane that holds the focus marked as the current one.

    `PANES` are (id, name) pairs. The stylesheet hides the others under `-small` and `-zoomed`.
    """

    PANES: Sequence[tuple[str, str]] = ()

    def __init__(self) -> None:
        super().__init__()
        self._pane = self.PANES[0][0]

    def on_resize(self) -> None:
        self.fit(self.size)
        self._show_pane(self._pane)

    def fit(self, size: Size) -> None:
        """Follow the size of the window. To be called once before there are widgets: what is styled
        anew then costs as much as the first frame."""
        narrow = size.width < NARROW
        self.update_classes({"-small": narrow or size.height < LOW, "-narrow": narrow})

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        pane = self._pane_of(event.widget)
        if pane is not None:
            self._show_pane(pane)

    def on_pane_tabs_chosen(self, message: PaneTabs.Chosen) -> None:
        self.focus_pane(message.pane)

    def focus_pane(self, pane: str) -> None:
        """Show a pane and give its first widget the focus."""
        self._show_pane(pane)
        self._focus(self._targets(pane)[0])

    def action_pane(self, step: int) -> None:
        targets = [target for pane, _ in self.PANES for target in self._targets(pane)]
        at = targets.index(self.focused) if self.focused in targets else 0
        target = targets[(at + step) % len(targets)]
        self._show_pane(self._pane_of(target) or self._pane)
        self._focus(target)

    def action_zoom(self) -> None:
        self.toggle_class("-zoomed")
        self._show_pane(self._pane)

    def _show_pane(self, current: str) -> None:
        """Remember the current pane; where only one is shown, mark it and what it stands in."""
        self._pane = current
        if not (self.has_class("-small") or self.has_class("-zoomed")):
            return
        shown = self.query_one(f"#{current}").ancestors_with_self
        for pane, _ in self.PANES:
            for node in self.query_one(f"#{pane}").ancestors_with_self:
                if isinstance(node, Widget) and not isinstance(node, Screen):
                    node.set_class(node in shown, "-current")
        self.query_one(PaneTabs).show(current)

    def _targets(self, pane: str) -> list[Widget]:
        """What can have the focus in a pane."""
        within = self.query_one(f"#{pane}").walk_children(Widget, with_self=True)
        return [widget for widget in within if widget.can_focus]

    def _pane_of(self, widget: Widget) -> str | None:
        ids = {ancestor.id for ancestor in widget.ancestors_with_self}
        return next((pane for pane, _ in self.PANES if pane in ids), None)

    def _focus(self, target: Widget) -> None:
        """Focus a widget, also one that has only just been given room: styles are applied late."""
        if not target.focusable:
            self.app.stylesheet.update(self)
        # Now, so that a key typed at once goes on from there.
        self.set_focus(target)
