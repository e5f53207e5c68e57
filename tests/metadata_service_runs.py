"""Real runs executed through the tests' metadata service, once, then cached with its rows.

The cache depends on the flows, on Metaflow's version and on the service's own source.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.metadata_service import MetadataService
from tests.runs import FIXED, FLOWS, flow_environment, launch

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

_SOURCES = ("", "_answers", "_api", "_store")
_FLOW_FILES = ("catch.py", "failed.py", "linear.py")


@dataclass(frozen=True)
class ServedRuns:
    """The recorded runs by scenario: `caught`, `failed`, `resumed`, and `old` of service 2.3.0."""

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
    for name in _FLOW_FILES:
        digest.update((FLOWS / name).read_bytes())
    root = cache / f"service-{digest.hexdigest()[:12]}"
    root.mkdir(parents=True, exist_ok=True)
    record = root / "runs.json"
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            for leftover in root.glob("*.db"):
                leftover.unlink()
            record.write_text(json.dumps(_execute(root)))
    pathspecs, exit_codes = json.loads(record.read_text())
    return ServedRuns(root, pathspecs, exit_codes)


def _execute(root: Path) -> tuple[dict[str, str], dict[str, int]]:
    with (
        MetadataService("2.5.1", db=root / "2.5.1.db") as new,
        MetadataService("2.3.0", paging=False, filtered_tasks=False, db=root / "2.3.0.db") as old,
    ):
        started = {
            "caught": ("CatchFlow", launch(root, "catch.py", "run", extra=new.environment)),
            "failed": ("FailedFlow", launch(root, "failed.py", "run", extra=new.environment)),
            "old": ("LinearFlow", launch(root, "linear.py", "run", extra=old.environment)),
        }
        process, id_file = started["failed"][1]
        process.wait(timeout=100)
        resume = ("resume", "--origin-run-id", id_file.read_text())
        again = launch(root, "failed.py", *resume, extra=FIXED | new.environment)
        started["resumed"] = ("FailedFlow", again)
        codes = {name: process.wait(timeout=100) for name, (_, (process, _)) in started.items()}
        pathspecs = {
            name: f"{flow}/{id_file.read_text()}" for name, (flow, (_, id_file)) in started.items()
        }
    return pathspecs, codes
