"""The one catalogue of what a person can do: keys, palette, key bar and help all come from here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType


class Scope(StrEnum):
    """Where a command applies; the words are the headings of the help screen."""

    APP = "Everywhere"
    BACK = "Going back"
    RUN = "Run"
    ATTEMPT = "Attempt and its logs"
    LOG = "Log"
    LIST = "Moving"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do.

    `keys` are Textual's key names, the first one is shown as `shown`. `rank` orders the key bar,
    lowest first; None keeps a command out of it. `acts` is whether it changes more than the view:
    those do not exist with `--read-only`. An action without `app.` or `screen.` is the focused
    pane's.
    """

    id: str
    keys: str
    shown: str
    title: str
    help: str
    action: str
    scope: Scope
    rank: int | None = None
    acts: bool = False


COMMANDS: Sequence[Command] = (
    Command("help", "question_mark", "?", "help", "Show these keys and states.",
            "app.help", Scope.APP, 90),
    Command("palette", "ctrl+p,colon", ":", "palette", "Find a command, a step or a failed task.",
            "app.command_palette", Scope.APP),
    Command("quit", "q", "q", "quit", "Leave; runs go on.", "app.quit", Scope.APP, 95),
    Command("interrupt", "ctrl+c", "ctrl+c", "interrupt",
            "Copy the selected text, or leave with exit code 130.", "app.interrupt", Scope.APP),
    Command("back", "escape", "esc", "back", "Go back to where you came from.",
            "screen.back", Scope.BACK, 5),
    Command("drill", "enter", "enter", "open",
            "Go in: a step's tasks, then the logs of an attempt.", "screen.drill", Scope.RUN, 30),
    Command("first_failure", "exclamation_mark", "!", "first failure",
            "Go to the task that failed first.", "screen.first_failure", Scope.RUN, 10),
    Command("failed_only", "x", "x", "failed",
            "List only tasks that failed, were lost, caught or wait for a retry.",
            "screen.failed_only", Scope.RUN, 40),
    Command("sort", "s", "s", "sort",
            "Order the tasks by state, start, time taken, foreach label, and by id again.",
            "screen.sort", Scope.RUN, 45),
    Command("reverse", "S", "S", "reverse", "Turn the order of the tasks upside down.",
            "screen.reverse", Scope.RUN),
    Command("previous_attempt", "left_square_bracket", "[", "previous attempt",
            "Show the attempt before.", "screen.attempt(-1)", Scope.ATTEMPT),
    Command("next_attempt", "right_square_bracket", "]", "next attempt",
            "Show the attempt after.", "screen.attempt(1)", Scope.ATTEMPT, 50),
    Command("resume", "r", "r", "resume", "Resume the run: what failed runs again.",
            "screen.resume", Scope.RUN, 20, acts=True),
    Command("next_pane", "tab", "tab", "pane", "Move to the next pane.",
            "screen.pane(1)", Scope.ATTEMPT, 60),
    Command("previous_pane", "shift+tab", "shift+tab", "previous pane",
            "Move to the pane before.", "screen.pane(-1)", Scope.ATTEMPT),
    Command("zoom", "z", "z", "zoom", "Give the pane the whole screen, and back.",
            "screen.zoom", Scope.ATTEMPT, 70),
    Command("pause", "p", "p", "pause", "Stop reading the run, and go on.",
            "screen.pause", Scope.RUN, 80),
    Command("refresh", "f5", "F5", "refresh", "Read the run now.", "screen.refresh_now", Scope.RUN),
    Command("copy", "y", "y", "copy", "Copy the pathspec, or the log.",
            "screen.copy", Scope.ATTEMPT, 75),
    Command("search", "slash", "/", "find", "Filter the tasks, or search the log.",
            "screen.find", Scope.ATTEMPT, 35),
    Command("down", "j,down", "j ↓", "down", "Move down.", "scroll_down", Scope.LIST),
    Command("up", "k,up", "k ↑", "up", "Move up.", "scroll_up", Scope.LIST),
    Command("left", "h,left", "h ←", "left", "Move left.", "scroll_left", Scope.LIST),
    Command("right", "l,right", "l →", "right", "Move right.", "scroll_right", Scope.LIST),
    Command("first", "g,home", "g", "first", "Go to the first line.", "scroll_home", Scope.LIST),
    Command("last", "G,end", "G", "last", "Go to the last line; logs follow again.",
            "scroll_end", Scope.LIST),
    Command("page_down", "pagedown,space", "space", "page down", "Move down a page.",
            "page_down", Scope.LIST),
    Command("page_up", "pageup,b", "b", "page up", "Move up a page.",
            "page_up", Scope.LIST),
    Command("follow", "f", "f", "follow", "Keep the newest line in view.",
            "follow", Scope.LOG, 31),
    Command("timestamps", "t", "t", "timestamps", "Show when each line was written.",
            "toggle_timestamps", Scope.LOG, 32),
    Command("wrap", "w", "w", "wrap", "Wrap long lines.", "toggle_wrap", Scope.LOG, 33),
    Command("next_match", "n", "n", "next match", "Go to the next match.",
            "next_match", Scope.LOG),
    Command("previous_match", "N", "N", "previous match", "Go to the match before.",
            "previous_match", Scope.LOG),
    Command("next_error", "e", "e", "next error", "Go to the next line that looks like an error.",
            "next_error", Scope.LOG, 34),
    Command("previous_error", "E", "E", "previous error",
            "Go to the line before that looks like an error.", "previous_error", Scope.LOG),
)  # fmt: skip


def commands(*scopes: Scope, read_only: bool = False) -> Sequence[Command]:
    """The commands of these scopes, in the catalogue's order; without those that act."""
    return [
        command
        for command in COMMANDS
        if command.scope in scopes and not (read_only and command.acts)
    ]


def bindings(*scopes: Scope) -> list[BindingType]:
    """The commands of these scopes as Textual bindings, one per key, with the command's id."""
    return [_binding(command) for command in commands(*scopes)]


def _binding(command: Command) -> Binding:
    return Binding(
        command.keys,
        command.action,
        command.title,
        show=False,
        key_display=command.shown,
        id=command.id,
        priority=command.id == "interrupt",
    )


def key_bar(available: Iterable[Command]) -> Sequence[Command]:
    """What the key bar shows of the commands that apply now, most wanted first."""
    ranked = [command for command in available if command.rank is not None]
    return sorted(ranked, key=lambda command: command.rank or 0)
