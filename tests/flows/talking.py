"""A flow for `live_logs`: prints all sorts of things, and in `wait` for as long as its gate exists.

It counts the interrupts that `wait` gets.
"""

import os
import sys
import time

from metaflow import FlowSpec, Parameter, step


class TalkingFlow(FlowSpec):
    gate = Parameter("gate", default="")

    @step
    def start(self):
        print("one\n\ntwo ✓")
        print("to stderr", file=sys.stderr)
        sys.stdout.buffer.write(b"\xff\x00 not text\r\n")
        sys.stdout.buffer.flush()
        for number in range(2000):
            print("line", number)
        print("x" * 300_000)
        sys.stdout.write("unfinished")
        self.next(self.wait)

    @step
    def wait(self):
        print("waiting")
        interrupts = 0
        if self.gate:
            open(self.gate + ".started", "w").close()
        while self.gate and os.path.exists(self.gate):
            try:
                time.sleep(0.02)
            except KeyboardInterrupt:
                interrupts += 1
                print("interrupted", interrupts)
                print("out of patience", file=sys.stderr)
                raise
        print("done")
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TalkingFlow()
