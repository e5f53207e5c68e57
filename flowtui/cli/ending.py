"""How the program ends: sentences on stderr, and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import rich_click as click

EXIT_FAILURE, EXIT_USAGE, EXIT_NOT_FOUND, EXIT_UNREACHABLE, EXIT_INTERRUPTED = 1, 2, 3, 4, 130

EXIT_CLOSED_PIPE = 141
"""As a shell reports a program that SIGPIPE ended: nobody reads what is written."""


@contextmanager
def to_a_pipe() -> Iterator[None]:
    """Write to standard output; end quietly when nobody reads it any more."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered has nowhere to go; Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_CLOSED_PIPE)


@contextmanager
def leaving_with_the_source() -> Iterator[None]:
    """End the program with the sentence and the exit code of what a source cannot do."""
    from flowtui.logs.stored import TailError
    from flowtui.sources.base import NotFound, SourceError, Unsupported

    try:
        yield
    except NotFound as error:
        leave(str(error), EXIT_NOT_FOUND)
    except Unsupported as error:
        leave(str(error), EXIT_USAGE)
    except (SourceError, TailError) as error:
        leave(str(error), EXIT_UNREACHABLE)


def leave(sentence: str, code: int) -> NoReturn:
    """Say what is wrong on stderr and end."""
    say(sentence)
    sys.exit(code)


def say(sentence: str) -> None:
    """Write to stderr; the sentence may hold remote text."""
    from flowtui.logs.sanitise import one_line

    for line in sentence.splitlines() or [""]:
        click.echo(f"flowtui: {one_line(line, 1000)}", err=True)
