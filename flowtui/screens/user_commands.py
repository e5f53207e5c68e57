"""Runs the person's own commands on what is selected, in the terminal that the app lends them."""

from __future__ import annotations

import secrets
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from textual.app import App

from flowtui.actions.errors import ActionError
from flowtui.actions.files import write_plain
from flowtui.actions.foreground import run_in_foreground
from flowtui.logs.sanitise import one_line
from flowtui.logs.stored import TailError
from flowtui.model import STREAMS
from flowtui.reading import Choice, stored
from flowtui.screens.attempt_logs import file_name
from flowtui.screens.confirm import ConfirmDialog
from flowtui.screens.keep import Keeper
from flowtui.screens.selection import Picked
from flowtui.sources.base import SourceError
from flowtui.user_commands import UserCommand

_LONGEST_COMMAND = 1000


@runtime_checkable
class Picking(Protocol):
    """A screen on which something of a run is selected."""

    def picked(self) -> Picked | None:
        """What is selected now; None until the run has been read."""


class UserCommandRunner:
    """Does for an app what its person has configured; `keeper` lends the terminal."""

    def __init__(self, app: App[None], keeper: Keeper, commands: Mapping[str, UserCommand]) -> None:
        self._app, self._keeper, self._commands = app, keeper, commands

    def run(self, id: str) -> None:  # noqa: A002
        """Run a command on what the uppermost screen with a selection has selected."""
        command = self._commands[id]
        screens = reversed(self._app.screen_stack)
        picked = next((found.picked() for found in screens if isinstance(found, Picking)), None)
        values = picked.values() if picked is not None else {}
        files: dict[str, Path] = {}
        if picked is not None and picked.task is not None and picked.attempt is not None:
            # Made once the command is run; until then its name is enough.
            folder = Path(tempfile.gettempdir()) / f"flowtui-{secrets.token_hex(8)}"
            for stream in STREAMS:
                if f"{stream}_file" in command.placeholders:
                    name = file_name(picked.run, picked.task, picked.attempt, stream)
                    files[stream] = folder / name
        try:
            told = {f"{stream}_file": str(path) for stream, path in files.items()}
            argv = command.filled({**values, **told})
        except ValueError as error:
            self._keeper.complain(str(error))
            return
        lend = partial(self._keeper.lend, partial(run_in_foreground, argv, pause=True))
        start: Callable[[], None] = lend
        if picked is not None and files:
            start = partial(self._keeper.work, partial(_write, picked, files, lend))
        if command.confirm:
            self._ask(command, argv, start)
        else:
            start()

    def _ask(self, command: UserCommand, argv: Sequence[str], start: Callable[[], None]) -> None:
        def decided(wanted: bool | None) -> None:
            if wanted:
                start()

        shown = one_line(shlex.join(argv), _LONGEST_COMMAND)
        question = f"{command.title or command.id}: run it?"
        self._app.push_screen(ConfirmDialog(question, shown, yes="Run it"), decided)


def _write(
    picked: Picked, files: Mapping[str, Path], lend: Callable[[Callable[[], object]], None]
) -> Callable[[], None]:
    """Write the logs that a command reads; returns what runs it and removes them. Blocking."""
    folder = next(iter(files.values())).parent
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        folder.mkdir(mode=0o700)
        for stream, path in files.items():
            path.touch(mode=0o600, exist_ok=False)
            write_plain(_log(picked, stream), path)
    except (OSError, SourceError, TailError) as error:
        remove()
        raise ActionError(f"The log cannot be written for the command: {error}") from error
    except ActionError:
        remove()
        raise

    return partial(lend, remove)


def _log(picked: Picked, stream: str) -> Iterator[bytes]:
    """What an attempt has written so far."""
    source, task, attempt = picked.source, picked.task, picked.attempt
    if source is None or task is None or attempt is None:
        return
    for heard in stored(source, [(task, attempt)], Choice(streams=(stream,))):
        yield heard.line.text + b"\n"
