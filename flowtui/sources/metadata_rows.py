"""Reads a task's metadata rows, as every provider returns them, into what the rules need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from flowtui.model import Ms
from flowtui.status import MAX_ATTEMPTS, AttemptEvidence

LATEST = 2**47
"""The latest time that counts as one: beyond the year 6000, nothing can be written down."""

Rows = Sequence[Mapping[str, Any]]
"""Rows of metadata as a provider returns them."""

READ = frozenset(
    {
        "attempt",
        "attempt-done",
        "attempt_ok",
        "ds-root",
        "ds-type",
        "foreach-execution-path",
        "foreach-stack",
        "internal_task_type",
        "origin-run-id",
        "origin-task-id",
        "parallel-world-size",
    }
)
"""The fields that are read; of the others only when they were written may count."""

_NUMBERED = ("attempt", "attempt-done")
"""The fields whose value is the number of the attempt."""

_ARRAY_ITEM = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,]+)', re.DOTALL)
"""An item of a PostgreSQL array: in quotes, with backslashes before what is special, or bare."""


@dataclass(frozen=True, slots=True)
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


def read_fields(rows: Iterable[Mapping[str, Any]]) -> Fields:
    """The rows of one task, in any order; what cannot be understood is passed over."""
    timed = sorted(((_time(row), row) for row in rows), key=itemgetter(0))
    values: dict[str, Any] = {}
    attempts: dict[int, dict[str, Any]] = {}
    for when, row in timed:
        name, value = str(row.get("field_name")), row.get("value")
        values[name] = value
        _read_attempt(attempts, name, value, row.get("tags"), when)
    stored_in = (values.get("ds-type"), values.get("ds-root"))
    index = _number(str(values.get("foreach-execution-path") or "").rpartition(":")[2])
    labels = _labels(values.get("foreach-stack"))
    world_size = _number(values.get("parallel-world-size"))
    if world_size is not None and not labels and index is not None:
        labels = (f"node={index}",)
    return Fields(
        attempts=tuple(
            AttemptEvidence(number, **known) for number, known in sorted(attempts.items())
        ),
        index=index,
        labels=labels,
        origin_run=_name(values.get("origin-run-id")),
        origin_task=_name(values.get("origin-task-id")),
        datastore=(str(stored_in[0]), str(stored_in[1])) if all(stored_in) else None,
        control=values.get("internal_task_type") == "control_task",
        world_size=world_size,
        newest=timed[-1][0] if timed else None,
    )


def _read_attempt(
    attempts: dict[int, dict[str, Any]], name: str, value: Any, tags: Any, when: Ms
) -> None:
    """Take in what a row says of an attempt.

    `attempt` and `attempt-done` have the number as their value; `attempt_ok` only in its tag.
    """
    number = _number(value) if name in _NUMBERED else _tagged(tags)
    if number is None or not 0 <= number < MAX_ATTEMPTS:
        return
    if number not in attempts:
        if name != "attempt_ok" and name not in _NUMBERED:
            return
        attempts[number] = {}
    known = attempts[number]
    known["last_sign"] = when
    if name == "attempt":
        known.setdefault("started_at", when)
    elif name == "attempt_ok":
        known["ok"], known["ended_at"] = str(value) == "True", when
    elif name == "attempt-done":
        known["done"] = True
        known.setdefault("ended_at", when)


def attempt_of(row: Mapping[str, Any]) -> int | None:
    """The attempt that a row is about, by its tag or by its value; None for the task itself."""
    number = _tagged(row.get("tags"))
    if number is None and row.get("field_name") in _NUMBERED:
        number = _number(row.get("value"))
    return number


def _tagged(tags: Any) -> int | None:
    for tag in tags or ():
        name, _, number = str(tag).partition(":")
        if name == "attempt_id" and number.isdecimal() and number.isascii():
            return int(number)
    return None


def moment(value: Any) -> Ms | None:
    """A time as a provider gives it, in milliseconds; None for what is no time."""
    number = _number(value)
    return Ms(number) if number is not None and 0 <= number <= LATEST else None


def heartbeat(row: Mapping[str, Any]) -> Ms | None:
    """`last_heartbeat_ts` of a run or task row; the service counts it in seconds."""
    seconds = moment(row.get("last_heartbeat_ts"))
    return moment(seconds * 1000) if seconds is not None else None


def _time(row: Mapping[str, Any]) -> Ms:
    when = row.get("ts_epoch")
    # Nearly always what Metaflow writes; asked for every row of every task.
    if type(when) is int and 0 <= when <= LATEST:
        return Ms(when)
    return moment(when) or Ms(0)


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
