"""The command that opens what a screen shows."""

from __future__ import annotations

import shlex

from textual.screen import Screen

from flowtui.logs.sanitise import one_line
from flowtui.sources.registry import Where

_LONGEST = 4000


def command_to_open(where: Where, target: str) -> str:
    """`flowtui TARGET` with the options that were given, quoted for a shell; safe to show."""
    options = {
        "--metadata": where.metadata,
        "--namespace": where.namespace,
        "--source": where.source,
    }
    words = ["flowtui", *([target] if target else [])]
    for option, value in options.items():
        words += [option, value] if value is not None else []
    return one_line(shlex.join(words), _LONGEST)


def copy_command(screen: Screen[None], command: str) -> None:
    """Copy the command, and say so."""
    screen.app.copy_to_clipboard(command)
    screen.notify(f"Copied: {one_line(command, 60)}", markup=False, timeout=3)
