"""Tells the person what happened to a run, in the ways they want, wherever they look."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection

from textual.app import App

from flowtui.actions.desktop import show_on_desktop
from flowtui.notices import Notice, for_terminal


class Notifier:
    """Sends notices for an app; `ways` are as in the settings."""

    def __init__(self, app: App[None], ways: Collection[str]) -> None:
        self._app, self._ways = app, ways

    def send(self, notice: Notice) -> None:
        """Does not wait; what is not there is passed over."""
        if "bell" in self._ways:
            self._app.bell()
        driver = self._app._driver
        if "terminal" in self._ways and driver is not None and not self._app.is_headless:
            # As a whole frame is, in one piece: Textual has no method for it but this.
            driver.write(for_terminal(notice, os.environ))
        if "desktop" in self._ways:
            show_on_desktop(
                notice.title, notice.body, platform=sys.platform, environment=os.environ
            )
