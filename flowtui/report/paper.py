"""What text is printed on, a terminal or a pipe: whether it takes colours, and how wide it is."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Literal, TextIO

from rich.console import Console, RenderableType

from flowtui.theme import Look

Colour = Literal["auto", "always", "never"]
"""`auto` colours what goes to a terminal, unless NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE or a TERM
without colours say otherwise."""

PIPE_WIDTH = 4000
"""Cells of a line in a pipe, so that none is broken."""


def paper(file: TextIO, colour: Colour = "auto") -> Console:
    """A console that prints on a file, in the width of the terminal it is, or else whole lines."""
    on_terminal = file.isatty()
    forced = colour == "always" or (colour == "auto" and _colours_forced())
    system: Literal["auto", "standard"] | None = "auto"
    if colour == "never":
        system = None
    elif forced and os.environ.get("TERM") in ("dumb", "unknown"):
        # As in CI, whose logs know the colours that all terminals have.
        system = "standard"
    return Console(
        file=file,
        highlight=False,
        markup=False,
        emoji=False,
        force_terminal=forced or on_terminal,
        color_system=system,
        no_color=False if colour == "always" else None,
        width=None if on_terminal else PIPE_WIDTH,
    )


def takes_unicode(file: TextIO) -> bool:
    """Whether the glyphs of states can be written to a file."""
    return "utf" in (file.encoding or "ascii").lower()


def _colours_forced() -> bool:
    """Whether a variable asks for colours that go to a pipe too; NO_COLOR comes first."""
    given = os.environ.get
    if given("NO_COLOR"):
        return False
    return bool(given("FORCE_COLOR")) or given("CLICOLOR_FORCE", "") not in ("", "0")


def look_on(console: Console, look: Look) -> Look:
    """A look with the colours that a console has."""
    return replace(look, sixteen=console.color_system == "standard")


def put(console: Console, *pieces: RenderableType) -> None:
    """Print pieces one below the other; in a pipe without blanks at the ends of lines."""
    # Not rich's own way to the file, which ends the program where nobody reads it.
    with console.capture() as printed:
        for piece in pieces:
            console.print(piece)
    text = printed.get()
    if not console.file.isatty():
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    console.file.write(text)
