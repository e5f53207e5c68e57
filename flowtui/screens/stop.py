"""Asks whether a run is to be stopped, naming the process that will be."""

from __future__ import annotations

from flowtui.logs.sanitise import one_line
from flowtui.model import ProcessId
from flowtui.screens.confirm import ConfirmDialog

_LONGEST_COMMAND = 600


class StopDialog(ConfirmDialog):
    """Closes with whether the run is to be stopped."""

    def __init__(self, run: str, process: ProcessId) -> None:
        super().__init__(
            f"Stop {one_line(run)}?",
            f"process {process.pid}  {one_line(process.command, _LONGEST_COMMAND)}",
            "Its launcher and the steps it runs are interrupted, as ctrl+c does where it was "
            "started. What has finished is kept: the run can be resumed.",
            yes="Stop it",
        )
