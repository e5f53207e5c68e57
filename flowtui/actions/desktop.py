"""Shows a notice on the desktop that flowtui runs on, if there is one."""

from __future__ import annotations

import html
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress

_PATIENCE = 10.0
"""Seconds that the program which shows a notice may take."""

_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")
_APPLE_SCRIPT = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


def show_on_desktop(
    title: str, body: str, *, platform: str, environment: Mapping[str, str]
) -> None:
    """Show a notice, without waiting for it; where there is no desktop, nothing happens.

    `platform` is as in `sys.platform`.
    """
    command = desktop_command(title, body, platform, environment)
    if command is None or shutil.which(command[0]) is None:
        return

    def show() -> None:
        with suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                timeout=_PATIENCE,
                check=False,
            )

    threading.Thread(target=show, name="notice", daemon=True).start()


def desktop_command(
    title: str, body: str, platform: str, environment: Mapping[str, str]
) -> Sequence[str] | None:
    """What shows a notice, for no shell; None without a desktop."""
    if platform == "darwin":
        script = [part for line in _APPLE_SCRIPT for part in ("-e", line)]
        return ["osascript", *script, "--", title, body]
    if not any(environment.get(name) for name in _DESKTOP):
        return None
    # notify-send expands backslashes in the body, and desktops read it as markup.
    text = html.escape(body, quote=False).replace("\\", "\\\\")
    return ["notify-send", "--app-name=flowtui", "--", title, text]
