"""What the program does when what it reads is not there, goes away, or comes back."""

from __future__ import annotations

import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.program import AT_ONCE, assert_restored, monitor, printed
from tests.runs import RecordedRun
from tests.service import metaflow_service


@pytest.fixture
def failed(runs: dict[str, RecordedRun], tmp_path: Path) -> RecordedRun:
    """A failed run that may be moved and removed: a copy of the recorded one."""
    recorded = runs["failed"]
    root = tmp_path / "metaflow"
    folder = root / ".metaflow" / recorded.flow
    shutil.copytree(recorded.directory, folder / recorded.run)
    shutil.copytree(recorded.directory.parent / "data", folder / "data")
    for kept in recorded.directory.parent.glob("_meta"):
        shutil.copytree(kept, folder / "_meta")
    return RecordedRun(recorded.flow, recorded.run, root, recorded.flow_file, recorded.exit_code)


def test_a_step_and_a_task_in_the_target_are_where_it_opens(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    run = runs["foreach"]
    with monitor(f"{run.pathspec}/visit/3", root=run.root, home=tmp_path) as screen:
        screen.wait_for_line("▸ 3", "countries=SE")
        screen.wait_for("─ visit/3 ─", "This attempt wrote nothing to stderr.")
        screen.press("k")
        screen.wait_for_line("▸ 2", "countries=FI")
        screen.press("q")
        assert screen.exit_code() == 0


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("FailedFlow/{run}/trian", "has no step 'trian'"),
        ("FailedFlow/{run}/train/99", "has no task '99'"),
        ("FailedFlow/17", "Flow FailedFlow has no run '17'. Newest runs:"),
        ("FaildFlow/@latest", "Did you mean FailedFlow?"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    target: str, sentence: str, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    run = runs["failed"]
    with monitor(target.format(run=run.run), root=run.root, home=tmp_path) as screen:
        assert screen.exit_code() == 3
    assert_restored(screen)
    (line,) = printed(screen.raw)
    assert line.startswith("flowtui: ")
    assert sentence in line


def test_a_service_that_is_not_there_is_said_in_one_line(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        extra = {"METAFLOW_DEFAULT_METADATA": "service", "METAFLOW_SERVICE_URL": url}
        run = runs["failed"]
        with monitor(run.pathspec, root=run.root, home=tmp_path, extra=extra) as screen:
            assert screen.exit_code() == 4
    assert_restored(screen)
    (line,) = printed(screen.raw)
    assert line.startswith(f"flowtui: service@{url} does not answer")


@pytest.mark.parametrize(
    ("leave", "code"), [("q", 0), ("ctrl+c", 130), (signal.SIGTERM, 143)], ids=str
)
def test_leaving_does_not_wait_for_a_service_that_hangs(
    leave: str | signal.Signals, code: int, runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    run = runs["failed"]
    with metaflow_service(run.root) as service:
        extra = service.environment()
        with monitor(run.pathspec, root=run.root, home=tmp_path, extra=extra) as screen:
            screen.wait_for_line("countries=NO", "failed")
            service.answers.clear()
            screen.press("f5")
            assert service.asked.wait(20)
            began = time.monotonic()
            if isinstance(leave, str):
                screen.press(leave)
            else:
                screen.send_signal(leave)
            assert screen.exit_code() == code
            seconds = screen.ended_at - began
        print(f"{leave} while the service hangs: ended after {seconds:.2f} s")
        assert seconds < AT_ONCE
    assert_restored(screen)


def test_leaving_does_not_wait_for_the_first_answer(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    run = runs["failed"]
    with metaflow_service(run.root) as service:
        service.answers.clear()
        extra = service.environment()
        with monitor(run.pathspec, root=run.root, home=tmp_path, extra=extra) as screen:
            screen.wait_for("Reading the run")
            assert service.asked.wait(20)
            began = screen.press("q")
            assert screen.exit_code() == 0
            assert screen.ended_at - began < AT_ONCE
    assert_restored(screen)


def test_a_run_served_by_a_metaflow_service_has_its_graph(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    run = runs["failed"]
    with metaflow_service(run.root) as service:
        extra = service.environment()
        with monitor(run.pathspec, root=run.root, home=tmp_path, extra=extra) as screen:
            screen.wait_for("✓ start", "✗ train ×3", "– join", "– end", "4 of 6 tasks")


def test_an_outage_keeps_the_picture_and_ends_by_itself(
    failed: RecordedRun, tmp_path: Path
) -> None:
    options = ("--interval", "0.1")
    with monitor(failed.pathspec, *options, root=failed.root, home=tmp_path) as screen:
        screen.wait_for("countries=NO", "ValueError: no data for NO")
        away = failed.root / "away"
        (failed.root / ".metaflow").rename(away)
        screen.wait_for_line("no longer there")
        assert "✗ train ×3" in screen.text()
        assert "ValueError: no data for NO" in screen.text()
        away.rename(failed.root / ".metaflow")
        screen.wait_for("train/4 failed: attempt_ok=False", "local · now")
        assert "no longer there" not in screen.text()


def test_a_run_that_is_deleted_stays_on_the_screen(failed: RecordedRun, tmp_path: Path) -> None:
    options = ("--interval", "0.1")
    with monitor(failed.pathspec, *options, root=failed.root, home=tmp_path) as screen:
        screen.wait_for("countries=NO", "ValueError: no data for NO")
        shutil.rmtree(failed.directory)
        screen.wait_for_line(f"Run {failed.pathspec} is no longer there.")
        screen.press("!")
        screen.wait_for_line("▸ 4", "countries=NO", "failed")
        assert "✗ train ×3" in screen.text()
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)
