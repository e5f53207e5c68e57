"""Screens above that of a run which follow it too."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from flowtui.store import RunStore


@runtime_checkable
class Follower(Protocol):
    """A screen that is told when something of a run's store has changed."""

    def belongs_to(self, store: RunStore) -> bool:
        """Whether this screen shows that store's run."""

    def renew(self) -> None:
        """Take over what the store knows now."""
