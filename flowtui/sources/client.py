"""The reference source: Metaflow's public Client API and its provider's `get_object`.

Works with any metadata provider, also one that an extension brings; slow at scale, always right.
The faster sources must give what this one gives.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from flowtui.model import Key, Ms
from flowtui.sources.metadata_rows import Fields, Rows, heartbeat, read_fields
from flowtui.sources.metaflow_run import MetaflowRun
from flowtui.sources.provider import Provider
from flowtui.sources.records import TaskRecord


class ProviderRecords:
    """A run's records through the provider: one question for each task that is not final."""

    name = "client"
    patience = math.inf

    def __init__(self, provider: Provider, flow: str, run: str) -> None:
        self._provider = provider
        self._path = (flow, run)
        self.heartbeats = not provider.is_local

    @property
    def more(self) -> bool:
        """Everything is read in each poll."""
        return False

    @property
    def newest(self) -> Ms | None:
        """What the tasks themselves tell."""
        return None

    @property
    def trouble(self) -> str | None:
        """Nothing is left out: what cannot be read fails the poll."""
        return None

    def run(self) -> Mapping[str, Any] | None:
        return self._provider.row("run", *self._path)

    def changed(self, final: Callable[[Key], bool]) -> Iterator[TaskRecord]:
        for step in self._provider.list("run", "step", *self._path):
            name = str(step["step_name"])
            if name == "_parameters":
                continue
            for row in self._provider.list("step", "task", *self._path, name):
                key = (name, str(row["task_id"]))
                if not final(key):
                    yield self._record(key, row)

    def again(self, key: Key) -> TaskRecord | None:
        row = self._provider.row("task", *self._path, *key)
        return self._record(key, row) if row is not None else None

    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        for row in self._provider.list("step", "task", *self._path, "_parameters"):
            key = ("_parameters", str(row["task_id"]))
            artifacts = self._provider.list("task", "artifact", *self._path, *key)
            by_name = {str(artifact["name"]): artifact for artifact in artifacts}
            if "_graph_info" in by_name:
                return by_name
        return {}

    def artifact_names(self, key: Key, attempt: int) -> Collection[str]:
        return {str(row["name"]) for row in self.artifacts(key, attempt)}

    def artifacts(self, key: Key, attempt: int) -> Rows:
        return self._provider.list("task", "artifact", *self._path, *key, attempt=attempt)

    def artifact(self, key: Key, attempt: int, name: str) -> Mapping[str, Any] | None:
        rows = self._provider.list("artifact", "self", *self._path, *key, name, attempt=attempt)
        return next(iter(rows), None)

    def rows(self, key: Key) -> Rows | None:
        rows = self._provider.list("task", "metadata", *self._path, *key)
        return rows if rows or self._provider.row("task", *self._path, *key) else None

    def origin(self, run: str, step: str, task: str) -> Fields:
        return read_fields(self._provider.list("task", "metadata", self._path[0], run, step, task))

    def origin_of(self, run: str, step: str) -> str | None:
        for row in self._provider.list("step", "task", self._path[0], run, step):
            fields = self.origin(run, step, str(row["task_id"]))
            if fields.attempts:
                return fields.origin_run
        return None

    def attend(self, tasks: Sequence[Key]) -> None:
        """Everything is read in each poll, whatever is in view."""

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _record(self, key: Key, row: Mapping[str, Any]) -> TaskRecord:
        rows = self._provider.list("task", "metadata", *self._path, *key)
        return TaskRecord(key, read_fields(rows), heartbeat(row))


class ClientSource(MetaflowRun):
    """One run through the Client API."""

    def __init__(
        self,
        provider: Provider,
        flow: str,
        run: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(ProviderRecords(provider, flow, run), provider, flow, run, clock=clock)
