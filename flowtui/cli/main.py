"""The command line: parse, pick, hand over. What a command does not need is not imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import rich_click as click

from flowtui import __version__
from flowtui.cli.ending import EXIT_INTERRUPTED, EXIT_USAGE, leave
from flowtui.cli.info import info
from flowtui.cli.logs import logs
from flowtui.cli.opening import check_theme, config_of, need_terminal, open_app, settings_at
from flowtui.cli.options import TargetGroup, TargetType, app_options, where_options
from flowtui.cli.show import show
from flowtui.cli.start import demo, resume, run
from flowtui.cli.watch import watch

if TYPE_CHECKING:
    from flowtui.model import Target


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


for _command in (show, watch, logs, info, run, resume, demo):
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
