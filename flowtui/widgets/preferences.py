"""What the person wants of every screen: keys, and how logs look at first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from textual.message_pump import MessagePump

from flowtui.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Preferences:
    """The commands with the person's keys; whether logs wrap, show times, and spread JSON."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    log_wrap: bool = False
    log_timestamps: bool = False
    log_json: bool = False


@runtime_checkable
class Preferring(Protocol):
    """An app that knows what the person wants."""

    @property
    def preferences(self) -> Preferences:
        """The same as long as the app runs."""


def preferences_of(node: MessagePump) -> Preferences:
    """Those of the app that a screen or widget is in; the defaults where the app has none."""
    return node.app.preferences if isinstance(node.app, Preferring) else Preferences()


def hint(node: MessagePump, command: str, then: str) -> str:
    """`then` with the key of a command before it, as in `esc closes`; empty if it has no key."""
    shown = preferences_of(node).catalogue.shown(command)
    return f"{shown} {then}" if shown else ""
