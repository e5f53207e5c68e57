"""@retry and @catch on a process that kills itself: the fallback attempt records the catch."""

import os
import signal

from metaflow import FlowSpec, catch, retry, step


class CatchKilledFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.doomed)

    @catch(var="doom")
    @retry(times=1, minutes_between_retries=0)
    @step
    def doomed(self):
        os.kill(os.getpid(), signal.SIGKILL)
        self.next(self.end)

    @step
    def end(self):
        print(repr(self.doom))


if __name__ == "__main__":
    CatchKilledFlow()
