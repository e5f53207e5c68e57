"""The command line: parse, pick, hand over. What a command does not need is not imported."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import rich_click as click

from flowtui import __version__
from flowtui.cli.ending import (
    EXIT_INTERRUPTED,
    EXIT_NOT_FOUND,
    EXIT_USAGE,
    leave,
    leaving_with_the_source,
    say,
    to_a_pipe,
)
from flowtui.cli.opening import (
    check_theme,
    config_of,
    need_terminal,
    open_app,
    open_run,
    settings_at,
)
from flowtui.cli.options import TargetGroup, TargetType, app_options, where_options
from flowtui.cli.start import demo, resume, run
from flowtui.model import Target

if TYPE_CHECKING:
    from flowtui.config.settings import Settings
    from flowtui.reading import Choice
    from flowtui.sources.registry import Where
    from flowtui.store import RunStore


@click.group(cls=TargetGroup, invoke_without_command=True)
@click.version_option(__version__, prog_name="flowtui")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Watch, understand and resume Metaflow runs.

    `flowtui FLOW/RUN` opens the monitor on a run; RUN may be `@latest`, and `/STEP` and `/TASK` may
    follow. `flowtui run FLOW.py` starts a run, `flowtui resume FLOW/RUN` resumes one, `flowtui
    demo` starts one of its own.
    """
    if ctx.invoked_subcommand is None:
        leave(
            "Name a run, as in: flowtui MyFlow/@latest. Or see one at once: flowtui demo.",
            EXIT_USAGE,
        )


@cli.command("open", hidden=True)
@click.argument("target", type=TargetType())
@where_options
@app_options
def open_(
    target: Target,
    metadata: str | None,
    namespace: str | None,
    source: str | None,
    **given: Any,
) -> None:
    """Open the monitor on TARGET."""
    from flowtui.sources.registry import Where

    config = config_of(given)
    check_theme(config.settings())
    need_terminal(f"flowtui show {target}")
    where = Where(metadata, namespace, source)
    open_app(target, where, settings_at(config, where))


@cli.command()
@click.argument("target", type=TargetType())
@click.option("--json", "as_json", is_flag=True, help="A document for programs.")
@click.option("--plain", is_flag=True, help="A picture for people; this is the default.")
@where_options
def show(
    target: Target,
    as_json: bool,
    plain: bool,
    metadata: str | None,
    namespace: str | None,
    source: str | None,
    **given: Any,
) -> None:
    """Print how TARGET stands, and end."""
    from flowtui import report
    from flowtui.sources.registry import Where

    if as_json and plain:
        leave("Pass --json or --plain, not both.", EXIT_USAGE)
    settings = config_of(given).settings()
    store = _read(target, Where(metadata, namespace, source))
    with to_a_pipe():
        if as_json:
            click.echo(report.to_json(store))
        else:
            encoding = (sys.stdout.encoding or "ascii").lower()
            report.print_plain(store, settings.look(unicode="utf" in encoding))


@cli.command()
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
@where_options
def logs(
    target: Target,
    attempt: int | None,
    stream: str,
    failed: bool,
    follow: bool,
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
    with to_a_pipe(), leaving_with_the_source():
        _print_logs(target, where, choice, settings, follow=follow)


@cli.command()
@where_options
def info(metadata: str | None, namespace: str | None, source: str | None, **given: Any) -> None:
    """Print versions, where runs are read from and how, and what settings are in force."""
    from importlib.metadata import version
    from platform import python_version

    from flowtui.folders import own_folder
    from flowtui.picture import shown
    from flowtui.sources.registry import Where

    config = config_of(given)
    look = config.settings().look()

    def line(name: str, text: str) -> None:
        click.echo(f"{name:<14} {shown(text, look)}")

    line("flowtui", f"{__version__} on Python {python_version()}")
    line("metaflow", version("metaflow"))
    line("textual", version("textual"))
    line("state", str(own_folder("state") or "nowhere, as there is no home directory"))
    line("settings", config.file.about)
    where = Where(metadata, namespace, source)
    for name, value, origin in settings_at(config, where).told():
        line(name, f"{value}  ({origin})")
    for name, text in _about(where):
        line(name, text)


for _command in (run, resume, demo):
    cli.add_command(_command)


def main() -> NoReturn:
    """The program `flowtui`: runs the command line and ends with its exit code."""
    try:
        result = cli.main(prog_name="flowtui", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.ClickException as error:
        leave(f"{error.format_message()} See: flowtui --help", EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)


def _print_logs(
    target: Target, where: Where, choice: Choice, settings: Settings, *, follow: bool
) -> None:
    from flowtui import reading

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
    told = reading.print_lines(lines, led=led, at_once=follow, ascii_only=settings.ascii)
    if not told and len(attempts) == 1:
        from flowtui.logs.absent import why_empty

        [(task, attempt)] = attempts
        for stream in choice.streams:
            say(why_empty(store.description, task, attempt, stream))
    source.close()


def _about(where: Where) -> Sequence[tuple[str, str]]:
    from flowtui.sources.about import about

    with leaving_with_the_source():
        return about(where)


def _read(target: Target, where: Where) -> RunStore:
    with leaving_with_the_source():
        _, source, store = open_run(target, where)
        source.close()
    return store
