"""How the program ends: sentences on stderr, and exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import rich_click as click

EXIT_FAILURE, EXIT_USAGE, EXIT_NOT_FOUND, EXIT_UNREACHABLE, EXIT_INTERRUPTED = 1, 2, 3, 4, 130

EXIT_UNSUCCESSFUL = 5
"""The run that was watched failed or was lost."""

EXIT_CLOSED_PIPE = 141
"""As a shell reports a program that SIGPIPE ended: nobody reads what is written."""

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF}


@contextmanager
def writing() -> Iterator[None]:
    """Write to standard output and standard error; end with a sentence where that cannot be, and
    quietly when nobody reads any more."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        leave("Standard output is closed.", EXIT_FAILURE)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        sys.exit(EXIT_CLOSED_PIPE)
    except OSError as error:
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        _drop_output()
        with suppress(OSError):
            say(f"The output cannot be written: {(error.strerror or str(error)).lower()}.")
        sys.exit(EXIT_FAILURE)


def _drop_output() -> None:
    """What is still buffered has nowhere to go; Python would complain of it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def signals_raised() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the program as an exception does, as SIGINT does anyway."""

    def end(number: int, _frame: object) -> NoReturn:
        sys.exit(128 + number)

    signals = (signal.SIGTERM, signal.SIGHUP)
    heeded = [number for number in signals if signal.getsignal(number) is not signal.SIG_IGN]
    before = [signal.signal(number, end) for number in heeded]
    try:
        yield
    finally:
        for number, handler in zip(heeded, before, strict=True):
            signal.signal(number, handler)


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
