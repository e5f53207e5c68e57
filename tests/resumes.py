"""Runs resumed for real, from a step or without one: each once, then cached, as the runs are.

A resume is cached by its flow's source, its origin and the step. They have a metadata root of their
own, so that the recorded runs stay the newest of their flows.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from flowtui.actions.resume import ResumeOptions, plan
from flowtui.model import Target
from flowtui.sources.registry import Where, open_source
from flowtui.store import RunStore
from tests.runs import FIXED, RecordedRun, flow_environment, launch, locked


def read(run: RecordedRun) -> RunStore:
    """All that flowtui knows of a run."""
    where = Where(metadata=f"local@{run.root}", namespace="")
    _, source = open_source(Target(run.flow, run.run), where)
    store = RunStore(source.describe())
    while True:
        changes = source.poll()
        store.apply(changes)
        if not changes.more:
            source.close()
            return store


def happened(run: Path) -> Mapping[str, tuple[int, int]]:
    """Step → tasks cloned, tasks executed, of the run whose local metadata is in this directory.

    Metaflow notes an `origin-task-id` for each clone.
    """
    seen = {}
    for step in run.iterdir():
        metas = [path / "_meta" for path in step.iterdir() if path.name != "_meta"]
        if step.name not in ("_parameters", "_meta"):
            clones = sum(any(meta.glob("sysmeta_origin-task-id_*")) for meta in metas)
            seen[step.name] = (clones, len(metas) - clones)
    return seen


def recorded(source: str, cache: Path) -> RecordedRun:
    """The run of a flow `F` with this source, executed now where it has not been yet."""
    root = cache / f"metaflow-{version('metaflow')}-sources"
    root.mkdir(parents=True, exist_ok=True)
    entry = root / f"F-{hashlib.sha256(source.encode()).hexdigest()[:16]}.json"
    flow_file = entry.with_suffix(".py")
    with locked(entry.with_suffix(".lock")):
        if not entry.exists():
            flow_file.write_text(source)
            process, id_file = launch(root, str(flow_file), "run", "--max-workers", "1")
            code = process.wait(timeout=110)
            entry.write_text(json.dumps({"run": id_file.read_text(), "exit_code": code}))
    stored = json.loads(entry.read_text())
    return RecordedRun("F", stored["run"], root, flow_file, stored["exit_code"])


def resumed(origin: RecordedRun, step: str | None, *, mended: str | None = None) -> RecordedRun:
    """The run that a resume of `origin` from `step` has made, as `plan` says, without live logs.

    `mended` is the source of a flow that does not fail any more.
    """
    root = origin.root.with_name(f"{origin.root.name}-resumes")
    source = mended or origin.flow_file.read_text()
    digest = hashlib.sha256(f"{origin.run}\n{step}\n{source}".encode()).hexdigest()[:16]
    entry = root / f"{origin.flow}-{step}-{digest}.json"
    root.mkdir(exist_ok=True)
    with locked(entry.with_suffix(".lock")):
        if not entry.exists():
            flow_file = origin.flow_file
            if mended is not None:
                flow_file = entry.with_suffix(".py")
                flow_file.write_text(mended)
            run, code = _resume(_copied(origin, root), flow_file, step)
            entry.write_text(json.dumps({"run": run, "exit_code": code}))
    stored = json.loads(entry.read_text())
    return RecordedRun(origin.flow, stored["run"], root, origin.flow_file, stored["exit_code"])


def _copied(origin: RecordedRun, root: Path) -> RecordedRun:
    """The same run under another root."""
    copy = RecordedRun(origin.flow, origin.run, root, origin.flow_file, origin.exit_code)
    with locked(root / f"{origin.flow}.lock"):
        if not copy.directory.exists():
            for part in ("data", origin.run):
                where = copy.directory.parent / part
                shutil.copytree(origin.directory.parent / part, where, dirs_exist_ok=True)
    return copy


def _resume(origin: RecordedRun, flow_file: Path, step: str | None) -> tuple[str, int]:
    """The new run's id and the exit code."""
    planned = plan(
        read(origin).description,
        flow_file,
        cwd=origin.root,
        environment=flow_environment(origin.root, FIXED),
        options=ResumeOptions(step=step),
        live_logs=False,
    )
    id_file = origin.root / f"{flow_file.name}-{time.time_ns()}.id"
    with id_file.with_suffix(".log").open("wb") as output:
        ended = subprocess.run(
            [*planned.argv, "--run-id-file", str(id_file)],
            env=dict(planned.environment),
            cwd=planned.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=110,
            check=False,
        )
    return id_file.read_text(), ended.returncode
