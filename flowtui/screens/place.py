"""Where a person is: which commands the focused pane and its screen have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from textual.screen import Screen
from textual.widget import Widget

from flowtui.commands import Scope


@runtime_checkable
class _Commanded(Protocol):
    """A screen or a pane that has commands of its own, those that come first before others."""

    SCOPES: Sequence[Scope]


@runtime_checkable
class _Housing(Protocol):
    """A screen whose panes have commands of their own once they have the focus."""

    PANE_SCOPES: Sequence[Scope]


@runtime_checkable
class _Named(Protocol):
    pane_name: str


@dataclass(frozen=True, slots=True)
class Place:
    """The focused pane by its name, what its keys are, and what the screen's.

    `others` are panes of the screen that have keys of their own once they have the focus.
    """

    pane: str
    of_pane: Sequence[Scope]
    of_screen: Sequence[Scope]
    others: Sequence[Scope] = ()

    @classmethod
    def of(cls, screen: Screen[Any], focused: Widget | None) -> Place:
        """Where the focus is."""
        of_pane = focused.SCOPES if isinstance(focused, _Commanded) else ()
        housed = screen.PANE_SCOPES if isinstance(screen, _Housing) else ()
        return cls(
            focused.pane_name if isinstance(focused, _Named) else "this screen",
            of_pane,
            screen.SCOPES if isinstance(screen, _Commanded) else (),
            tuple(scope for scope in housed if scope not in of_pane),
        )

    @property
    def scopes(self) -> Sequence[Scope]:
        """What applies, nearest to the focus first."""
        return (*self.of_pane, *self.of_screen, Scope.APP)
