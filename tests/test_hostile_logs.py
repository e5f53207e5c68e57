"""Thousands of hostile lines in logs, each of them shown, in every way that a log can be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowtui.logs.sanitise import plain_text
from tests.hostile import payloads, shows
from tests.hostile_runs import LocalRun, graph_info, in_order, structured
from tests.program import assert_restored, monitor, wait_for_focus
from tests.raw_terminal import assert_framed, assert_harmless, odd_characters
from tests.runs import eventually
from tests.terminal import Terminal

TALL, WIDE = (120, 160), (150, 50)
HEADER = "HostileFlow/17"

MESSAGES = in_order(b"#%05d %b #%05d" % (n, payload.raw, n) for n, payload in enumerate(payloads()))
"""Every payload between two numbers, of which it may hide both; one with newlines is some lines."""

LAST = b"#99999 the end"

_LINE = re.compile(r"line ([\d,]+) · ")
_PLACE = re.compile(r"· (?:line [\d,]+ · )?(\d+)%")

KEPT = """#!/bin/sh
cp "$1" "$HOME/paged"
"""
"""A pager that keeps what it is to show."""


@pytest.fixture
def run(tmp_path: Path) -> LocalRun:
    """A failed task whose last attempt wrote all payloads, as the one before it did otherwise."""
    made = LocalRun(tmp_path / "metaflow")
    made.graph(graph_info())
    made.step("start")
    made.step("work")
    made.task("start", "1", {"attempt_ok": "True"})
    made.task(
        "work",
        "2",
        {"attempt_ok": "False", "foreach-stack": ["items=a"]},
        attempts=2,
        logs={
            "0.task_stdout.log": structured([*MESSAGES[::3], LAST]),
            "0.task_stderr.log": b"\n".join([*reversed(MESSAGES[:2000]), LAST]),
            "1.task_stdout.log": structured([*MESSAGES, LAST]),
            "1.runtime_stdout.log": b"",
            "1.task_stderr.log": b"\n".join([*MESSAGES[1::3], LAST, b""]),
            "1.runtime_stderr.log": structured(MESSAGES[2::40]),
        },
    )
    return made


@contextmanager
def reading(run: LocalRun, home: Path, size: tuple[int, int]) -> Iterator[Terminal]:
    """The run screen, at the task that failed."""
    pager = home / "pager"
    pager.write_text(KEPT)
    pager.chmod(0o755)
    extra = {"PAGER": str(pager)}
    target = f"{run.pathspec}/work/2"
    with monitor(target, root=run.root, home=home, size=size, extra=extra) as screen:
        screen.wait_for(HEADER, "#99999 the end")
        wait_for_focus(screen, "work · foreach")
        yield screen
        screen.press("q")
        assert screen.exit_code() == 0
    assert_restored(screen)


def open_log(screen: Terminal) -> None:
    """Go to the task's log, on stdout."""
    screen.press("enter")
    screen.wait_for(f"{HEADER}/work/2", "stdout · attempt 1", "esc back")
    screen.press("tab")
    wait_for_focus(screen, "stdout · attempt 1")


def paged(screen: Terminal, most: int = 1000) -> int:
    """Go from the first line down page by page, to the end at most; how many pages it was."""
    screen.press("g")
    screen.wait_until(lambda shown: _places(shown) == [1], "the first line")
    for page in range(1, most + 1):
        before = _places(screen.text())
        screen.press(" ")
        screen.wait_until(lambda shown, before=before: _places(shown) != before, "the next page")  # type: ignore[misc]
        if not _places(screen.text()):
            return page
    return most


def _places(shown: str) -> list[int]:
    """The numbers of the lines on top of logs that are not at their end."""
    return [int(number.replace(",", "")) for number in _LINE.findall(shown)]


def expected_numbers() -> set[str]:
    """Those of the payloads that leave one of theirs within the first 50 characters."""
    return {
        number
        for message in MESSAGES
        for number in re.findall(r"#\d{5}", plain_text(message)[:50])
        if int(number[1:]) < len(payloads())
    }


def test_every_payload_of_a_log_is_shown_and_does_nothing(run: LocalRun, tmp_path: Path) -> None:
    with reading(run, tmp_path, TALL) as screen:
        open_log(screen)
        screen.press("z")
        screen.wait_until(lambda shown: "stderr ·" not in shown, "stdout alone is shown")
        assert_framed(screen, header=HEADER)
        assert paged(screen) > len(MESSAGES) // TALL[1]
        assert_framed(screen, header=HEADER)
        screen.wait_for("#99999 the end")
    written = assert_harmless(screen.raw, TALL)
    expected = expected_numbers()
    assert len(expected) > len(payloads()) * 0.95
    assert not expected - set(re.findall(r"#\d{5}", written.text))
    for number, payload in enumerate(payloads()):
        if shows(payload) and payload.kind in ("markup", "format") and len(payload.text) < 100:
            assert f"#{number:05} {payload.text.rstrip()}" in written.text


def test_every_way_to_look_at_a_hostile_log_is_harmless(run: LocalRun, tmp_path: Path) -> None:
    with reading(run, tmp_path, WIDE) as screen:
        screen.press("L")
        screen.wait_for(f"{HEADER}/work  0 running", "#99999 the end")
        assert_framed(screen, header=HEADER)
        screen.press("escape")
        wait_for_focus(screen, "work · foreach")

        open_log(screen)
        screen.press("g")
        screen.wait_until(lambda shown: _places(shown) == [1], "the first line")
        screen.press("/")
        screen.wait_for("search: a regular expression")
        screen.press(r"\[@click=app|\x9b|�", "enter")
        screen.wait_for(" · match 1")
        screen.press("n", "n", "N")
        screen.wait_for(" · match 2")
        screen.press("&")
        screen.wait_for("show only lines with")
        screen.press(r"\[/?bold\]|\]52;c", "enter")
        screen.wait_until(lambda shown: re.search(r" of [\d,]+ lines with ", shown), "a filter")
        assert_framed(screen, header=HEADER)
        screen.press("&")
        screen.wait_until(lambda shown: "esc back" not in shown, "the line to type in")
        screen.press("escape")
        screen.wait_until(lambda shown: "lines with " not in shown, "all lines are back")
        screen.press("/")
        screen.wait_for("search: a regular expression")
        screen.press("escape")
        screen.wait_until(lambda shown: " · match" not in shown, "the search is over")
        for key in ("w", "t", "J"):
            screen.press(key)
            paged(screen, 2)
            assert_framed(screen, header=HEADER)
        screen.press("w", "t", "J", "m")
        screen.wait_for("output · attempt 1")
        wait_for_focus(screen, "output · attempt 1")
        paged(screen, 4)
        screen.press("y")
        screen.wait_for("Copied ")
        screen.press("o")
        eventually((tmp_path / "paged").exists, "the pager has been given the log")
        screen.wait_until(
            lambda shown: shown.count("╭") == 1 and "output · attempt 1" in shown, "the log again"
        )
        assert_framed(screen, header=HEADER)
        screen.press("m")
        screen.wait_for("stdout · attempt 1", "stderr · attempt 1")

        screen.press("d")
        screen.wait_for("stdout · difference ")
        for number in range(2, 12):
            screen.press("n")
            screen.wait_for(f"stdout · difference {number}/")
        screen.press("u", "tab")
        screen.wait_for("stderr · difference ")
        screen.press("y")
        screen.wait_for("Copied ")
        screen.press("escape")
        screen.wait_for("stdout · attempt 1", "stderr · attempt 1")
    written = assert_harmless(screen.raw, WIDE, copies=2, starts=2)
    for copied in written.copied:
        assert copied.count("\n") > 1000
        assert not odd_characters(copied.replace("\n", "").replace("\t", ""))
    pages = (tmp_path / "paged").read_bytes().decode()
    assert not odd_characters(pages.replace("\n", "").replace("\t", ""))
    assert "#99999 the end" in pages
