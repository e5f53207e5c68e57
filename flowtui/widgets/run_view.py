"""What the views of a run have in common: each shows all of it, in another shape."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

from textual.message import Message
from textual.widget import Widget

from flowtui.commands import Scope
from flowtui.model import Ms
from flowtui.store import Applied, RunStore
from flowtui.widgets.find_bar import FindBar


class Picked(Message):
    """A step, a task of it, or an attempt of that was picked by hand in a view."""

    def __init__(self, step: str, task: str | None = None, attempt: int | None = None) -> None:
        super().__init__()
        self.step, self.task, self.attempt = step, task, attempt


class Opened(Message):
    """What is selected in a view was double-clicked."""


class Following(Message):
    """The person looks around by hand, or wants to be taken along to what runs again."""

    def __init__(self, wanted: bool) -> None:
        super().__init__()
        self.wanted = wanted


class Retitled(Message):
    """What a view says of itself differs."""


class RunView(Widget):
    """A view of a run, of which one step, or one task of that, is selected."""

    VIEW: ClassVar[str]
    SCOPES: ClassVar = (Scope.VIEW,)

    @property
    def pane_name(self) -> str:
        """What the pane is called."""
        return self.VIEW

    def show(self, store: RunStore, applied: Applied | None) -> None:
        """Show what the store knows; `applied` is all that differs from what was shown, None where
        all is to be shown anew."""
        raise NotImplementedError

    def select(self, step: str, task: str | None = None) -> None:
        """Mark a step or a task as selected and bring it into view, without saying so.

        An attempt of that task stays marked where one is.
        """
        raise NotImplementedError

    def tick(self, now: Ms) -> None:
        """Move what counts up by itself."""

    def title(self) -> str:
        """What stands in the pane's border: safe to show."""
        return self.VIEW


@runtime_checkable
class Ordered(Protocol):
    """A pane whose rows can be put in another order."""

    def sort_next(self) -> None:
        """Order the rows by what comes next."""

    def turn_round(self) -> None:
        """Turn the order upside down."""


@runtime_checkable
class Filtered(Protocol):
    """A pane of whose rows some can be left out."""

    def ask_filter(self, find_bar: FindBar) -> None:
        """Let the person type what the rows are filtered by."""
