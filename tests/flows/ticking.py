"""A flow for benchmarks: prints lines that say when, by the machine's monotonic clock."""

import random
import time

from metaflow import FlowSpec, Parameter, step


class TickingFlow(FlowSpec):
    lines = Parameter("lines", default=40)

    @step
    def start(self):
        # What watches must not be in step with what is watched.
        pauses = random.Random(7)
        time.sleep(2)
        for number in range(self.lines):
            print(f"tick {number} at {time.monotonic():.6f}", flush=True)
            time.sleep(pauses.uniform(0.3, 0.6))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TickingFlow()
