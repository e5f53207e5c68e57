"""The command line: parse, pick, hand over. What a command does not need is not imported."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import rich_click as click

from flowtui import __version__
from flowtui.ending import (
    EXIT_FAILURE,
    EXIT_INTERRUPTED,
    EXIT_NOT_FOUND,
    EXIT_USAGE,
    leave,
    leaving_with_the_source,
    say,
    to_a_pipe,
)
from flowtui.model import Target
from flowtui.options import TargetGroup, TargetType, app_options, where_options

if TYPE_CHECKING:
    from flowtui.actions.launch import Launch, LaunchedRun
    from flowtui.reading import Choice
    from flowtui.sources.base import RunSource
    from flowtui.sources.registry import Where
    from flowtui.store import RunStore

DEMO_START_SECONDS = 60.0
"""How long the demo flow may take until its run has an id."""

PATIENCE = 5.0
"""Seconds after which it is said that a flow is still waited for."""


@click.group(cls=TargetGroup, invoke_without_command=True)
@click.version_option(__version__, prog_name="flowtui")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Watch, understand and resume Metaflow runs.

    `flowtui FLOW/RUN` opens the monitor on a run; RUN may be `@latest`, and `/STEP` and `/TASK` may
    follow. `flowtui run FLOW.py` starts a run, `flowtui demo` one of its own.
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
    ascii_only: bool,
    **options: Any,
) -> None:
    """Open the monitor on TARGET."""
    from flowtui.sources.registry import Where

    _check_theme(options["theme"])
    _need_terminal(f"flowtui show {target}")
    _open_app(target, Where(metadata, namespace, source), ascii_only=ascii_only, **options)


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
    ascii_only: bool,
) -> None:
    """Print how TARGET stands, and end."""
    from flowtui import report
    from flowtui.sources.registry import Where

    if as_json and plain:
        leave("Pass --json or --plain, not both.", EXIT_USAGE)
    store = _read(target, Where(metadata, namespace, source))
    with to_a_pipe():
        if as_json:
            click.echo(report.to_json(store))
        else:
            encoding = (sys.stdout.encoding or "ascii").lower()
            report.print_plain(store, ascii_only=ascii_only or "utf" not in encoding)


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
    ascii_only: bool,
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
    with to_a_pipe(), leaving_with_the_source():
        _print_logs(target, where, choice, follow=follow, ascii_only=ascii_only)


@cli.command()
@where_options
def info(metadata: str | None, namespace: str | None, source: str | None, ascii_only: bool) -> None:
    """Print versions, and where runs are read from and how."""
    from importlib.metadata import version
    from platform import python_version

    from platformdirs import user_state_path

    from flowtui.picture import shown
    from flowtui.sources.registry import Where
    from flowtui.theme import Look

    look = Look(ascii=ascii_only)

    def line(name: str, text: str) -> None:
        click.echo(f"{name:<10} {shown(text, look)}")

    line("flowtui", f"{__version__} on Python {python_version()}")
    line("metaflow", version("metaflow"))
    line("textual", version("textual"))
    line("state", str(user_state_path("flowtui")))
    for name, text in _about(Where(metadata, namespace, source)):
        line(name, text)


@cli.command()
@app_options
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII only.")
def demo(ascii_only: bool, **options: Any) -> None:
    """Run a bundled flow for real and watch it."""
    from flowtui.actions.demo import FLOW_NAME, start_demo
    from flowtui.actions.errors import ActionError

    _check_theme(options["theme"])
    _need_terminal("flowtui demo in a terminal")
    click.echo("Starting the demo flow …", err=True)
    try:
        started = start_demo()
    except ActionError as error:
        leave(str(error), EXIT_FAILURE)
    os.environ.update(started.environment)
    run = _wait_for_run(started.launch, DEMO_START_SECONDS).run
    from flowtui.sources.registry import Where

    where = Where(metadata=f"local@{started.root}", namespace="")
    _open_app(Target(FLOW_NAME, run), where, ascii_only=ascii_only, **options)


@cli.command(
    context_settings={"allow_interspersed_args": False}, options_metavar="[OPTIONS OF FLOWTUI]"
)
@click.argument("flow_file", metavar="FLOW.py", type=click.Path(path_type=Path))
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
@app_options
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII only.")
def run(flow_file: Path, arguments: tuple[str, ...], ascii_only: bool, **options: Any) -> None:
    """Run a flow, as `python FLOW.py run ARGS` does here, and watch it.

    The run goes on when flowtui ends. It gets `--with live_logs` where Metaflow stores logs only
    once an attempt has ended, which is where data is local. flowtui's own options stand before
    FLOW.py, all that follows is Metaflow's. Options that Metaflow wants before its command go
    before the word `run`: flowtui run FLOW.py --environment=conda run --alpha 1
    """
    from flowtui.actions.errors import ActionError
    from flowtui.actions.resume import read_flow_file
    from flowtui.actions.run import plan_run, start_run

    _check_theme(options["theme"])
    try:
        read_flow_file(flow_file)
        plan = plan_run(flow_file, arguments, cwd=Path.cwd())
    except (ActionError, OSError) as error:
        leave(str(error), EXIT_USAGE)
    _need_terminal(plan.by_hand)
    say(f"Starting {flow_file} …")
    try:
        launch = start_run(plan)
    except ActionError as error:
        leave(str(error), EXIT_FAILURE)
    launched = _wait_for_run(launch)
    from flowtui.sources.registry import Where

    where = Where(metadata=launched.metadata, namespace="")
    _open_app(Target(launched.flow or "", launched.run), where, ascii_only=ascii_only, **options)


def main() -> NoReturn:
    """The program `flowtui`: runs the command line and ends with its exit code."""
    try:
        result = cli.main(prog_name="flowtui", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.ClickException as error:
        leave(f"{error.format_message()} See: flowtui --help", EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)


def _wait_for_run(launch: Launch, seconds: float = math.inf) -> LaunchedRun:
    """The run that a flow has begun; ends the program when there is none, or not in time.

    A flow is not left behind: until it has a run, what ends the program ends it too.
    """
    started = time.monotonic()
    said = False
    try:
        with _signals_raised():
            while (launched := launch.poll_run()) is None:
                failure = launch.failure()
                if failure is not None:
                    leave("\n".join([failure.sentence, *failure.tail]), EXIT_FAILURE)
                waited = time.monotonic() - started
                if waited > seconds:
                    leave(f"The flow has not started; see {launch.log_path}.", EXIT_FAILURE)
                if waited > PATIENCE and not said:
                    say(f"Waiting for its run; its output goes to {launch.log_path}.")
                    said = True
                time.sleep(0.05)
            return launched
    except BaseException:
        if launch.exit_code() is None:
            launch.stop()
            say("The flow has been stopped before it had a run.")
        raise


@contextmanager
def _signals_raised() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the program as an exception does, as SIGINT does anyway."""

    def leave(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    signals = (signal.SIGTERM, signal.SIGHUP)
    heeded = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
    before = [signal.signal(number, leave) for number in heeded]
    try:
        yield
    finally:
        for number, handler in zip(heeded, before, strict=True):
            signal.signal(number, handler)


def _open_app(
    target: Target,
    where: Where,
    *,
    ascii_only: bool,
    interval: float,
    read_only: bool,
    theme: str | None,
    no_mouse: bool,
) -> NoReturn:
    from flowtui.app import FlowtuiApp
    from flowtui.theme import Look

    app = FlowtuiApp(
        target,
        where,
        interval=interval,
        look=Look(ascii=ascii_only),
        read_only=read_only,
        theme=theme,
    )
    app.run(mouse=not no_mouse)
    if app.parting is not None:
        leave(app.parting, app.return_code or EXIT_FAILURE)
    sys.exit(app.return_code or 0)


def _print_logs(
    target: Target, where: Where, choice: Choice, *, follow: bool, ascii_only: bool
) -> None:
    from flowtui import reading

    resolved, source, store = _opened(target, where)
    attempts = reading.chosen(store, resolved, choice)
    if follow:
        lines = reading.followed(source, store, resolved, choice, interval=1.0, trouble=say)
    else:
        if not attempts:
            leave(f"{resolved} has no such attempt, or none yet.", EXIT_NOT_FOUND)
        lines = reading.stored(source, attempts, choice)
    led = follow or len(attempts) * len(choice.streams) > 1
    told = reading.print_lines(lines, led=led, at_once=follow, ascii_only=ascii_only)
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
        _, source, store = _opened(target, where)
        source.close()
    return store


def _opened(target: Target, where: Where) -> tuple[Target, RunSource, RunStore]:
    """The target with its run resolved, its source, and all that is known of the run."""
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


def _check_theme(theme: str | None) -> None:
    if theme is None:
        return
    from textual.theme import BUILTIN_THEMES

    if theme not in BUILTIN_THEMES:
        leave(f"There is no theme {theme!r}. Themes: {', '.join(BUILTIN_THEMES)}.", EXIT_USAGE)


def _need_terminal(instead: str) -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        leave(f"There is no terminal to draw on. Use: {instead}", EXIT_USAGE)
