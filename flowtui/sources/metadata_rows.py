"""Reads a task's metadata rows, as every provider returns them, into what the rules need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flowtui.model import Ms
from flowtui.status import MAX_ATTEMPTS, AttemptEvidence

LATEST = 2**47
"""The latest time that counts as one: beyond the year 6000, nothing can be written down."""

_ARRAY_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,]+)', re.DOTALL)
"""An item of a PostgreSQL array: in quotes, with backslashes before what is special, or bare."""

_ATTEMPT_TAG = re.compile(r"attempt_id:(\d+)\Z")


@dataclass(slots=True)
class Fields:
    """One task's metadata, all attempts; `newest` is the time of its newest row."""

    attempts: tuple[AttemptEvidence, ...] = ()
    index: int | None = None
    labels: tuple[str, ...] = ()
    origin_run: str | None = None
    origin_task: str | None = None
    datastore: tuple[str, str] | None = None
    control: bool = False
    world_size: int | None = None
    newest: Ms | None = None
    _attempts: dict[int, AttemptEvidence] = field(default_factory=dict)


def read_fields(rows: Iterable[Mapping[str, Any]]) -> Fields:
    """The rows of one task, in any order; what cannot be understood is passed over."""
    fields = Fields()
    values: dict[str, Any] = {}
    for row in sorted(rows, key=_time):
        name, value, when = str(row.get("field_name")), row.get("value"), _time(row)
        fields.newest = Ms(max(fields.newest or 0, when))
        _read_attempt(fields, name, value, row.get("tags"), when)
        values[name] = value
    fields.attempts = tuple(fields._attempts[number] for number in sorted(fields._attempts))
    fields.origin_run = _name(values.get("origin-run-id"))
    fields.origin_task = _name(values.get("origin-task-id"))
    if values.get("ds-type") and values.get("ds-root"):
        fields.datastore = (str(values["ds-type"]), str(values["ds-root"]))
    fields.control = values.get("internal_task_type") == "control_task"
    fields.world_size = _number(values.get("parallel-world-size"))
    fields.labels = _labels(values.get("foreach-stack"))
    path = str(values.get("foreach-execution-path") or "")
    fields.index = _number(path.rpartition(":")[2])
    if fields.world_size is not None and not fields.labels and fields.index is not None:
        fields.labels = (f"node={fields.index}",)
    return fields


def _read_attempt(fields: Fields, name: str, value: Any, tags: Any, when: Ms) -> None:
    """Take in what a row says of an attempt.

    `attempt` and `attempt-done` have the number as their value; `attempt_ok` only in its tag.
    """
    tagged = _tagged(tags)
    number = _number(value) if name in ("attempt", "attempt-done") else tagged
    if number is None or not 0 <= number < MAX_ATTEMPTS:
        return
    if name not in ("attempt", "attempt-done", "attempt_ok") and number not in fields._attempts:
        return
    known = fields._attempts.get(number, AttemptEvidence(number))
    known = replace(known, last_sign=Ms(max(known.last_sign or 0, when)))
    if name == "attempt" and known.started_at is None:
        known = replace(known, started_at=when)
    elif name == "attempt_ok":
        known = replace(known, ok=str(value) == "True", ended_at=when)
    elif name == "attempt-done":
        known = replace(known, done=True, ended_at=known.ended_at or when)
    fields._attempts[number] = known


def _tagged(tags: Any) -> int | None:
    for tag in tags or ():
        match = _ATTEMPT_TAG.match(str(tag))
        if match:
            return int(match[1])
    return None


def moment(value: Any) -> Ms | None:
    """A time as a provider gives it, in milliseconds; None for what is no time."""
    number = _number(value)
    return Ms(number) if number is not None and 0 <= number <= LATEST else None


def _time(row: Mapping[str, Any]) -> Ms:
    return moment(row.get("ts_epoch")) or Ms(0)


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _name(value: Any) -> str | None:
    """An id; Metaflow writes the string `None` where there is none."""
    return None if value in (None, "", "None") else str(value)


def _labels(value: Any) -> tuple[str, ...]:
    """`foreach-stack`: a list in local metadata; from a service the text of a PostgreSQL array,
    `{countries=FI,"titles=a, b"}`, or of a JSON list."""
    if isinstance(value, str):
        if value.startswith("{") and value.endswith("}"):
            return tuple(
                re.sub(r"\\(.)", r"\1", quoted) if quoted else bare
                for quoted, bare in _ARRAY_ITEM.findall(value[1:-1])
            )
        try:
            value = json.loads(value)
        except ValueError:
            return ()
    return tuple(str(label) for label in value) if isinstance(value, list) else ()
