"""Fixtures shared by all tests: the recorded runs, and a Metaflow that reads their metadata."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.runs import RecordedRun, flow_environment, recorded_runs


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden-update", action="store_true", help="write the drawings in tests/golden anew"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Point Metaflow at the recorded runs before anything imports it."""
    for name in [name for name in os.environ if name.startswith("METAFLOW")]:
        del os.environ[name]
    cache = _cache(config) / "unset"
    os.environ.update(
        {k: v for k, v in flow_environment(cache).items() if k.startswith("METAFLOW")}
    )


def _cache(config: pytest.Config) -> Path:
    return Path(config.rootpath) / ".pytest_cache" / "flowtui-runs"


@pytest.fixture(scope="session")
def runs(pytestconfig: pytest.Config) -> dict[str, RecordedRun]:
    """Scenario name → the real run recorded for it."""
    return recorded_runs(_cache(pytestconfig))


@pytest.fixture
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user state directory of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"
