"""Runs as documents for programs; `flowtui/schemas` says what these are like."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from flowtui.model import Attempt, Ms, Node, State, StepStatus, Target, Task
from flowtui.run_summary import RunSummary
from flowtui.store import RunStore
from flowtui.times import iso

RUN_SCHEMA, RUNS_SCHEMA = "flowtui.run/1", "flowtui.runs/1"
"""They name the shapes of the documents, and change when a key changes its meaning."""


def run_document(store: RunStore, target: Target | None = None) -> dict[str, Any]:
    """The run as plain data: every key always present, None when unknown, times ISO-8601 UTC.

    Of its steps and tasks those that a target names; all else is that of the whole run.
    """
    run, status = store.description, store.status
    return {
        "schema": RUN_SCHEMA,
        "pathspec": run.pathspec,
        "flow": run.flow,
        "run": run.run,
        "status": str(status.state),
        "reason": status.reason,
        "source": run.source,
        "user": run.user,
        "tags": list(run.tags),
        "system_tags": list(run.system_tags),
        "origin_run": run.origin_run,
        "created_at": iso(run.created_at),
        "finished_at": iso(status.finished_at),
        "duration_s": _seconds(run.created_at, status.finished_at),
        "counts": _counts(store.counts),
        "steps": [
            _step(store, node, target)
            for node in store.graph.nodes
            if target is None or target.step in (None, node.name)
        ],
    }


def to_json(document: Mapping[str, Any]) -> str:
    """A document as text: ASCII only, so that no name in it can reach a terminal as it is."""
    return json.dumps(document, indent=2)


def _step(store: RunStore, node: Node, target: Target | None) -> dict[str, Any]:
    status = store.steps.get(node.name, StepStatus(State.PENDING, "not reached yet"))
    return {
        "name": node.name,
        "type": node.type,
        "next": list(node.next),
        "status": str(status.state),
        "reason": status.reason,
        "counts": _counts(status.counts),
        "decorators": [
            {"name": deco.name, "attributes": _json_value(deco.attributes)}
            for deco in node.decorators
        ],
        "tasks": [
            _task(store.description.pathspec, task)
            for task in store.tasks(node.name).values()
            if target is None or target.task in (None, task.id)
        ],
    }


def _task(run: str, task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "pathspec": f"{run}/{task.step}/{task.id}",
        "status": str(task.state),
        "reason": task.reason,
        "index": task.index,
        "label": task.label,
        "origin_task": task.origin_task,
        "attempts": [_attempt(attempt) for attempt in task.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "status": str(attempt.state),
        "reason": attempt.reason,
        "started_at": iso(attempt.started_at),
        "finished_at": iso(attempt.finished_at),
        "duration_s": _seconds(attempt.started_at, attempt.finished_at),
    }


def _counts(counts: Mapping[State, int]) -> dict[str, int]:
    return {str(state): counts[state] for state in State if counts.get(state)}


def _seconds(start: Ms | None, end: Ms | None) -> float | None:
    if start is None or end is None:
        return None
    return max(0, end - start) / 1000


def _json_value(value: Any) -> Any:
    """A decorator's attributes as JSON has them; what JSON has no word for is told as text."""
    if isinstance(value, Mapping):
        return {str(key): _json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(inner) for inner in value]
    if value is None or isinstance(value, str | int):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)


def runs_document(runs: Sequence[RunSummary], flow: str | None) -> dict[str, Any]:
    """The runs of a flow, None for all flows, as plain data.

    What it says of a run it says in the words of the run's own document. `current` are the steps
    that run, or the one that failed; `expected` is how many tasks there will be.
    """
    return {"schema": RUNS_SCHEMA, "flow": flow, "runs": [_listed(run) for run in runs]}


def _listed(run: RunSummary) -> dict[str, Any]:
    return {
        "pathspec": run.pathspec,
        "flow": run.flow,
        "run": run.run,
        "status": None if run.state is None else str(run.state),
        "reason": run.reason,
        "user": run.user,
        "tags": list(run.tags),
        "system_tags": list(run.system_tags),
        "origin_run": run.origin_run,
        "created_at": iso(run.created_at),
        "finished_at": iso(run.finished_at),
        "duration_s": _seconds(run.created_at, run.finished_at),
        "current": None if run.current is None else list(run.current),
        "counts": None if run.counts is None else _counts(run.counts),
        "expected": run.expected,
    }
