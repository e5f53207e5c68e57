"""@retry and @catch on a foreach: dividing by 0 fails twice and is caught in the third attempt."""

import sys

from metaflow import FlowSpec, catch, retry, step


class CatchFlow(FlowSpec):
    @step
    def start(self):
        self.divisors = [0, 1, 2]
        self.next(self.divide, foreach="divisors")

    @catch(var="divide_failed")
    @retry(times=2, minutes_between_retries=0)
    @step
    def divide(self):
        print("dividing by", self.input)
        print("to stderr", file=sys.stderr)
        self.quotient = 10 / self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.quotients = [task.quotient for task in inputs if not task.divide_failed]
        self.next(self.end)

    @step
    def end(self):
        print(self.quotients)


if __name__ == "__main__":
    CatchFlow()
