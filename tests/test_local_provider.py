"""Local metadata told without Metaflow is what Metaflow tells; where it may not be, it is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flowtui.sources.provider import Provider
from flowtui.sources.registry import Where, open_provider
from tests.runs import RecordedRun

ASK = """
import json, sys
from flowtui.sources.local_provider import plainly_local
from flowtui.sources.provider import Provider
asked = json.loads(sys.argv[1])
plain = plainly_local(*asked)
told = [str(plain.local_root), plain.namespace] if plain else None
assert "metaflow" not in sys.modules
provider = Provider(*asked)
print(json.dumps([told, [str(provider.local_root), provider.namespace], provider.type]))
"""

PLAIN = {"METAFLOW_USER": "ada", "METAFLOW_HOME": "nowhere"}


def told(
    at: Path, environment: Mapping[str, str], metadata: str | None, namespace: str | None
) -> Any:
    """Root and namespace without Metaflow, with it, and the kind of provider."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("METAFLOW")}
    ended = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps([metadata, namespace])],
        env={**kept, **PLAIN, **environment},
        cwd=at,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder below one with metadata, beside another with metadata."""
    for folder in ("here/.metaflow", "there/.metaflow", "here/below"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("environment", "metadata", "namespace", "root", "inside"),
    [
        ({}, None, None, "here", "user:ada"),
        ({}, None, "", "here", None),
        ({}, "local", "production:x", "here", "production:x"),
        ({}, "local@{place}/there", None, "there", "user:ada"),
        ({"METAFLOW_DATASTORE_SYSROOT_LOCAL": "{place}/there"}, None, None, "there", "user:ada"),
        ({"METAFLOW_USER": "root", "SUDO_USER": "bob"}, None, None, "here", "user:bob"),
        ({"METAFLOW_PRODUCTION_TOKEN": "t"}, None, None, "here", "production:t"),
    ],
)
def test_folder_and_namespace_are_what_metaflow_takes(
    environment: dict[str, str],
    metadata: str | None,
    namespace: str | None,
    root: str,
    inside: str | None,
    place: Path,
) -> None:
    filled = {name: value.format(place=place) for name, value in environment.items()}
    where = metadata.format(place=place) if metadata else None
    plain, asked, kind = told(place / "here/below", filled, where, namespace)
    assert plain == asked == [str(place / root / ".metaflow"), inside]
    assert kind == "local"


@pytest.mark.parametrize("settings", ["home", "local"])
def test_where_metaflow_has_settings_it_is_asked(settings: str, place: Path) -> None:
    there = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(place / "there")}
    home = place / "home"
    home.mkdir()
    file = home / "config.json" if settings == "home" else place / "here/.metaflow/config.json"
    file.write_text(json.dumps(there))
    plain, asked, _ = told(place / "here", {"METAFLOW_HOME": str(home)}, None, None)
    assert plain is None
    assert asked == [str(place / "there/.metaflow"), "user:ada"]


def test_where_metaflow_has_another_extension_it_is_asked(place: Path) -> None:
    extension = place / "path/metaflow_extensions/acme/plugins"
    extension.mkdir(parents=True)
    plain, _, _ = told(place / "here", {"PYTHONPATH": str(place / "path")}, None, None)
    assert plain is None


def test_it_reads_the_rows_that_metaflow_reads(runs: dict[str, RecordedRun]) -> None:
    run = runs["nested_foreach"]
    where = Where(f"local@{run.root}", namespace="")
    plain, asked = open_provider(where), Provider(where.metadata, where.namespace)
    assert type(plain) is not type(asked)

    def rows(provider: Provider, kind: str, part: str, *path: str) -> list[Any]:
        return sorted(provider.list(kind, part, *path), key=json.dumps)

    path = (run.flow, run.run)
    for question in (
        ("root", "flow"),
        ("flow", "run", run.flow),
        ("run", "step", *path),
        ("step", "task", *path, "title"),
        ("flow", "self", run.flow),
        ("run", "self", *path),
        ("step", "self", *path, "title"),
    ):
        found = rows(plain, *question)
        assert found
        assert found == rows(asked, *question)
    assert plain.row("run", run.flow, "17") is None
    assert plain.row("flow", "NoFlow") is None
    assert plain.environment() == asked.environment()
    assert str(plain) == str(asked)
