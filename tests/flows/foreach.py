"""A foreach over three countries."""

from metaflow import FlowSpec, step


class ForeachFlow(FlowSpec):
    @step
    def start(self):
        self.countries = ["FI", "SE", "NO"]
        self.next(self.visit, foreach="countries")

    @step
    def visit(self):
        print("visiting", self.input)
        self.country = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.visited = [task.country for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        print(self.visited)


if __name__ == "__main__":
    ForeachFlow()
