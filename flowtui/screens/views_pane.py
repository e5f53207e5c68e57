"""The pane of a run's views: graph, tree, timeline and times, one of them on show."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.message import Message

from flowtui.model import Ms
from flowtui.store import Applied, RunStore
from flowtui.theme import Look
from flowtui.widgets.dag_view import DagView
from flowtui.widgets.preferences import preferences_of
from flowtui.widgets.run_view import Picked, RunView

# A view is imported when it is first shown: the first frame shows one only.


def _timeline(look: Look) -> RunView:
    from flowtui.widgets.timeline import Timeline

    return Timeline(look)


def _tree(look: Look) -> RunView:
    from flowtui.widgets.tree_view import TreeView

    return TreeView(look)


def _times(look: Look) -> RunView:
    from flowtui.widgets.times_view import TimesView

    return TimesView(look)


VIEWS: Mapping[str, Callable[[Look], RunView]] = {
    "graph": DagView,
    "tree": _tree,
    "timeline": _timeline,
    "times": _times,
}
"""Name → what makes the view."""


class ViewsPane(Container):
    """Keeps the view on show up to date; the others catch up when they are shown."""

    class Changed(Message):
        """Another view is on show."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, look: Look, *, id: str, classes: str) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._look = look
        self._views: dict[str, RunView] = {}
        self._store: RunStore | None = None
        self._selected: tuple[str, str | None] | None = None
        self.current: RunView = self._make("graph")

    def compose(self) -> ComposeResult:
        yield self.current

    def on_mount(self) -> None:
        self._retitle()
        self._offer()

    def show(self, store: RunStore, applied: Applied | None) -> None:
        """Take over what is in the store; `applied` as in `RunView.show`."""
        self._store = store
        self.current.show(store, applied)
        self._retitle()

    def select(self, step: str, task: str | None = None) -> None:
        """Select a step, or a task of it."""
        self._selected = (step, task)
        self.current.select(step, task)

    def tick(self, now: Ms) -> None:
        """Move what counts up by itself."""
        self.current.tick(now)

    def switch(self, name: str) -> None:
        """Put another view on show."""
        before = self.current
        if name == before.VIEW:
            return
        had_focus = before.has_focus
        known = self._views.get(name)
        self.current = known or self._make(name)
        if known is None:
            self.mount(self.current)
        before.display, self.current.display = False, True
        if self._store is not None:
            self.current.show(self._store, None)
        if self._selected is not None:
            self.current.select(*self._selected)
        if had_focus:
            self.screen.set_focus(self.current)
        self._retitle()
        self.post_message(self.Changed(name))

    def on_picked(self, message: Picked) -> None:
        self._selected = (message.step, message.task)

    def on_retitled(self) -> None:
        self._retitle()

    def _make(self, name: str) -> RunView:
        view = self._views[name] = VIEWS[name](self._look)
        return view

    def _retitle(self) -> None:
        self.border_title = Content(self.current.title())

    def _offer(self) -> None:
        """Tell the keys of the views; a click on one shows it."""
        shown = preferences_of(self).catalogue.shown
        offered = [
            Content.from_markup(f"[@click=screen.view('{name}')]$key {name}[/]", key=key)
            for name in VIEWS
            if (key := shown(f"view_{name}"))
        ]
        self.border_subtitle = Content(" · ").join(offered)
