"""The real Metaflow runs that tests read: each flow of `tests/flows/` executed once, then cached.

A run is cached by the source of its flow and Metaflow's version, so that a second test session
starts at once. All runs share one local metadata root, as they would on a laptop.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

FLOWS = Path(__file__).parent / "flows"
USER = "tester"
FIXED = {"FLOWTUI_TEST_FIXED": "1"}
PACKAGED = {"METAFLOW_FEAT_ALWAYS_UPLOAD_CODE_PACKAGE": "1"}
"""Stores a code package, as runs with a remote step do."""


@dataclass(frozen=True)
class RecordedRun:
    """A run that has taken place: where it is and how its launcher ended."""

    flow: str
    run: str
    root: Path
    flow_file: Path
    exit_code: int

    @property
    def pathspec(self) -> str:
        return f"{self.flow}/{self.run}"

    @property
    def directory(self) -> Path:
        return self.root / ".metaflow" / self.flow / self.run


def flow_environment(root: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a flow or a flowtui whose metadata is the local tree under `root`.

    The interpreter's folder leads PATH: Metaflow starts num_parallel mappers as plain `python`.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith("METAFLOW")}
    return kept | {
        "METAFLOW_USER": USER,
        "METAFLOW_HOME": str(root / "no-metaflow-config"),
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(root),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONDONTWRITEBYTECODE": "1",
        **(extra or {}),
    }


def launch(
    root: Path,
    flow_file: str,
    *arguments: str,
    extra: Mapping[str, str] | None = None,
    python: Path = Path(sys.executable),
) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a flow in its own session; returns the launcher and the file its run id goes to."""
    root.mkdir(parents=True, exist_ok=True)
    id_file = root / f"{Path(flow_file).name}-{time.time_ns()}.id"
    command = [str(python), str(FLOWS / flow_file), *arguments, "--run-id-file", str(id_file)]
    output = id_file.with_suffix(".log").open("wb")
    with output:
        process = subprocess.Popen(
            command,
            env=flow_environment(root, extra),
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return process, id_file


def eventually(condition: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait until `condition` holds; fail with `what` when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def _plain(flow_file: str) -> Callable[[Path, _Recorder], tuple[str, int]]:
    def record(root: Path, recorder: _Recorder) -> tuple[str, int]:
        process, id_file = launch(root, flow_file, "run", extra=recorder.extra)
        code = process.wait(timeout=120)
        return id_file.read_text(), code

    return record


def _resumed(origin: str, flow_file: str) -> Callable[[Path, _Recorder], tuple[str, int]]:
    def record(root: Path, recorder: _Recorder) -> tuple[str, int]:
        first = recorder.get(origin)
        process, id_file = launch(
            root, flow_file, "resume", "--origin-run-id", first.run, extra=FIXED
        )
        code = process.wait(timeout=120)
        return id_file.read_text(), code

    return record


def _launcher_killed(root: Path, recorder: _Recorder) -> tuple[str, int]:
    """A run whose launcher and step process are killed while `wait` runs; nothing lives on."""
    gate = root / "killed.gate"
    gate.touch()
    process, id_file = launch(root, "killed.py", "run", "--gate", str(gate))
    eventually(id_file.exists, "the run has an id")
    run = id_file.read_text()
    wait = root / ".metaflow" / "KilledFlow" / run / "wait"
    eventually(lambda: list(wait.glob("*/_meta/sysmeta_attempt_*")), "`wait` has started")
    os.killpg(process.pid, signal.SIGKILL)
    code = process.wait(timeout=30)
    gate.unlink()
    return run, code


# name → (flow, file, how to record it)
SCENARIOS: dict[str, tuple[str, str, Callable[[Path, _Recorder], tuple[str, int]]]] = {
    "linear": ("LinearFlow", "linear.py", _plain("linear.py")),
    "branch": ("BranchFlow", "branch.py", _plain("branch.py")),
    "foreach": ("ForeachFlow", "foreach.py", _plain("foreach.py")),
    "nested_foreach": ("NestedForeachFlow", "nested_foreach.py", _plain("nested_foreach.py")),
    "switch": ("SwitchFlow", "switch.py", _plain("switch.py")),
    "loop": ("LoopFlow", "loop.py", _plain("loop.py")),
    "parallel": ("ParallelFlow", "parallel.py", _plain("parallel.py")),
    "retry": ("RetryFlow", "retry.py", _plain("retry.py")),
    "catch": ("CatchFlow", "catch.py", _plain("catch.py")),
    "catch_killed": ("CatchKilledFlow", "catch_killed.py", _plain("catch_killed.py")),
    "timeout": ("TimeoutFlow", "timeout.py", _plain("timeout.py")),
    "segfault": ("SegfaultFlow", "segfault.py", _plain("segfault.py")),
    "failed": ("FailedFlow", "failed.py", _plain("failed.py")),
    "resumed": ("FailedFlow", "failed.py", _resumed("failed", "failed.py")),
    "launcher_killed": ("KilledFlow", "killed.py", _launcher_killed),
}


class _Recorder:
    """Gives recorded runs by scenario name, running what the cache does not hold."""

    def __init__(self, cache: Path, extra: Mapping[str, str] | None = None) -> None:
        self.extra = extra
        self.root = cache / f"metaflow-{version('metaflow')}"
        self.root.mkdir(parents=True, exist_ok=True)

    def get(self, name: str) -> RecordedRun:
        flow, flow_file, record = SCENARIOS[name]
        source = (FLOWS / flow_file).read_bytes()
        digest = hashlib.sha256(source).hexdigest()[:12]
        entry = self.root / f"{name}-{digest}.json"
        with locked(entry.with_suffix(".lock")):
            if not entry.exists():
                run, code = record(self.root, self)
                entry.write_text(json.dumps({"run": run, "exit_code": code}))
        stored = json.loads(entry.read_text())
        return RecordedRun(flow, stored["run"], self.root, FLOWS / flow_file, stored["exit_code"])

    def all(self) -> dict[str, RecordedRun]:
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
            return dict(zip(SCENARIOS, pool.map(self.get, SCENARIOS), strict=True))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that all test processes heed; `path` is a file for it alone."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def recorded_runs(cache: Path) -> dict[str, RecordedRun]:
    """Every scenario's run, executed now where the cache holds none."""
    return _Recorder(cache).all()


def packaged_run(cache: Path) -> RecordedRun:
    """The linear run with a code package, as those that have a remote step."""
    return _Recorder(cache / "packaged", PACKAGED).get("linear")
