"""A step that dies of SIGSEGV in both of its attempts: the run fails, no attempt has an outcome."""

import ctypes

from metaflow import FlowSpec, retry, step


class SegfaultFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.crash)

    @retry(times=1, minutes_between_retries=0)
    @step
    def crash(self):
        print("about to crash", flush=True)
        ctypes.string_at(0)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SegfaultFlow()
