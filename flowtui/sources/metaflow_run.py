"""A run of Metaflow as its records tell it: the source behind every way to read them.

Gathers the evidence of each task, lets the ledger judge it, and knows what lies outside metadata:
processes, runtime records, artifacts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from flowtui.logs.tails import Part
from flowtui.model import (
    Artifact,
    Artifacts,
    Changes,
    Fact,
    FlowSource,
    Graph,
    Key,
    Ms,
    ProcessId,
    ProcessUse,
    RunDescription,
)
from flowtui.sources import artifacts, code_package
from flowtui.sources.attempt_log import attempt_log
from flowtui.sources.base import NotFound, Unreachable
from flowtui.sources.datastore import Datastore, StoredIn
from flowtui.sources.facts import gather
from flowtui.sources.graph_info import read_graph
from flowtui.sources.ledger import Ledger
from flowtui.sources.lineage import Foreach, Lineage
from flowtui.sources.metadata_rows import Fields, heartbeat
from flowtui.sources.processes import Commands, ProcessWatch, RunProcesses
from flowtui.sources.provider import Provider
from flowtui.sources.records import Records, TaskRecord
from flowtui.sources.run_row import read_run
from flowtui.sources.values import Values
from flowtui.status import AttemptEvidence, Exit, TaskEvidence, Vital

SPLITS_READ = 200
"""Foreach tasks of one step whose number of splits is read; beyond, the total stays unknown."""

REGISTERED = 2_000
"""Milliseconds after its end by which an attempt has registered its artifacts: it does so last."""

T = TypeVar("T")


class MetaflowRun:
    """One run. Blocking; `describe`, `poll` and `close` are called by one thread."""

    def __init__(
        self,
        records: Records,
        provider: Provider,
        flow: str,
        run: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        commands: Commands | None = None,
    ) -> None:
        """`clock` gives seconds since the epoch, as this machine counts them; `monotonic` seconds
        that only ever go on; `commands` are this machine's processes, if others look there too."""
        self._records, self._provider = records, provider
        self._path = (flow, run)
        self._clock, self._monotonic = clock, monotonic
        self._lead = 0
        self._time = Ms(0)
        self._datastore = Datastore(provider, flow, run)
        self._values = Values(self._datastore)
        self._ledger = Ledger()
        self._processes = ProcessWatch(run, commands) if provider.is_local else None
        self._found = RunProcesses()
        self._description: RunDescription | None = None
        self._described = False
        self._kept: dict[Key, TaskRecord] = {}
        self._open_ended: set[Key] = set()
        self._owed: dict[Key, None] = {}
        self._postponed = False
        self._unsure: set[Key] = set()
        self._uncounted: set[Key] = set()
        self._catching: dict[str, bool] = {}
        self._lineage = Lineage(records, run, monotonic)
        self._stored_in: StoredIn | None = None
        self._newest: Ms | None = None
        self._deadline = 0.0
        self._attended: Sequence[Key] = ()

    def describe(self) -> RunDescription:
        """What is known of the run apart from its tasks."""
        if self._description is None or not self._described:
            self._description = self._read_description(self._run_row())
        return self._description

    def poll(self) -> Changes:
        """Read what can still change and say what did."""
        row = self._run_row()
        beat = heartbeat(row)
        self._time = self._now(beat)
        description = self.describe()
        self._deadline = self._monotonic() + self._records.patience
        if self._processes is not None:
            self._found = self._processes.look(description.graph.file, description.created_at)
        taken = set()
        for record in self._records.changed(self._final):
            self._take(record)
            taken.add(record.key)
        self._deadline = math.inf
        self._look_again(taken)
        self._pay_debts()
        self._lineage.follow(description.graph.start_step or "start", self._records.patience)
        description = self._with_origins(description)
        # The run's registration is its first sign, before any of its tasks has written one.
        self._newest = Ms(
            max(self._newest or 0, description.created_at or 0, self._records.newest or 0)
        )
        vital = Vital(
            now=self._now(beat),
            heartbeat=beat,
            launcher=self._found.launcher,
            launcher_gone=self._found.launcher_gone,
            last_sign=self._newest,
        )
        heartbeats = self._records.heartbeats
        for key in self._ledger.doubtful(description, vital, heartbeats=heartbeats):
            again = self._records.again(key)
            if again is not None:
                self._take(again)
        return replace(
            self._ledger.changes(description, vital, heartbeats=heartbeats),
            processes=self._uses(),
            more=self._records.more or bool(self._owed) or self._lineage.more,
            trouble=self._records.trouble,
        )

    def attend(self, tasks: Sequence[Key]) -> None:
        """Name the tasks in view: what is read piece by piece is read for these first."""
        self._attended = tuple(tasks)
        self._records.attend(self._attended)

    def log(self, step: str, task: str, attempt: int, stream: str) -> Sequence[Part]:
        """The sources of the log of an attempt: local files, or remote ones copied as they grow."""
        key = (step, task)

        def ended() -> bool:
            evidence = self._ledger.evidence(key)
            return evidence is not None and any(
                (known.number == attempt and (known.ok is not None or known.exit is not None))
                or known.number > attempt
                for known in evidence.attempts
            )

        return attempt_log(
            self._datastore,
            lambda: self._where_stored(key),
            ended,
            *(step, task, attempt, stream),
            is_local=self._datastore.task_folder(step, task, self._where_stored(key)) is not None,
        )

    def facts(self, step: str, task: str) -> Sequence[Fact]:
        """All that is recorded of a task, oldest first, its metadata read anew."""
        key = (step, task)
        rows = self._records.rows(key)
        if rows is None:
            raise NotFound(f"Task {'/'.join((*self._path, *key))} is not there.")

        def exits(where: StoredIn | None, attempt: int) -> tuple[Exit, Ms | None] | None:
            return self._datastore.timed_exit(step, task, where or self._stored_in, attempt)

        now = Ms(self._here() + self._lead)
        return gather(rows, self._ledger.evidence(key), exits, self._found, now)

    def artifacts(self, step: str, task: str, attempt: int) -> Artifacts:
        """The artifacts that an attempt has registered, by name; read anew, their values not."""
        rows = self._records.artifacts((step, task), attempt)
        return artifacts.gather(rows, self._datastore, step, task, attempt)

    def value(self, artifact: Artifact) -> Any:
        """The value of an artifact that is plain data."""
        return artifacts.value(self._datastore, artifact)

    def flow_source(self) -> FlowSource | None:
        """The flow's file as it ran, from the code package that one of the known tasks names."""
        told = code_package.find(self._records.rows, list(self._kept))
        return code_package.read(self._datastore, told, self._graph.file) if told else None

    def launcher(self) -> ProcessId | None:
        """The run's launcher, if it is certain and lived on this machine at the last poll."""
        return self._found.launched_by

    def environment(self) -> Mapping[str, str]:
        """The `METAFLOW_*` variables with which a flow writes to where this source reads."""
        return self._provider.environment()

    def close(self) -> None:
        """Release what is held; the source is not used afterwards."""
        self._records.close()

    # The run

    def _now(self, beat: Ms | None) -> Ms:
        """The source's clock: what the provider tells of it, and never behind its records."""
        here = self._here()
        self._lead = max(self._lead, (self._newest or 0) - here, (beat or 0) - here)
        return Ms(here + self._lead)

    def _here(self) -> int:
        return int(self._clock() * 1000) + self._provider.ahead

    def _run_row(self) -> Mapping[str, Any]:
        row = self._records.run()
        if row is None:
            if self._provider.is_away():
                raise Unreachable(f"{self._provider} is no longer there.")
            raise NotFound(f"Run {'/'.join(self._path)} is no longer there.")
        return row

    def _read_description(self, row: Mapping[str, Any]) -> RunDescription:
        graph, parameters = self._read_parameters()
        return replace(
            read_run(*self._path, self._records.name, row),
            graph=graph,
            parameters=parameters,
            origin_runs=self._lineage.runs,
        )

    def _read_parameters(self) -> tuple[Graph, Mapping[str, Any]]:
        """The graph and the parameters' values, both artifacts of the `_parameters` task."""
        # They are registered one after the other, and all before the first task starts.
        last_look = bool(self._kept)
        artifacts = self._records.parameters()
        if "_graph_info" not in artifacts:
            return Graph(), {}
        graph, names = read_graph(self._values.plain(artifacts["_graph_info"]))
        self._described = bool(graph.nodes) and (last_look or set(names) <= set(artifacts))
        return graph, {
            name: self._values.shown(artifacts[name]) for name in names if name in artifacts
        }

    def _with_origins(self, description: RunDescription) -> RunDescription:
        """The description with the origin runs, which only tasks tell."""
        if self._lineage.runs != description.origin_runs:
            description = replace(description, origin_runs=self._lineage.runs)
            self._description = description
        return description

    # Tasks

    def _final(self, key: Key) -> bool:
        return self._ledger.final(key) and key not in self._uncounted

    def _take(self, record: TaskRecord) -> None:
        """Complete what the metadata says of a task with what lies elsewhere, and note it."""
        key, fields = record.key, record.fields
        self._kept[key] = record
        # Until it is complete: a look-up may fail, and the record is not given again.
        self._owed[key] = None
        self._postponed = False
        self._unsure.discard(key)
        self._newest = Ms(max(self._newest or 0, fields.newest or 0))
        self._stored_in = fields.datastore or self._stored_in
        self._lineage.begin(fields.origin_run)
        index, labels = self._foreach(key, fields)
        evidence = TaskEvidence(
            step=key[0],
            id=key[1],
            attempts=tuple(self._complete(record, attempt) for attempt in fields.attempts),
            index=index,
            labels=labels,
            origin_task=self._origin(key[0], fields),
            heartbeat=record.heartbeat,
        )
        self._ledger.record(evidence, control=fields.control)
        last = evidence.attempts[-1] if evidence.attempts else None
        if last is not None and last.ok is not True and last.exit is None:
            self._open_ended.add(key)
        else:
            self._open_ended.discard(key)
        self._read_splits(key, fields)
        if not self._postponed:
            del self._owed[key]

    def _look_again(self, taken: set[Key]) -> None:
        """Look for what leaves no metadata: ends and processes of last attempts, artifacts."""
        for key in list(self._open_ended - taken):
            if self._ledger.final(key):
                self._open_ended.discard(key)
                continue
            known = self._ledger.evidence(key)
            record = self._kept[key]
            last = self._complete(record, record.fields.attempts[-1])
            if known is not None and known.attempts[-1] != last:
                self._take(record)
        for key in self._unsure - taken:
            self._take(self._kept[key])
        for key in self._uncounted - taken:
            self._read_splits(key, self._kept[key].fields)

    def _pay_debts(self) -> None:
        """Look up what the polls before had no time for; what is in view comes first."""
        until = self._monotonic() + self._records.patience
        for key in in_view_first(self._attended, self._owed):
            self._take(self._kept[key])
            if self._monotonic() >= until:
                return

    def _in_due_time(self, look_up: Callable[[], T], until_then: T) -> T:
        """What `look_up` gives, if this poll still has time for it, else what holds until then."""
        if self._monotonic() < self._deadline:
            return look_up()
        self._postponed = True
        return until_then

    def _complete(self, record: TaskRecord, attempt: AttemptEvidence) -> AttemptEvidence:
        """The attempt's evidence with what is kept elsewhere than in metadata."""
        key, number = record.key, attempt.number
        if attempt.ok:
            return self._perhaps_caught(record, attempt)
        stored_in = record.fields.datastore or self._stored_in
        if attempt.ok is None and attempt.done:
            row = self._records.artifact(key, number, "_task_ok")
            value = self._values.plain_once(row) if row else None
            return replace(attempt, task_ok=value if isinstance(value, bool) else None)
        attempt = replace(attempt, exit=self._datastore.exit(*key, stored_in, number))
        if attempt.ok is False:
            return attempt
        process = (key[1], number)
        return replace(
            attempt,
            process=self._found.steps.get(process),
            process_ended=self._found.ended.get(process),
        )

    def _perhaps_caught(self, record: TaskRecord, attempt: AttemptEvidence) -> AttemptEvidence:
        key = record.key
        if record.fields.origin_task is not None or not self._may_catch(key[0]):
            return attempt
        node = self._graph.by_name.get(key[0])
        known = self._ledger.evidence(key)
        for before in known.attempts if known else ():
            if before.number == attempt.number and before.ok and before.caught is not None:
                return replace(attempt, caught=before.caught, success=before.success)
        unknown = replace(attempt, caught=None)

        def look_up() -> AttemptEvidence:
            names = self._records.artifact_names(key, attempt.number)
            if "_catch_exception" in names:
                return replace(attempt, caught=True)
            if self._time - (attempt.ended_at or 0) < REGISTERED:
                self._unsure.add(key)
                return unknown
            if node is None or "_success" not in names:
                return attempt
            row = self._records.artifact(key, attempt.number, "_success")
            value = self._values.plain_once(row) if row else None
            return replace(attempt, success=value if isinstance(value, bool) else None)

        return self._in_due_time(look_up, unknown)

    def _may_catch(self, step: str) -> bool:
        """Whether the step has @catch, or is in no graph that tells."""
        if step not in self._catching:
            node = self._graph.by_name.get(step)
            if node is None:
                return True
            self._catching[step] = node.decorator("catch") is not None
        return self._catching[step]

    def _origin(self, step: str, fields: Fields) -> str | None:
        if fields.origin_task is None:
            return None
        return f"{self._path[0]}/{fields.origin_run}/{step}/{fields.origin_task}"

    def _foreach(self, key: Key, fields: Fields) -> Foreach:
        known = self._lineage.known_foreach(key[0], fields)
        if known is not None:
            return known
        unknown: Foreach = (None, ())
        return self._in_due_time(lambda: self._lineage.foreach(key[0], fields), unknown)

    def _read_splits(self, key: Key, fields: Fields) -> None:
        """How many tasks a foreach task asked for; a num_parallel's own tasks tell their number."""
        step, task = key
        graph = self._graph
        if fields.world_size is not None and fields.control:
            for before in graph.predecessors.get(step, ()):
                self._ledger.record_split(before, task, fields.world_size)
        node = graph.by_name.get(step)
        if node is None or node.type != "split-foreach" or task in self._ledger.splits(step):
            return
        self._uncounted.discard(key)
        if len(self._ledger.splits(step)) >= SPLITS_READ:
            return
        # A clone's artifacts may come after its metadata: it is read again until they are there.
        self._uncounted.add(key)
        finished = [attempt.number for attempt in fields.attempts if attempt.ok]
        if not finished:
            return

        def count() -> Any:
            row = self._records.artifact(key, finished[-1], "_foreach_num_splits")
            return self._values.plain_once(row) if row else None

        counted = self._in_due_time(count, None)
        if isinstance(counted, int):
            self._ledger.record_split(step, task, counted)
            self._uncounted.discard(key)

    def _uses(self) -> Mapping[Key, ProcessUse]:
        """What live step processes use, by task."""
        uses: dict[Key, ProcessUse] = {}
        for key in self._open_ended:
            attempts = self._kept[key].fields.attempts
            use = self._found.uses.get((key[1], attempts[-1].number))
            if use is not None:
                uses[key] = use
        return uses

    # Where things are

    @property
    def _graph(self) -> Graph:
        return self._description.graph if self._description else Graph()

    def _where_stored(self, key: Key) -> StoredIn | None:
        """Kind and root of a task's datastore; all tasks of a run use the same one."""
        record = self._kept.get(key)
        return (record.fields.datastore if record else None) or self._stored_in


def in_view_first(attended: Sequence[Key], keys: Iterable[Key]) -> Sequence[Key]:
    """The keys with those in view before the others, each in its order."""
    waiting = dict.fromkeys(keys)
    first = [key for key in attended if waiting.pop(key, key) is None]
    return [*first, *waiting]
