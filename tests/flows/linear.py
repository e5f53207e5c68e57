"""start → middle → end: three steps in a row, output on both streams."""

import sys

from metaflow import FlowSpec, Parameter, step


class LinearFlow(FlowSpec):
    alpha = Parameter("alpha", default=0.5, help="A number the middle step prints.")

    @step
    def start(self):
        print("hello from start")
        self.next(self.middle)

    @step
    def middle(self):
        print(f"alpha is {self.alpha}")
        print("a word on stderr", file=sys.stderr)
        self.next(self.end)

    @step
    def end(self):
        print("done")


if __name__ == "__main__":
    LinearFlow()
