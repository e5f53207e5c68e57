"""The command `show`: one picture of a run or of the newest runs, or a document of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from flowtui.cli.ending import EXIT_USAGE, leave, leaving_with_the_source, say
from flowtui.cli.opening import config_of, open_run
from flowtui.cli.options import PlaceType, colour_option, where_options

if TYPE_CHECKING:
    from flowtui.config.settings import Settings
    from flowtui.model import Target
    from flowtui.report.paper import Colour
    from flowtui.sources.newest_runs import NewestRuns
    from flowtui.sources.registry import Where

RUNS_SHOWN = 20


@click.command()
@click.argument("target", type=PlaceType(), required=False)
@click.option("--json", "as_json", is_flag=True, help="A document for programs.")
@click.option("--plain", is_flag=True, help="A picture for people; this is the default.")
@click.option(
    "--svg",
    metavar="FILE",
    help="Save the run's graph as an SVG picture; - is standard output.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help=f"Of a list of runs, how many to show; else {RUNS_SHOWN}.",
)
@colour_option
@where_options
def show(
    target: str | Target | None,
    as_json: bool,
    plain: bool,
    svg: str | None,
    limit: int | None,
    colour: Colour,
    metadata: str | None,
    namespace: str | None,
    source: str | None,
    **given: Any,
) -> None:
    """Print how TARGET stands, and end.

    TARGET is a run, or a step or a task of one. Of a flow its newest runs are listed, and without a
    TARGET those of all flows.
    """
    from flowtui.sources.registry import Where

    if as_json + plain + (svg is not None) > 1:
        leave("Pass one of --json, --plain and --svg.", EXIT_USAGE)
    settings = config_of(given).settings()
    where = Where(metadata, namespace, source)
    if svg is not None:
        if limit is not None:
            leave("--limit is for lists of runs, of which --svg draws none.", EXIT_USAGE)
        _save_svg(svg, target, where, settings)
        return
    if target is None or isinstance(target, str):
        _show_runs(target, limit or RUNS_SHOWN, where, settings, colour, as_json=as_json)
        return
    if limit is not None:
        leave(f"--limit is for lists of runs, as in: flowtui show {target.flow}", EXIT_USAGE)
    _show_run(target, where, settings, colour, as_json=as_json)


def _save_svg(file: str, target: str | Target | None, where: Where, settings: Settings) -> None:
    if target is None or isinstance(target, str) or target.step is not None:
        example = f"{getattr(target, 'flow', target) or 'FLOW'}/@latest"
        leave(f"--svg draws a run, as in: flowtui show {example} --svg graph.svg", EXIT_USAGE)
    path = Path(file)
    if file != "-" and path.exists() and not path.is_file():
        leave(f"{file!r} is no regular file: --svg overwrites nothing else.", EXIT_USAGE)
    with leaving_with_the_source():
        _, opened, store = open_run(target, where)
        opened.close()
    from flowtui.report.svg import svg

    picture = svg(store, settings.look())
    if file == "-":
        click.echo(picture, nl=False)
        return
    try:
        path.write_text(picture, "utf-8")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        leave(f"{file!r} cannot be written: {why}.", EXIT_USAGE)


def _show_run(
    target: Target, where: Where, settings: Settings, colour: Colour, *, as_json: bool
) -> None:
    from flowtui.report.document import run_document, to_json

    with leaving_with_the_source():
        resolved, opened, store = open_run(target, where)
        opened.close()
    if as_json:
        click.echo(to_json(run_document(store, resolved)))
    else:
        from flowtui.report.paper import paper, takes_unicode
        from flowtui.report.run import print_run

        print_run(
            store,
            settings.look(unicode=takes_unicode(sys.stdout)),
            paper(sys.stdout, colour),
            resolved,
        )


def _show_runs(
    flow: str | None,
    limit: int,
    where: Where,
    settings: Settings,
    colour: Colour,
    *,
    as_json: bool,
) -> None:
    from flowtui.report.document import runs_document, to_json

    found = _newest_runs(flow, limit, where)
    if found.trouble is not None:
        say(found.trouble)
    if as_json:
        click.echo(to_json(runs_document(found.runs, flow)))
    elif found.runs:
        from flowtui.report.paper import paper, takes_unicode
        from flowtui.report.runs import print_runs

        look = settings.look(unicode=takes_unicode(sys.stdout))
        print_runs(found.runs, found.now, look, paper(sys.stdout, colour))
    elif where.namespace == "":
        say("There are no runs yet.")
    else:
        say("There are no runs in this namespace. Pass --namespace '' to look in all of them.")


def _newest_runs(flow: str | None, limit: int, where: Where) -> NewestRuns:
    from flowtui.sources.newest_runs import newest_runs
    from flowtui.sources.registry import open_run_list

    with leaving_with_the_source():
        listed = open_run_list(where, flow)
        found = newest_runs(listed, limit)
        listed.close()
    return found
