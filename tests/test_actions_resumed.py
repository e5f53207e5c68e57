"""The preview of a resume, held against what Metaflow then does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flowtui.actions.resume import ActionError, Launch, plan, preview, start
from flowtui.model import Graph, Node, RunDescription, State, Task
from tests.resumes import happened
from tests.runs import FIXED, FLOWS, eventually, flow_environment
from tests.test_actions_preview import FAILED, C, F, L, S, counts, tasks

HEAD = """
import os, signal
from metaflow import FlowSpec, catch, current, parallel, step

def broken():
    return not os.environ.get("FLOWTUI_TEST_FIXED")
"""

BRANCH = """
class F(FlowSpec):
    @step
    def start(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.join)

    @step
    def right(self):
        if broken():
            os.kill(os.getpid(), signal.SIGSEGV)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

QUEUED = """
class F(FlowSpec):
    @step
    def start(self):
        self.numbers = [1, 0, 2, 3, 4]
        self.next(self.divide, foreach="numbers")

    @catch(var="problem")
    @step
    def divide(self):
        1 / self.input
        self.next(self.check)

    @step
    def check(self):
        if broken() and self.input == 2:
            raise ValueError
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

LOOP = """
class F(FlowSpec):
    @step
    def start(self):
        self.rounds = 0
        self.next(self.work)

    @step
    def work(self):
        self.rounds += 1
        if broken() and self.rounds == 3:
            raise ValueError
        self.decision = "again" if self.rounds < 5 else "enough"
        self.next({"again": self.work, "enough": self.choose}, condition="decision")

    @step
    def choose(self):
        self.mode = "fast"
        self.next({"fast": self.fast, "slow": self.slow}, condition="mode")

    @step
    def fast(self):
        if broken():
            raise ValueError
        self.next(self.end)

    @step
    def slow(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

SWITCH = LOOP.replace("self.rounds == 3", "False")

MAPPER = """
class F(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=2)

    @parallel
    @step
    def train(self):
        if broken() and current.parallel.node_index == WHICH:
            raise ValueError
        self.next(self.join)

    @step
    def join(self, inputs):
        if broken():
            raise ValueError
        self.next(self.end)

    @step
    def end(self):
        pass
"""

BRANCH_GRAPH = Graph(
    (
        Node("start", "split-static", ("left", "right"), matching_join="join"),
        Node("left", "linear", ("join",)),
        Node("right", "linear", ("join",)),
        Node("join", "join", ("end",)),
        Node("end", "end"),
    ),
    start_step="start",
    end_step="end",
)
QUEUED_GRAPH = Graph(
    (
        Node("start", "split-foreach", ("divide",), matching_join="join"),
        Node("divide", "linear", ("check",)),
        Node("check", "linear", ("join",)),
        Node("join", "join", ("end",)),
        Node("end", "end"),
    ),
    start_step="start",
    end_step="end",
)
LOOP_GRAPH = Graph(
    (
        Node("start", "start", ("work",)),
        Node("work", "split-switch", ("work", "choose")),
        Node("choose", "split-switch", ("fast", "slow")),
        Node("fast", "linear", ("end",)),
        Node("slow", "linear", ("end",)),
        Node("end", "end"),
    ),
    start_step="start",
    end_step="end",
)
MAPPER_GRAPH = Graph(
    (
        Node("start", "split-parallel", ("train",), num_parallel=2, matching_join="join"),
        Node("train", "linear", ("join",)),
        Node("join", "join", ("end",)),
        Node("end", "end"),
    ),
    start_step="start",
    end_step="end",
)


def mappers(control: State, mapper: State, **steps: list[State]) -> dict[str, list[Task]]:
    train = [Task("train", "2", control, ""), Task("train", "2_node_1", mapper, "")]
    return {**tasks(start=[S], **steps), "train": train}


@dataclass(frozen=True)
class Case:
    """A flow that fails, the tasks it leaves, and what resuming it does.

    `steps` is (cloned, reruns as far as known before) by step, `found_out` the reruns that only the
    resumed run can know.
    """

    flow: str
    graph: Graph
    left: dict[str, list[Task]]
    steps: dict[str, tuple[int, int | None]]
    splits: dict[str, int] = field(default_factory=dict)
    found_out: dict[str, int] = field(default_factory=dict)
    options: tuple[str, ...] = ()


CASES = {
    "a branch died of a signal": Case(
        flow=BRANCH,
        graph=BRANCH_GRAPH,
        left=tasks(start=[S], left=[S], right=[L]),
        steps={"start": (1, 0), "left": (1, 0), "right": (0, 1), "join": (0, 1), "end": (0, 1)},
        options=(
            "--max-workers",
            "1",
        ),
    ),
    "a foreach failed with tasks in the queue, one task was caught before": Case(
        flow=QUEUED,
        graph=QUEUED_GRAPH,
        left=tasks(start=[S], divide=[S, C, S, S, S], check=[S, S, F]),
        steps={"start": (1, 0), "divide": (5, 0), "check": (2, 3), "join": (0, 1), "end": (0, 1)},
        splits={"start": 5},
        options=(
            "--max-workers",
            "1",
        ),
    ),
    "a loop failed in its third round": Case(
        flow=LOOP,
        graph=LOOP_GRAPH,
        left=tasks(start=[S], work=[S, S, F]),
        steps={
            "start": (1, 0),
            "work": (2, None),
            "choose": (0, 1),
            "fast": (0, None),
            "slow": (0, None),
            "end": (0, 1),
        },
        found_out={"work": 3, "fast": 1, "slow": 0},
    ),
    "the branch that a switch took failed, after a loop": Case(
        flow=SWITCH,
        graph=LOOP_GRAPH,
        left=tasks(start=[S], work=[S] * 5, choose=[S], fast=[F]),
        steps={
            "start": (1, 0),
            "work": (5, 0),
            "choose": (1, 0),
            "fast": (0, 1),
            "slow": (0, 0),
            "end": (0, 1),
        },
    ),
    "the control task of num_parallel failed, its mapper did not": Case(
        flow=MAPPER.replace("WHICH", "0"),
        graph=MAPPER_GRAPH,
        left=mappers(F, S),
        steps={"start": (1, 0), "train": (0, 2), "join": (0, 1), "end": (0, 1)},
        splits={"start": 2},
    ),
    "a mapper of num_parallel failed": Case(
        flow=MAPPER.replace("WHICH", "1"),
        graph=MAPPER_GRAPH,
        left=mappers(F, F),
        steps={"start": (1, 0), "train": (0, 2), "join": (0, 1), "end": (0, 1)},
        splits={"start": 2},
    ),
    "the join after num_parallel failed": Case(
        flow=MAPPER.replace("WHICH", "-1"),
        graph=MAPPER_GRAPH,
        left=mappers(S, S, join=[F]),
        steps={"start": (1, 0), "train": (2, 0), "join": (0, 1), "end": (0, 1)},
    ),
    "a caught num_parallel has lost its mapper": Case(
        flow=MAPPER.replace("WHICH", "0").replace("    @parallel", "    @catch\n    @parallel"),
        graph=MAPPER_GRAPH,
        left=mappers(C, S, join=[F]),
        steps={"start": (1, 0), "train": (1, 0), "join": (0, 1), "end": (0, 1)},
    ),
}


def ended(launch: Launch) -> int:
    eventually(lambda: launch.exit_code() is not None, "the resumed run ends", 60)
    code = launch.exit_code()
    assert code is not None
    return code


def origin_run(root: Path, flow_file: Path, options: tuple[str, ...] = ()) -> str:
    """Run a flow that fails; gives its run id."""
    id_file = root / "origin.id"
    command = [sys.executable, str(flow_file), "run", *options, "--run-id-file", str(id_file)]
    environment = flow_environment(root)
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)
    assert done.returncode != 0, done.stdout
    return id_file.read_text()


@pytest.mark.parametrize("name", CASES)
def test_the_preview_equals_what_the_resumed_run_does(
    name: str, tmp_path: Path, state_home: Path
) -> None:
    case = CASES[name]
    flow_file = tmp_path / "flow.py"
    flow_file.write_text(HEAD + case.flow + "\nif __name__ == '__main__':\n    F()\n")
    runs = tmp_path / ".metaflow" / "F"
    run = origin_run(tmp_path, flow_file, case.options)
    assert {
        step: cloned + executed for step, (cloned, executed) in happened(runs / run).items()
    } == {step: len(states) for step, states in case.left.items()}

    assert counts(preview(case.graph, case.left, case.splits)) == case.steps

    launch = start(
        plan(
            RunDescription("F", run, "local", graph=case.graph),
            flow_file,
            cwd=tmp_path,
            environment=flow_environment(tmp_path, FIXED),
        )
    )
    assert ended(launch) == 0, launch.log_path.read_text()
    resumed = launch.poll_run_id()
    assert resumed is not None
    assert resumed != run
    assert happened(runs / resumed) == {
        step: (cloned, case.found_out.get(step, 0) if reruns is None else reruns)
        for step, (cloned, reruns) in case.steps.items()
        if (cloned, case.found_out.get(step, reruns)) != (0, 0)
    }


def test_a_failed_foreach_task_alone_is_rerun(tmp_path: Path, state_home: Path) -> None:
    run = origin_run(tmp_path, FLOWS / "failed.py")
    left = tasks(start=[S], train=[S, S, F])
    assert counts(preview(FAILED, left, {"start": 3})) == {
        "start": (1, 0),
        "train": (2, 1),
        "join": (0, 1),
        "end": (0, 1),
    }
    resume = plan(
        RunDescription("FailedFlow", run, "local", graph=FAILED),
        FLOWS / "failed.py",
        cwd=tmp_path,
        environment=flow_environment(tmp_path, FIXED),
    )
    launch = start(resume)
    with pytest.raises(ActionError, match=f"FailedFlow/{run} is already being resumed"):
        start(resume)
    assert ended(launch) == 0
    resumed = launch.poll_run_id()
    assert resumed is not None
    assert happened(tmp_path / ".metaflow" / "FailedFlow" / resumed) == {
        "start": (1, 0),
        "train": (2, 1),
        "join": (0, 1),
        "end": (0, 1),
    }
