"""A recursive switch: `work` runs three times before it goes on to `end`."""

from metaflow import FlowSpec, step


class LoopFlow(FlowSpec):
    @step
    def start(self):
        self.rounds = 0
        self.next(self.work)

    @step
    def work(self):
        self.rounds += 1
        self.decision = "again" if self.rounds < 3 else "enough"
        self.next({"again": self.work, "enough": self.end}, condition="decision")

    @step
    def end(self):
        print(self.rounds)


if __name__ == "__main__":
    LoopFlow()
