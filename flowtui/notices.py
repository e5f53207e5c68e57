"""What is worth a notice of a run that is watched, and how a terminal is asked to show one."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, State, Task
from flowtui.store import RunStore
from flowtui.times import span

_LONGEST_TITLE, _LONGEST_BODY = 120, 240
"""Characters; kitty takes no more than 2048 bytes at once."""

_URXVT = ("rxvt-unicode", "foot", "wezterm", "ghostty", "xterm-ghostty")
"""What terminals are known by that have the protocol of urxvt."""

_DEAF = ("linux", "dumb", "screen")
"""Terminals that would print what they do not know, or take it for a title."""

_ESCAPE = "\x1b"


@dataclass(frozen=True, slots=True)
class Notice:
    """Plain text, each of one line: what has happened, and why."""

    title: str
    body: str


class Watch:
    """Says once each that a run has its first failure, and how it ended.

    Nothing is said of what was so when the run was opened.
    """

    def __init__(self) -> None:
        self._before: State | None = None
        self._ended: set[State] = set()
        self._failed = False

    def look(self, store: RunStore) -> Notice | None:
        """What is new in a store, whose first picture is complete when this is called first."""
        state, before = store.status.state, self._before
        self._before = state
        if before is None:
            self._failed, self._ended = store.first_failure() is not None, {state}
            return None
        pathspec = store.description.pathspec
        if state in FINISHED:
            if before in FINISHED or state in self._ended:
                return None
            self._ended.add(state)
            self._failed = True
            return _notice(f"{pathspec} {state}", _how(store))
        failure = None if self._failed else store.first_failure()
        if failure is None:
            return None
        self._failed = True
        return _notice(f"{pathspec}: {failure.step} {failure.state}", _why(failure))


def _why(failure: Task) -> str:
    label = f" ({failure.label})" if failure.label else ""
    return f"{failure.step}/{failure.id}{label}: {failure.reason}"


def _how(store: RunStore) -> str:
    """Of a run that has ended, what it ended with."""
    failure = store.first_failure()
    if store.status.state is not State.SUCCEEDED:
        return _why(failure) if failure else store.status.reason
    began, ended = store.description.created_at, store.status.finished_at
    tasks = f"{store.finished:,} task{'s' if store.finished != 1 else ''}"
    return tasks if began is None or ended is None else f"{tasks} in {span(ended - began)}"


def _notice(title: str, body: str) -> Notice:
    return Notice(one_line(title, _LONGEST_TITLE), one_line(body, _LONGEST_BODY))


def for_terminal(notice: Notice, environment: Mapping[str, str]) -> str:
    """The sequence that makes the terminal show a notice; empty where it would do harm.

    Of one protocol only: a terminal that knows several would show the notice several times. Most
    know OSC 9, and others pass over it.
    """
    term = environment.get("TERM", "")
    # The first is what ssh passes on; the others are inherited also under tmux, which hides it.
    names = (term, environment.get("TERM_PROGRAM", "").lower())
    if "KITTY_WINDOW_ID" in environment or term == "xterm-kitty":
        sequence = _kitty(notice)
    elif {"WEZTERM_PANE", "GHOSTTY_RESOURCES_DIR"} & environment.keys() or any(
        name.startswith(_URXVT) for name in names
    ):
        sequence = _osc(f"777;notify;{_field(notice.title)};{_field(notice.body)}")
    elif term.startswith(_DEAF) and "TMUX" not in environment:
        sequence = ""
    else:
        sequence = _osc(f"9;{_field(notice.title)}: {_field(notice.body)}")
    if sequence and "TMUX" in environment:
        return f"{_ESCAPE}Ptmux;{sequence.replace(_ESCAPE, _ESCAPE * 2)}{_ESCAPE}\\"
    return sequence


def _kitty(notice: Notice) -> str:
    """A title, and a body of the same id that completes it, in base64."""

    def part(metadata: str, text: str) -> str:
        return _osc(f"99;i=flowtui:e=1:{metadata};{b64encode(text.encode()).decode()}")

    return part("d=0:p=title", notice.title) + part("d=1:p=body", notice.body)


def _osc(payload: str) -> str:
    return f"{_ESCAPE}]{payload}{_ESCAPE}\\"


def _field(text: str) -> str:
    """Text without what ends a field of OSC 777; OSC 9 takes `4;` for progress."""
    return text.replace(";", ",")
