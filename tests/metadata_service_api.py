"""The endpoints of Metaflow's metadata service 2.5.1, as the tests' own service has them."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.metadata_service_answers import (
    NOT_FOUND,
    Answer,
    cursor_key,
    failure,
    json_answer,
    page_answer,
    rows_answer,
)
from tests.metadata_service_store import LISTINGS, MetadataStore, Where, as_text

WAIT_SECONDS = 10
_RUN = "/flows/{flow}/runs/{run}"
_STEP = _RUN + "/steps/{step}"
_TASK = _STEP + "/tasks/{task}"
_LATEST_ATTEMPT = (
    "it.attempt_id = (SELECT max(attempt_id) FROM artifacts a WHERE a.task_id = it.task_id)"
)
_LATEST_OF_NAME = (
    "it.attempt_id = (SELECT max(attempt_id) FROM artifacts a"
    " WHERE a.task_id = it.task_id AND a.name = it.name)"
)
_LATEST_NAMED = (
    "it.attempt_id = (SELECT max(attempt_id) FROM artifacts a"
    " WHERE a.task_id = it.task_id AND a.name = 'name')"
)
# Filters the real service has and this one does not: refused, so that no test trusts them.
_RUN_FILTERS = {"run_number", "run_id", "tags", "system_tags", "user", "status", "flow_id"}
_TASK_FILTERS = {"task_id", "task_name"}
_FILTERS = _RUN_FILTERS | _TASK_FILTERS | {"user_name", "ts_epoch", "last_heartbeat_ts"}


@dataclass(frozen=True)
class Request:
    """What was asked: the names in the path, the query, and the JSON of the body."""

    names: dict[str, str]
    query: dict[str, str]
    body: Any


@dataclass(frozen=True)
class _Route:
    method: str
    path: str
    pattern: re.Pattern[str]
    answer: Callable[[MetadataApi, Request], Answer]


_ROUTES: list[_Route] = []


def _on(method: str, path: str) -> Callable[..., Callable[[MetadataApi, Request], Answer]]:
    def register(
        answer: Callable[[MetadataApi, Request], Answer],
    ) -> Callable[[MetadataApi, Request], Answer]:
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
        _ROUTES.append(_Route(method, path, pattern, answer))
        return answer

    return register


class MetadataApi:
    """The service's endpoints over a store; `paging` and `filtered_tasks` as of 2.5."""

    def __init__(self, store: MetadataStore, version: str, paging: bool, filters: bool) -> None:
        self.store = store
        self.version = version
        self.paging = paging
        self.filtered_tasks = filters

    def answer(self, method: str, target: str, body: bytes) -> tuple[str, Answer]:
        """The endpoint a request is for (`GET /flows/{flow}`; as asked if none), and the answer."""
        parts = urlsplit(target)
        for route in _ROUTES:
            found = route.pattern.fullmatch(parts.path)
            if route.method != method or found is None:
                continue
            names = {name: unquote(value) for name, value in found.groupdict().items()}
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            try:
                asked = Request(names, query, json.loads(body or b"{}"))
                return f"{method} {route.path}", route.answer(self, asked)
            except sqlite3.IntegrityError as error:
                text = json.dumps({"err_msg": str(error)})
                return f"{method} {route.path}", json_answer(text, 409 if "UNIQUE" in text else 404)
            except Exception as error:
                return f"{method} {route.path}", failure(error)
        return f"{method} {parts.path}", NOT_FOUND

    @_on("GET", "/ping")
    def ping(self, _: Request) -> Answer:
        return Answer("pong")

    @_on("GET", "/version")
    def show_version(self, _: Request) -> Answer:
        return Answer(self.version, versioned=False)

    @_on("GET", "/flows")
    def flows(self, asked: Request) -> Answer:
        return self._many("flow", asked, Where())

    @_on("GET", "/flows/{flow}")
    def flow(self, asked: Request) -> Answer:
        return self._one("flow", Where("it.flow_id = ?", (asked.names["flow"],)))

    @_on("POST", "/flows/{flow}")
    def create_flow(self, asked: Request) -> Answer:
        body = asked.body
        row = {"flow_id": asked.names["flow"], "user_name": body.get("user_name")}
        self.store.insert("flows", row | _tags(body) | {"ts_epoch": _now()})
        return self.flow(asked)

    @_on("GET", "/flows/{flow}/runs")
    def runs(self, asked: Request) -> Answer:
        where = Where("it.flow_id = ?", (asked.names["flow"],))
        for name, value in list(asked.query.items()):
            if self.paging and name.partition(":")[0] == "_tags":
                where = _tagged(where, name.partition(":")[2], value.split(","))
                # A filter turns paging on.
                asked.query.setdefault("_limit", "")
        return self._many(self._run_kind, asked, where)

    @_on("GET", _RUN)
    def run(self, asked: Request) -> Answer:
        return self._one(self._run_kind, self._within(asked.names))

    @_on("POST", "/flows/{flow}/run")
    def create_run(self, asked: Request) -> Answer:
        body = asked.body
        name = body.get("run_number")
        if name and name.isnumeric():
            raise ValueError("provided run_id may not be a numeric")
        row = {"flow_id": asked.names["flow"], "run_id": name, "user_name": body.get("user_name")}
        row |= _tags(body) | {"ts_epoch": _now(), "last_heartbeat_ts": _first_heartbeat(body)}
        number = self.store.insert("runs", row)
        return self._one("run", Where("it.run_number = ?", (number,)))

    @_on("POST", _RUN + "/heartbeat")
    def run_heartbeat(self, asked: Request) -> Answer:
        return self._heartbeat("runs", self._within(asked.names))

    @_on("PATCH", _RUN + "/tag/mutate")
    def mutate_tags(self, asked: Request) -> Answer:
        add, remove = asked.body.get("tags_to_add", []), asked.body.get("tags_to_remove", [])
        for name, tags in {"tags_to_add": add, "tags_to_remove": remove}.items():
            if not isinstance(tags, list):
                return json_answer(f"{name} must be a list", 400)
        if not all(isinstance(tag, str) for tag in [*add, *remove]):
            return json_answer("All tag values must be strings", 400)
        number = self._run_number(asked.names)
        with self.store.transaction():
            found = self.store.sql(
                "SELECT tags, system_tags FROM runs WHERE run_number = ?", number
            )
            if not found:
                return json_answer({}, 404)
            own, system = (set(json.loads(tags) or []) for tags in found[0])
            if kept := system & set(remove):
                return json_answer(f"Cannot remove tags that are existing system tags {kept}", 422)
            tags = sorted((own - set(remove)) | (set(add) - system))
            self.store.sql(
                "UPDATE runs SET tags = ? WHERE run_number = ?", json.dumps(tags), number
            )
        return json_answer({"tags": tags})

    @_on("GET", _RUN + "/steps")
    def steps(self, asked: Request) -> Answer:
        return rows_answer(self.store.listing("step", self._within(asked.names)))

    @_on("GET", _STEP)
    def step(self, asked: Request) -> Answer:
        return self._one("step", self._within(asked.names))

    @_on("POST", _STEP + "/step")
    def create_step(self, asked: Request) -> Answer:
        row = {"run_number": self._existing_run(asked.names), "step_name": asked.names["step"]}
        row |= {"user_name": asked.body.get("user_name", ""), "ts_epoch": _now()}
        self.store.insert("steps", row)
        return self.step(asked)

    @_on("GET", _STEP + "/tasks")
    def tasks(self, asked: Request) -> Answer:
        return self._many("task", asked, self._within(asked.names))

    @_on("GET", _STEP + "/filtered_tasks")
    def tasks_by_metadata(self, asked: Request) -> Answer:
        if not self.filtered_tasks:
            return NOT_FOUND
        number, step = self._run_number(asked.names), asked.names["step"]
        wanted = asked.query.get("metadata_field_name"), asked.query.get("pattern")
        return json_answer(self.store.matching_tasks(number, step, *wanted))

    @_on("GET", _TASK)
    def task(self, asked: Request) -> Answer:
        return self._one("task", self._within(asked.names))

    @_on("POST", _STEP + "/task")
    def create_task(self, asked: Request) -> Answer:
        name = asked.body.get("task_id")
        if name and name.isnumeric():
            refusal = {"message": "provided task_name may not be a numeric"}
            return json_answer(refusal, 400, versioned=False)
        number = self._existing_run(asked.names)
        row = {"run_number": number, "step_name": asked.names["step"], "task_name": name}
        row |= {"user_name": asked.body.get("user_name"), "ts_epoch": _now()}
        task = self.store.insert("tasks", row | {"last_heartbeat_ts": _first_heartbeat(asked.body)})
        if _first_heartbeat(asked.body):
            self._heartbeat("runs", Where("it.run_number = ?", (number,)))
        return self._one("task", Where("it.task_id = ?", (task,)))

    @_on("POST", _TASK + "/heartbeat")
    def task_heartbeat(self, asked: Request) -> Answer:
        number = self._run_number(asked.names)
        self._heartbeat("runs", Where("it.run_number = ?", (number,)))
        return self._heartbeat("tasks", self._within(asked.names))

    @_on("GET", _RUN + "/metadata")
    def metadata_of_run(self, asked: Request) -> Answer:
        return self._many("metadata", asked, self._within(asked.names))

    @_on("GET", _TASK + "/metadata")
    def metadata_of_task(self, asked: Request) -> Answer:
        newest_first = "it.ts_epoch DESC, it.id DESC"
        return self._many("metadata", asked, self._within(asked.names), order=newest_first)

    @_on("POST", _TASK + "/metadata")
    def create_metadata(self, asked: Request) -> Answer:
        fields = {"field_name": " ", "type": " ", "user_name": None}

        def row(datum: dict[str, Any]) -> dict[str, object]:
            own = {name: datum.get(name, default) for name, default in fields.items()}
            return own | _tags(datum) | {"value": as_text(datum.get("value", " "))}

        return self._create_of_task("metadata", asked, row)

    @_on("GET", _RUN + "/artifacts")
    @_on("GET", _STEP + "/artifacts")
    @_on("GET", _TASK + "/artifacts")
    def artifacts(self, asked: Request) -> Answer:
        where = self._within(asked.names)
        return self._many(
            "artifact",
            asked,
            where.and_also(_LATEST_ATTEMPT),
            # A page holds the latest of each name, whichever attempt it is of.
            paged=where.and_also(_LATEST_OF_NAME),
        )

    @_on("GET", _TASK + "/attempt/{attempt}/artifacts")
    def artifacts_of_attempt(self, asked: Request) -> Answer:
        where = self._within(asked.names)
        where = where.and_also("it.attempt_id = ?", int(asked.names["attempt"]))
        return rows_answer(self.store.listing("artifact", where), versioned=False)

    @_on("GET", _TASK + "/artifacts/{artifact}")
    def artifact(self, asked: Request) -> Answer:
        where = self._within(asked.names).and_also("it.name = ?", asked.names["artifact"])
        # The artifact `name` exists in every attempt and tells which is the latest.
        latest = "SELECT max(attempt_id) FROM artifacts a WHERE a.task_id = it.task_id"
        return self._one(
            "artifact", where.and_also(f"it.attempt_id = ({latest} AND name = 'name')")
        )

    @_on("GET", _TASK + "/artifacts/{artifact}/attempt/{attempt}")
    def artifact_of_attempt(self, asked: Request) -> Answer:
        where = self._within(asked.names).and_also("it.name = ?", asked.names["artifact"])
        return self._one("artifact", where.and_also("it.attempt_id = ?", asked.names["attempt"]))

    @_on("POST", _TASK + "/artifact")
    def create_artifacts(self, asked: Request) -> Answer:
        fields = ["name", "location", "ds_type", "sha", "type", "content_type", "user_name"]

        def row(artifact: dict[str, Any]) -> dict[str, object]:
            own = {name: artifact.get(name, " ") for name in fields}
            return own | {"attempt_id": artifact.get("attempt_id", 0)}

        return self._create_of_task("artifacts", asked, row)

    @property
    def _run_kind(self) -> str:
        """Runs show their verified owner since the version that pages."""
        return "owned run" if self.paging else "run"

    def _one(self, kind: str, where: Where) -> Answer:
        rows = self.store.listing(kind, where)
        return Answer(rows[0]) if rows else json_answer({}, 404)

    def _many(
        self,
        kind: str,
        asked: Request,
        where: Where,
        order: str | None = None,
        paged: Where | None = None,
    ) -> Answer:
        limit, cursor = asked.query.get("_limit"), asked.query.get("_cursor")
        if self.paging and kind in ("run", "owned run", "task"):
            for name in asked.query:
                if name.partition(":")[0] in _FILTERS:
                    return json_answer(f"the tests' service has no filter {name}", 501)
        if not self.paging or (limit is None and cursor is None):
            return rows_answer(self.store.listing(kind, where, order))
        after = None
        if cursor:
            try:
                after = cursor_key(cursor, LISTINGS[kind].key.split(", "))
            except (ValueError, KeyError):
                return json_answer("Invalid cursor", 400)
        size = min(int(limit), 500) if limit else 50
        rows, following = self.store.page(kind, paged or where, size, after)
        return page_answer(rows, size, following)

    def _create_of_task(
        self, table: str, asked: Request, row: Callable[[dict[str, Any]], dict[str, object]]
    ) -> Answer:
        number, task = self._run_number(asked.names), self._task_id(asked.names)
        if number < 0 or task < 0:
            refusal = {"message": "need to register run_id and task_id first"}
            return json_answer(refusal, 400, versioned=False)
        place = {"run_number": number, "step_name": asked.names["step"], "task_id": task}
        created = 0
        for given in asked.body:
            try:
                self.store.insert(table, place | row(given) | {"ts_epoch": _now()})
            except (TypeError, sqlite3.IntegrityError):
                # The real service counts what it could store and passes over the rest.
                continue
            created += 1
        return json_answer({f"{table}_created": created}, versioned=False)

    def _heartbeat(self, table: str, where: Where) -> Answer:
        """Store the time; 404 if there is no such row, or its heartbeat is not due yet."""
        now = int(time.time())
        due = where.and_also(
            "it.last_heartbeat_ts IS NULL OR it.last_heartbeat_ts <= ?", now - WAIT_SECONDS
        )
        stored = self.store.sql(
            f"UPDATE {table} AS it SET last_heartbeat_ts = ? WHERE {due.sql} RETURNING 1",
            now,
            *due.values,
        )
        # JSON within a JSON string: Metaflow's heartbeat sidecar decodes it twice.
        body = json.dumps({"wait_time_in_seconds": WAIT_SECONDS})
        return json_answer(body, 200 if stored else 404)

    def _within(self, names: dict[str, str]) -> Where:
        """The rows below the run, step and task that a path names."""
        where = Where("it.run_number = ?", (self._run_number(names),))
        if "step" in names:
            where = where.and_also("it.step_name = ?", names["step"])
        if "task" in names:
            where = where.and_also("it.task_id = ?", self._task_id(names))
        return where

    def _run_number(self, names: dict[str, str]) -> int:
        """The number of the run that a path names; -1 for none."""
        column = "run_number" if names["run"].isnumeric() else "run_id"
        found = self.store.sql(
            f"SELECT run_number FROM runs WHERE flow_id = ? AND {column} = ?",
            names["flow"],
            names["run"],
        )
        return int(found[0][0]) if found else -1

    def _existing_run(self, names: dict[str, str]) -> int:
        if (number := self._run_number(names)) < 0:
            raise KeyError("run_number")
        return number

    def _task_id(self, names: dict[str, str]) -> int:
        """The number of the task that a path names; -1 for none."""
        column = "task_id" if names["task"].isnumeric() else "task_name"
        found = self.store.sql(
            f"SELECT task_id FROM tasks WHERE run_number = ? AND step_name = ? AND {column} = ?",
            self._run_number(names),
            names["step"],
            names["task"],
        )
        return int(found[0][0]) if found else -1


def _tags(body: dict[str, Any]) -> dict[str, object]:
    return {name: json.dumps(body.get(name)) for name in ("tags", "system_tags")}


def _tagged(where: Where, how: str, tags: list[str]) -> Where:
    """Runs with all (any, if `how` says so) of some tags, the user's and the system's alike."""
    if how not in ("", "all", "any"):
        raise NotImplementedError(f"_tags:{how}")
    of_run = (
        "SELECT value FROM json_each(it.tags) UNION SELECT value FROM json_each(it.system_tags)"
    )
    each = [f"? IN ({of_run})" for _ in tags]
    return where.and_also((" OR " if how == "any" else " AND ").join(each), *tags)


def _first_heartbeat(body: dict[str, Any]) -> int | None:
    """A client that says its version sends heartbeats; the first counts from the start."""
    tags = body.get("system_tags") or []
    return int(time.time()) if any(t.startswith("metaflow_version:") for t in tags) else None


def _now() -> int:
    return round(time.time() * 1000)
