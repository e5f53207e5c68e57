"""The command `serve`: the app in a browser, a process of its own for each session."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.core import ParameterSource

from flowtui.cli.ending import EXIT_FAILURE, EXIT_USAGE, leave, leaving_with_the_source, say
from flowtui.cli.opening import check_theme, config_of, settings_at
from flowtui.cli.options import PlaceType, app_options, where_options

if TYPE_CHECKING:
    from flowtui.model import Target

_OWN = ("target", "host", "port", "allow_actions", "read_only")
"""Parameters that the app in a session is not given as they are."""

_OPEN = (
    "Who can reach this port can read these runs and their logs: "
    "nobody is asked for a password, and nothing is encrypted."
)
_UNENCRYPTED = (
    "Nothing is encrypted: who listens in on the network learns the address, "
    "and can run code as you."
)


@click.command()
@click.argument("target", metavar="[TARGET]", type=PlaceType(), required=False)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; another than this machine's own lets others in.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="The port to listen on; 0 takes a free one.",
)
@click.option(
    "--allow-actions",
    is_flag=True,
    help="Let who has the printed address resume and stop runs, which is to run code as you.",
)
@where_options
@app_options
@click.pass_context
def serve(
    ctx: click.RichContext,
    /,
    target: Target | str | None,
    host: str,
    port: int,
    allow_actions: bool,
    metadata: str | None,
    namespace: str | None,
    source: str | None,
    **given: Any,
) -> None:
    """Serve the monitor to browsers: read-only, and to this machine alone.

    It opens TARGET, or lists the runs, as flowtui does.

    Each browser tab gets a flowtui of its own, with the options given here. Wants the extra
    `serve`: pip install 'flowtui[serve]'.
    """
    from flowtui.model import Target
    from flowtui.sources.registry import Where, open_listing, open_source

    try:
        from flowtui import web
    except ModuleNotFoundError:
        leave("The web server is not installed. Use: pip install 'flowtui[serve]'.", EXIT_USAGE)
    where = Where(metadata, namespace, source)
    settings = settings_at(config_of(given), where)
    check_theme(settings)
    if allow_actions and settings.read_only:
        origin = settings.origins["read_only"]
        asked = "--read-only takes" if origin == "flag" else f"{origin}: read_only takes"
        leave(f"{asked} away what acts on runs, and --allow-actions gives it.", EXIT_USAGE)
    try:
        listening = web.listen(host, port)
    except OSError as error:
        leave(web.why_not(error, host, port), EXIT_FAILURE)
    with leaving_with_the_source():
        if isinstance(target, Target):
            open_source(target, where)[1].close()
        else:
            open_listing(where, target)[1].close()
    if not web.is_loopback(listening):
        say(_UNENCRYPTED if allow_actions else _OPEN)
    place = "" if target is None else str(target)
    command = [sys.executable, "-P", "-m", "flowtui", *filter(None, [place]), *_passed_on(ctx)]
    if not allow_actions:
        command.append("--read-only")
    title = f"flowtui {place}".rstrip()
    page = web.Page(shlex.join(command), title, host, listening, acts=allow_actions)
    say(f"Serving {place or 'all runs'} on {page.url} until ctrl+c.")
    sys.exit(web.serve(page))


def _passed_on(ctx: click.Context) -> list[str]:
    """The options of the app as they were given."""
    options: list[str] = []
    for param in ctx.command.params:
        name = param.name or ""
        if name in _OWN or ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[name]
        if isinstance(param, click.Option) and param.is_flag:
            negated = param.secondary_opts and not value
            options.append((param.secondary_opts if negated else param.opts)[-1])
        else:
            options.append(f"{param.opts[-1]}={value}")
    return options
