"""The command `watch`: plain progress on stderr until a run ends, and how it ended on stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from flowtui.cli.ending import (
    EXIT_UNSUCCESSFUL,
    EXIT_USAGE,
    leave,
    leaving_with_the_source,
    signals_raised,
)
from flowtui.cli.opening import config_of, open_run, settings_at
from flowtui.cli.options import TargetType, colour_option, interval_option, where_options

if TYPE_CHECKING:
    from flowtui.model import Target
    from flowtui.report.paper import Colour
    from flowtui.report.watching import Lines, Picture
    from flowtui.sources.base import RunSource
    from flowtui.store import RunStore


@click.command()
@click.argument("target", type=TargetType())
@click.option("--exit-status", is_flag=True, help="Exit with 5 if the run fails or is lost.")
@click.option("--compact", is_flag=True, help="Only what runs or waits, failed or was caught.")
@interval_option
@colour_option
@where_options
def watch(
    target: Target,
    exit_status: bool,
    compact: bool,
    colour: Colour,
    metadata: str | None,
    namespace: str | None,
    source: str | None,
    **given: Any,
) -> None:
    """Show how the run TARGET goes on, until it ends, and print how it ended.

    On a terminal a picture is redrawn in its place; elsewhere each event is a line. Both go to
    stderr. What is printed is the run's pathspec and state, with a tab between.
    """
    from flowtui.model import UNSUCCESSFUL
    from flowtui.report.paper import look_on, paper, takes_unicode
    from flowtui.report.watching import Lines, Picture
    from flowtui.sources.registry import Where

    if target.step is not None:
        run = f"{target.flow}/{target.run}"
        leave(f"{target} is a part of a run, and runs are watched: {run}.", EXIT_USAGE)
    where = Where(metadata, namespace, source)
    settings = settings_at(config_of(given), where)
    console = paper(sys.stderr, colour)
    look = look_on(console, settings.look(unicode=takes_unicode(sys.stderr)))
    with signals_raised(), leaving_with_the_source():
        _, opened, store = open_run(target, where)
        in_place = sys.stderr.isatty() and not console.is_dumb_terminal
        kind = Picture if in_place else Lines
        with kind(store, look, console, compact=compact) as shown:
            _follow(opened, store, shown, settings.interval)
        opened.close()
    state = store.status.state
    click.echo(f"{store.description.pathspec}\t{state}")
    if exit_status and state in UNSUCCESSFUL:
        sys.exit(EXIT_UNSUCCESSFUL)


def _follow(source: RunSource, store: RunStore, shown: Lines | Picture, interval: float) -> None:
    """Look at a run until it is over; raises NotFound once it has been deleted."""
    from flowtui.model import FINISHED
    from flowtui.poller import back_off
    from flowtui.sources.base import Unreachable

    failures, more = 0, False
    shown.take(store.all_tasks())
    while more or store.status.state not in FINISHED:
        if not more:
            shown.rest(back_off(failures, interval) if failures else interval)
        try:
            changes = source.poll()
        except Unreachable as error:
            failures, more = failures + 1, False
            if failures == 1:
                shown.fall_behind(str(error))
            continue
        store.apply(changes)
        if failures:
            shown.catch_up()
        failures, more = 0, changes.more
        shown.take(changes.tasks)
