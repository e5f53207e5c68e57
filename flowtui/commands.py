"""The one list of what a person can do: keys, palette, key bar and help all come from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import Binding, BindingType


class Scope(StrEnum):
    """Where a command applies; the words are the headings of the help screen."""

    APP = "Everywhere"
    BACK = "Going back"
    RUN = "Run"
    ATTEMPT = "Attempt and its logs"
    VIEW = "View of the run"
    INSPECTOR = "Inspector"
    LOG = "Log"
    EXCEPTION = "Exception"
    FAILURES = "Failures"
    DIFF = "Comparing attempts"
    RUNS = "Runs"
    LIST = "Moving"


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to do.

    `keys` are Textual's key names, the first one is shown as `shown`. `rank` orders the key bar,
    lowest first; None keeps a command out of it. `acts` is whether it changes more than the view:
    those do not exist with `--read-only`. `beside` puts it into the row of the command before it in
    the help: there and back are told at once. An action without `app.` or `screen.` is the focused
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
    beside: bool = False


COMMANDS: Sequence[Command] = (
    Command("help", "question_mark", "?", "help", "Show these keys and states.",
            "app.help", Scope.APP, 90),
    Command("palette", "ctrl+p,colon", ":", "palette",
            "Find a command, a run, a step or a failed task.", "app.command_palette", Scope.APP),
    Command("quit", "q", "q", "quit", "Leave; runs go on.", "app.quit", Scope.APP, 95),
    Command("interrupt", "ctrl+c", "ctrl+c", "interrupt",
            "Copy the selected text, or leave with exit code 130.", "app.interrupt", Scope.APP),
    Command("back", "escape", "esc", "back", "Go back to where you came from.",
            "screen.back", Scope.BACK, 5),
    Command("open_run", "enter", "enter", "open", "Open the run, or fold its group.",
            "screen.open", Scope.RUNS, 30),
    Command("filter_runs", "slash", "/", "filter",
            "Filter the runs: words, !word, or flow: run: user: tag: state: step: origin: before "
            "one.", "screen.find", Scope.RUNS, 35),
    Command("failed_runs", "x", "x", "failed", "List only runs that failed or were lost.",
            "screen.failed_only", Scope.RUNS, 40),
    Command("states", "m", "m", "states", "Choose the states of the runs that are listed.",
            "screen.states", Scope.RUNS, 42),
    Command("sort_runs", "s", "s", "sort",
            "Order the runs by state, flow, time taken, user, and by age again.",
            "screen.sort", Scope.RUNS, 45),
    Command("reverse_runs", "S", "S", "reverse", "Turn the order of the runs upside down.",
            "screen.reverse", Scope.RUNS, beside=True),
    Command("group_runs", "v", "v", "group",
            "Put the runs together by flow, by user, or not; left and right fold a group.",
            "screen.group", Scope.RUNS, 50),
    Command("namespace", "ctrl+n", "ctrl+n", "namespace", "List another namespace, or all.",
            "screen.namespace", Scope.RUNS, 55),
    Command("resume_run", "r", "r", "resume", "Open the run and resume it.",
            "screen.resume", Scope.RUNS, 60, acts=True),
    Command("copy_run", "y", "y", "copy", "Copy the pathspec of the run.",
            "screen.copy", Scope.RUNS, 75),
    Command("copy_runs_link", "Y", "Y", "copy link", "Copy the command that opens this list.",
            "screen.copy_link", Scope.RUNS),
    Command("pause_runs", "p", "p", "pause", "Stop reading the list, and go on.",
            "screen.pause", Scope.RUNS, 80),
    Command("refresh_runs", "f5", "F5", "refresh", "Read the list now.",
            "screen.refresh_now", Scope.RUNS),
    Command("drill", "enter", "enter", "open",
            "Go in: a step's tasks, then the logs of an attempt.", "screen.drill", Scope.RUN, 30),
    Command("first_failure", "exclamation_mark", "!", "first failure",
            "Go to the task that failed first.", "screen.first_failure", Scope.RUN, 10),
    Command("failures", "F", "F", "failures",
            "Group what failed or was caught by exception and place.",
            "screen.failures", Scope.RUN, 12),
    Command("failed_only", "x", "x", "failed",
            "List only what failed, was lost, caught or waits.",
            "screen.failed_only", Scope.RUN, 40),
    Command("view_graph", "1", "1", "graph", "Show the run as a graph.",
            "screen.view('graph')", Scope.RUN),
    Command("view_tree", "2", "2", "tree", "Show it as a tree.",
            "screen.view('tree')", Scope.RUN, beside=True),
    Command("view_timeline", "3", "3", "timeline", "Show what ran when.",
            "screen.view('timeline')", Scope.RUN, beside=True),
    Command("view_times", "4", "4", "times", "Show where time went.",
            "screen.view('times')", Scope.RUN, beside=True),
    Command("zoom_in", "plus,equals_sign", "+", "zoom in", "Zoom in.",
            "zoom_in", Scope.VIEW),
    Command("zoom_out", "minus", "-", "zoom out", "Zoom out.",
            "zoom_out", Scope.VIEW, beside=True),
    Command("zoom_fit", "0", "0", "fit", "Show what fits.",
            "zoom_fit", Scope.VIEW, beside=True),
    Command("sort", "s", "s", "sort",
            "Order by state, start, time, label or id.",
            "screen.sort", Scope.RUN, 45),
    Command("reverse", "S", "S", "reverse", "Turn it round.",
            "screen.reverse", Scope.RUN, beside=True),
    Command("previous_attempt", "left_square_bracket", "[", "previous attempt",
            "Show the attempt before.", "screen.attempt(-1)", Scope.ATTEMPT),
    Command("next_attempt", "right_square_bracket", "]", "next attempt",
            "Show the attempt after.", "screen.attempt(1)", Scope.ATTEMPT, 50, beside=True),
    Command("resume", "r", "r", "resume", "Resume the run: what failed runs again.",
            "screen.resume", Scope.RUN, 20, acts=True),
    Command("stop", "ctrl+k", "ctrl+k", "stop", "Stop the run, if its launcher is on this machine.",
            "screen.stop", Scope.RUN, acts=True),
    Command("launch_log", "ctrl+l", "ctrl+l", "launch log",
            "Show what the launcher of the run prints.",
            "screen.launch_log", Scope.RUN),
    Command("why", "i", "i", "why", "Show what the state rests on.",
            "screen.why", Scope.ATTEMPT, 25),
    Command("inspect", "I", "I", "inspect",
            "Show all that is recorded, and values of artifacts.", "screen.inspect", Scope.ATTEMPT),
    Command("code", "o", "o", "code", "Open the line that raised in $VISUAL or $EDITOR.",
            "screen.code", Scope.ATTEMPT, 28),
    Command("next_pane", "tab", "tab", "pane", "Move to the next pane.",
            "screen.pane(1)", Scope.ATTEMPT, 60),
    Command("previous_pane", "shift+tab", "shift+tab", "previous pane",
            "Move to the pane before.", "screen.pane(-1)", Scope.ATTEMPT, beside=True),
    Command("zoom", "z", "z", "zoom", "Give the pane the whole screen, and back.",
            "screen.zoom", Scope.ATTEMPT, 70),
    Command("pause", "p", "p", "pause", "Stop reading the run, and go on.",
            "screen.pause", Scope.RUN, 80),
    Command("refresh", "f5", "F5", "refresh", "Read the run now.", "screen.refresh_now", Scope.RUN),
    Command("copy", "y", "y", "copy", "Copy the pathspec.", "screen.copy", Scope.ATTEMPT, 75),
    Command("copy_link", "Y", "Y", "copy link", "Copy the command that opens what is selected.",
            "screen.copy_link", Scope.RUN),
    Command("filter_tasks", "slash", "/", "filter",
            "Filter: words, !word, level=value, index:2-5.",
            "screen.find", Scope.RUN, 35),
    Command("step_logs", "L", "L", "step's logs",
            "Follow the logs of all running tasks of the step.",
            "screen.step_logs", Scope.RUN, 42),
    Command("merge", "m", "m", "merge", "Show stdout and stderr as one, and apart again.",
            "screen.merge", Scope.ATTEMPT, 55),
    Command("compare", "d", "d", "compare", "Compare the log with that of another attempt.",
            "screen.compare", Scope.ATTEMPT, 56),
    Command("origin", "u", "u", "origin",
            "Open the run that this one was resumed from, at the task a clone comes from.",
            "screen.origin", Scope.ATTEMPT, 85),
    Command("down", "j,down", "j ↓", "down", "Move down.", "scroll_down", Scope.LIST),
    Command("up", "k,up", "k ↑", "up", "Move up.", "scroll_up", Scope.LIST, beside=True),
    Command("left", "h,left", "h ←", "left", "Move left, or fold.", "scroll_left", Scope.LIST),
    Command("right", "l,right", "l →", "right", "Move right, or unfold.",
            "scroll_right", Scope.LIST, beside=True),
    Command("first", "g,home", "g", "first", "Go to the first line.", "scroll_home", Scope.LIST),
    Command("last", "G,end", "G", "last", "Go to the last one.",
            "scroll_end", Scope.LIST, beside=True),
    Command("page_down", "pagedown,space", "space", "page down", "Move down a page.",
            "page_down", Scope.LIST),
    Command("page_up", "pageup,b", "b", "page up", "Move up a page.",
            "page_up", Scope.LIST, beside=True),
    Command("search", "slash", "/", "search",
            "Search: a regular expression; an upper-case letter minds case.",
            "search", Scope.LOG, 30),
    Command("filter", "ampersand", "&", "filter lines",
            "Leave only lines that match, or with ! that do not.", "filter", Scope.LOG, 36),
    Command("follow", "f", "f", "follow", "Keep the newest line in view.",
            "follow", Scope.LOG, 31),
    Command("timestamps", "t", "t", "timestamps", "Show when each line was written.",
            "toggle_timestamps", Scope.LOG, 32),
    Command("wrap", "w", "w", "wrap", "Wrap long lines.", "toggle_wrap", Scope.LOG, 33),
    Command("pretty", "J", "J", "JSON", "Spread lines of JSON over rows.",
            "toggle_pretty", Scope.LOG, 38),
    Command("go_to", "percent_sign", "%", "go to", "Go to a line by its number, or percentage.",
            "go_to", Scope.LOG),
    Command("next_match", "n", "n", "next match", "Go to the next match.",
            "next_match", Scope.LOG),
    Command("previous_match", "N", "N", "previous match", "Go to the match before.",
            "previous_match", Scope.LOG, beside=True),
    Command("next_error", "e", "e", "next error", "Go to the next line like an error.",
            "next_error", Scope.LOG, 34),
    Command("previous_error", "E", "E", "previous error",
            "Go to the one before.",
            "previous_error", Scope.LOG, beside=True),
    Command("copy_log", "y", "y", "copy", "Copy what is selected, or the last lines.",
            "copy", Scope.LOG, 37),
    Command("save", "ctrl+s", "ctrl+s", "save", "Save the log to a file, byte for byte.",
            "save", Scope.LOG, 39),
    Command("pager", "o", "o", "pager", "Open the log in $PAGER.", "view(False)", Scope.LOG, 41),
    Command("editor", "O", "O", "editor", "Open the log in $VISUAL or $EDITOR.",
            "view(True)", Scope.LOG),
    Command("unfold_exception", "enter", "enter", "traceback",
            "Unfold the traceback, and fold it again.", "unfold", Scope.EXCEPTION, 8),
    Command("copy_exception", "y", "y", "copy", "Copy the traceback.", "copy",
            Scope.EXCEPTION, 37),
    Command("unfold_record", "enter", "enter", "unfold",
            "Unfold and fold; of an artifact, read the value.",
            "screen.unfold", Scope.INSPECTOR, 10),
    Command("filter_records", "slash", "/", "filter", "Leave only what holds these words.",
            "screen.find", Scope.INSPECTOR, 20),
    Command("copy_record", "y", "y", "copy", "Copy the value.",
            "screen.copy", Scope.INSPECTOR, 30),
    Command("list_failures", "enter", "enter", "list",
            "List the tasks of the group.", "screen.list_tasks", Scope.FAILURES, 10),
    Command("next_difference", "n", "n", "next difference", "Go to the next difference.",
            "screen.difference(1)", Scope.DIFF, 10),
    Command("previous_difference", "N", "N", "previous difference",
            "Go to the difference before.", "screen.difference(-1)", Scope.DIFF, beside=True),
    Command("previous_other", "left_square_bracket", "[", "earlier attempt",
            "Compare with an earlier attempt, on the left.", "screen.other(-1)", Scope.DIFF),
    Command("next_other", "right_square_bracket", "]", "later attempt",
            "Compare with a later attempt, on the left.",
            "screen.other(1)", Scope.DIFF, 25, beside=True),
    Command("other_stream", "tab", "tab", "stream",
            "Compare the other stream, or what Metaflow recorded.",
            "screen.stream(1)", Scope.DIFF, 20),
    Command("previous_stream", "shift+tab", "shift+tab", "previous stream",
            "Compare the stream before.", "screen.stream(-1)", Scope.DIFF, beside=True),
    Command("unfold", "u", "u", "unfold", "Show all equal lines, and fold them again.",
            "screen.unfold", Scope.DIFF, 30),
    Command("numbers", "number_sign", "#", "numbers",
            "Take lines that differ in numbers, times and ids alone for different, or for equal.",
            "screen.numbers", Scope.DIFF, 40),
    Command("copy_diff", "y", "y", "copy", "Copy the differences as unified text.",
            "screen.copy", Scope.DIFF, 50),
)  # fmt: skip


COMMAND: Mapping[str, Command] = {command.id: command for command in COMMANDS}
"""The commands by their ids."""


def bindings(*scopes: Scope) -> list[BindingType]:
    """The commands of these scopes as Textual bindings, with the command's id.

    They have the keys of the list above; a keymap of the app gives them others by their ids.
    """
    return [bound(command.id) for command in COMMANDS if command.scope in scopes]


def bound(id: str, action: str | None = None) -> Binding:  # noqa: A002
    """The key of a command as a Textual binding; `action` is done instead of the command's own.

    With the command's id, so that the binding follows when the command gets another key.
    """
    return bind(COMMAND[id], action)


def bind(command: Command, action: str | None = None) -> Binding:
    """The key of any command as a Textual binding, as `bound` does it."""
    from textual.binding import Binding

    return Binding(
        command.keys,
        action or command.action,
        command.title,
        show=False,
        key_display=command.shown,
        id=command.id,
        priority=command.id == "interrupt",
    )
