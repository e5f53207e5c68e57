"""The reference source: Metaflow's public Client API and its provider's `get_object`.

Works with any metadata provider, also one that an extension brings; slow at scale, always right.
The faster sources must give what this one gives.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowtui.logs.tails import BlobTail, LocalTail, Tail
from flowtui.model import Changes, Graph, Ms, RunDescription
from flowtui.sources import plain_pickle
from flowtui.sources.base import NotFound, SourceError, Unreachable
from flowtui.sources.datastore import Datastore
from flowtui.sources.graph_info import read_graph
from flowtui.sources.ledger import Key, Ledger
from flowtui.sources.metadata_rows import Fields, moment, read_fields
from flowtui.sources.processes import ProcessWatch, RunProcesses
from flowtui.sources.provider import Provider
from flowtui.status import AttemptEvidence, TaskEvidence, Vital

LOG_SOURCES = ("runtime", "task")
"""Metaflow's `mflog.LOG_SOURCES`: who may have minted a line of a stream."""

ORIGIN_DEPTH = 50
"""How many resumes back the foreach label of a cloned task is looked for."""

SPLITS_READ = 200
"""Foreach tasks of one step whose number of splits is read; beyond, the total stays unknown."""


class ClientSource:
    """One run through the Client API. Blocking; used by one thread at a time."""

    name = "client"

    def __init__(
        self,
        provider: Provider,
        flow: str,
        run: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since the epoch, as this machine counts them."""
        self._clock = clock
        self._lead = 0
        self._values: dict[str, Any] = {}
        self._provider = provider
        self._path = (flow, run)
        self._datastore = Datastore(provider, flow, run)
        self._ledger = Ledger()
        self._processes = ProcessWatch(run) if provider.is_local else None
        self._fields: dict[Key, Fields] = {}
        self._origins: dict[tuple[str, str, str], tuple[int | None, tuple[str, ...]]] = {}
        self._newest: Ms | None = None
        self._uncounted: set[Key] = set()
        self._description: RunDescription | None = None

    def describe(self) -> RunDescription:
        """What is known of the run apart from its tasks."""
        if self._description is None or not self._description.graph.nodes:
            self._description = self._read_description()
        return self._description

    def poll(self) -> Changes:
        """Read what can still change and say what did."""
        row = self._run_row()
        description = self.describe()
        found = RunProcesses()
        if self._processes is not None:
            found = self._processes.look(description.graph.file, description.created_at)
        for step in self._steps():
            self._read_step(step, found)
        description = self._with_origin(self.describe())
        # The run's registration is its first sign, before any of its tasks has written one.
        self._newest = Ms(max(self._newest or 0, description.created_at or 0))
        vital = Vital(
            now=self._now(_heartbeat(row)),
            heartbeat=_heartbeat(row),
            launcher=found.launcher,
            launcher_gone=found.launcher_gone,
            last_sign=self._newest,
        )
        heartbeats = not self._provider.is_local
        for step, task in self._ledger.doubtful(description, vital, heartbeats=heartbeats):
            again = self._provider.row("task", *self._path, step, task)
            if again is not None:
                self._read_task((step, task), again, found)
        return self._ledger.changes(description, vital, heartbeats=heartbeats)

    def log(self, step: str, task: str, attempt: int, stream: str) -> Tail:
        """A tail of `stdout` or `stderr`: local files by offset, other datastores as a whole."""

        def ended() -> bool:
            evidence = self._ledger.evidence((step, task))
            return evidence is not None and any(
                (known.number == attempt and (known.ok is not None or known.exit is not None))
                or known.number > attempt
                for known in evidence.attempts
            )

        names = {source: f"{attempt}.{source}_{stream}.log" for source in LOG_SOURCES}
        fields = self._fields.get((step, task))
        folder = self._datastore.task_folder(step, task, fields)
        if folder is not None:
            return LocalTail({source: folder / name for source, name in names.items()}, ended)
        return BlobTail(
            lambda: self._datastore.read_files(step, task, fields, tuple(names.values())), ended
        )

    def environment(self) -> Mapping[str, str]:
        """The `METAFLOW_*` variables with which a flow writes to where this source reads."""
        return self._provider.environment()

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _now(self, heartbeat: Ms | None) -> Ms:
        """The source's clock: this machine's, ahead by what the records were ever ahead of it."""
        here = int(self._clock() * 1000)
        self._lead = max(self._lead, (self._newest or 0) - here, (heartbeat or 0) - here)
        return Ms(here + self._lead)

    def _run_row(self) -> Mapping[str, Any]:
        row = self._provider.row("run", *self._path)
        if row is None:
            if self._provider.is_away():
                raise Unreachable(f"{self._provider} is no longer there.")
            raise NotFound(f"Run {'/'.join(self._path)} is no longer there.")
        return row

    @property
    def _graph(self) -> Graph:
        return self._description.graph if self._description else Graph()

    def _steps(self) -> Sequence[str]:
        rows = self._provider.list("run", "step", *self._path)
        names = [str(row["step_name"]) for row in rows]
        return [name for name in names if name != "_parameters"]

    def _read_description(self) -> RunDescription:
        row = self._run_row()
        tags = [str(tag) for tag in row.get("system_tags") or ()]
        users = [tag.removeprefix("user:") for tag in tags if tag.startswith("user:")]
        graph, parameters = self._read_parameters()
        return RunDescription(
            flow=self._path[0],
            run=self._path[1],
            source=self.name,
            user=users[0] if users else None,
            tags=tuple(sorted(str(tag) for tag in row.get("tags") or ())),
            system_tags=tuple(sorted(tags)),
            created_at=moment(row.get("ts_epoch")),
            graph=graph,
            parameters=parameters,
            origin_run=self._description.origin_run if self._description else None,
        )

    def _read_parameters(self) -> tuple[Graph, Mapping[str, Any]]:
        """The graph and the parameters' values, both artifacts of the `_parameters` task."""
        graph, parameters = Graph(), {}
        for row in self._provider.list("step", "task", *self._path, "_parameters"):
            task = str(row["task_id"])
            artifacts = self._provider.list("task", "artifact", *self._path, "_parameters", task)
            by_name = {str(artifact["name"]): artifact for artifact in artifacts}
            if "_graph_info" not in by_name:
                continue
            info = self._plain(by_name["_graph_info"])
            graph, names = read_graph(info)
            parameters = {name: self._shown(by_name[name]) for name in names if name in by_name}
        return graph, parameters

    def _plain(self, artifact: Mapping[str, Any]) -> Any:
        """An artifact's value if it is plain data, else None."""
        try:
            return plain_pickle.loads(self._datastore.blob(artifact))
        except (plain_pickle.NotPlain, SourceError):
            return None

    def _plain_once(self, artifact: Mapping[str, Any]) -> Any:
        """Like `_plain`; equal values are stored once, under one key, and read once."""
        sha = str(artifact.get("sha"))
        if sha not in self._values:
            self._values[sha] = self._plain(artifact)
        return self._values[sha]

    def _shown(self, artifact: Mapping[str, Any]) -> Any:
        try:
            blob = self._datastore.blob(artifact)
        except SourceError:
            return "<unreadable>"
        try:
            return plain_pickle.loads(blob)
        except plain_pickle.NotPlain:
            return f"<object, {len(blob)} bytes>"

    def _with_origin(self, description: RunDescription) -> RunDescription:
        """The description with the origin run, which only tasks tell."""
        if description.origin_run is None:
            origins = (fields.origin_run for fields in self._fields.values())
            origin = next((run for run in origins if run), None)
            if origin is not None:
                description = self._description = replace(description, origin_run=origin)
        return description

    def _read_step(self, step: str, found: RunProcesses) -> None:
        for row in self._provider.list("step", "task", *self._path, step):
            key = (step, str(row["task_id"]))
            if not self._ledger.settled(key) or key in self._uncounted:
                self._read_task(key, row, found)

    def _read_task(self, key: Key, row: Mapping[str, Any], found: RunProcesses) -> None:
        step, task = key
        fields = read_fields(self._provider.list("task", "metadata", *self._path, step, task))
        self._fields[key] = fields
        self._newest = Ms(max(self._newest or 0, fields.newest or 0))
        index, labels = self._foreach(step, fields)
        evidence = TaskEvidence(
            step=step,
            id=task,
            attempts=tuple(self._complete(key, a, fields, found) for a in fields.attempts),
            created_at=moment(row.get("ts_epoch")),
            index=index,
            labels=labels,
            origin_task=self._origin(step, fields),
            heartbeat=_heartbeat(row),
        )
        self._ledger.record(evidence, control=fields.control)
        self._read_splits(key, fields)

    def _complete(
        self, key: Key, attempt: AttemptEvidence, fields: Fields, found: RunProcesses
    ) -> AttemptEvidence:
        """The attempt's evidence with what is kept elsewhere than in metadata."""
        step, task = key
        if attempt.ok:
            return self._perhaps_caught(key, attempt, fields)
        if attempt.ok is False:
            return replace(attempt, exit=self._datastore.exit(step, task, fields, attempt.number))
        if attempt.done:
            row = self._artifact(key, attempt.number, "_task_ok")
            value = self._plain_once(row) if row else None
            return replace(attempt, task_ok=value if isinstance(value, bool) else None)
        return replace(
            attempt,
            exit=self._datastore.exit(step, task, fields, attempt.number),
            process=found.steps.get((task, attempt.number)),
            process_ended=found.ended.get((task, attempt.number)),
        )

    def _perhaps_caught(
        self, key: Key, attempt: AttemptEvidence, fields: Fields
    ) -> AttemptEvidence:
        node = self._graph.by_name.get(key[0])
        if fields.origin_task is not None or (node is not None and not node.decorator("catch")):
            return attempt
        rows = self._provider.list("task", "artifact", *self._path, *key, attempt=attempt.number)
        artifacts = {str(row.get("name")): row for row in rows}
        if "_catch_exception" in artifacts:
            return replace(attempt, caught=True)
        if node is None or "_success" not in artifacts:
            return attempt
        value = self._plain_once(artifacts["_success"])
        return replace(attempt, success=value if isinstance(value, bool) else None)

    def _artifact(self, key: Key, attempt: int, name: str) -> Mapping[str, Any] | None:
        rows = self._provider.list("artifact", "self", *self._path, *key, name, attempt=attempt)
        return next(iter(rows), None)

    def _origin(self, step: str, fields: Fields) -> str | None:
        if fields.origin_task is None:
            return None
        return f"{self._path[0]}/{fields.origin_run}/{step}/{fields.origin_task}"

    def _foreach(self, step: str, fields: Fields) -> tuple[int | None, tuple[str, ...]]:
        """Index and labels; a clone does not record them, the task it was cloned from does."""
        asked: list[tuple[str, str, str]] = []
        found = (fields.index, fields.labels)
        while fields.origin_task and fields.origin_run and len(asked) < ORIGIN_DEPTH:
            origin = (fields.origin_run, step, fields.origin_task)
            if origin in self._origins:
                found = self._origins[origin]
                break
            asked.append(origin)
            fields = read_fields(self._provider.list("task", "metadata", self._path[0], *origin))
            found = (fields.index, fields.labels)
        for origin in asked:
            self._origins[origin] = found
        return found

    def _read_splits(self, key: Key, fields: Fields) -> None:
        """How many tasks a foreach task asked for; a num_parallel's own tasks tell their number."""
        step, task = key
        graph = self._graph
        if fields.world_size is not None and fields.control:
            for before in graph.predecessors.get(step, ()):
                self._ledger.record_split(before, task, fields.world_size)
        node = graph.by_name.get(step)
        if node is None or node.type != "split-foreach":
            return
        self._uncounted.discard(key)
        if len(self._ledger.splits(step)) >= SPLITS_READ:
            return
        # A clone is settled from its first record on, before the artifacts are there.
        self._uncounted.add(key)
        finished = [attempt.number for attempt in fields.attempts if attempt.ok]
        if not finished:
            return
        row = self._artifact(key, finished[-1], "_foreach_num_splits")
        count = self._plain(row) if row else None
        if isinstance(count, int):
            self._ledger.record_split(step, task, count)
            self._uncounted.discard(key)


def _heartbeat(row: Mapping[str, Any]) -> Ms | None:
    """`last_heartbeat_ts` of a run or task row; the service counts it in seconds."""
    seconds = moment(row.get("last_heartbeat_ts"))
    return moment(seconds * 1000) if seconds is not None else None
