"""The demo: fails half a minute in, having shown every state, and succeeds once resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowtui.actions import resume
from flowtui.actions.demo import FLOW_FILE, FLOW_NAME, DemoRun, demo_environment, start_demo
from flowtui.actions.launch import Launch
from flowtui.model import RunDescription
from tests.runs import eventually


@pytest.fixture
def home(tmp_path: Path, state_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose user has a service profile, which the demo must leave alone."""
    config = tmp_path / "config"
    config.mkdir()
    settings = {"METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": "http://nowhere:1"}
    for name in ("config.json", "config_work.json"):
        (config / name).write_text(json.dumps(settings))
    monkeypatch.setenv("METAFLOW_HOME", str(config))
    monkeypatch.setenv("METAFLOW_PROFILE", "work")
    monkeypatch.setenv("METAFLOW_DEFAULT_METADATA", "service")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("FLOWTUI_DEMO_PACE", "0.05")
    return tmp_path


def ended(launch: Launch) -> int:
    eventually(lambda: launch.exit_code() is not None, "the demo ends", 90)
    code = launch.exit_code()
    assert code is not None
    return code


def attempts(demo: DemoRun, run: str) -> dict[str, list[str]]:
    """Step → per task, its attempts: `T` or `F` by `attempt_ok`, `c` for a clone."""
    folder = demo.root / ".metaflow" / FLOW_NAME / run
    seen: dict[str, list[str]] = {}
    for meta in sorted(folder.glob("[!_]*/[0-9]*/_meta"), key=lambda meta: int(meta.parent.name)):
        records = [json.loads(path.read_text()) for path in meta.glob("sysmeta_attempt_ok_*")]
        records.sort(key=lambda record: str(record["tags"]))
        cloned = any(meta.glob("sysmeta_origin-task-id_*"))
        outcomes = "c" if cloned else "".join(record["value"][0] for record in records)
        seen.setdefault(meta.parent.parent.name, []).append(outcomes)
    return seen


def test_the_demo_shows_retries_a_catch_and_a_failure_that_resume_heals(home: Path) -> None:
    demo = start_demo()
    assert ended(demo.launch) == 1
    run = demo.launch.poll_run_id()
    assert run is not None, demo.launch.failure()
    assert demo.root == home / "data" / "flowtui" / "demo"
    assert attempts(demo, run) == {
        "start": ["T"],
        "audit": ["T"],
        "fetch": ["T"],
        "train": ["T", "T", "FT", "FFT", "T", "T"],
        "collect": ["T"],
        "combine": ["T"],
        "publish": ["F"],
    }
    caught = list((demo.root / ".metaflow").rglob("*_artifact__catch_exception.json"))
    assert [(path.parents[2].name, path.name[0]) for path in caught] == [("train", "2")]

    assert list((demo.root / ".metaflow" / FLOW_NAME / run / "train").glob("*/0.task_stdout.log"))

    resume.check_flow_file(FLOW_FILE, FLOW_NAME)
    again = resume.start(
        resume.plan(
            RunDescription(FLOW_NAME, run, "local"),
            FLOW_FILE,
            cwd=home,
            environment=demo.environment,
        )
    )
    assert ended(again) == 0, again.log_path.read_text()
    resumed = again.poll_run_id()
    assert resumed is not None
    assert attempts(demo, resumed) == {
        "start": ["c"],
        "audit": ["c"],
        "fetch": ["c"],
        "train": ["c"] * 6,
        "collect": ["c"],
        "combine": ["c"],
        "publish": ["T"],
        "end": ["T"],
    }


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ({}, "demo"),
        ({"USER": "root"}, "demo"),
        ({"METAFLOW_USER": ""}, "demo"),
        ({"USER": "ada"}, "ada"),
        ({"METAFLOW_USER": "grace", "USER": "ada"}, "grace"),
    ],
)
def test_the_demo_has_a_user_that_metaflow_accepts(
    users: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in users.items():
        monkeypatch.setenv(name, value)
    asked = subprocess.run(
        [sys.executable, "-c", "from metaflow.util import get_username; print(get_username())"],
        env={**os.environ, **demo_environment(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout.strip() == expected


def test_the_demo_flow_needs_metaflow_alone() -> None:
    source = FLOW_FILE.read_text()
    assert "import flowtui" not in source
    assert "from flowtui" not in source
