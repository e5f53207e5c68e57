"""Runs a measurement in a process of its own, so that caches and memory are its own too."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parent.parent.parent

Found = dict[str, Any]
"""What a measurement printed."""


@dataclass(frozen=True)
class Effort:
    """How often and how long is measured: `readings` of a whole run, `starts` of the program and
    layouts, and the seconds `watched` that it is watched in a terminal."""

    readings: int
    starts: int
    watched: float

    def readings_of(self, tasks: int) -> int:
        """Large runs take long, and vary little."""
        return min(self.readings, 3 if tasks <= 1000 else 2)


THOROUGH, QUICK = Effort(3, 5, 20.0), Effort(1, 1, 1.0)


def measured(
    environment: Mapping[str, str],
    *arguments: str,
    on_task: Callable[[str], None] | None = None,
    module: str = "measure",
) -> Found:
    """`python -m tests.benchmarks.<module>` with these arguments: what it found.

    `on_task` lets the task end that the measurement asks for. Fails with what it wrote to stderr.
    """
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        last = ""
        for line in process.stdout:
            last = line.strip()
            if on_task is not None and not last.startswith("{"):
                on_task(last)
                process.stdin.write("\n")
                process.stdin.flush()
    if process.returncode or not last.startswith("{"):
        raise SystemExit(f"{' '.join(arguments)}: the measurement failed, see above.")
    found: Found = json.loads(last)
    return found


def in_turn(rounds: int, *measures: tuple[str, Callable[[], Found]]) -> Sequence[Found]:
    """The quickest reading of each measure, by the time of that name, out of some rounds.

    They take turns, so that what else the machine does is the same for all. What the readings of
    one measure have seen must be the same.
    """
    readings = [[measure() for _, measure in measures] for _ in range(rounds)]
    chosen = []
    for (by, _), found in zip(measures, zip(*readings, strict=True), strict=True):
        for other in found:
            for name in ("tasks", "states", "digest"):
                check(f"what another reading saw, {name},", other.get(name), found[0].get(name))
        chosen.append(min(found, key=itemgetter(by)))
    return chosen


def check(what: str, is_: object, should_be: object) -> None:
    """End with a sentence when a measurement has not seen what there is."""
    if is_ != should_be:
        raise SystemExit(f"What was measured is wrong: {what} is {is_}, and must be {should_be}.")
