"""@timeout: the first attempt sleeps past its limit of one second, the second one is quick."""

import time

from metaflow import FlowSpec, current, retry, step, timeout


class TimeoutFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.slow)

    @timeout(seconds=1)
    @retry(times=1, minutes_between_retries=0)
    @step
    def slow(self):
        if current.retry_count == 0:
            time.sleep(30)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TimeoutFlow()
