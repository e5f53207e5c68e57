"""The program without a run: the list, a run from it and back, and how it ends."""

from __future__ import annotations

import re
from pathlib import Path

from tests.hostile import short_payloads
from tests.program import SMALL, WIDE, assert_restored, monitor, printed
from tests.raw_terminal import assert_harmless
from tests.runs import RecordedRun
from tests.test_run_list_local import register


def test_without_arguments_all_runs_are_listed_and_one_is_opened(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    run = runs["failed"]
    with monitor("--namespace", "", root=run.root, home=tmp_path, size=SMALL) as screen:
        screen.wait_for_line("✗ failed", "FailedFlow", run.run, "train", "4/6")
        screen.press("/")
        screen.wait_for("words, !word")
        screen.press("flow:failed")
        screen.wait_for("2 of ", "/flow:failed")
        screen.press("enter")
        screen.wait_until(lambda now: now.count("flow:failed") == 1, "the filter is closed")
        screen.press("G")
        screen.wait_until(lambda now: re.search(rf"▸ ✗ failed +FailedFlow +{run.run}", now), "it")
        screen.press("enter")
        screen.wait_for_line(run.pathspec, "✗ failed")
        screen.wait_for("✗ train ×3")
        screen.press("escape")
        screen.wait_until(lambda now: re.search(rf"▸ ✗ failed +FailedFlow +{run.run}", now), "it")
        screen.wait_for("/flow:failed")
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)
    assert printed(screen.raw) == []


def test_a_flow_that_is_not_there_ends_the_program_with_a_sentence(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    with monitor("FailedFlo", root=runs["failed"].root, home=tmp_path) as screen:
        assert screen.exit_code() == 3
    assert_restored(screen)
    [said] = printed(screen.raw)
    assert "There is no flow 'FailedFlo'" in said
    assert "Did you mean FailedFlow?" in said


def test_a_service_that_is_not_there_ends_the_program(tmp_path: Path) -> None:
    (tmp_path / ".metaflow").mkdir()
    nowhere = "service@http://127.0.0.1:9"
    with monitor("--metadata", nowhere, root=tmp_path, home=tmp_path) as screen:
        assert screen.exit_code() == 4
    assert_restored(screen)
    [said] = printed(screen.raw)
    assert "does not answer" in said


def test_names_tags_and_users_are_shown_as_text(tmp_path: Path) -> None:
    texts = [payload.text for payload in short_payloads()]
    for number, text in enumerate(texts[:40]):
        row = {"tags": [text], "system_tags": [f"user:{text}"], "user_name": text}
        register(tmp_path, "Flow", f"{number}", at=1_700_000_000_000 + number, **row)
    with monitor("--namespace", "", root=tmp_path, home=tmp_path, size=WIDE) as screen:
        screen.wait_for_line("40 runs")
        screen.wait_for_line("local · ")
        screen.press("v", "v")
        screen.wait_for("per user")
        screen.press("q")
        assert screen.exit_code() == 0
    assert_harmless(screen.raw, WIDE)
