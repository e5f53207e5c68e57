"""The parameters that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import rich_click as click
from click.shell_completion import CompletionItem

from flowtui.cli import completion
from flowtui.cli.ending import EXIT_USAGE, leave, writing

if TYPE_CHECKING:
    from flowtui.model import Target


class TargetGroup(click.RichGroup):
    """A group whose first argument may be what to open, or an option of that, instead of a
    command's name; without arguments there is something to open too."""

    # Not around all of click, which takes a closed pipe for a failure.
    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with writing():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with writing():
            return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # A shell that completes the first word asks with none: that may be a command's name.
        known = (*self.commands, "--help", "--version")
        if args[0] not in known if args else not ctx.resilient_parsing:
            args = ["open", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Commands, and what may stand there for the command that opens a target."""
        opened = self.commands["open"]
        inside = opened.make_context("open", [], parent=ctx, resilient_parsing=True)
        known = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            names = {item.value for item in known}
            options = opened.shell_complete(inside, incomplete)
            return known + [item for item in options if item.value not in names]
        return known + opened.params[0].shell_complete(inside, incomplete)


class TargetType(click.ParamType["Target"]):
    """`FLOW/RUN[/STEP[/TASK]]`."""

    name = "target"

    def convert(self, value: Any, _param: Any, ctx: click.Context | None) -> Target:
        from flowtui.model import Target

        if isinstance(value, Target):
            return value
        try:
            return Target.parse(value)
        except ValueError as error:
            if ctx is not None and ctx.resilient_parsing:
                raise
            leave(str(error), EXIT_USAGE)

    def shell_complete(
        self, ctx: click.Context, _param: Any, incomplete: str
    ) -> list[CompletionItem[str]]:
        return completion.targets(ctx, incomplete)


class PlaceType(click.ParamType["Target | str"]):
    """`FLOW/RUN[/STEP[/TASK]]`, or a flow's name."""

    name = "place"

    def convert(self, value: Any, param: Any, ctx: Any) -> Target | str:
        from flowtui.model import parse_flow

        if not isinstance(value, str) or "/" in value:
            return TargetType().convert(value, param, ctx)
        try:
            return parse_flow(value)
        except ValueError as error:
            if ctx is not None and ctx.resilient_parsing:
                raise
            leave(str(error), EXIT_USAGE)

    def shell_complete(
        self, ctx: click.Context, _param: Any, incomplete: str
    ) -> list[CompletionItem[str]]:
        return completion.targets(ctx, incomplete)


def where_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say where runs are read from."""
    for option in (
        click.option(
            "--source",
            type=click.Choice(["client", "local", "service"]),
            help="How to read: as the provider is, or by Metaflow's client.",
        ),
        click.option(
            "--namespace", metavar="NS", help="Metaflow namespace; '' looks in all of them."
        ),
        click.option(
            "--metadata",
            metavar="PROVIDER",
            help="local@DIR or service@URL; else as configured.",
            shell_complete=completion.providers,
        ),
    ):
        command = option(command)
    return settings_options(command)


def settings_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what it takes to draw as the person wants it; None is what was not given."""
    for option in (
        click.option(
            "--config", metavar="FILE", type=click.Path(), help="Read settings from FILE instead."
        ),
        click.option(
            "--ascii", is_flag=True, flag_value=True, default=None, help="Draw with ASCII only."
        ),
    ):
        command = option(command)
    return command


interval_option = click.option(
    "--interval",
    type=float,
    metavar="SECONDS",
    help="Seconds between two looks at the run; else as configured, or 1.",
)

colour_option = click.option(
    "--color",
    "colour",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colours: in terminals alone, in pipes too, or nowhere.",
)


def _ways(_ctx: click.Context, _param: click.Parameter, wanted: bool | None) -> Any:
    """All ways to tell of a run, or none, as the setting has them."""
    from flowtui.config.values import WAYS

    return None if wanted is None else WAYS if wanted else ()


def app_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the app; None is what was not given."""
    for option in (
        click.option(
            "--no-mouse",
            "mouse",
            is_flag=True,
            flag_value=False,
            default=None,
            help="Leave the mouse to the terminal.",
        ),
        click.option(
            "--notify/--no-notify",
            default=None,
            callback=_ways,
            help="Tell by bell, terminal and desktop how a run ends, and when it first fails.",
        ),
        click.option(
            "--palette",
            metavar="NAME",
            shell_complete=completion.palettes,
            help="The colours of states: default, high-contrast or colour-blind.",
        ),
        click.option(
            "--theme",
            metavar="NAME",
            help="One of Textual's themes.",
            shell_complete=completion.themes,
        ),
        interval_option,
        click.option(
            "--read-only",
            is_flag=True,
            flag_value=True,
            default=None,
            help="Take away what acts on runs.",
        ),
    ):
        command = option(command)
    return command
