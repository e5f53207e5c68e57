"""Runs made up for what lists them: states and times as wanted."""

from __future__ import annotations

from typing import Any

from flowtui.model import Ms
from flowtui.run_summary import RunListChanges, RunSummary

START = 1_795_254_604_000
NOW = Ms(START + 3_600_000)


def run(name: str, at: float = 0, **known: Any) -> RunSummary:
    """The run `Flow/id`, created `at` seconds after the start of all."""
    flow, _, number = name.partition("/")
    return RunSummary(flow, number, Ms(START + int(at * 1000)), **({"user": "ada"} | known))


def news(*runs: RunSummary, now: int = NOW, **said: Any) -> RunListChanges:
    return RunListChanges(Ms(now), runs, **said)
