"""The run as a tree that folds: steps, foreach levels, tasks and attempts."""

from __future__ import annotations

from collections.abc import Collection

from rich.style import Style
from rich.text import Text
from textual.cache import LRUCache
from textual.strip import Strip

from flowtui.commands import Scope, bindings
from flowtui.logs.sanitise import one_line
from flowtui.model import Ms, Task
from flowtui.store import Applied, RunStore
from flowtui.task_filter import HINT
from flowtui.theme import Look
from flowtui.views.tree import Tree
from flowtui.views.tree_nodes import Fold, NodeId
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.row_list import RowList
from flowtui.widgets.run_view import Picked, Retitled, RunView
from flowtui.widgets.tree_columns import CURSOR, Columns, widest_name

_CACHED_ROWS = 1000
"""Rows that are kept as drawn: scrolling draws what comes into view."""


class TreeView(RowList[NodeId], RunView):
    """Rows over a tree; what is folded costs nothing, and a change what it touches."""

    VIEW = "tree"
    BINDINGS = bindings(Scope.LIST, Scope.VIEW)

    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look
        self._tree = Tree()
        self._store: RunStore | None = None
        self._now = Ms(0)
        self._columns = Columns()
        self._widest: dict[str, int] = {}
        self._strips: LRUCache[NodeId, tuple[object, Strip]] = LRUCache(_CACHED_ROWS)

    # What is shown

    def show(self, store: RunStore, applied: Applied | None) -> None:
        self._store, self._now = store, store.now
        anchor = self._anchor()
        if applied is None or applied.graph:
            self._widest.clear()
        renewed = applied.steps if self._widest and applied is not None else store.steps
        self._widest |= {step: widest_name(step, store.tasks(step)) for step in renewed}
        if applied is None:
            self._tree.show(store)
            self._moved_from(anchor)
        elif self._tree.update(applied) or self._fitting() != self._columns:
            self._moved_from(anchor)
        else:
            self._repaint_changed(applied.tasks, applied.steps)
        if self._tree.filter_text:
            self.post_message(Retitled())

    def select(self, step: str, task: str | None = None) -> None:
        at = self._cursor
        if at is not None and at.step == step and task in (None, at.task):
            return
        known = self._store.task(step, task) if self._store is not None and task else None
        filtered = self._tree.filter_text
        node = self._tree.reveal(step, known)
        self._measure()
        row = self._tree.place(node) if node is not None else None
        if row is not None:
            self._place_cursor(row, by_hand=False)
        if self._tree.filter_text != filtered:
            self.post_message(Retitled())

    def tick(self, now: Ms) -> None:
        self._now = now
        for row in self._visible():
            if self._tree[row].going:
                self._repaint(row)

    def title(self) -> str:
        text = self._tree.filter_text
        if not text:
            return self.VIEW
        count = self._tree.matching()
        return f"{self.VIEW} · {count:,} task{'s' if count != 1 else ''} · /{one_line(text, 40)}"

    # What is unfolded

    def action_scroll_left(self) -> None:
        """Fold what is under the cursor, or go to what it is in."""
        at, row = self._cursor, self._cursor_at
        if at is None or row is None:
            return
        if not at.rest and self._tree[row].fold not in (None, Fold.FOLDED):
            self._tree.fold(at)
            self._refolded(at)
        elif at.parent is not None:
            parent = self._tree.place(at.parent)
            if parent is not None:
                self._place_cursor(parent, by_hand=True)

    def action_scroll_right(self) -> None:
        """Unfold what is under the cursor, or go to the first below it."""
        at, row = self._cursor, self._cursor_at
        if at is None or row is None:
            return
        fold = self._tree[row].fold
        if fold is Fold.FOLDED:
            self._unfold(at, row)
        elif fold is not None:
            self._place_cursor(row + 1, by_hand=True)

    def action_zoom_in(self) -> None:
        """Unfold one level more of everything."""
        self._tree.unfold_more()
        self._refolded(self._cursor)

    def action_zoom_out(self) -> None:
        """Fold all to the steps."""
        self._tree.fold_to_steps()
        self._refolded(self._cursor)

    def action_zoom_fit(self) -> None:
        """Unfold what failed, and fold all else."""
        self._tree.unfold_failures()
        self._refolded(self._cursor)

    def ask_filter(self, find_bar: FindBar) -> None:
        find_bar.ask(
            f"filter the tree: {HINT}",
            self._tree.filter_text,
            typed=self._filter,
            kept=self._take_focus,
        )

    def _choose(self, row: int, x: int) -> None:
        """A click on the marker of a row folds or unfolds it."""
        item = self._tree[row]
        marker = CURSOR + 2 * len(item.guides)
        if item.fold is None or not marker <= x < marker + 2:
            super()._choose(row, x)
        elif item.fold is Fold.FOLDED:
            self._unfold(item.id, row)
        else:
            self._tree.fold(item.id)
            self._refolded(item.id)

    def _unfold(self, node: NodeId, row: int) -> None:
        self._tree.unfold(node)
        if node.rest:
            # The first of the rest stands where its row was, or further up.
            self._measure()
            self._place_cursor(row, by_hand=True)
        else:
            self._refolded(node)

    def _refolded(self, node: NodeId | None) -> None:
        """The cursor goes to this node, or to what it has been folded into."""
        self._measure()
        while node is not None and self._tree.place(node) is None:
            node = node.parent
        row = self._tree.place(node) if node is not None else None
        self._place_cursor(row or 0, by_hand=True)

    def _take_focus(self, _kept: str) -> None:
        self.focus()

    def _filter(self, text: str) -> None:
        self._tree.filter(text)
        self._refolded(self._cursor)
        self.post_message(Retitled())

    # What the list asks

    @property
    def row_count(self) -> int:
        """How many rows are unfolded."""
        return len(self._tree)

    def _id_at(self, row: int) -> NodeId:
        return self._tree.node(row)

    def _place(self, row_id: NodeId) -> int | None:
        return self._tree.place(row_id)

    def _header(self) -> Text:
        return self._columns.header()

    def _reason_for_nothing(self) -> str:
        if self._tree.wrong:
            return one_line(self._tree.wrong)
        return "No task matches." if self._tree.filter_text else "The run has no steps yet."

    def _draw(self, row: int, cursor: bool, base: Style) -> Strip:
        item = self._tree[row]
        use = None
        if item.task is not None and self._store is not None:
            use = self._store.processes.get(item.task.key)
        now = self._now if item.going else None
        drawn = (item, now, use, self._columns, base, self._look.dark, self.size.width)
        known = self._strips.get(item.id)
        if known is not None and known[0] == drawn:
            return known[1]
        dim = self._muted(cursor=cursor)
        text = self._columns.row(item, self._look, dim, now=self._now, use=use, cursor=cursor)
        strip = self._line(text, base)
        self._strips[item.id] = (drawn, strip)
        return strip

    def _fitting(self) -> Columns:
        return Columns.fitting(max(self._widest.values(), default=0), self.size.width)

    def _fit(self) -> None:
        self._columns = self._fitting()

    def _tell_moved(self, by_hand: bool) -> None:
        at = self._cursor
        if by_hand and at is not None:
            self.post_message(Picked(at.step, at.task, at.attempt))

    def _tell_view(self, rows: range) -> None:
        """Nobody asks which rows are in view."""

    def _repaint_changed(self, tasks: Collection[Task], steps: Collection[str]) -> None:
        changed = {task.key for task in tasks}
        for row in self._visible():
            node = self._tree.node(row)
            if node.step in steps and (node.task is None or (node.step, node.task) in changed):
                self._repaint(row)
