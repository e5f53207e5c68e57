"""Logs outside of flowtui: saved to a file, or opened in the person's pager or editor."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from flowtui.actions.errors import ActionError
from flowtui.actions.foreground import ended, run_in_foreground
from flowtui.logs.own_code import base_name
from flowtui.logs.sanitise import one_line, plain_text

PAGERS = ("less", "more")
EDITORS = ("vi", "nano")

_PLUS_LINE = {
    *("less", "more", "vi", "vim", "nvim", "view", "nano", "micro", "kak", "mg", "joe"),
    *("emacs", "emacsclient"),
}
_GOTO = {"code", "code-insiders", "codium", "cursor", "windsurf"}
_COLON_LINE = {"hx", "helix", "subl", "zed"}

_WHOLE_LINE = 2**62


def save(content: Iterable[bytes], path: Path) -> int:
    """Write a log to a new file, which appears when it is complete; returns its bytes.

    Raises ActionError; what was written by then is removed.
    """
    size = 0
    try:
        # Beside its place, so that it can take it in one step. Of a folder Python takes care also
        # when the program is left meanwhile.
        with tempfile.TemporaryDirectory(prefix=".flowtui-", dir=path.parent) as folder:
            part = Path(folder) / "log"
            with part.open("wb") as file:
                for data in content:
                    size += file.write(data)
            _place(part, path)
    except OSError as error:
        raise _not_written(path, error) from error
    return size


def _place(part: Path, path: Path) -> None:
    """Move a file to where nothing is yet; a rename would take the place of what is."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # There are file systems without links.
        path.open("xb").close()
        part.replace(path)


def _not_written(path: Path, error: OSError) -> ActionError:
    reason = (error.strerror or str(error)).lower()
    return ActionError(f"{one_line(str(path))} cannot be written: {reason}.")


def write_plain(content: Iterable[bytes], path: Path) -> None:
    """Write a log as text that is safe to look at, without colours. Raises ActionError.

    A pager may pass on what the lines ask of a terminal.
    """
    try:
        with path.open("w", encoding="utf-8") as file:
            for lines in _whole_lines(content):
                file.write("".join([plain_text(line, _WHOLE_LINE) + "\n" for line in lines]))
    except OSError as error:
        raise _not_written(path, error) from error


def _whole_lines(content: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    begun: list[bytes] = []
    for data in content:
        first, *others = data.split(b"\n")
        begun.append(first)
        if others:
            *whole, last = others
            yield [b"".join(begun), *whole]
            begun = [last]
    rest = b"".join(begun)
    if rest:
        yield [rest]


def viewer(*, edit: bool) -> Sequence[str]:
    """The command of the person's editor, or pager, as the environment names it.

    `$VISUAL` or `$EDITOR`, or `$PAGER`; else what is usually there. Raises ActionError.
    """
    names = ("VISUAL", "EDITOR") if edit else ("PAGER",)
    chosen = next((name for name in names if os.environ.get(name, "").strip()), None)
    try:
        command = shlex.split(os.environ[chosen]) if chosen else []
    except ValueError as error:
        reason = str(error).lower()
        raise ActionError(f"${chosen} cannot be understood: {reason}.") from error
    for candidate in [command] if command else [[name] for name in (EDITORS if edit else PAGERS)]:
        if shutil.which(candidate[0]):
            return candidate
    tried = command[0] if command else ", ".join(EDITORS if edit else PAGERS)
    raise ActionError(f"There is no {tried} here. Set ${' or $'.join(names)} to a program.")


def at_line(command: Sequence[str], path: Path, line: int | None) -> Sequence[str]:
    """`command` with a file, opened at a line where the program is known to take one."""
    program = Path(command[0]).name
    if line is None or program not in {*_PLUS_LINE, *_GOTO, *_COLON_LINE}:
        return [*command, str(path)]
    if program in _PLUS_LINE:
        return [*command, f"+{line}", str(path)]
    goto = ["--goto"] if program in _GOTO else []
    return [*command, *goto, f"{path}:{line}"]


def find_code(file: str, known: Iterable[str], cwd: Path) -> Path:
    """Where a file is here that a traceback names: there, or where a file of its name was recorded
    by the run, or in `cwd`. Raises ActionError.

    A task may have run on another machine, from a copy of the code.
    """
    name = base_name(file)
    recorded = [path for path in known if base_name(path) == name]
    for candidate in (file, *recorded, name):
        path = cwd / candidate
        with suppress(OSError, ValueError):
            if name and path.is_file():
                return path.absolute()
    raise ActionError(f"{one_line(file)} is not on this machine, nor is its like in {cwd}.")


def view(command: Sequence[str]) -> None:
    """Run a viewer on this terminal until it ends. Raises ActionError."""
    code = run_in_foreground(command)
    if code not in (0, -signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP):
        raise ActionError(f"{command[0]} {ended(code)}.")
