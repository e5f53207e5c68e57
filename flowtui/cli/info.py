"""The command `info`: versions, folders, the terminal, where runs are read from, and settings."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from flowtui import __version__
from flowtui.cli.ending import leaving_with_the_source
from flowtui.cli.opening import config_of, settings_at
from flowtui.cli.options import colour_option, where_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowtui.report.paper import Colour
    from flowtui.sources.registry import Where

_COLOURS = {
    None: "no colours",
    "standard": "16 colours",
    "256": "256 colours",
    "truecolor": "16 million colours",
}


@click.command()
@colour_option
@where_options
def info(
    colour: Colour,
    metadata: str | None,
    namespace: str | None,
    source: str | None,
    **given: Any,
) -> None:
    """Print versions, the terminal, folders, settings, where runs are read from and how."""
    from importlib.metadata import version
    from importlib.resources import files
    from platform import python_version

    from flowtui.folders import LAUNCHES, own_folder
    from flowtui.picture import shown
    from flowtui.sources.registry import Where

    config = config_of(given)
    look = config.settings().look()

    def line(name: str, text: str) -> None:
        click.echo(f"{name:<14} {shown(text, look)}")

    line("flowtui", f"{__version__} on Python {python_version()}")
    line("metaflow", version("metaflow"))
    line("textual", version("textual"))
    line("terminal", _terminal(colour))
    state = own_folder("state")
    line("state", str(state or "nowhere, as there is no home directory"))
    line("launches", str(state / LAUNCHES) if state else "nowhere")
    line("schemas", str(files("flowtui") / "schemas"))
    line("settings", config.file.about)
    where = Where(metadata, namespace, source)
    for name, value, origin in settings_at(config, where).told():
        line(name, f"{value}  ({origin})")
    for name, text in _about(where):
        line(name, text)


def _terminal(colour: Colour) -> str:
    """What standard output is, and what is printed there."""
    from flowtui.report.paper import paper, takes_unicode

    console = paper(sys.stdout, colour)
    colours = _COLOURS[console.color_system if not console.no_color else None]
    kind = os.environ.get("TERM") or "TERM is not set"
    return ", ".join(
        [
            f"{kind}, {console.width} by {console.height}" if sys.stdout.isatty() else "none",
            colours,
            "Unicode" if takes_unicode(sys.stdout) else "ASCII",
        ]
    )


def _about(where: Where) -> Sequence[tuple[str, str]]:
    from flowtui.sources.about import about

    with leaving_with_the_source():
        return about(where)
