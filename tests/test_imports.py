"""What importing a part of flowtui brings along: start-up stays quick, headless parts headless."""

from __future__ import annotations

import subprocess
import sys


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
    assert not loaded & {"textual", "metaflow", "psutil", "requests", "fast_sugiyama"}


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
