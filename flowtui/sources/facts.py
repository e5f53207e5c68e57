"""What is recorded of one task: the evidence behind its state, as it is written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flowtui.model import Fact, Ms
from flowtui.sources.datastore import StoredIn
from flowtui.sources.metadata_rows import Rows, attempt_of, moment, read_fields
from flowtui.sources.processes import RunProcesses
from flowtui.status import AttemptEvidence, Exit, TaskEvidence
from flowtui.times import age

VALUE_LENGTH = 10_000
"""Characters of a value that are given."""


def gather(
    rows: Rows,
    evidence: TaskEvidence | None,
    exits: Callable[[StoredIn | None, int], tuple[Exit, Ms | None] | None],
    found: RunProcesses,
    now: Ms,
) -> Sequence[Fact]:
    """All of a task's facts, oldest first, those without a time last.

    `exits` tells how and when the process of an attempt ended, by where the task's datastore is;
    `evidence` and `found` are what the last poll knew of the task and of the run's processes.
    """
    facts = [*_of_rows(rows)]
    fields = read_fields(rows)
    for attempt in fields.attempts:
        ended = exits(fields.datastore, attempt.number)
        if ended is not None:
            facts.append(Fact("exit", str(ended[0]), attempt.number, ended[1]))
    if evidence is not None:
        facts += _of_evidence(evidence, found, now)
    return tuple(sorted(facts, key=_place))


def _of_rows(rows: Rows) -> Iterator[Fact]:
    for row in rows:
        name, value = _text(row.get("field_name")), _text(row.get("value"))
        yield Fact(name, value, attempt_of(row), moment(row.get("ts_epoch")))


def _of_evidence(evidence: TaskEvidence, found: RunProcesses, now: Ms) -> Iterator[Fact]:
    """Artifacts that decided, processes, and a heartbeat where it tells more than the metadata
    does: of an attempt without an outcome."""
    for attempt in evidence.attempts:
        yield from _of_artifacts(attempt)
        process = (evidence.id, attempt.number)
        if process in found.steps:
            yield Fact("process", str(found.steps[process]), attempt.number, None)
        if process in found.ended:
            yield Fact("process ended", str(found.ended[process]), attempt.number, None)
    beat = evidence.heartbeat
    if beat is not None and not (evidence.attempts and _has_outcome(evidence.attempts[-1])):
        yield Fact("heartbeat", f"{age(now - beat)} ago", None, beat)


def _of_artifacts(attempt: AttemptEvidence) -> Iterator[Fact]:
    if attempt.caught:
        yield Fact("_catch_exception", "registered", attempt.number, None)
    read: Mapping[str, bool | None] = {"_success": attempt.success, "_task_ok": attempt.task_ok}
    for name, value in read.items():
        if value is not None:
            yield Fact(name, str(value), attempt.number, None)


def _has_outcome(attempt: AttemptEvidence) -> bool:
    return attempt.ok is not None or attempt.done


def _place(fact: Fact) -> tuple[bool, int, str, int, str]:
    attempt = -1 if fact.attempt is None else fact.attempt
    return (fact.at is None, fact.at or 0, fact.name, attempt, fact.value)


def _text(value: Any) -> str:
    """A value as text; some providers give those of `foreach-stack` and the like as lists."""
    if not isinstance(value, str):
        try:
            value = json.dumps(value, ensure_ascii=False)
        except (ValueError, RecursionError):
            return f"<{type(value).__name__}>"
    return str(value[:VALUE_LENGTH])
