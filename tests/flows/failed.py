"""Fails for good unless FLOWTUI_TEST_FIXED is set: one foreach task of three raises."""

import os

from metaflow import FlowSpec, step


class FailedFlow(FlowSpec):
    @step
    def start(self):
        self.countries = ["FI", "SE", "NO"]
        self.next(self.train, foreach="countries")

    @step
    def train(self):
        self.country = self.input
        if self.input == "NO" and not os.environ.get("FLOWTUI_TEST_FIXED"):
            raise ValueError(f"no data for {self.input}")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.countries = [task.country for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        print(self.countries)


if __name__ == "__main__":
    FailedFlow()
