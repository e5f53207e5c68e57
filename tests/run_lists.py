"""Many flows with many runs each, made of recorded ones: what a list of runs has to cope with."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from flowtui.run_summary import RunKey, RunListChanges, RunSummary
from flowtui.sources.provider import Provider
from flowtui.sources.run_list import RunList
from tests.metadata_service_store import MetadataStore
from tests.runs import RecordedRun

OpenList = Callable[..., RunList]

SPACING = 60_000
"""Milliseconds between the creation of two runs."""


def grown_local(
    recorded: RecordedRun, root: Path, flows: int, runs: int, whole: int, user: str = "tester"
) -> Path:
    """A metadata tree of flows `Flow0000` … with the newest `whole` of all runs copies of a
    recorded one, its files shared; the others are rows alone. Its root; the runs end yesterday."""
    end = int(time.time() * 1000) - 48 * 3600_000
    tree = root / ".metaflow"
    for at, (flow, created_at) in enumerate(_places(flows, runs, end)):
        folder = tree / flow / f"{created_at * 1000}"
        (folder / "_meta").mkdir(parents=True)
        row = {
            "flow_id": flow,
            "run_number": folder.name,
            "ts_epoch": created_at,
            "tags": [],
            "system_tags": [f"user:{user}", "runtime:dev"],
        }
        (folder / "_meta" / "_self.json").write_text(json.dumps(row))
        (folder.parent / "_meta").mkdir(exist_ok=True)
        if at < whole:
            _share(recorded.directory, folder)
            if not (folder.parent / "data").exists():
                (folder.parent / "data").symlink_to(recorded.directory.parent / "data")
        (folder.parent / "_meta" / "_self.json").write_text(
            json.dumps({"flow_id": flow, "ts_epoch": end})
        )
    return root


def _share(of: Path, to: Path) -> None:
    for folder, _, files in os.walk(of):
        place = to / Path(folder).relative_to(of)
        place.mkdir(exist_ok=True)
        for name in files:
            if not (place / name).exists():
                os.link(os.path.join(folder, name), place / name)


def grown_service(
    store: MetadataStore, pathspec: str, flows: int, runs: int, whole: int, user: str = "tester"
) -> None:
    """The like in a service's database, beside what is there.

    Copies are of the recorded run's own flow, in whose datastore their artifacts are.
    """
    end = int(time.time() * 1000) - 48 * 3600_000
    [(first,)] = store.sql("SELECT max(run_number) + 1 FROM runs")
    [(original,)] = store.sql(
        "SELECT run_number FROM runs WHERE flow_id || '/' || run_number = ?", pathspec
    )
    names = [f"Flow{number:04}" for number in range(flows)]
    store.bulk("flows", ({"flow_id": name, "ts_epoch": end} for name in names))
    tags = json.dumps([f"user:{user}", "runtime:dev"])
    store.bulk(
        "runs",
        (
            {
                "run_number": first + at,
                "flow_id": flow if at >= whole else pathspec.partition("/")[0],
                "user_name": user,
                "ts_epoch": created_at,
                "last_heartbeat_ts": created_at // 1000 + 10,
                "tags": "[]",
                "system_tags": tags,
            }
            for at, (flow, created_at) in enumerate(_places(flows, runs, end))
        ),
    )
    for at in range(whole):
        _copy_rows(store, original, first + at)


def _copy_rows(store: MetadataStore, original: int, run: int) -> None:
    [(later,)] = store.sql("SELECT max(task_id) FROM tasks")
    other = {"run_number": str(run), "task_id": f"task_id + {later}"}
    with store.transaction():
        for table in ("steps", "tasks", "metadata", "artifacts"):
            columns = [str(name) for _, name, *_ in store.sql(f"PRAGMA table_info({table})")]
            # Metadata are numbered anew.
            kept = [name for name in columns if name != "id"]
            values = [other.get(name, name) for name in kept]
            store.sql(
                f"INSERT INTO {table} ({', '.join(kept)}) SELECT {', '.join(values)}"
                f" FROM {table} WHERE run_number = ?",
                original,
            )


def _places(flows: int, runs: int, end: int) -> Iterator[tuple[str, int]]:
    """Flow and time of each run, newest first; the flows take turns."""
    for at in range(flows * runs):
        yield f"Flow{at % flows:04}", end - at * SPACING


class Watched:
    """A list that is polled; the steady clock goes on by a second with each poll, and with a
    `haste` by so much each time it is read."""

    def __init__(
        self,
        open_list: OpenList,
        metadata: str,
        namespace: str | None = None,
        flow: str | None = None,
        ahead: float = 0.0,
    ) -> None:
        self.seconds, self.haste, self.ahead = 1000.0, 0.0, ahead
        self.metadata = metadata
        self.runs: dict[RunKey, RunSummary] = {}
        self.list = open_list(
            Provider(metadata, ""),
            namespace,
            flow,
            clock=lambda: time.time() + self.ahead,
            monotonic=self._monotonic,
        )

    def _monotonic(self) -> float:
        self.seconds += self.haste
        return self.seconds

    def poll(self) -> RunListChanges:
        """One poll, taken in."""
        # Metaflow's provider is one for the whole process: another one may have been chosen since.
        Provider(self.metadata, "")
        self.seconds += 1
        changes = self.list.poll()
        self.runs |= {summary.key: summary for summary in changes.runs}
        for key in changes.vanished:
            del self.runs[key]
        return changes

    def complete(self, seconds: float = 0.0) -> dict[RunKey, RunSummary]:
        """Poll until the picture is complete, once `seconds` have passed."""
        self.seconds += seconds
        for _ in range(1000):
            if not self.poll().more:
                return self.runs
        raise AssertionError("the picture is not complete after 1000 polls")

    def attend_all(self) -> dict[RunKey, RunSummary]:
        """Everything, looked into."""
        self.complete()
        self.list.attend([*self.runs])
        return self.complete()

    def states(self) -> dict[str, str | None]:
        """State by pathspec."""
        return {summary.pathspec: summary.state for summary in self.runs.values()}
