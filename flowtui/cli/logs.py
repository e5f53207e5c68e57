"""The command `logs`: what attempts printed, once or as it comes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from flowtui.cli.ending import EXIT_NOT_FOUND, leave, leaving_with_the_source, say
from flowtui.cli.opening import config_of, open_run, settings_at
from flowtui.cli.options import TargetType, colour_option, where_options

if TYPE_CHECKING:
    from flowtui.config.settings import Settings
    from flowtui.model import Target
    from flowtui.reading import Choice
    from flowtui.report.paper import Colour
    from flowtui.sources.registry import Where


@click.command()
@click.argument("target", type=TargetType())
@click.option("--attempt", type=click.IntRange(0), help="An attempt by its number; else the last.")
@click.option(
    "--stream",
    type=click.Choice(["stdout", "stderr", "both"]),
    default="both",
    show_default=True,
    help="Which stream; both are put together by the times of their lines.",
)
@click.option("--failed", is_flag=True, help="Only attempts that failed, were lost or caught.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the run is over.")
@colour_option
@where_options
def logs(
    target: Target,
    attempt: int | None,
    stream: str,
    failed: bool,
    follow: bool,
    colour: Colour,
    metadata: str | None,
    namespace: str | None,
    source: str | None,
    **given: Any,
) -> None:
    """Print the logs of TARGET: of a task, of a step's tasks, or of all tasks of a run.

    With more than one attempt or stream each line is led by step/task, attempt and stream.
    """
    from flowtui.model import STREAMS
    from flowtui.reading import Choice
    from flowtui.sources.registry import Where

    streams = STREAMS if stream == "both" else (stream,)
    choice = Choice(attempt, streams, failed)
    where = Where(metadata, namespace, source)
    settings = settings_at(config_of(given), where)
    with leaving_with_the_source():
        _print_logs(target, where, choice, settings, colour, follow=follow)


def _print_logs(
    target: Target,
    where: Where,
    choice: Choice,
    settings: Settings,
    colour: Colour,
    *,
    follow: bool,
) -> None:
    from flowtui import reading
    from flowtui.report.paper import paper

    resolved, source, store = open_run(target, where)
    attempts = reading.chosen(store, resolved, choice)
    if follow:
        lines = reading.followed(
            source, store, resolved, choice, interval=settings.interval, trouble=say
        )
    else:
        if not attempts:
            leave(f"{resolved} has no such attempt, or none yet.", EXIT_NOT_FOUND)
        lines = reading.stored(source, attempts, choice)
    led = follow or len(attempts) * len(choice.streams) > 1
    told = reading.print_lines(
        lines, paper(sys.stdout, colour), led=led, at_once=follow, ascii_only=settings.ascii
    )
    if not told and len(attempts) == 1:
        from flowtui.logs.absent import why_empty

        [(task, attempt)] = attempts
        for stream in choice.streams:
            say(why_empty(store.description, task, attempt, stream))
    source.close()
