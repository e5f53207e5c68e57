"""Every scenario of `tests.runs` executed through the tests' metadata service, once, then cached.

The cache depends on the flows, on Metaflow's version and on the service's own source.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.metadata_service import MetadataService
from tests.runs import FIXED, FLOWS, PACKAGED, SCENARIOS, eventually, flow_environment, launch

AT_ONCE = 2
"""Flows recorded at the same time."""

_READ = """
import json, sys
from metaflow import Run, Flow, namespace
from metaflow.exception import MetaflowNamespaceMismatch
run = Run(sys.argv[1])
seen = {
    "latest": Flow(run.path_components[0]).latest_run.pathspec,
    "successful": run.successful,
    "origin": {t.pathspec: t.metadata_dict["origin-run-id"] for s in run for t in s},
    "artifacts": {s.id: sorted(s.task.data._artifacts) for s in run},
    "tags": sorted(run.user_tags),
}
run.add_tag("read")
seen["then"] = sorted(Run(sys.argv[1]).user_tags)
try:
    seen["parents"] = [t.path_components[-1] for t in run["join"].task.parent_tasks]
except Exception as error:
    seen["parents"] = str(error)
namespace("user:somebody-else")
try:
    Run(sys.argv[1])
except MetaflowNamespaceMismatch:
    seen["hidden"] = True
print(json.dumps(seen))
"""

_SOURCES = ("", "_answers", "_api", "_runs", "_store")

Ran = tuple[str, int]
"""The pathspec of a run, and the exit code of its launcher."""


@dataclass(frozen=True)
class ServedRuns:
    """The recorded runs by scenario, and two linear ones in databases of their own: `old`, through
    service 2.3.0, and `packaged`, with a code package."""

    root: Path
    pathspecs: dict[str, str]
    exit_codes: dict[str, int]

    def database(self, to: Path, version: str = "2.5.1") -> Path:
        """A copy of the rows in folder `to`, for a service of the test's own."""
        return Path(shutil.copy(self.root / f"{version}.db", to))

    def read(self, service: MetadataService, scenario: str) -> Any:
        """What Metaflow's client, in a process of its own, makes of a run; it adds a tag to it."""
        result = subprocess.run(
            [sys.executable, "-c", _READ, self.pathspecs[scenario]],
            env=flow_environment(self.root, service.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


def served_runs(cache: Path) -> ServedRuns:
    """The runs, executed now unless the cache holds them."""
    digest = hashlib.sha256(version("metaflow").encode())
    for name in _SOURCES:
        digest.update((Path(__file__).parent / f"metadata_service{name}.py").read_bytes())
    for _, flow_file, _ in SCENARIOS.values():
        digest.update((FLOWS / flow_file).read_bytes())
    root = cache / f"service-{digest.hexdigest()[:12]}"
    root.mkdir(parents=True, exist_ok=True)
    record = root / "runs.json"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            for leftover in root.glob("*.db"):
                leftover.unlink()
            shutil.rmtree(root / ".metaflow", ignore_errors=True)
            record.write_text(json.dumps(_execute(root)))
    pathspecs, exit_codes = json.loads(record.read_text())
    return ServedRuns(root, pathspecs, exit_codes)


def _execute(root: Path) -> tuple[dict[str, str], dict[str, int]]:
    with (
        MetadataService("2.5.1", db=root / "2.5.1.db") as new,
        MetadataService("2.3.0", paging=False, filtered_tasks=False, db=root / "2.3.0.db") as old,
        MetadataService("2.5.1", db=root / "packaged.db") as packaged,
        ThreadPoolExecutor(max_workers=AT_ONCE) as pool,
    ):
        recorders = {name: _plain(name, root, new) for name in SCENARIOS}
        recorders["launcher_killed"] = lambda: _launcher_killed(root, new)
        # All count runs from 1: each has a datastore of its own.
        recorders["old"] = lambda: _run("linear", root / "old", old)
        recorders["packaged"] = lambda: _run("linear", root / "packaged", packaged, **PACKAGED)
        # What it waits for stands before it in the queue.
        recorders["resumed"] = lambda: _resumed(root, new, running["failed"].result()[0])
        running = {name: pool.submit(recorders[name]) for name in recorders}
        ran = {name: future.result() for name, future in running.items()}
    return {name: run for name, (run, _) in ran.items()}, {
        name: code for name, (_, code) in ran.items()
    }


def _plain(scenario: str, root: Path, service: MetadataService) -> Callable[[], Ran]:
    return lambda: _run(scenario, root, service)


def _run(scenario: str, root: Path, service: MetadataService, *arguments: str, **extra: str) -> Ran:
    flow, flow_file, _ = SCENARIOS[scenario]
    process, id_file = launch(
        root, flow_file, *(arguments or ("run",)), extra=service.environment | extra
    )
    code = process.wait(timeout=100)
    return f"{flow}/{id_file.read_text()}", code


def _resumed(root: Path, service: MetadataService, origin: str) -> Ran:
    run = origin.partition("/")[2]
    return _run("resumed", root, service, "resume", "--origin-run-id", run, **FIXED)


def _launcher_killed(root: Path, service: MetadataService) -> Ran:
    """A run whose launcher and step process are killed while `wait` runs; nothing lives on."""
    flow, flow_file, _ = SCENARIOS["launcher_killed"]
    gate = root / "killed.gate"
    gate.touch()
    process, _ = launch(root, flow_file, "run", "--gate", str(gate), extra=service.environment)
    started = (
        "SELECT r.run_number FROM runs r JOIN metadata m ON m.run_number = r.run_number"
        " WHERE r.flow_id = ? AND m.step_name = 'wait' AND m.field_name = 'attempt'"
    )
    eventually(lambda: service.store.sql(started, flow), "`wait` has started")
    [(run,)] = service.store.sql(started, flow)
    os.killpg(process.pid, signal.SIGKILL)
    code = process.wait(timeout=30)
    gate.unlink()
    return f"{flow}/{run}", code
