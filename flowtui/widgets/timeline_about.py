"""What a task or a step waited for and what that meant to the run, as parts of a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from flowtui.logs.sanitise import one_line
from flowtui.model import FINISHED, Ms, State, Task
from flowtui.times import span
from flowtui.views.critical_path import CriticalPath, Precedence
from flowtui.widgets.task_rows import took
from flowtui.widgets.timeline_rows import StepRows


def about(
    step: StepRows, task: Task | None, attempt: int | None, path: CriticalPath, whole: int, now: Ms
) -> list[str]:
    """Of a task, and maybe the attempt of it that was picked; or of a step of many.

    `whole` is how long the run took, in milliseconds.
    """
    if task is None:
        return _about_step(step, path, whole, now)
    name, *waited = _about_task(task, path, whole, now)
    return [name, *_about_attempt(task, attempt, now), *waited]


def _about_task(task: Task, path: CriticalPath, whole: int, now: Ms) -> list[str]:
    """`train/7`, `waited 0.4s for fetch/3`, `ran 4.2s in 3 attempts`, and its share of the run."""
    parts = [" ".join(part for part in (_name(task), _label(task)) if part)]
    if task.state is State.CLONED:
        return [*parts, f"cloned from {one_line(task.origin_task or 'another run', 120)}"]
    parts += _waited(task, path.before, now)
    length = took(task, now)
    if length is not None:
        tries = f" in {len(task.attempts)} attempts" if len(task.attempts) > 1 else ""
        parts.append(f"{'ran' if task.state in FINISHED else 'runs for'} {span(length)}{tries}")
    elif task.started_at is not None:
        parts.append("when it ended is unknown")
    if task.key in path:
        parts.append(_share("critical path", length, whole))
    return parts


def _about_attempt(task: Task, number: int | None, now: Ms) -> Sequence[str]:
    """`attempt 1 failed, 0.4s`, or nothing where no attempt is picked."""
    attempt = next((attempt for attempt in task.attempts if attempt.number == number), None)
    if attempt is None:
        return []
    start, end = attempt.started_at, attempt.finished_at
    if attempt.state is State.RUNNING:
        end = now
    length = f", {span(end - start)}" if start is not None and end is not None else ""
    return [f"attempt {attempt.number} {attempt.state}{length}"]


def _about_step(step: StepRows, path: CriticalPath, whole: int, now: Ms) -> list[str]:
    """`train`, `12 tasks`, and the task of it that the end of the run waited for."""
    known = len(step.tasks)
    of = f" of {step.expected:,}" if known < step.expected else ""
    parts = [one_line(step.step, 60), f"{known:,}{of} tasks"]
    on_path = path.through(step.step)
    if len(on_path) == 1:
        told = f"critical path through {_name(on_path[0])}"
        parts.append(_share(told, took(on_path[0], now), whole))
    elif on_path:
        parts.append(f"critical path through {len(on_path):,} of them")
    return parts


def wrapped(parts: Iterable[str], width: int, lines: int) -> list[str]:
    """Parts of a sentence on so many lines of so many cells, broken between parts only."""
    told = [""]
    for part in parts:
        longer = f"{told[-1]} · {part}" if told[-1] else part
        if cell_len(longer) > width and told[-1] and len(told) < lines:
            told.append(part)
        else:
            told[-1] = longer
    return told + [""] * (lines - len(told))


def _waited(task: Task, before: Precedence, now: Ms) -> list[str]:
    ready = before.ready_at(task)
    if ready is None:
        return []
    other = before.waited_for(task)
    start = task.started_at
    if start is None:
        return [f"waits for {span(now - ready)} since {_name(other)} ended"] if other else []
    what = _name(other) if other else "the run to begin"
    return [f"waited {span(start - ready)} {'after' if other else 'for'} {what}"]


def _share(told: str, length: int | None, whole: int) -> str:
    if length is None or whole <= 0:
        return told
    return f"{told}, {100 * length / whole:.0f} % of the run"


def _name(task: Task) -> str:
    return one_line(f"{task.step}/{task.id}", 60)


def _label(task: Task) -> str:
    return one_line(task.label or "", 60)
