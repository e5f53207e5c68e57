"""Ways from a task to elsewhere: its pathspec, and its origin."""

from __future__ import annotations

from textual.screen import Screen

from flowtui.logs.sanitise import one_line
from flowtui.model import Attempt, State, Target, Task
from flowtui.screens.wanted import RunWanted
from flowtui.store import RunStore

_LONGEST_PATHSPEC = 4000


def copy_pathspec(
    screen: Screen[None], run: str, task: Task | None, step: str | None = None
) -> None:
    """Copy what names the task, or else the step or the run."""
    parts = [run, *(task.key if task else [step or ""])]
    text = one_line("/".join(part for part in parts if part), _LONGEST_PATHSPEC)
    screen.app.copy_to_clipboard(text)
    screen.notify(f"Copied: {one_line(text, 60)}", markup=False, timeout=3)


def open_origin(
    screen: Screen[None], store: RunStore, task: Task | None, attempt: Attempt | None
) -> None:
    """Open the task that a clone comes from, or else the run that was resumed."""
    cloned = attempt is not None and attempt.state is State.CLONED
    origin = task.origin_task if task is not None and cloned else None
    if origin is None and store.description.origin_run is not None:
        origin = f"{store.description.flow}/{store.description.origin_run}"
    if origin is None:
        screen.notify("This run was not resumed from another one.", markup=False, timeout=3)
        return
    try:
        screen.post_message(RunWanted(Target.parse(origin)))
    except ValueError as error:
        screen.notify(one_line(str(error)), severity="error", markup=False)
