"""A run that a test steers: what has a gate waits until the file of that name is there.

Norway's task fails in both of its attempts, unless the run is a resumed one.
"""

import os
import time

from metaflow import FlowSpec, Parameter, current, retry, step


def wait_for(gates, name):
    """Go on once the gate is open."""
    deadline = time.monotonic() + 120
    while not os.path.exists(os.path.join(gates, name)) and time.monotonic() < deadline:
        time.sleep(0.02)


class WatchedFlow(FlowSpec):
    gates = Parameter("gates", default="", help="The directory that gates are files in.")

    @step
    def start(self):
        wait_for(self.gates, "start")
        self.countries = ["FI", "SE", "NO"]
        self.next(self.train, foreach="countries")

    @retry(times=1, minutes_between_retries=0)
    @step
    def train(self):
        print("training", self.input)
        wait_for(self.gates, f"{self.input}-{current.retry_count}")
        if self.input == "NO" and not current.origin_run_id:
            raise ValueError(f"no data for {self.input}")
        self.next(self.join)

    @step
    def join(self, inputs):
        wait_for(self.gates, "join")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    WatchedFlow()
