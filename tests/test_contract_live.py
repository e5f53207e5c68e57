"""A run that is going on: every source sees it wait, end and die as the reference does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flowtui.model import State
from tests.contract import (
    OVER_LOCAL,
    OVER_SERVICE,
    Clocks,
    LiveRun,
    Open,
    Watched,
    alike,
    differences,
    held,
    watch,
)
from tests.metadata_service import MetadataService
from tests.runs import eventually

SILENCE = 400.0
"""Seconds after which neither a task nor a run that says nothing counts as alive."""


class LiveClocks(Clocks):
    """This machine's clocks; the one that tells the time can be put forward by `ahead` seconds."""

    ahead = 0.0

    def epoch(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class Watchers:
    """Every source that can read a run, kept open over it."""

    live: LiveRun
    clocks: LiveClocks
    watched: dict[str, Watched] = field(default_factory=dict)

    def open(self, sources: Mapping[str, Open], metadata: str) -> None:
        for name, open_it in sources.items():
            run = (self.live.flow, self.live.run)
            self.watched[name] = watch(open_it, metadata, *run, self.clocks)

    def agreed(self) -> dict[str, Any]:
        """What all say between two looks of the reference that are alike."""
        pictures: dict[str, dict[str, Any]] = {}
        reference = next(iter(self.watched.values()))

        def in_between() -> bool:
            before = reference.picture()
            pictures.update({name: other.picture() for name, other in self.watched.items()})
            return before == reference.picture()

        eventually(in_between, "nothing happens for a moment")
        first, *others = pictures
        for name in others:
            alike(differences(pictures[first], pictures[name], f"{name}: "))
        return pictures[first]

    def until(self, state: State, step: str | None = None) -> None:
        """Wait for the run, or one of its steps, to be in a state."""
        reference = next(iter(self.watched.values()))

        def reached() -> bool:
            store = reference.poll()
            found = store.steps.get(step) if step else store.status
            return found is not None and found.state is state

        eventually(reached, f"{step or 'the run'} is {state}")


@contextmanager
def over_local(root: Path) -> Iterator[Watchers]:
    with held(root) as live:
        watchers = Watchers(live, LiveClocks(0))
        watchers.open(OVER_LOCAL, f"local@{root}")
        yield watchers


@contextmanager
def over_service(root: Path) -> Iterator[Watchers]:
    with MetadataService() as service, held(root, service.environment) as live:
        watchers = Watchers(live, LiveClocks(0))
        watchers.open(OVER_SERVICE, f"service@{service.url}")
        yield watchers


@pytest.mark.parametrize("over", [over_local, over_service])
def test_all_agree_on_a_run_that_waits_and_then_ends(over: Any, tmp_path: Path) -> None:
    with over(tmp_path) as watchers:
        watchers.until(State.RUNNING, "wait")
        waiting = watchers.agreed()
        assert (waiting["status"], waiting["steps"]["wait"]["status"]) == ("running", "running")
        assert waiting["steps"]["end"]["status"] == "pending"
        watchers.live.gate.unlink()
        watchers.until(State.SUCCEEDED)
        ended = watchers.agreed()
        assert ended["status"] == "succeeded"
        assert ended["counts"] == {"succeeded": 3}


@pytest.mark.parametrize("over", [over_local, over_service])
def test_all_agree_on_a_run_that_is_killed(over: Any, tmp_path: Path) -> None:
    with over(tmp_path) as watchers:
        watchers.until(State.RUNNING, "wait")
        watchers.agreed()
        watchers.live.kill()
        watchers.clocks.ahead = SILENCE
        watchers.until(State.FAILED)
        killed = watchers.agreed()
        assert killed["steps"]["wait"]["status"] == "lost"
        assert killed["steps"]["end"]["status"] == "skipped"
