"""What is asked of every source: the same picture of a run as the reference, at every moment.

A recorded run is played once more, record by record, under clocks that the test moves; sources are
opened over it, and what they say is compared.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowtui.report.document import run_document
from flowtui.sources.base import RunSource
from flowtui.sources.client import ClientSource
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from flowtui.sources.service import ServiceSource
from flowtui.store import RunStore
from tests.runs import RecordedRun, eventually, launch

POLLS = 1000
"""Polls within which a picture must be complete, however little time each of them has."""


SHOWN = 12
"""Differences that a failed comparison shows."""


@dataclass
class Clocks:
    """The two clocks of a source, in seconds: the machine's, and one that only goes on.

    With a `haste`, the steady one goes on by so much each time it is read.
    """

    now: float
    steady: float = 0.0
    haste: float = 0.0

    def epoch(self) -> float:
        return self.now

    def monotonic(self) -> float:
        self.steady += self.haste
        return self.steady


Open = Callable[[Provider, str, str, Clocks], RunSource]


def client(provider: Provider, flow: str, run: str, clocks: Clocks) -> RunSource:
    return ClientSource(provider, flow, run, clock=clocks.epoch)


def local(provider: Provider, flow: str, run: str, clocks: Clocks) -> RunSource:
    return LocalSource(provider, flow, run, clock=clocks.epoch, monotonic=clocks.monotonic)


def service(provider: Provider, flow: str, run: str, clocks: Clocks) -> RunSource:
    return ServiceSource(provider, flow, run, clock=clocks.epoch, monotonic=clocks.monotonic)


OVER_LOCAL: Mapping[str, Open] = {"client over local": client, "local": local}
OVER_SERVICE: Mapping[str, Open] = {"client over service": client, "service": service}


@dataclass
class Watched:
    """A source that is kept open, and all that it has said so far."""

    metadata: str
    source: RunSource
    store: RunStore

    def poll(self) -> RunStore:
        """Take in what changed, in as many polls as the source needs for a complete picture."""
        # Metaflow's provider is one for the whole process: another one may have been chosen since.
        Provider(self.metadata, "")
        for _ in range(POLLS):
            changes = self.source.poll()
            self.store.apply(changes)
            assert changes.trouble is None
            if not changes.more:
                return self.store
        raise AssertionError(f"the picture is not complete after {POLLS} polls")

    def picture(self) -> dict[str, Any]:
        """Take in what changed; everything that is now known."""
        return picture(self.poll())


def watch(open_it: Open, metadata: str, flow: str, run: str, clocks: Clocks) -> Watched:
    """A source over `local@ROOT` or `service@URL`, not yet polled."""
    source = open_it(Provider(metadata, ""), flow, run, clocks)
    return Watched(metadata, source, RunStore(source.describe()))


def picture(store: RunStore) -> dict[str, Any]:
    """What `show --json` tells, but for the source's name, and what else a screen shows of a run.

    Tasks are told by id: a store keeps them in the order in which they became known.
    """
    seen = run_document(store)
    del seen["source"]
    seen["steps"] = {
        step["name"]: step | {"tasks": {task["id"]: task for task in step["tasks"]}}
        for step in seen["steps"]
    }
    more = {
        "order": [node.name for node in store.graph.nodes],
        "parameters": dict(store.description.parameters),
        "origins": store.description.origin_runs,
        "expected": store.expected,
        "splits": dict(store.splits),
        "retry_at": {task.key: task.retry_at for task in store.all_tasks() if task.retry_at},
    }
    return seen | more


def differences(wanted: object, seen: object, where: str = "") -> list[str]:
    """Where two pictures differ, one line for each place."""
    if isinstance(wanted, dict) and isinstance(seen, dict):
        return [
            line
            for name in dict.fromkeys([*wanted, *seen])
            for line in differences(wanted.get(name), seen.get(name), f"{where}/{name}")
        ]
    if isinstance(wanted, list) and isinstance(seen, list) and len(wanted) == len(seen):
        return [
            line
            for at, (one, other) in enumerate(zip(wanted, seen, strict=True))
            for line in differences(one, other, f"{where}/{at}")
        ]
    return [] if wanted == seen else [f"{where}: {wanted!r} is {seen!r}"]


class Comparison:
    """Sources kept open over one run, each held against a reference that is opened anew.

    `found` says where they differ, one line for each place.
    """

    def __init__(self, flow: str, run: str, clocks: Clocks) -> None:
        self._run, self._clocks = (flow, run), clocks
        self._kept: dict[str, Watched] = {}
        self.found: list[str] = []

    def keep(self, name: str, open_it: Open, metadata: str) -> None:
        """Open a source that is polled at every moment from now on."""
        self._kept[name] = self._opened(open_it, metadata)

    def look(self, moment: str, metadata: str, anew: Mapping[str, tuple[Open, str]]) -> None:
        """Compare what all sources say now; those of `anew` are opened for this moment alone."""
        reference = self._opened(client, metadata).picture()
        for name, (open_it, where) in anew.items():
            picture = self._opened(open_it, where).picture()
            self.found += differences(reference, picture, f"{moment}, {name} opened anew: ")
        for name, watched in self._kept.items():
            self.found += differences(reference, watched.picture(), f"{moment}, {name}: ")

    def _opened(self, open_it: Open, metadata: str) -> Watched:
        return watch(open_it, metadata, *self._run, self._clocks)


def alike(found: list[str]) -> None:
    """Fail with the first of the differences found, if there are any."""
    told = [*found[:SHOWN], *([f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])]
    assert not found, "\n".join(told)


@dataclass
class LiveRun:
    """KilledFlow held at its gate: the launcher's process id, the run, and the gate."""

    launcher: int
    run: str
    gate: Path
    flow: str = "KilledFlow"

    def kill(self) -> None:
        """Kill the launcher and its steps."""
        os.killpg(self.launcher, signal.SIGKILL)


@contextmanager
def held(root: Path, extra: Mapping[str, str] | None = None) -> Iterator[LiveRun]:
    """A run whose step `wait` goes on until its gate is removed."""
    gate = root / "gate"
    root.mkdir(parents=True, exist_ok=True)
    gate.touch()
    process, id_file = launch(root, "killed.py", "run", "--gate", str(gate), extra=extra)
    try:
        eventually(lambda: id_file.exists() and id_file.read_text(), "the run has an id")
        yield LiveRun(process.pid, id_file.read_text(), gate)
    finally:
        gate.unlink(missing_ok=True)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def copied(recorded: RecordedRun, root: Path) -> Path:
    """A copy of a recorded run, under a root of its own, that a test may damage; its folder."""
    folder = root / ".metaflow" / recorded.flow / recorded.run
    with_flow(recorded, root)
    shutil.copytree(recorded.directory, folder)
    return folder


def with_flow(recorded: RecordedRun, root: Path) -> None:
    """The flow's registration and its artifacts under another root, without any run."""
    for kept in ("_meta", "data"):
        shutil.copytree(
            recorded.directory.parent / kept,
            root / ".metaflow" / recorded.flow / kept,
            dirs_exist_ok=True,
        )
