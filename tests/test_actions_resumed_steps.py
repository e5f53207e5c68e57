"""The preview of every recorded run, held against resumes from its steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowtui.actions.resume import preview
from tests.resumes import happened, read, recorded, resumed
from tests.runs import RecordedRun
from tests.test_actions_resumed import BRANCH, HEAD, LOOP, QUEUED

pytestmark = pytest.mark.timeout(120, func_only=True)
"""Recording the runs, once, is not part of the time that a test has."""

MENDED = {"segfault": ("ctypes.string_at(0)", "pass")}
"""What to replace in a flow that would fail again: the resumed run is to do all of the preview."""

RESUMED_FROM: dict[str, list[str | None]] = {
    "linear": ["middle", "end"],
    "branch": [None, "left", "join"],
    "foreach": [None, "visit", "join"],
    "nested_foreach": [None, "title", "join_titles"],
    "switch": [None, "start", "fast", "slow", "end"],
    "loop": [None, "work", "end"],
    "parallel": [None, "train", "join"],
    "retry": [None, "flaky"],
    "catch": [None, "divide", "join"],
    "catch_killed": [None, "doomed"],
    "timeout": ["slow"],
    "segfault": [None, "crash"],
    "failed": [None, "start", "train", "join"],
    "resumed": [None, "train"],
    "launcher_killed": [None, "wait"],
}
"""All can be resumed from every step, one that a switch did not take (`slow`) included."""

UNKNOWN = {
    ("failed", "start"): {"train"},
    ("switch", "start"): {"fast", "slow"},
    ("loop", "work"): {"work"},
}
"""Scenario and step → the steps whose number of tasks only the resumed run tells."""

PATHS = """
class F(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.loop, foreach="items")

    @step
    def loop(self):
        self.rounds = getattr(self, "rounds", 0) + 1
        if broken() and self.rounds == 2:
            raise ValueError
        self.more = "yes" if self.rounds < self.input else "no"
        self.next({"yes": self.loop, "no": self.choose}, condition="more")

    @step
    def choose(self):
        self.way = "odd" if self.input % 2 else "even"
        self.next({"odd": self.odd, "even": self.even}, condition="way")

    @step
    def odd(self):
        self.next(self.merge)

    @step
    def even(self):
        self.next(self.merge)

    @step
    def merge(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        if broken():
            raise ValueError
"""

BESIDE = """
class F(FlowSpec):
    @step
    def start(self):
        self.next(self.split, self.alone)

    @step
    def split(self):
        self.items = [1, 2]
        self.next(self.nodes, foreach="items")

    @step
    def nodes(self):
        self.next(self.train, num_parallel=2)

    @parallel
    @step
    def train(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.next(self.join)

    @step
    def alone(self):
        if broken():
            raise ValueError
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

FLOWS = {
    "a failed branch": BRANCH,
    "a failed foreach with a queue": QUEUED.replace("2, 3, 4", "2"),
    "a failed loop": LOOP,
    "a failed loop in a foreach": PATHS,
    "switches in a foreach": PATHS.replace("self.rounds == 2", "False"),
    "num_parallel in a foreach": BESIDE.replace("if broken()", "if False"),
}

FAILED_FROM: dict[str, list[str | None]] = {
    "a failed branch": ["left"],
    "a failed foreach with a queue": ["divide"],
    "a failed loop": ["work"],
    "a failed loop in a foreach": [None],
    "switches in a foreach": ["loop", "even"],
    "num_parallel in a foreach": ["alone", "train"],
}

LEFT_OPEN = {
    ("a failed loop", "work"): {"work", "fast", "slow"},
    ("a failed loop in a foreach", None): {"loop", "odd", "even"},
    ("switches in a foreach", "loop"): {"loop", "odd", "even"},
}
"""As `UNKNOWN`. Which tasks go on from a loop or a switch in a foreach no task's id tells."""


def cases(steps: dict[str, list[str | None]]) -> list[tuple[str, str | None]]:
    return [(name, step) for name in steps for step in steps[name]]


def compared(origin: RecordedRun, step: str | None, mended: str | None = None) -> set[str]:
    """Hold the preview against a resume that succeeds; gives the steps that it left open."""
    store = read(origin)
    left = {node.name: tuple(store.tasks(node.name).values()) for node in store.graph.nodes}
    steps = preview(store.graph, left, store.splits, step=step)
    run = resumed(origin, step, mended=mended)
    assert run.exit_code == 0
    seen = happened(run.directory)
    assert set(seen) <= {of.step for of in steps}
    for of in steps:
        cloned, executed = seen.get(of.step, (0, 0))
        assert cloned == of.cloned, of
        assert executed >= of.at_least, of
        assert of.reruns in (None, executed), of
    return {of.step for of in steps if of.reruns is None}


@pytest.mark.parametrize(("scenario", "step"), cases(RESUMED_FROM))
def test_the_preview_of_a_recorded_run_equals_what_its_resume_does(
    scenario: str, step: str | None, runs: dict[str, RecordedRun]
) -> None:
    origin = runs[scenario]
    mended = None
    if scenario in MENDED:
        mended = origin.flow_file.read_text().replace(*MENDED[scenario])
    unknown = compared(origin, step, mended)
    assert unknown == UNKNOWN.get((scenario, step or ""), set())


@pytest.mark.parametrize(("name", "step"), cases(FAILED_FROM))
def test_the_preview_of_a_tangled_run_equals_what_its_resume_does(
    name: str, step: str | None, pytestconfig: pytest.Config
) -> None:
    source = f"{HEAD}{FLOWS[name]}\nif __name__ == '__main__':\n    F()\n"
    origin = recorded(source, Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-runs")
    assert compared(origin, step) == LEFT_OPEN.get((name, step), set())
