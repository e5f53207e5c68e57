"""A foreach within a foreach: two countries, two titles each."""

from metaflow import FlowSpec, step


class NestedForeachFlow(FlowSpec):
    @step
    def start(self):
        self.countries = ["FI", "SE"]
        self.next(self.country, foreach="countries")

    @step
    def country(self):
        self.titles = ["a", "b"]
        self.next(self.title, foreach="titles")

    @step
    def title(self):
        self.name = self.input
        self.next(self.join_titles)

    @step
    def join_titles(self, inputs):
        self.names = [task.name for task in inputs]
        self.next(self.join_countries)

    @step
    def join_countries(self, inputs):
        self.names = [task.names for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        print(self.names)


if __name__ == "__main__":
    NestedForeachFlow()
