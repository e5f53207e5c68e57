"""A run that never changes, for pictures that must come out the same each time.

Times, ids and logs are made up; a real run has others each time. Everything else about the app is
tested on real runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowtui.graph.dag import order_nodes
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
from flowtui.run_summary import RunKey, RunListChanges, RunSummary
from flowtui.sources.base import Unsupported
from flowtui.sources.run_list import Listing
from tests.stored import parts

START = 1_795_254_604_000
RUN = RunDescription(
    flow="ForecastFlow",
    run="1795254604724713",
    source="client",
    user="ada",
    created_at=Ms(START),
    graph=Graph(
        order_nodes(
            [
                Node("start", "split-static", ("audit", "fetch")),
                Node("audit", "linear", ("combine",)),
                Node("fetch", "split-foreach", ("train",), foreach_artifact="cities"),
                Node(
                    "train",
                    "linear",
                    ("collect",),
                    (Decorator("retry", {"times": 2}), Decorator("catch", {"var": "problem"})),
                ),
                Node("collect", "join", ("combine",)),
                Node("combine", "join", ("check",)),
                Node(
                    "check",
                    "split-switch",
                    ("publish", "alarm"),
                    condition="verdict",
                    switch_cases={"good": "publish", "bad": "alarm"},
                ),
                Node("publish", "linear", ("end",)),
                Node("alarm", "linear", ("end",)),
                Node("end", "end"),
            ],
            "start",
        ),
        "start",
        "end",
        "forecast.py",
    ),
)

LOG = (
    "publishing forecasts of 5 cities to the grid operator",
    "Traceback (most recent call last):",
    '  File "forecast.py", line 127, in publish',
    "    raise ForecastRefusedError(",
    "ForecastRefusedError: the grid operator is down for maintenance",
)


REASONS = {
    State.SUCCEEDED: "attempt_ok=True",
    State.FAILED: "attempt_ok=False",
    State.CAUGHT: "@catch stored it in problem",
}


def _attempts(states: Sequence[State], at: int) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            number,
            state,
            REASONS[state],
            Ms(START + at + number * 1500),
            Ms(START + at + number * 1500 + 1200),
        )
        for number, state in enumerate(states)
    )


def _task(step: str, task: str, at: int, *states: State, label: str = "") -> Task:
    attempts = _attempts(states, at)
    return Task(
        step, task, states[-1], attempts[-1].reason, attempts, labels=(label,) if label else ()
    )


_S, _F, _C = State.SUCCEEDED, State.FAILED, State.CAUGHT

CHANGES = Changes(
    now=Ms(START + 40_000),
    status=RunStatus(State.FAILED, "publish/12 failed: attempt_ok=False", Ms(START + 28_000)),
    tasks=(
        _task("start", "1", 500, _S),
        _task("audit", "2", 2000, _S),
        _task("fetch", "3", 2000, _S),
        _task("train", "4", 4000, _S, label="cities=Helsinki"),
        _task("train", "5", 4000, _S, label="cities=Lisbon"),
        _task("train", "6", 7000, _F, _S, label="cities=Athens"),
        _task("train", "7", 9000, _F, _F, _C, label="cities=Reykjavik"),
        _task("collect", "8", 16_000, _S),
        _task("combine", "9", 18_000, _S),
        _task("check", "10", 20_000, _S),
        _task("publish", "12", 25_000, _F),
    ),
    splits={"fetch": 4},
)


class FixedSource:
    """The run above, whole at the first poll."""

    def __init__(self) -> None:
        self._polled = False

    def describe(self) -> RunDescription:
        return RUN

    def poll(self) -> Changes:
        if self._polled:
            return Changes(now=CHANGES.now)
        self._polled = True
        return CHANGES

    def attend(self, tasks: Sequence[Key]) -> None:
        """All is known at once."""

    def log(self, step: str, task: str, attempt: int, stream: str) -> Sequence[Part]:
        return parts(LOG if (step, stream) == ("publish", "stderr") else ())

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


LISTING = Listing("service@https://metaflow.example.org", "user:ada", "client")

RUNNING = State.RUNNING


def _run(
    name: str,
    ago: int,
    state: State | None,
    took: int | None,
    current: tuple[str, ...] = (),
    counts: Mapping[State, int] | None = None,
    expected: int | None = None,
    **more: Any,
) -> RunSummary:
    """The run `Flow/id`, created so many seconds before now, that took so many."""
    flow, _, run = name.partition("/")
    created = START + 40_000 - ago * 1000
    return RunSummary(
        flow,
        run,
        Ms(created),
        state=state,
        finished_at=Ms(created + took * 1000) if took is not None else None,
        current=current,
        counts=counts,
        expected=expected,
        **({"user": "ada"} | more),
    )


LISTED = RunListChanges(
    now=CHANGES.now,
    runs=(
        _run("ForecastFlow/1795254604724713", 40, _F, 28, ("publish",), {_S: 9, _C: 1, _F: 1}, 12,
             tags=("nightly", "prod")),
        _run("TrainFlow/1795254561004410", 84, RUNNING, None, ("fit", "score"),
             {_S: 40, RUNNING: 8}, 96, user="grace", tags=("gpu",)),
        _run("ForecastFlow/1795251004000127", 3640, _S, 31, (), {_S: 11, _C: 1}, 12,
             origin_run="1795250998110254"),
        _run("ForecastFlow/1795250998110254", 3646, _F, 4, ("fetch",), {_S: 1, _F: 1}, 12),
        _run("BackfillHistoricalPricesFlow/1795168204724713", 86_440, State.LOST, None, ("load",),
             {_S: 120, State.LOST: 3}, 365, user="grace"),
        _run("TrainFlow/1795164604724713", 90_040, _S, 7512, (), {_S: 96}, 96, user="grace"),
        _run("TrainFlow/1794254604724713", 1_000_040, None, None, user="grace"),
    ),
)  # fmt: skip


class FixedRunList:
    """A list that never changes."""

    def __init__(self) -> None:
        self._polled = False

    def poll(self) -> RunListChanges:
        if self._polled:
            return RunListChanges(LISTED.now)
        self._polled = True
        return LISTED

    def attend(self, runs: Sequence[RunKey]) -> None:
        """All is known at once."""

    def close(self) -> None:
        """Nothing is held."""
