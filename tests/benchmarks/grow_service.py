"""A run recorded through the tests' metadata service, made large in copies of its database."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.benchmarks.grow_local import store_value
from tests.metadata_service import MetadataService
from tests.metadata_service_store import MetadataStore
from tests.runs import launch

FLOW, FLOW_FILE = "ForeachFlow", "foreach.py"
SPLIT, STEP, AFTER = "start", "visit", ("join", "end")

RECORD_SECONDS = 120.0
"""How long the recorded run may take."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Served:
    """A run whose metadata is in the database `db` and whose artifacts are under `root`."""

    root: Path
    run: str
    db: Path

    @property
    def pathspec(self) -> str:
        return f"{FLOW}/{self.run}"


def record(root: Path) -> Served:
    """The foreach flow, executed against a service now unless it was before."""
    db, complete = root / "recorded.db", root / "recorded.id"
    if not complete.exists():
        db.unlink(missing_ok=True)
        root.mkdir(parents=True, exist_ok=True)
        with MetadataService(db=db) as service:
            process, id_file = launch(root, FLOW_FILE, "run", extra=service.environment)
            code = process.wait(timeout=RECORD_SECONDS)
        if code:
            raise SystemExit(f"The flow to be grown has failed; see {id_file.with_suffix('.log')}.")
        complete.write_text(id_file.read_text())
    return Served(root, complete.read_text(), db)


def grow(recorded: Served, tasks: int) -> Served:
    """The recorded run with so many tasks in its foreach, in a database of its own."""
    db = recorded.root / f"{tasks}.db"
    if not db.exists():
        growing = Path(shutil.copy(recorded.db, db.with_suffix(".growing")))
        with MetadataService(db=growing) as service:
            service.grow(recorded.pathspec, STEP, tasks)
            sha = store_value(recorded.root / ".metaflow" / FLOW / "data", tasks)
            service.store.sql(
                "UPDATE artifacts SET sha = ? WHERE step_name = ? AND name = '_foreach_num_splits'",
                sha,
                SPLIT,
            )
        growing.rename(db)
    return Served(recorded.root, recorded.run, db)


class Unfinished:
    """A grown run as it was before the last `count` tasks of its foreach had ended.

    It has a database of its own. `finish` sends what a task would send at its end, `beat` the
    heartbeats that say that it runs.
    """

    def __init__(self, grown: Served, count: int) -> None:
        db = Path(shutil.copy(grown.db, grown.db.with_suffix(".running")))
        self.served = Served(grown.root, grown.run, db)
        self.url = ""
        self._session = requests.Session()
        store = MetadataStore(db)
        found = store.sql(
            "SELECT task_id FROM tasks WHERE step_name = ? ORDER BY task_id DESC LIMIT ?",
            STEP,
            count,
        )
        self.tasks = [str(task) for (task,) in reversed(found)]
        self._ends = {task: _take_end(db, task) for task in self.tasks}
        with store.transaction():
            for table in ("artifacts", "metadata", "tasks", "steps"):
                for step in AFTER:
                    store.sql(f"DELETE FROM {table} WHERE step_name = ?", step)
            store.sql("UPDATE runs SET last_heartbeat_ts = ?", int(time.time()))
            for task in self.tasks:
                now = int(time.time())
                store.sql("UPDATE tasks SET last_heartbeat_ts = ? WHERE task_id = ?", now, task)
                store.sql("DELETE FROM artifacts WHERE task_id = ?", task)
                store.sql(
                    "DELETE FROM metadata WHERE task_id = ?"
                    " AND field_name IN ('attempt_ok', 'attempt-done')",
                    task,
                )
        store.close()

    def finish(self, task: str) -> None:
        """Let a task end with the outcome that it had."""
        artifacts, metadata = self._ends[task]
        self._post(task, "artifact", [{**row, "attempt_id": 0} for row in artifacts])
        self._post(task, "metadata", metadata)

    def beat(self) -> None:
        """Say that the tasks run; the service takes no heartbeat before the next one is due."""
        for task in self.tasks:
            self._session.post(f"{self._task_url(task)}/heartbeat", json={}, timeout=60)

    def _post(self, task: str, what: str, rows: list[Row]) -> None:
        url = f"{self._task_url(task)}/{what}"
        self._session.post(url, json=rows, timeout=60).raise_for_status()

    def _task_url(self, task: str) -> str:
        return f"{self.url}/flows/{FLOW}/runs/{self.served.run}/steps/{STEP}/tasks/{task}"


def _take_end(db: Path, task: str) -> tuple[list[Row], list[Row]]:
    """The artifacts and the metadata that a task stored when it ended, as it sent them."""
    connection = sqlite3.connect(db)
    connection.row_factory = sqlite3.Row
    artifacts = connection.execute("SELECT * FROM artifacts WHERE task_id = ?", (task,)).fetchall()
    metadata = connection.execute(
        "SELECT * FROM metadata WHERE task_id = ? AND field_name IN ('attempt_ok', 'attempt-done')"
        " ORDER BY id",
        (task,),
    ).fetchall()
    connection.close()
    return [dict(row) for row in artifacts], [_with_tags(dict(row)) for row in metadata]


def _with_tags(row: Row) -> Row:
    return {**row, **{name: json.loads(row[name] or "[]") for name in ("tags", "system_tags")}}
