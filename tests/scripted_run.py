"""A run told by a script: as many tasks as a test wants, and change sets as it says."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flowtui.logs.tails import Part
from flowtui.model import (
    Artifact,
    Artifacts,
    Attempt,
    Changes,
    Decorator,
    Fact,
    FlowSource,
    Graph,
    Key,
    Ms,
    Node,
    ProcessId,
    RunDescription,
    RunStatus,
    State,
    Task,
)
from flowtui.sources.base import Unsupported
from tests.stored import parts

START = Ms(1_795_254_604_000)

GRAPH = Graph(
    (
        Node("start", "split-foreach", ("work",), foreach_artifact="items", matching_join="join"),
        Node("work", "linear", ("join",), (Decorator("retry", {"times": 2}),)),
        Node("join", "join", ("end",)),
        Node("end", "end"),
    ),
    "start",
    "end",
    "flow.py",
)
RUN = RunDescription("ManyFlow", "7", "scripted", created_at=START, graph=GRAPH)


class ScriptedSource:
    """Gives one change set a poll, then nothing new; notes which tasks it was asked to attend."""

    def __init__(self, script: Iterable[Changes], run: RunDescription = RUN) -> None:
        self._run = run
        self._script = iter(script)
        self._last = Changes(START)
        self.attended: list[Sequence[Key]] = []

    def describe(self) -> RunDescription:
        return self._run

    def poll(self) -> Changes:
        changes = next(self._script, None)
        if changes is None:
            return Changes(self._last.now)
        self._last = changes
        return changes

    def attend(self, tasks: Sequence[Key]) -> None:
        self.attended.append(tasks)

    def log(self, step: str, task: str, attempt: int, stream: str) -> Sequence[Part]:
        return parts([f"{stream} of {step}/{task} attempt {attempt}"])

    def facts(self, step: str, task: str) -> Sequence[Fact]:
        return ()

    def artifacts(self, step: str, task: str, attempt: int) -> Artifacts:
        return Artifacts()

    def value(self, artifact: Artifact) -> Any:
        raise Unsupported("There is no value.")

    def flow_source(self) -> FlowSource | None:
        return None

    def launcher(self) -> ProcessId | None:
        return None

    def environment(self) -> Mapping[str, str]:
        return {}

    def close(self) -> None:
        """Nothing is open."""


def work(number: int, state: State = State.SUCCEEDED, *, length: int = 1500) -> Task:
    """A task of the foreach step, `length` milliseconds long once it is over."""
    over = state not in (State.RUNNING, State.PENDING, State.WAITING)
    began = Ms(START + 1000 + number)
    end = Ms(began + length) if over else None
    attempts = () if state is State.PENDING else (Attempt(0, state, "…", began, end),)
    labels = (f"items=item-{number}",)
    return Task("work", str(number), state, f"is {state}", attempts, number, labels)


def many(count: int, *portions: int, seed: int = 7) -> Iterator[Changes]:
    """A foreach of `count` tasks, all there at once; then one portion for each further number, of
    that many tasks that go on."""
    chance = random.Random(seed)
    states = [State.SUCCEEDED] * 6 + [State.RUNNING, State.PENDING, State.FAILED, State.WAITING]
    tasks = {
        number: work(number, chance.choice(states), length=chance.randrange(100, 90_000))
        for number in range(2, count + 2)
    }
    start = Task("start", "1", State.SUCCEEDED, "…", (Attempt(0, State.SUCCEEDED, "…", START),))
    yield Changes(
        START,
        status=RunStatus(State.RUNNING, "work is running"),
        tasks=(start, *tasks.values()),
        splits={"start": count},
    )
    for portion, size in enumerate(portions, 1):
        chosen = chance.sample(sorted(tasks), size)
        for number in chosen:
            length = chance.randrange(100, 90_000)
            tasks[number] = work(number, chance.choice(states), length=length)
        yield Changes(
            Ms(START + portion * 200),
            tasks=tuple(tasks[number] for number in chosen),
        )
