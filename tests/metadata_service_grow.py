"""A recorded run made as large as a real one: its foreach tasks copied until there are enough."""

from __future__ import annotations

from tests.metadata_service_store import MetadataStore

_TABLES = ("runs", "steps", "tasks", "metadata", "artifacts")
_COPIED = {
    "tasks": (
        "run_number, step_name, user_name",
        {
            "task_id": "c.task_id",
            "task_name": "it.task_name || '-' || c.position",
            "last_heartbeat_ts": "it.last_heartbeat_ts + c.later / 1000",
        },
    ),
    "metadata": (
        "run_number, step_name, field_name, type, user_name, tags, system_tags",
        {
            "task_id": "c.task_id",
            "value": "CASE WHEN it.field_name IN ('foreach-stack', 'foreach-execution-path')"
            " THEN reindexed(it.value, c.position) ELSE it.value END",
        },
    ),
    "artifacts": (
        "attempt_id, name, run_number, step_name, location, ds_type, sha, type, content_type,"
        " user_name",
        {"task_id": "c.task_id"},
    ),
}


def grow(store: MetadataStore, run: str, step: str, n: int, spacing: int = 10) -> None:
    """Copy the tasks of a finished run's step, in turn, until the step has `n`.

    The copies get new ids, the following indices of the innermost foreach, and a place in time:
    after the tasks they are copied from, `spacing` ms apart, and before the steps that follow. What
    came before them is moved into the past to make room. Ids of metadata go up with time, as in a
    real run. The datastore is not touched: the copies have artifact rows, but no logs.
    """
    flow, _, name = run.partition("/")
    with store.transaction():
        column = "run_number" if name.isnumeric() else "run_id"
        [(number,)] = store.sql(
            f"SELECT run_number FROM runs WHERE flow_id = ? AND {column} = ?", flow, name
        )
        of_step = f"run_number = {number} AND step_name = ?"
        originals = store.sql(f"SELECT task_id FROM tasks WHERE {of_step} ORDER BY task_id", step)
        missing = n - len(originals)
        if not originals or missing < 1:
            return
        [(begin, end)] = store.sql(
            "SELECT min(ts_epoch), max(ts_epoch) FROM ("
            f" SELECT ts_epoch FROM tasks WHERE {of_step}"
            f" UNION ALL SELECT ts_epoch FROM metadata WHERE {of_step}"
            f" UNION ALL SELECT ts_epoch FROM artifacts WHERE {of_step})",
            *[step] * 3,
        )
        room = end - begin + missing * spacing
        for table in _TABLES:
            store.sql(
                f"UPDATE {table} SET ts_epoch = ts_epoch - ?"
                f" WHERE run_number = {number} AND ts_epoch <= ?",
                room,
                end,
            )
        store.sql(
            "UPDATE tasks SET last_heartbeat_ts = last_heartbeat_ts - ?"
            f" WHERE run_number = {number} AND ts_epoch <= ?",
            room // 1000,
            end - room,
        )
        store.sql("CREATE TEMP TABLE copies (original, task_id, position, later)")
        [(last_task,)] = store.sql("SELECT max(task_id) FROM tasks")
        for at in range(missing):
            store.sql(
                "INSERT INTO copies VALUES (?, ?, ?, ?)",
                originals[at % len(originals)][0],
                last_task + 1 + at,
                len(originals) + at,
                end - begin + (at + 1) * spacing,
            )
        [(last_id,)] = store.sql("SELECT max(id) FROM metadata")
        for table, (kept, changed) in _COPIED.items():
            columns = [column.strip() for column in kept.split(",")]
            changed = changed | {"ts_epoch": "it.ts_epoch + c.later"}
            store.sql(
                f"INSERT INTO {table} ({', '.join([*columns, *changed])})"
                f" SELECT {', '.join([*(f'it.{column}' for column in columns), *changed.values()])}"
                f" FROM copies c JOIN {table} it ON it.task_id = c.original"
                " ORDER BY it.ts_epoch + c.later, "
                + ("it.id" if table == "metadata" else "c.task_id")
            )
        store.sql(
            f"UPDATE metadata SET id = id + (SELECT max(id) FROM metadata)"
            f" WHERE run_number = {number} AND ts_epoch > ? AND id <= ?",
            end,
            last_id,
        )
        store.sql("DROP TABLE copies")
