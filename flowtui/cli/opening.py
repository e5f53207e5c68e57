"""Opens what a target names: the app on it, or all that is known of its run."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from flowtui.cli.ending import (
    EXIT_FAILURE,
    EXIT_NOT_FOUND,
    EXIT_USAGE,
    leave,
    leaving_with_the_source,
    say,
)

if TYPE_CHECKING:
    from flowtui.actions.launch import Launch
    from flowtui.config.settings import Config, Settings
    from flowtui.model import Target
    from flowtui.sources.base import RunSource
    from flowtui.sources.registry import Where
    from flowtui.store import RunStore


def open_app(
    target: Target | None,
    where: Where,
    settings: Settings,
    *,
    flow: str | None = None,
    launch: Launch | None = None,
) -> NoReturn:
    """Run the app on a target, and end with its exit code; `launch` is what has started it.

    Without a target the app lists the runs, of `flow` or of all flows.
    """
    # What is made up to the first frame stays: looking through it for garbage is a tenth of the
    # start. The app takes it up again.
    gc.disable()
    from flowtui.app import FlowtuiApp
    from flowtui.widgets.preferences import Preferences

    app = FlowtuiApp(
        target,
        where,
        flow=flow,
        interval=settings.interval,
        look=settings.look(),
        read_only=settings.read_only,
        theme=settings.theme,
        launch=launch,
        preferences=Preferences(
            settings.catalogue(), settings.log_wrap, settings.log_timestamps, settings.log_json
        ),
        notify=settings.notify,
        user_commands=settings.commands,
    )
    app.run(mouse=settings.mouse)
    if app.parting is not None:
        leave(app.parting, app.return_code or EXIT_FAILURE)
    sys.exit(app.return_code or 0)


def open_run(target: Target, where: Where) -> tuple[Target, RunSource, RunStore]:
    """The target with its run resolved, its source, and all that is known of the run.

    Ends the program where the run does not have what the target names.
    """
    from flowtui.sources.registry import open_source
    from flowtui.store import RunStore

    resolved, source = open_source(target, where)
    store = RunStore(source.describe())
    more = True
    while more:
        changes = source.poll()
        store.apply(changes)
        more = changes.more
    missing = store.missing(resolved)
    if missing is not None:
        leave(missing, EXIT_NOT_FOUND)
    if changes.trouble is not None:
        say(changes.trouble)
    return resolved, source, store


def config_of(given: Mapping[str, Any]) -> Config:
    """What a command's options, the environment and the file of settings ask for.

    Ends the program where something is wrong with them.
    """
    from flowtui.config.file import ConfigError
    from flowtui.config.settings import configured

    flags = {name: value for name, value in given.items() if name != "config"}
    try:
        return configured(flags, os.environ, given["config"])
    except ConfigError as error:
        leave(str(error), EXIT_USAGE)


def settings_at(config: Config, where: Where) -> Settings:
    """What is in force where runs are read from; ends the program where that cannot be told."""
    if not config.has_providers:
        return config.settings()
    from flowtui.sources.provider import configured_kind

    with leaving_with_the_source():
        return config.settings(configured_kind(where.metadata))


def check_theme(settings: Settings) -> None:
    """End the program unless the app has the theme that was asked for."""
    if settings.theme is None:
        return
    from textual.theme import BUILTIN_THEMES

    if settings.theme not in BUILTIN_THEMES:
        origin = settings.origins["theme"]
        place = "" if origin == "flag" else f"{origin}: "
        themes = ", ".join(BUILTIN_THEMES)
        leave(f"{place}There is no theme {settings.theme!r}. Themes: {themes}.", EXIT_USAGE)


def need_terminal(instead: str) -> None:
    """End the program where there is nothing to draw on; `instead` is what to type there."""
    drawn_elsewhere = "TEXTUAL_DRIVER" in os.environ  # By `flowtui serve`, in a browser.
    if drawn_elsewhere:
        return
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        leave(f"There is no terminal to draw on. Use: {instead}", EXIT_USAGE)
