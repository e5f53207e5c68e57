"""`wait` says that it has been reached, starts a program, and goes on until it is stopped."""

import subprocess
import time
from pathlib import Path

from metaflow import FlowSpec, Parameter, step


class StoppedFlow(FlowSpec):
    reached = Parameter("reached", default="", help="The file that `wait` makes.")

    @step
    def start(self):
        self.next(self.wait)

    @step
    def wait(self):
        program = subprocess.Popen(["sleep", "120"])
        Path(self.reached).touch()
        deadline = time.monotonic() + 120
        while program.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    StoppedFlow()
