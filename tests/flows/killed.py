"""`wait` sleeps while a file exists: a test kills the launcher, or watches the run meanwhile."""

import os
import time

from metaflow import FlowSpec, Parameter, step


class KilledFlow(FlowSpec):
    gate = Parameter("gate", default="", help="`wait` ends when this file is gone.")

    @step
    def start(self):
        self.next(self.wait)

    @step
    def wait(self):
        print("waiting", flush=True)
        deadline = time.monotonic() + 120
        while os.path.exists(self.gate) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    KilledFlow()
