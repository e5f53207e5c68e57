"""Opens what a target names: the app on it, or all that is known of its run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from flowtui.ending import EXIT_FAILURE, EXIT_NOT_FOUND, EXIT_USAGE, leave, say
from flowtui.model import Target

if TYPE_CHECKING:
    from flowtui.actions.launch import Launch
    from flowtui.sources.base import RunSource
    from flowtui.sources.registry import Where
    from flowtui.store import RunStore


def open_app(
    target: Target,
    where: Where,
    *,
    ascii_only: bool,
    interval: float,
    read_only: bool,
    theme: str | None,
    no_mouse: bool,
    launch: Launch | None = None,
) -> NoReturn:
    """Run the app on a target, and end with its exit code; `launch` is what has started it."""
    from flowtui.app import FlowtuiApp
    from flowtui.theme import Look

    app = FlowtuiApp(
        target,
        where,
        interval=interval,
        look=Look(ascii=ascii_only),
        read_only=read_only,
        theme=theme,
        launch=launch,
    )
    app.run(mouse=not no_mouse)
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


def check_theme(theme: str | None) -> None:
    """End the program unless the app has this theme."""
    if theme is None:
        return
    from textual.theme import BUILTIN_THEMES

    if theme not in BUILTIN_THEMES:
        leave(f"There is no theme {theme!r}. Themes: {', '.join(BUILTIN_THEMES)}.", EXIT_USAGE)


def need_terminal(instead: str) -> None:
    """End the program where there is nothing to draw on; `instead` is what to type there."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        leave(f"There is no terminal to draw on. Use: {instead}", EXIT_USAGE)
