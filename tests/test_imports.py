"""What importing a part of flowtui brings along: start-up stays quick, headless parts headless."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.runs import RecordedRun, flow_environment


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{n.split('.')[0] for n in sys.modules}}))"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    return set(ended.stdout.split())


def test_the_command_line_starts_without_textual_and_without_metaflow() -> None:
    loaded = loaded_by("import flowtui.cli.main")
    assert "flowtui" in loaded
    assert not loaded & {"textual", "metaflow", "psutil", "requests"}


PRINTS_ITS_MODULES = """
import atexit, sys
from flowtui.cli.main import main
atexit.register(lambda: print(*sorted({n.split(".")[0] for n in sys.modules}), file=sys.stderr))
main()
"""


@pytest.mark.parametrize(
    "arguments",
    ["show {run}", "show --json", "logs {run}", "watch {run}", "info", "show --help"],
)
def test_a_headless_command_loads_no_textual_and_no_metaflow_for_local_runs(
    arguments: str, runs: dict[str, RecordedRun]
) -> None:
    recorded = runs["linear"]
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            PRINTS_ITS_MODULES,
            *arguments.format(run=recorded.pathspec).split(),
        ],
        env=flow_environment(recorded.root),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(ended.stderr.splitlines()[-1].split())
    assert "flowtui" in loaded
    # What is configured `info` asks Metaflow itself.
    assert not loaded & ({"textual"} if arguments == "info" else {"textual", "metaflow"})


def test_the_version_needs_neither_the_model_nor_settings() -> None:
    code = "import flowtui.cli.main, sys; print(*(n for n in sys.modules if 'flowtui' in n))"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert not set(ended.stdout.split()) & {"flowtui.model", "flowtui.config.values"}


HEADLESS = [
    "model",
    "status",
    "times",
    "store",
    "graph.draw",
    "sources.registry",
    "logs.document",
    "poller",
    "actions.launch",
    "actions.preview",
    "actions.resume",
    "actions.demo",
    "catalogue",
    "config",
    "theme",
    "picture",
    "report.watching",
]


def test_what_is_left_of_the_widgets_does_not_load_textual() -> None:
    loaded = loaded_by("\n".join(f"import flowtui.{name}" for name in HEADLESS))
    assert "textual" not in loaded


def test_metaflow_is_loaded_when_a_source_is_opened_and_not_before() -> None:
    assert "metaflow" not in loaded_by("import flowtui.app, flowtui.report.run")


def test_the_model_stands_on_the_standard_library_alone() -> None:
    ours = loaded_by("import flowtui.model, flowtui.status") - loaded_by("pass")
    assert ours - set(sys.stdlib_module_names) == {"flowtui"}
