"""The program as a person has it: a run in progress, its failure, its resume, at every size."""

from __future__ import annotations

import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.program import (
    SMALL,
    WIDE,
    assert_restored,
    monitor,
    printed,
    run_ids,
    running_flow,
    wait_for_focus,
)
from tests.runs import RecordedRun
from tests.terminal import Terminal

FLOWS = Path(__file__).parent / "flows"
FAILED_RED, SUCCEEDED_GREEN, RUNNING_BLUE = "ff6c6b", "7ec97e", "61afef"


class Gates:
    """What lets the steps of `watched.py` go on, one by one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def open(self, *names: str) -> None:
        for name in names:
            (self.folder / name).touch()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A place for metadata of the test's own."""
    (tmp_path / "metaflow").mkdir()
    return tmp_path / "metaflow"


@pytest.fixture
def failed(runs: dict[str, RecordedRun], root: Path) -> RecordedRun:
    """A failed run that may be changed: a copy of the recorded one."""
    recorded = runs["failed"]
    folder = root / ".metaflow" / recorded.flow
    shutil.copytree(recorded.directory, folder / recorded.run)
    shutil.copytree(recorded.directory.parent / "data", folder / "data")
    return RecordedRun(recorded.flow, recorded.run, root, recorded.flow_file, recorded.exit_code)


def test_a_run_is_watched_to_its_failure_and_resumed_to_success(tmp_path: Path, root: Path) -> None:
    gates = Gates(tmp_path / "gates")
    with running_flow(
        "watched.py", "run", "--gates", str(gates.folder), root=root, home=tmp_path
    ) as (flow, run):
        with monitor("WatchedFlow/@latest", root=root, home=tmp_path, size=WIDE) as screen:
            screen.wait_for_line(f"WatchedFlow/{run}", "● running", "●1")
            screen.wait_for("● start", "· train ×?", "· join", "· end")
            assert screen.colour("● start") == RUNNING_BLUE

            gates.open("start")
            screen.wait_for_line("● running", "1 of 6 tasks", "●3", "✓1")
            screen.wait_for("✓ start", "● train ×3", "· join", "· end")
            for country in ("FI", "SE", "NO"):
                screen.wait_for_line(f"countries={country}", "●", "running")

            gates.open("FI-0", "SE-0")
            screen.wait_for_line("● running", "3 of 6 tasks", "●1", "✓3")
            screen.wait_for("●1 ✓2")
            for country in ("FI", "SE"):
                screen.wait_for_line(f"countries={country} ✓ ", "succeeded")

            gates.open("NO-0")
            screen.wait_for_line("countries=NO ✗● ", "running", "% cpu")
            screen.wait_for_line("● running", "3 of 6 tasks", "1 retried")

            gates.open("NO-1")
            screen.wait_for_line(f"WatchedFlow/{run}", "✗ failed", "✗1", "✓3", "1 retried")
            screen.wait_for_line("countries=NO ✗✗ ", "failed")
            screen.wait_for("train/4 failed", "✗ train ×3", "✗1 ✓2", "– join", "– end")
            assert screen.colour("✗ failed") == FAILED_RED
            assert flow.wait(30) == 1

            screen.press("!")
            wait_for_focus(screen, "train · foreach")
            screen.wait_for_line("▸ 4", "countries=NO")
            screen.wait_for_line("attempt 0 ✗", "attempt 1 ✗")
            screen.wait_for("│training NO", "│ValueError: no data for NO")

            screen.press("enter")
            screen.wait_for("Traceback (most recent call last):")
            assert screen.lines()[0].split() == [f"WatchedFlow/{run}/train/4", "countries=NO"]
            assert "╭─ graph" not in screen.text()
            screen.press("[")
            screen.wait_for("stdout · attempt 0")

            screen.press("escape")
            screen.wait_for("╭─ graph")

            screen.press("r")
            screen.wait_for("3 tasks cloned, 3 to run.", "flow file", "command")
            # Where the command is wrapped depends on how long the paths are.
            screen.wait_for("watched.py", " resume", "--origin-run-id", run)
            assert re.search(r"train +↺ 2 +● 1", screen.text())
            assert run_ids(root, "WatchedFlow") == [run]

            screen.press("enter")
            screen.wait_for(f"↺ resumed from {run}")
            screen.wait_for_line("● running", "↺3")
            gates.open("join")
            screen.wait_for_line("✓ succeeded", "6 of 6 tasks", "✓3", "↺3")
            screen.wait_for("↺ start", "✓1 ↺2", "✓ join", "✓ end")
            assert screen.colour("✓ succeeded") == SUCCEEDED_GREEN
            first, second = run_ids(root, "WatchedFlow")
            assert first == run
            assert f"WatchedFlow/{second}" in screen.lines()[0]

            screen.press("escape")
            screen.wait_for_line(f"WatchedFlow/{run}", "✗ failed")
            screen.press("q")
            assert screen.exit_code() == 0
        assert_restored(screen)
        assert printed(screen.raw) == []


def test_a_small_terminal_leads_the_same_way_from_failure_to_resume(
    failed: RecordedRun, tmp_path: Path
) -> None:
    extra = {"FLOWTUI_TEST_FIXED": "1"}
    with monitor(
        failed.pathspec, root=failed.root, home=tmp_path, size=SMALL, extra=extra
    ) as screen:
        screen.wait_for_line(failed.pathspec, "✗ failed")
        screen.wait_for("4 of 6 tasks  ✗1  ✓3", "✗ train ×3", "– join")
        assert screen.lines()[2].split() == ["Graph", "Tasks", "Logs"]
        assert "countries=" not in screen.text()

        screen.press("tab")
        screen.wait_for_line("▸ 4", "countries=NO", "✗", "failed")
        assert "✗ train ×3" not in screen.text()

        screen.press("tab", "tab")
        screen.wait_until(
            lambda now: "ValueError: no data for NO" in now and "countries=NO" not in now,
            "the logs alone are shown",
        )

        screen.press("!")
        wait_for_focus(screen, "train · foreach")
        screen.wait_for_line("▸ 4", "countries=NO")
        screen.press("enter")
        screen.wait_for(f"{failed.pathspec}/train/4")
        screen.wait_for("ValueError: no data for NO")
        screen.press("escape")
        screen.wait_for("Graph")

        screen.press("r")
        screen.wait_for("3 tasks cloned, 3 to run.", "--origin-run-id")
        screen.wait_for("failed.py", " resume", "--origin-run-id", failed.run)
        screen.press("enter")
        screen.wait_for(f"resumed from {failed.run}")
        screen.wait_for_line("✓ succeeded")
        assert len(run_ids(failed.root, failed.flow)) == 2
        screen.press("q")
        assert screen.exit_code() == 0


AWKWARD_SIZES = [(80, 24), (200, 60), (40, 10), (1, 1), (120, 40)]


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("", "failed.py:18 in train"),
        ("enter", "failed.py:18 in train   raise ValueError"),
        ("r", "the run kept no copy of its code"),
        ("?", "Show these keys"),
        (":", "Go to the task that failed first"),
    ],
    ids=["run", "log", "resume", "help", "palette"],
)
def test_every_screen_looks_the_same_after_a_trip_through_other_sizes(
    key: str, shown: str, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    run = runs["failed"]
    with monitor(f"{run.pathspec}/train/4", root=run.root, home=tmp_path) as screen:
        wait_for_focus(screen, "train · foreach")
        # What a dialog is drawn over must not change any more either.
        screen.wait_for("ValueError: no data for NO", "This attempt wrote nothing to stdout.")
        screen.press(key)
        screen.wait_for(shown)
        before = settled(screen)
        for columns, rows in AWKWARD_SIZES:
            screen.resize(columns, rows)
            if columns > 1:
                # In a single cell nothing changes that would be written.
                screen.wait_for_output()
        screen.resize(*WIDE)
        screen.wait_until(lambda now: lasting(now) == before, f"the same as before:\n{before}")
        screen.send_signal(signal.SIGTERM)
        assert screen.exit_code() == 143
    assert_restored(screen)


def settled(screen: Terminal) -> str:
    """The screen once it stays as it is: what is read may end within a frame."""
    while True:
        before = lasting(screen.text())
        for _ in range(2):
            screen.wait_for_output()
        if lasting(screen.text()) == before:
            return before


def lasting(screen: str) -> str:
    """The screen without the picture's age, and without scrollbars, which round as they like."""
    without_age = re.sub(r"local · .*", "", screen)
    without_bars = re.sub(r".│", "│", re.sub(r"[▁-█]", " ", without_age))
    return re.sub(r" +$", "", without_bars, flags=re.MULTILINE)
