"""num_parallel=3: a control task and two mappers."""

from metaflow import FlowSpec, current, parallel, step


class ParallelFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=3)

    @parallel
    @step
    def train(self):
        self.node = current.parallel.node_index
        self.next(self.join)

    @step
    def join(self, inputs):
        self.nodes = sorted(task.node for task in inputs)
        self.next(self.end)

    @step
    def end(self):
        print(self.nodes)


if __name__ == "__main__":
    ParallelFlow()
