"""The command line: parse, pick, hand over. What a command does not need is not imported."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import rich_click as click

from flowtui import __version__
from flowtui.cli.completion import VARIABLE, completion, quietly
from flowtui.cli.ending import EXIT_INTERRUPTED, EXIT_USAGE, leave
from flowtui.cli.info import info
from flowtui.cli.logs import logs
from flowtui.cli.opening import check_theme, config_of, need_terminal, open_app, settings_at
from flowtui.cli.options import PlaceType, TargetGroup, app_options, where_options
from flowtui.cli.serve import serve
from flowtui.cli.show import show
from flowtui.cli.start import demo, resume, run
from flowtui.cli.watch import watch

if TYPE_CHECKING:
    from flowtui.model import Target


@click.group(cls=TargetGroup)
@click.version_option(__version__, prog_name="flowtui")
def cli() -> None:
    """Watch, understand and resume Metaflow runs.

    `flowtui` lists all runs, `flowtui FLOW` those of a flow. `flowtui FLOW/RUN` opens the monitor
    on a run; RUN may be `@latest`, and `/STEP` and `/TASK` may follow. `flowtui run FLOW.py` starts
    a run, `flowtui resume FLOW/RUN` resumes one, `flowtui demo` starts one of its own.
    """


@cli.command("open", hidden=True)
@click.argument("place", metavar="[TARGET]", type=PlaceType(), required=False)
@where_options
@app_options
def open_(
    place: Target | str | None,
    metadata: str | None,
    namespace: str | None,
    source: str | None,
    **given: Any,
) -> None:
    """Open the monitor on TARGET, or on the list of runs, of one flow or of all."""
    from flowtui.model import Target
    from flowtui.sources.registry import Where

    config = config_of(given)
    check_theme(config.settings())
    need_terminal(f"flowtui show {place or ''}".rstrip())
    target, flow = (place, None) if isinstance(place, Target) else (None, place)
    where = Where(metadata, namespace, source)
    open_app(target, where, settings_at(config, where), flow=flow)


for _command in (show, watch, logs, info, run, resume, demo, serve, completion):
    cli.add_command(_command)


def main() -> NoReturn:
    """The program `flowtui`: runs the command line and ends with its exit code."""
    if VARIABLE in os.environ:
        quietly()
    try:
        result = cli.main(prog_name="flowtui", standalone_mode=False)
        sys.exit(result if isinstance(result, int) else 0)
    except click.ClickException as error:
        leave(f"{error.format_message()} See: flowtui --help", EXIT_USAGE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(EXIT_INTERRUPTED)
