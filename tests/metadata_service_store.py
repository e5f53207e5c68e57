"""The rows of the tests' metadata service in SQLite, and the queries behind its answers.

Every row leaves the database as the JSON text the service answers with. Numbers and names of runs
and tasks are two columns, as in the real service: a name given from outside hides the number.
"""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS flows (
    flow_id TEXT PRIMARY KEY, user_name TEXT, ts_epoch INTEGER NOT NULL,
    tags TEXT, system_tags TEXT);
CREATE TABLE IF NOT EXISTS runs (
    run_number INTEGER PRIMARY KEY AUTOINCREMENT, flow_id TEXT NOT NULL REFERENCES flows,
    run_id TEXT, user_name TEXT, ts_epoch INTEGER NOT NULL, last_heartbeat_ts INTEGER,
    tags TEXT, system_tags TEXT, UNIQUE (flow_id, run_id));
CREATE INDEX IF NOT EXISTS runs_newest ON runs (flow_id, ts_epoch, run_number);
CREATE TABLE IF NOT EXISTS steps (
    run_number INTEGER NOT NULL REFERENCES runs, step_name TEXT NOT NULL, user_name TEXT,
    ts_epoch INTEGER NOT NULL, PRIMARY KEY (run_number, step_name));
CREATE TABLE IF NOT EXISTS tasks (
    task_id INTEGER PRIMARY KEY AUTOINCREMENT, run_number INTEGER NOT NULL,
    step_name TEXT NOT NULL, task_name TEXT, user_name TEXT, ts_epoch INTEGER NOT NULL,
    last_heartbeat_ts INTEGER, UNIQUE (run_number, step_name, task_name),
    FOREIGN KEY (run_number, step_name) REFERENCES steps (run_number, step_name));
CREATE INDEX IF NOT EXISTS tasks_newest ON tasks (run_number, step_name, ts_epoch, task_id);
CREATE TABLE IF NOT EXISTS metadata (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_number INTEGER NOT NULL, step_name TEXT NOT NULL,
    task_id INTEGER NOT NULL, field_name TEXT NOT NULL, value TEXT NOT NULL, type TEXT NOT NULL,
    user_name TEXT, ts_epoch INTEGER NOT NULL, tags TEXT, system_tags TEXT);
CREATE INDEX IF NOT EXISTS metadata_of_run ON metadata (run_number, ts_epoch, id);
CREATE INDEX IF NOT EXISTS metadata_of_task ON metadata (task_id, ts_epoch, id);
CREATE INDEX IF NOT EXISTS metadata_by_value
    ON metadata (run_number, step_name, field_name, value, task_id);
CREATE TABLE IF NOT EXISTS artifacts (
    task_id INTEGER NOT NULL, attempt_id INTEGER NOT NULL, name TEXT NOT NULL,
    run_number INTEGER NOT NULL, step_name TEXT NOT NULL, location TEXT, ds_type TEXT, sha TEXT,
    type TEXT, content_type TEXT, user_name TEXT, ts_epoch INTEGER NOT NULL,
    PRIMARY KEY (task_id, attempt_id, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS artifacts_of_run ON artifacts (run_number, ts_epoch);
CREATE INDEX IF NOT EXISTS artifacts_of_step ON artifacts (run_number, step_name, ts_epoch);
"""

_OF_RUN = "JOIN runs r ON r.run_number = it.run_number"
_OF_TASK = f"{_OF_RUN} JOIN tasks t ON t.task_id = it.task_id"
_RUN = "coalesce(r.run_id, r.run_number)"
_TASK = "coalesce(t.task_name, t.task_id)"
_PLACE = {"flow_id": "r.flow_id", "run_number": _RUN, "task_id": _TASK}
_OWN_TAGS = {"tags": "json(it.tags)", "system_tags": "json(it.system_tags)"}
# The service shows the run's tags on everything below the run but metadata.
_RUN_TAGS = {"tags": "json(r.tags)", "system_tags": "json(r.system_tags)"}


@dataclass(frozen=True)
class Listing:
    """How rows of one kind are read: their JSON, their order, and what a page's cursor holds."""

    tables: str
    row: str
    order: str
    key: str


def _row(names: str, *computed: dict[str, str]) -> str:
    """The SQL of a JSON object: a column of `it` each, but for those computed otherwise."""
    columns = {name: f"it.{name}" for name in names.split()}
    for each in computed:
        columns |= {name: sql for name, sql in each.items() if name in columns}
    return "json_object(" + ", ".join(f"'{name}', {sql}" for name, sql in columns.items()) + ")"


_RUN_ROW = _row(
    "flow_id run_number user_name ts_epoch tags system_tags last_heartbeat_ts",
    {"run_number": "coalesce(it.run_id, it.run_number)"},
    _OWN_TAGS,
)
_OWNED = "instr(it.system_tags, json_quote('user:' || it.user_name))"
_OWNED_ROW = (
    f"CASE WHEN {_OWNED} THEN json_insert({_RUN_ROW}, '$.user', it.user_name) ELSE {_RUN_ROW} END"
)
_STEP_ROW = _row(
    "flow_id run_number step_name user_name ts_epoch tags system_tags",
    _PLACE,
    {"run_number": f"CAST({_RUN} AS TEXT)"},
    _RUN_TAGS,
)
_TASK_ROW = _row(
    "flow_id run_number step_name task_id user_name ts_epoch tags system_tags last_heartbeat_ts",
    _PLACE,
    {"task_id": "coalesce(it.task_name, it.task_id)"},
    _RUN_TAGS,
)
_METADATA_ROW = _row(
    "id flow_id run_number step_name task_id field_name value type user_name ts_epoch tags"
    " system_tags",
    _PLACE,
    _OWN_TAGS,
)
_ARTIFACT_ROW = _row(
    "flow_id run_number step_name task_id name location ds_type sha type content_type user_name"
    " attempt_id ts_epoch tags system_tags",
    _PLACE,
    _RUN_TAGS,
)
_NEWEST_RUN = "it.ts_epoch DESC, it.run_number DESC"
_LATEST_ATTEMPT = "it.attempt_id DESC, it.task_id DESC, it.name DESC"

LISTINGS = {
    "flow": Listing(
        "flows it",
        _row("flow_id user_name ts_epoch tags system_tags", _OWN_TAGS),
        "it.rowid",
        "flow_id",
    ),
    "run": Listing("runs it", _RUN_ROW, _NEWEST_RUN, "run_number"),
    "owned run": Listing("runs it", _OWNED_ROW, _NEWEST_RUN, "run_number"),
    "step": Listing(f"steps it {_OF_RUN}", _STEP_ROW, "it.step_name", "step_name"),
    "task": Listing(f"tasks it {_OF_RUN}", _TASK_ROW, "it.task_id", "task_id"),
    "metadata": Listing(f"metadata it {_OF_TASK}", _METADATA_ROW, "it.id", "id"),
    "artifact": Listing(
        f"artifacts it {_OF_TASK}", _ARTIFACT_ROW, _LATEST_ATTEMPT, "task_id, name"
    ),
}


@dataclass(frozen=True)
class Where:
    """A condition on the rows of a listing, whose table is called `it`."""

    sql: str = "TRUE"
    values: tuple[object, ...] = ()

    def and_also(self, sql: str, *values: object) -> Where:
        return Where(f"{self.sql} AND ({sql})", (*self.values, *values))


class MetadataStore:
    """The database: one connection, one statement or transaction at a time."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.executescript(
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;"
            "PRAGMA cache_size = -200000; PRAGMA temp_store = MEMORY;" + SCHEMA
        )
        self._connection.create_function("regexp", 2, _regexp, deterministic=True)
        self._connection.create_function("reindexed", 2, _reindexed, deterministic=True)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def sql(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement; its rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements within take effect together, or none of them."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def insert(self, table: str, row: Mapping[str, object]) -> int:
        """Add a row, its number chosen here unless it brings one; that number."""
        with self._lock:
            self._connection.execute(_insertion(table, list(row)), _stored(row))
            return int(self.sql("SELECT last_insert_rowid()")[0][0])

    def bulk(self, table: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Add many rows at once; each has the columns of the first. Lists are stored as JSON."""
        iterator = iter(rows)
        first = next(iterator, None)
        if first is None:
            return
        names = list(first)
        with self.transaction():
            self._connection.execute(_insertion(table, names), _stored(first))
            self._connection.executemany(
                _insertion(table, names), (_stored({n: row[n] for n in names}) for row in iterator)
            )

    def listing(self, kind: str, where: Where, order: str | None = None) -> list[str]:
        """The JSON of all rows that fulfil a condition."""
        of = LISTINGS[kind]
        found = self.sql(
            f"SELECT {of.row} FROM {of.tables} WHERE {where.sql} ORDER BY {order or of.order}",
            *where.values,
        )
        return [row for (row,) in found]

    def page(
        self, kind: str, where: Where, limit: int, after: Sequence[object] | None
    ) -> tuple[list[str], dict[str, object] | None]:
        """At most `limit` rows, newest first, and what the next page comes after, if any."""
        of = LISTINGS[kind]
        names = ["ts_epoch", *of.key.split(", ")]
        columns = [f"it.{name}" for name in names]
        if after is not None:
            marks = ", ".join("?" for _ in columns)
            where = where.and_also(f"({', '.join(columns)}) < ({marks})", *after)
        found = self.sql(
            f"SELECT {of.row}, {', '.join(columns)} FROM {of.tables} WHERE {where.sql}"
            f" ORDER BY {', '.join(f'{column} DESC' for column in columns)} LIMIT ?",
            *where.values,
            limit + 1,
        )
        rows = [row for row, *_ in found[:limit]]
        if len(found) <= limit or limit < 1:
            return rows, None
        return rows, dict(zip(names, found[limit - 1][1:], strict=True))

    def matching_tasks(
        self, run_number: int, step: str, field: str | None, pattern: str | None
    ) -> list[str]:
        """The pathspecs of the step's tasks with a metadatum in which the pattern is found."""
        where = Where("it.run_number = ? AND it.step_name = ?", (run_number, step))
        if field:
            where = where.and_also("it.field_name = ?", field)
        if pattern:
            where = where.and_also("it.value REGEXP ?", pattern)
        found = self.sql(
            f"SELECT r.flow_id || '/' || {_RUN} || '/' || t.step_name || '/' || {_TASK}"
            " FROM tasks t JOIN runs r ON r.run_number = t.run_number WHERE t.task_id IN"
            f" (SELECT it.task_id FROM metadata it WHERE {where.sql}) ORDER BY t.task_id",
            *where.values,
        )
        return [pathspec for (pathspec,) in found]


def _insertion(table: str, columns: list[str]) -> str:
    marks = ", ".join("?" for _ in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"


def _stored(row: Mapping[str, object]) -> list[object]:
    return [json.dumps(v) if isinstance(v, list | dict) else v for v in row.values()]


def _regexp(pattern: str, value: str) -> bool:
    return re.search(pattern, value) is not None


def _reindexed(value: str, index: int) -> str:
    """A foreach label or path as the task at another index of the innermost foreach has it."""
    if value.endswith("}"):
        return re.sub(r'=[^=]*?("?\})$', rf"={index}\1", value)
    return re.sub(r":\d+$", f":{index}", value)


def as_text(value: object) -> str | None:
    """What PostgreSQL's text column holds of a metadatum's JSON value; a list is an array literal.

    Raises TypeError for a value it does not take.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return "{" + ",".join(_array_item(as_text(item)) for item in value) + "}"
    raise TypeError(f"no text for {type(value).__name__}")


def _array_item(text: str | None) -> str:
    if text is None:
        return "NULL"
    if text and text.upper() != "NULL" and not re.search(r'[{},"\\\s]', text):
        return text
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
