"""`flowtui demo` as a newcomer has it: it fails in the end, and `r` makes it succeed."""

from __future__ import annotations

import re
from pathlib import Path

from tests.program import assert_restored, monitor


def test_the_demo_fails_and_resume_heals_it(tmp_path: Path) -> None:
    extra = {"FLOWTUI_DEMO_PACE": "0.02"}
    with monitor("demo", root=tmp_path, home=tmp_path, extra=extra) as screen:
        screen.wait_for("DemoFlow/", "● running")
        screen.wait_for("✗ publish", "✗ failed", "◆1", "2 retried", seconds=90)
        screen.wait_for("ForecastRefusedError: the grid operator is down for maintenance")
        failed = re.search(r"DemoFlow/(\w+)", screen.text())
        assert failed is not None

        screen.press("r")
        screen.wait_for("11 tasks cloned, 2 to run.")
        screen.press("enter")
        screen.wait_for_line(f"resumed from {failed[1]}")
        screen.wait_for("✓ succeeded", "✓ publish", "↺11", seconds=60)
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)
    assert (tmp_path / "data" / "flowtui" / "demo" / ".metaflow" / "DemoFlow").is_dir()
