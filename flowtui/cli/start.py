"""The commands that start flows: `run`, `resume` and `demo`."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from flowtui.cli import completion
from flowtui.cli.ending import (
    EXIT_FAILURE,
    EXIT_USAGE,
    leave,
    leaving_with_the_source,
    say,
    signals_raised,
)
from flowtui.cli.opening import (
    check_theme,
    config_of,
    need_terminal,
    open_app,
    open_run,
    settings_at,
)
from flowtui.cli.options import TargetType, app_options, settings_options, where_options

if TYPE_CHECKING:
    from flowtui.actions.code_change import CodeChange
    from flowtui.actions.launch import Launch, LaunchedRun
    from flowtui.actions.resume import ResumeOptions, ResumePlan, StepPreview
    from flowtui.model import FlowSource, RunDescription, Target
    from flowtui.sources.base import RunSource
    from flowtui.store import RunStore
    from flowtui.theme import Look

DEMO_START_SECONDS = 60.0
"""How long the demo flow may take until its run has an id."""

PATIENCE = 5.0
"""Seconds after which it is said that a flow is still waited for."""

_COMMAND_LIMIT = 4000
"""Characters of a command that are shown."""


@click.command()
@app_options
@settings_options
def demo(**given: Any) -> None:
    """Run a bundled flow for real and watch it."""
    from flowtui.actions.demo import FLOW_NAME, start_demo
    from flowtui.actions.errors import ActionError

    config = config_of(given)
    check_theme(config.settings())
    need_terminal("flowtui demo in a terminal")
    click.echo("Starting the demo flow …", err=True)
    try:
        started = start_demo()
    except ActionError as error:
        leave(str(error), EXIT_FAILURE)
    os.environ.update(started.environment)
    run = _stopped_with_us(started.launch, DEMO_START_SECONDS).run
    from flowtui.model import Target
    from flowtui.sources.registry import Where

    where = Where(metadata=f"local@{started.root}", namespace="")
    target = Target(FLOW_NAME, run)
    open_app(target, where, settings_at(config, where), launch=started.launch)


@click.command(
    context_settings={"allow_interspersed_args": False}, options_metavar="[OPTIONS OF FLOWTUI]"
)
@click.argument("flow_file", metavar="FLOW.py", type=click.Path(path_type=Path))
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
@app_options
@settings_options
def run(flow_file: Path, arguments: tuple[str, ...], **given: Any) -> None:
    """Run a flow, as `python FLOW.py run ARGS` does here, and watch it.

    The run goes on when flowtui ends. It gets `--with live_logs` where Metaflow stores logs only
    once an attempt has ended, which is where data is local. flowtui's own options stand before
    FLOW.py, all that follows is Metaflow's. Options that Metaflow wants before its command go
    before the word `run`: flowtui run FLOW.py --environment=conda run --alpha 1
    """
    from flowtui.actions.errors import ActionError
    from flowtui.actions.resume import read_flow_file
    from flowtui.actions.run import plan_run, start_run

    config = config_of(given)
    check_theme(config.settings())
    try:
        read_flow_file(flow_file)
        plan = plan_run(flow_file, arguments, cwd=Path.cwd())
    except (ActionError, OSError) as error:
        leave(str(error), EXIT_USAGE)
    need_terminal(plan.by_hand)
    say(f"Starting {flow_file} …")
    try:
        launch = start_run(plan)
    except ActionError as error:
        leave(str(error), EXIT_FAILURE)
    launched = _stopped_with_us(launch)
    from flowtui.model import Target
    from flowtui.sources.registry import Where

    where = Where(metadata=launched.metadata, namespace="")
    target = Target(launched.flow or "", launched.run)
    open_app(target, where, settings_at(config, where), launch=launch)


class _Origin(TargetType):
    """`FLOW/RUN[/STEP]`, and no option that went astray."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Target:
        if isinstance(value, str) and value.startswith("-"):
            leave(
                f"{value} is no option of flowtui resume. "
                "Name the run first, and options of Metaflow's resume behind it.",
                EXIT_USAGE,
            )
        target = super().convert(value, param, ctx)
        if target.task is not None:
            step = replace(target, task=None)
            leave(f"{target} is a task: a resume is from a step, as in {step}.", EXIT_USAGE)
        return target


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("target", type=_Origin())
@click.argument("arguments", metavar="[ARGS]...", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--step",
    metavar="STEP",
    shell_complete=completion.steps,
    help="Run this step and all after it again.",
)
@click.option(
    "--file",
    "flow_file",
    metavar="FLOW.py",
    type=click.Path(path_type=Path),
    help="The flow's file; else the one that the run recorded.",
)
@click.option("--tag", "tags", metavar="TAG", multiple=True, help="A tag for the new run.")
@click.option("--with", "decorators", metavar="DECORATOR", multiple=True, help="As of Metaflow.")
@click.option("--max-workers", metavar="N", type=int, help="How many tasks run at a time.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@where_options
def resume(
    target: Target,
    arguments: tuple[str, ...],
    step: str | None,
    flow_file: Path | None,
    tags: tuple[str, ...],
    decorators: tuple[str, ...],
    max_workers: int | None,
    dry_run: bool,
    metadata: str | None,
    namespace: str | None,
    source: str | None,
    **given: Any,
) -> None:
    """Resume the run TARGET, from STEP or from where it failed, and print the new run's pathspec.

    What finished is cloned, the rest runs: without flowtui, which ends once the new run has an id.
    TARGET may name the step too. What else Metaflow's `resume` takes stands behind TARGET.
    """
    from flowtui.actions.code_change import code_change
    from flowtui.actions.errors import ActionError
    from flowtui.actions.resume import ResumeOptions, start
    from flowtui.sources.registry import Where

    if "--read-only" in arguments:
        leave("--read-only takes away what acts on runs, and resume does.", EXIT_USAGE)
    if None not in (step, target.step) and step != target.step:
        leave(f"{target} and --step {step} name two steps. Name one.", EXIT_USAGE)
    where = Where(metadata, namespace, source)
    settings = settings_at(config_of(given), where)
    if settings.read_only:
        origin = settings.origins["read_only"]
        leave(f"{origin}: read_only takes away what acts on runs, and resume does.", EXIT_USAGE)
    named = replace(target, step=target.step if step is None else step)
    with leaving_with_the_source():
        resolved, opened, store = open_run(named, where)
        environment = opened.environment()
        ran = _ran(opened)
        opened.close()
    options = ResumeOptions(resolved.step, tags, decorators, max_workers, arguments)
    try:
        planned = _plan(store.description, flow_file, environment, options)
        change = code_change(planned.flow_file, ran, store.description.created_at)
    except (ActionError, OSError) as error:
        leave(str(error), EXIT_USAGE)
    stream = sys.stdout if dry_run else sys.stderr
    look = settings.look(unicode="utf" in (stream.encoding or "ascii").lower())
    for line in _shown(store, resolved, planned, change, look):
        click.echo(line, err=not dry_run)
    if dry_run:
        return
    try:
        launch = start(planned)
    except ActionError as error:
        leave(str(error), EXIT_FAILURE)
    run = _left_running(launch).run
    say(f"It runs as process {launch.pid}; its output goes to {launch.log_path}.")
    click.echo(f"{resolved.flow}/{run}")


def _plan(
    description: RunDescription,
    flow_file: Path | None,
    environment: Mapping[str, str],
    options: ResumeOptions,
) -> ResumePlan:
    from flowtui.actions.errors import ActionError
    from flowtui.actions.resume import check_flow_file, plan, propose_flow_file

    here = Path.cwd()
    file = flow_file or propose_flow_file(description, here)
    if file is None:
        raise ActionError(
            f"{description.pathspec} does not say which file its flow is in. Pass --file FLOW.py."
        )
    planned = plan(description, file, cwd=here, environment=environment, options=options)
    check_flow_file(planned.flow_file, description.flow)
    return planned


def _ran(source: RunSource) -> FlowSource | None:
    """The flow's file as it ran, where that can be had."""
    from flowtui.sources.base import SourceError

    try:
        return source.flow_source()
    except SourceError as error:
        say(str(error))
        return None


def _shown(
    store: RunStore, target: Target, planned: ResumePlan, change: CodeChange, look: Look
) -> Iterator[str]:
    """What the resume does, per step and in sum, and the command: lines safe to print."""
    from flowtui.actions.preview import preview, remarks
    from flowtui.model import State
    from flowtui.picture import shown

    tasks = {node.name: tuple(store.tasks(node.name).values()) for node in store.graph.nodes}
    steps = preview(store.graph, tasks, store.splits, step=target.step)
    origin = f"{target.flow}/{target.run}"
    yield shown(f"Resume {origin}{f' from {target.step}' if target.step else ''}", look)
    yield from _table(steps, look)
    yield from remarks(steps, going_on=bool(store.counts[State.RUNNING]))
    if change.sentence is not None:
        yield shown(change.sentence, look)
    yield shown(planned.command_line, look, _COMMAND_LIMIT)


def _table(steps: Sequence[StepPreview], look: Look) -> Iterator[str]:
    from rich.cells import cell_len

    from flowtui.picture import shown

    rows = [("step", "cloned", "to run")]
    for of in steps:
        cloned = f"{of.cloned}, {of.caught} caught" if of.caught else str(of.cloned or "-")
        known = str(of.reruns or "-")
        unknown = f"{of.at_least} or more" if of.at_least else "not known yet"
        rows.append((shown(of.step, look, 60), cloned, known if of.reruns is not None else unknown))
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        line = "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in cells)
        yield f"  {line.rstrip()}"


def _left_running(launch: Launch) -> LaunchedRun:
    """The run that a resume has begun; ends the program when there is none.

    What ends the program meanwhile does not end the resume.
    """
    try:
        with signals_raised():
            return _awaited(launch)
    except BaseException:
        if launch.exit_code() is None:
            say(f"The resume goes on as process {launch.pid}; its output: {launch.log_path}.")
        raise


def _stopped_with_us(launch: Launch, seconds: float = math.inf) -> LaunchedRun:
    """The run that a flow has begun; ends the program when there is none, or not in time.

    A flow is not left behind: until it has a run, what ends the program ends it too.
    """
    try:
        with signals_raised():
            return _awaited(launch, seconds)
    except BaseException:
        if launch.exit_code() is None:
            launch.stop()
            say("The flow has been stopped before it had a run.")
        raise


def _awaited(launch: Launch, seconds: float = math.inf) -> LaunchedRun:
    started = time.monotonic()
    said = False
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
