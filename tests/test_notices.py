"""Notices of a run: when there is one, and what each terminal and desktop is given of it."""

from __future__ import annotations

import stat
from base64 import b64decode
from pathlib import Path

import pytest

from flowtui.actions.desktop import desktop_command, show_on_desktop
from flowtui.model import Changes, Ms, RunStatus, State
from flowtui.notices import Notice, Watch, for_terminal
from flowtui.store import RunStore
from tests.hostile import payloads
from tests.raw_terminal import odd_characters
from tests.runs import eventually
from tests.scripted_run import RUN, START, work

RUNNING, FAILED, LOST, SUCCEEDED = State.RUNNING, State.FAILED, State.LOST, State.SUCCEEDED


def told(*pictures: tuple[State, State | None]) -> list[str]:
    """The titles of what is told when a run and its task 2 go through these states."""
    store, watch, titles = RunStore(RUN), Watch(), []
    for run, task in pictures:
        tasks = () if task is None else (work(2, task),)
        finished = Ms(START + 90_000) if run is not RUNNING else None
        store.apply(Changes(START, status=RunStatus(run, "…", finished), tasks=tasks))
        notice = watch.look(store)
        titles += [notice.title] if notice else []
    return titles


FIRST = "ManyFlow/7: work failed"


@pytest.mark.parametrize(
    ("pictures", "titles"),
    [
        ([(RUNNING, None), (RUNNING, RUNNING), (SUCCEEDED, SUCCEEDED)], ["ManyFlow/7 succeeded"]),
        ([(RUNNING, None), (RUNNING, FAILED), (RUNNING, FAILED)], [FIRST]),
        ([(RUNNING, None), (RUNNING, LOST)], ["ManyFlow/7: work lost"]),
        ([(RUNNING, None), (RUNNING, State.WAITING), (RUNNING, State.CAUGHT)], []),
        ([(RUNNING, RUNNING), (RUNNING, FAILED), (FAILED, FAILED)], [FIRST, "ManyFlow/7 failed"]),
        ([(RUNNING, RUNNING), (FAILED, FAILED)], ["ManyFlow/7 failed"]),
        ([(RUNNING, RUNNING), (FAILED, RUNNING), (FAILED, FAILED)], ["ManyFlow/7 failed"]),
        ([(State.PENDING, None), (LOST, None)], ["ManyFlow/7 lost"]),
        # What was so when the run was opened.
        ([(SUCCEEDED, None), (SUCCEEDED, SUCCEEDED)], []),
        ([(FAILED, FAILED), (LOST, FAILED)], []),
        ([(RUNNING, FAILED), (RUNNING, FAILED), (FAILED, FAILED)], ["ManyFlow/7 failed"]),
        # A launcher that was out of reach for a while.
        (
            [(RUNNING, None), (LOST, None), (RUNNING, None), (LOST, None), (SUCCEEDED, None)],
            ["ManyFlow/7 lost"],
        ),
        (
            [(RUNNING, None), (LOST, None), (RUNNING, None), (SUCCEEDED, None)],
            ["ManyFlow/7 lost", "ManyFlow/7 succeeded"],
        ),
        # A task that was lost, came back, and failed.
        ([(RUNNING, None), (RUNNING, LOST), (RUNNING, RUNNING), (RUNNING, FAILED)],
         ["ManyFlow/7: work lost"]),
    ],
)  # fmt: skip
def test_a_run_is_told_of_once_when_it_first_fails_and_when_it_ends(
    pictures: list[tuple[State, State | None]], titles: list[str]
) -> None:
    assert told(*pictures) == titles


def test_a_notice_says_why_or_how_long_it_took() -> None:
    store, watch = RunStore(RUN), Watch()
    watch.look(store)
    store.apply(Changes(START, tasks=(work(3, FAILED),)))
    assert watch.look(store) == Notice(FIRST, "work/3 (items=item-3): is failed")
    store.apply(Changes(START, tasks=(work(3),)))
    store.apply(Changes(START, status=RunStatus(SUCCEEDED, "…", Ms(START + 90_000))))
    assert watch.look(store) == Notice("ManyFlow/7 succeeded", "1 task in 1m30s")


# Terminals

NOTICE = Notice("A/1 failed", "work/2: exit; code 1")
OSC_9 = "\x1b]9;A/1 failed: work/2: exit, code 1\x1b\\"
OSC_777 = "\x1b]777;notify;A/1 failed;work/2: exit, code 1\x1b\\"
OSC_99 = (
    "\x1b]99;i=flowtui:e=1:d=0:p=title;QS8xIGZhaWxlZA==\x1b\\"
    "\x1b]99;i=flowtui:e=1:d=1:p=body;d29yay8yOiBleGl0OyBjb2RlIDE=\x1b\\"
)


@pytest.mark.parametrize(
    ("environment", "sequence"),
    [
        ({}, OSC_9),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, OSC_9),
        ({"TERM": "foot"}, OSC_777),
        ({"TERM": "rxvt-unicode-256color"}, OSC_777),
        ({"TERM": "xterm-ghostty"}, OSC_777),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, OSC_777),
        ({"TERM": "xterm-kitty"}, OSC_99),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, OSC_99),
        ({"TERM": "linux"}, ""),
        ({"TERM": "screen", "STY": "1.pts-0"}, ""),
        ({"TERM": "dumb"}, ""),
        (
            {"TERM": "screen-256color", "TMUX": "/tmp/tmux-0/default,1,0"},
            f"\x1bPtmux;{OSC_9.replace(chr(27), chr(27) * 2)}\x1b\\",
        ),
        (
            {"TERM": "tmux-256color", "TMUX": "x", "GHOSTTY_RESOURCES_DIR": "/g"},
            f"\x1bPtmux;{OSC_777.replace(chr(27), chr(27) * 2)}\x1b\\",
        ),
    ],
)
def test_a_terminal_is_told_in_the_one_protocol_it_knows(
    environment: dict[str, str], sequence: str
) -> None:
    assert for_terminal(NOTICE, environment) == sequence


@pytest.mark.parametrize("term", ["xterm", "foot", "xterm-kitty"])
def test_no_text_gets_out_of_its_sequence(term: str) -> None:
    store, environment = RunStore(RUN), {"TERM": term}
    frame = for_terminal(Notice("", ""), environment).count("\x1b")
    for payload in payloads():
        watch = Watch()
        watch.look(store)
        hostile = work(2, FAILED)
        object.__setattr__(hostile, "reason", payload.text)
        store.apply(Changes(START, tasks=(hostile,)))
        notice = watch.look(store)
        assert notice
        assert len(notice.body) <= 240
        sequence = for_terminal(notice, environment)
        assert sequence.count("\x1b") == frame
        assert not odd_characters(sequence.replace("\x1b", ""))
        if term == "xterm-kitty":
            assert b64decode(sequence.split(";")[-1][:-2]).decode() == notice.body
        else:
            assert sequence.count(";") == {"xterm": 1, "foot": 3}[term]
        store.apply(Changes(START, tasks=(work(2, RUNNING),)))


# Desktops


def test_a_desktop_is_told_where_there_is_one() -> None:
    assert desktop_command("A/1 failed", "why", "linux", {}) is None
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
        command = desktop_command("A/1 failed", "why", "linux", {name: ":0"})
        assert command == ["notify-send", "--app-name=flowtui", "--", "A/1 failed", "why"]
    command = desktop_command("--title", '"& quit', "darwin", {})
    assert command
    assert command[0] == "osascript"
    assert command[-3:] == ["--", "--title", '"& quit']


def test_the_body_is_no_markup_to_a_desktop() -> None:
    command = desktop_command("t", r"<a href='x'>\x1b & b</a>", "linux", {"DISPLAY": ":0"})
    assert command
    assert command[-1] == r"&lt;a href='x'&gt;\\x1b &amp; b&lt;/a&gt;"


def test_a_program_that_shows_notices_gets_them_as_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_on_desktop("t", "b", platform="linux", environment={"DISPLAY": ":0"})  # Is none there?
    script, record = tmp_path / "notify-send", tmp_path / "argv"
    script.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {record}.part\nmv {record}.part {record}\n'
    )
    script.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    show_on_desktop("A/1 failed", "$(x); `y`", platform="linux", environment={"DISPLAY": ":0"})
    eventually(record.exists, "the script has run")
    assert record.read_text().splitlines() == [
        *("--app-name=flowtui", "--", "A/1 failed", "$(x); `y`"),
    ]
