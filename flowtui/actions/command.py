"""What the commands that start flows have in common: the interpreter, `live_logs`, the shell."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from flowtui.live_logs import NAME, python_path


def interpreter() -> str:
    """The Python that runs flows: that of the active virtual environment, else flowtui's own."""
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        candidate = Path(active) / "bin" / "python"
        if candidate.is_file():
            return str(candidate)
    return sys.executable


def stores_logs_at_the_end(
    environment: Mapping[str, str], top_level_options: Sequence[str] = ()
) -> bool:
    """Whether Metaflow stores the log of an attempt only when it has ended: with local data.

    Asks what Metaflow asks, in its order: the option `--datastore`, its variable, the default's
    variable, the configuration. `environment` is what the flow gets on top of this process's. Where
    the metadata is does not matter. Imports Metaflow's settings if nothing else tells.
    """
    chosen = [
        word.partition("=")[2] if "=" in word else value
        for word, value in pairwise([*top_level_options, ""])
        if word.partition("=")[0] == "--datastore"
    ]
    settings = {**os.environ, **environment}
    datastore = (
        (chosen[-1] if chosen else "")
        or settings.get("METAFLOW_DATASTORE")
        or settings.get("METAFLOW_DEFAULT_DATASTORE")
        or _configured_datastore()
    )
    return datastore == "local"


def with_live_logs(
    options: Sequence[str], environment: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Options of `run` or `resume`, and an environment, that give the run live logs."""
    current = environment.get("PYTHONPATH", os.getenv("PYTHONPATH"))
    asked = ("--with", NAME) in pairwise(options)
    return (
        tuple(options) if asked else ("--with", NAME, *options),
        {**environment, "PYTHONPATH": python_path(current)},
    )


def shell_line(argv: Sequence[str], environment: Mapping[str, str], cwd: Path) -> str:
    """`argv` as one would type it into a POSIX shell, to the same effect as starting it in `cwd`.

    Variables are set where they differ from this process's, and the directory is changed where it
    is another one.
    """
    words = [
        f"{name}={_quoted_value(name, value)}"
        for name, value in environment.items()
        if os.environ.get(name) != value
    ]
    line = " ".join([*words, shlex.join(argv)])
    here = os.path.abspath(cwd) == os.getcwd()
    return line if here else f"cd {shlex.quote(str(cwd))} && {line}"


def _quoted_value(name: str, value: str) -> str:
    """A value in shell quotes; what only leads a search path refers to the rest by its name."""
    current = os.environ.get(name)
    if current and value.endswith(f"{os.pathsep}{current}"):
        return f'{shlex.quote(value.removesuffix(current))}"${name}"'
    return shlex.quote(value)


def _configured_datastore() -> str:
    try:
        from metaflow.metaflow_config import DEFAULT_DATASTORE
    except Exception:
        # A profile that cannot be read, for one: the flow itself will say so.
        return ""
    return str(DEFAULT_DATASTORE)
