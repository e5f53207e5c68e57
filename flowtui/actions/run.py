"""Runs a flow file, as `python flow.py run` does, with live logs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowtui.actions.command import interpreter, stores_logs_at_the_end, with_live_logs
from flowtui.actions.errors import ActionError
from flowtui.actions.launch import ATTRIBUTES_OPTION, Launch, start_flow

_TOP_LEVEL_FLAGS = frozenset(
    {
        "--quiet",
        "--not-quiet",
        "--pylint",
        "--no-pylint",
        "--force-rebuild-environments",
        "--no-force-rebuild-environments",
        "--production",
    }
)
"""Metaflow's options before the command that take no value (`start` in its `cli.py`, @project)."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run that can be started: `argv` up to and with its command `run`, and what follows it.

    `environment` is what is set on top of the environment of flowtui.
    """

    argv: tuple[str, ...]
    arguments: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]

    @property
    def by_hand(self) -> str:
        """What one would type into a POSIX shell, in an environment that has flowtui."""
        file = os.path.relpath(self.argv[1], self.cwd)
        return shlex.join(["python", file, *self.argv[2:], *self.arguments])


def plan_run(flow_file: Path, arguments: Sequence[str], *, cwd: Path) -> RunPlan:
    """The command that runs `flow_file`, a path relative to `cwd` or absolute, in `cwd`.

    `arguments` are those of Metaflow's command `run`; or, where they hold the word `run` itself,
    the options that stand before the command, the word, and those of the command. Where data is
    local the run gets `--with live_logs`. Raises `ActionError`.
    """
    top_level, options = split_arguments(arguments)
    if any(word.partition("=")[0] == ATTRIBUTES_OPTION for word in options):
        raise ActionError(f"flowtui learns of the run by {ATTRIBUTES_OPTION}: leave it out.")
    environment: dict[str, str] = {}
    if stores_logs_at_the_end(environment, top_level):
        options, environment = with_live_logs(options, environment)
    file = os.path.abspath(cwd / flow_file)
    return RunPlan((interpreter(), file, *top_level, "run"), options, cwd, environment)


def split_arguments(arguments: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands before the command `run` in Metaflow's command line, and what behind it.

    Without the word `run` all of it stands behind. As the value of an option it is not the command.
    """
    for at, word in enumerate(arguments):
        before = arguments[at - 1] if at else ""
        takes_value = before.startswith("-") and "=" not in before
        if word == "run" and (not takes_value or before in _TOP_LEVEL_FLAGS):
            return tuple(arguments[:at]), tuple(arguments[at + 1 :])
    return (), tuple(arguments)


def start_run(plan: RunPlan) -> Launch:
    """Start the run, detached. Raises `ActionError`."""
    return start_flow(
        plan.argv, cwd=plan.cwd, environment=plan.environment, arguments=plan.arguments
    )
