"""Runs whose every name, label, tag and line is a payload: written by hand, as local metadata."""

from __future__ import annotations

import hashlib
import json
import pickle
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

PREFIX = b"[MFLOG|0|2026-11-21T05:24:%02d.%06dZ|task|%d]"

Json = Mapping[str, Any]


def structured(lines: Iterable[bytes], first: int = 0) -> bytes:
    """Lines as Metaflow stores them, one microsecond after another."""
    return b"".join(
        PREFIX % (number // 1_000_000, number % 1_000_000, number) + line + b"\n"
        for number, line in enumerate(lines, first)
    )


def in_order(lines: Iterable[bytes]) -> list[bytes]:
    """Payloads as messages: a newline in one of them ends a line."""
    return [line for payload in lines for line in payload.split(b"\n")]


class LocalRun:
    """A run in local metadata under `root`; what is given of it is written at once.

    `step` and `task` take the name of a folder, and in `row` what the record says instead.
    """

    def __init__(
        self, root: Path, flow: str = "HostileFlow", run: str = "17", *, row: Json | None = None
    ) -> None:
        self.root, self.flow, self.run = root, flow, run
        self.tree = root / ".metaflow"
        self.folder = self.tree / flow / run
        self.now = int(time.time() * 1000)
        self._row: dict[str, Any] = {
            "flow_id": flow,
            "run_number": run,
            "user_name": "tester",
            "tags": [],
            "system_tags": ["user:tester", "runtime:dev"],
            "ts_epoch": self.now - 20_000,
        }
        _write(self.folder.parent / "_meta" / "_self.json", {**self._row, "run_number": None})
        _write(self.folder / "_meta" / "_self.json", {**self._row, **(row or {})})
        (self.folder.parent / "latest_run").write_text(run)

    @property
    def pathspec(self) -> str:
        return f"{self.flow}/{self.run}"

    def graph(self, info: Json, parameters: Json | None = None) -> None:
        """The artifacts `_graph_info`, and the parameters that it names, of `_parameters`."""
        self.step("_parameters")
        folder = self.task("_parameters", "0", {"attempt_ok": "True", "attempt-done": "0"})
        for name, value in {"_graph_info": info, **(parameters or {})}.items():
            blob = pickle.dumps(value, protocol=4)
            sha = hashlib.sha1(blob, usedforsecurity=False).hexdigest()
            stored = self.folder.parent / "data" / sha[:2] / sha
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_bytes(blob)
            row = {
                **self._row,
                "step_name": "_parameters",
                "task_id": "0",
                "attempt_id": 0,
                "name": name,
                "content_type": "pickle-v4",
                "type": "metaflow.artifact",
                "sha": sha,
                "ds_type": "local",
                "location": f":root:{self.tree}",
            }
            _write(folder / "_meta" / f"0_artifact_{name}.json", row)

    def step(self, name: str, row: Json | None = None) -> Path:
        folder = self.folder / name
        _write(folder / "_meta" / "_self.json", {**self._row, "step_name": name, **(row or {})})
        return folder

    def task(
        self,
        step: str,
        name: str,
        fields: Json,
        *,
        attempts: int = 1,
        row: Json | None = None,
        logs: Mapping[str, bytes] | None = None,
    ) -> Path:
        """A task whose last attempt has these fields of metadata; `logs` by name of the file."""
        folder = self.folder / step / name
        of_task = {**self._row, "step_name": step, "task_id": name, **(row or {})}
        _write(folder / "_meta" / "_self.json", of_task)
        last = attempts - 1
        told: list[tuple[int, str, Any]] = [(n, "attempt", str(n)) for n in range(attempts)]
        told += [(n, "attempt_ok", "False") for n in range(last)]
        told += [(last, field, value) for field, value in fields.items()]
        for at, (attempt, field, value) in enumerate(told):
            when = self.now - 10_000 + at
            record = {
                **of_task,
                "field_name": field,
                "type": field,
                "value": value,
                "tags": [f"attempt_id:{attempt}"],
                "ts_epoch": when,
            }
            _write(folder / "_meta" / f"sysmeta_{field}_{when}.json", record)
        for log, content in (logs or {}).items():
            (folder / log).write_bytes(content)
        return folder


def graph_info(
    work: Mapping[str, Any] | None = None, *, file: str = "hostile.py", more: Sequence[Json] = ()
) -> dict[str, Any]:
    """The graph start → work (foreach) → join → end; `work` is told besides of its steps."""

    def node(kind: str, *following: str, **told: Any) -> dict[str, Any]:
        base = {"type": kind, "next": list(following), "decorators": [], "doc": "", "line": 1}
        return {**base, "source_file": file, **(work or {}), **told}

    return {
        "file": file,
        "start_step": "start",
        "end_step": "end",
        "parameters": list(more),
        "steps": {
            "start": node("split-foreach", "work", foreach_artifact="items", matching_join="join"),
            "work": node("linear", "join"),
            "join": node("join", "end"),
            "end": node("end"),
        },
    }


def _write(path: Path, row: Json) -> None:
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
    # ASCII only: a lone surrogate is written as the escape that a hostile writer would use.
    path.write_text(json.dumps(row))
