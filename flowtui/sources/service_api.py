"""The endpoints of a metaflow-service that are read, over one connection kept open."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from flowtui.sources.impatient import make_impatient
from flowtui.sources.metadata_rows import Rows
from flowtui.sources.provider import Provider

PAGE = 500
"""Rows on a page at most, the service's own limit."""


_VERSION = "METADATA_SERVICE_VERSION"


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first; `older` is the cursor of the page after this one, None at the end.

    `paged` is False when the service does not know pages: the rows are all there are.
    """

    rows: Rows
    older: str | None
    paged: bool


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a service can do: give metadata in pages, and answer `filtered_tasks`."""

    pages: bool
    queries: bool


class Connection:
    """Requests to a service, one at a time. `version` is what the service says it is, once it has
    answered."""

    def __init__(self, provider: Provider) -> None:
        from metaflow.plugins.metadata_providers.service import SERVICE_HEADERS

        self._provider = provider
        self._session = requests.Session()
        make_impatient(self._session)
        self._session.headers.update(SERVICE_HEADERS)
        self._one_at_a_time = threading.Lock()
        self.version: str | None = None

    def get(self, path: Sequence[str], query: Mapping[str, str]) -> tuple[Any, Mapping[str, str]]:
        """The JSON of an answer, None for 404, and its headers; raises Unreachable."""
        parts = "/".join(quote(part, safe="") for part in path)
        try:
            with self._one_at_a_time:
                answer = self._session.get(f"{self._provider.service_url}/{parts}", params=query)
            self.version = answer.headers.get(_VERSION, self.version)
            if answer.status_code == 404:
                return None, answer.headers
            if answer.status_code >= 400:
                raise self._provider.refused(answer.status_code)
            return answer.json(), answer.headers
        except Exception as error:
            raise self._provider.translated(error) from error

    def page(
        self, path: Sequence[str], needed: str, limit: int, query: Mapping[str, str]
    ) -> Page | None:
        """A page of at most `limit` rows that have what is `needed`; None for 404."""
        found, headers = self.get(path, {"_limit": str(limit), **query})
        if found is None:
            return None
        rows = self.checked(found, needed)
        return Page(rows, headers.get("X-Next-Cursor"), "X-Limit" in headers)

    def checked(self, found: Any, needed: str) -> Rows:
        """The rows of an answer; raises Unreachable for what is no list."""
        if not isinstance(found, list):
            raise self._provider.strange()
        return [row for row in found if isinstance(row, Mapping) and row.get(needed) is not None]

    def close(self) -> None:
        self._session.close()


class ServiceApi:
    """What is asked of one run."""

    def __init__(
        self, provider: Provider, flow: str, run: str, shared: Connection | None = None
    ) -> None:
        """A connection that is `shared` is not closed with this."""
        self._provider = provider
        self._runs = ("flows", flow, "runs")
        self._run = run
        self._shared = shared is not None
        self._connection = shared or Connection(provider)

    @property
    def version(self) -> str | None:
        """What the service says it is, once it has answered."""
        return self._connection.version

    def run(self) -> Mapping[str, Any] | None:
        """The run's row."""
        return self._row()

    def steps(self) -> Sequence[str]:
        """The names of the steps that have started, `_parameters` included."""
        return [str(row["step_name"]) for row in self._rows("steps", needed="step_name")]

    def tasks(self, step: str) -> Rows:
        """The rows of a step's tasks, with their heartbeats."""
        return self._rows("steps", step, "tasks", needed="task_id")

    def task(self, step: str, task: str) -> Mapping[str, Any] | None:
        """The row of one task, with its heartbeat."""
        return self._row("steps", step, "tasks", task)

    def task_metadata(self, step: str, task: str, run: str | None = None) -> Rows:
        """All rows of one task's metadata, also of another run of the same flow."""
        path = ("steps", step, "tasks", task, "metadata")
        return self._rows(*path, needed="field_name", run=run)

    def metadata(self, older_than: str | None = None, limit: int = PAGE) -> Page | None:
        """A page of the metadata of all tasks of the run; None when there is no such run."""
        query = {"_cursor": older_than} if older_than else {}
        path = (*self._runs, self._run, "metadata")
        return self._connection.page(path, "field_name", limit, query)

    def filtered_tasks(self, step: str, field: str, pattern: str) -> set[str] | None:
        """The ids of a step's tasks with a field that matches; None if it knows no such query."""
        query = {"metadata_field_name": field, "pattern": pattern}
        found, _ = self._get(("steps", step, "filtered_tasks"), query)
        if found is None:
            return None
        if not isinstance(found, list):
            raise self._provider.strange()
        return {str(pathspec).rpartition("/")[2] for pathspec in found}

    def abilities(self) -> Abilities:
        """What the service can do, by what it answers; a path it does not know has no version."""
        _, paged = self._get(("metadata",), {"_limit": "1"})
        query = {"metadata_field_name": "attempt_ok", "pattern": "^True$"}
        _, queried = self._get(("steps", "start", "filtered_tasks"), query)
        return Abilities(pages="X-Limit" in paged, queries=_VERSION in queried)

    def close(self) -> None:
        if not self._shared:
            self._connection.close()

    def _row(self, *path: str) -> Mapping[str, Any] | None:
        found, _ = self._get(path, {})
        if found is not None and not isinstance(found, Mapping):
            raise self._provider.strange()
        return found or None

    def _rows(self, *path: str, needed: str, run: str | None = None) -> Rows:
        found, _ = self._get(path, {}, run)
        return self._connection.checked([] if found is None else found, needed)

    def _get(
        self, path: Sequence[str], query: Mapping[str, str], run: str | None = None
    ) -> tuple[Any, Mapping[str, str]]:
        return self._connection.get((*self._runs, run or self._run, *path), query)


class FlowsApi:
    """What is asked of all flows and their runs, over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def flows(self) -> Rows:
        """The rows of all flows."""
        found, _ = self._connection.get(("flows",), {})
        return self._connection.checked([] if found is None else found, "flow_id")

    def runs(
        self, flow: str, tag: str | None, older_than: str | None = None, limit: int = PAGE
    ) -> Page:
        """A page of a flow's runs; a service that has pages leaves out those without the tag."""
        query = {"_cursor": older_than} if older_than else {}
        # A comma would have the service look for two tags.
        if tag is not None and "," not in tag:
            query["_tags"] = tag
        page = self._connection.page(("flows", flow, "runs"), "run_number", limit, query)
        return page or Page((), None, paged=True)
