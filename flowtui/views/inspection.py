"""All that is recorded of a step or a task, in sections of named values; none is safe to show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flowtui.model import Artifact, Artifacts, Attempt, Fact, Ms, Node, State, Task
from flowtui.store import RunStore
from flowtui.times import clock, iso, span
from flowtui.views.value_lines import compact, lines

LONGEST = 1000
"""Lines of a value that are shown."""

_ONE_LINE = 200
_LINE = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is recorded; `lines` are its value, of an artifact none before it is read.

    `at` is when it was recorded. `inner` entries belong to the one before them that is not.
    """

    name: str
    lines: tuple[str, ...] = ()
    at: Ms | None = None
    artifact: Artifact | None = None
    inner: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Entries under a heading; `note` is a sentence, for the state `tone`. `open` is whether they
    are shown unless the person folds or unfolds them."""

    title: str
    entries: Sequence[Entry] = ()
    note: str = ""
    tone: State | None = None
    open: bool = True


def written(value: Any) -> tuple[str, ...]:
    """A value of plain data in at most `LONGEST` lines, and one that says that there are more."""
    whole = compact(value, _ONE_LINE)
    if whole is not None:
        return (whole,)
    told = list[str]()
    for line in lines(value, _LINE):
        if len(told) == LONGEST:
            told.append("… and more")
            break
        told.append(line)
    return tuple(told)


def of_task(store: RunStore, task: Task) -> Section:
    """The task itself."""
    entries = [
        _entry("pathspec", f"{store.description.pathspec}/{task.step}/{task.id}"),
        _entry("state", task.state),
        _entry("reason", task.reason),
        *(_entry("foreach", label) for label in task.labels),
        _entry("index", task.index),
        _entry("cloned from", task.origin_task),
    ]
    for attempt in task.attempts:
        told = [str(attempt.state), *_times(attempt)]
        entries.append(Entry(f"attempt {attempt.number}", (", ".join(told), attempt.reason)))
    return Section(f"Task {task.step}/{task.id}", _known(entries))


def of_step(node: Node) -> Iterator[Section]:
    """The step as the flow declares it."""
    place = ":".join(str(part) for part in (node.source_file, node.line) if part is not None)
    cases = [Entry(f"case {case}", (target,), inner=True) for case, target in _cases(node)]
    yield Section(
        f"Step {node.name}",
        _known(
            [
                _entry("type", node.type),
                _entry("doc", node.doc.strip("\n")),
                _entry("next", ", ".join(node.next)),
                _entry("foreach", node.foreach_artifact),
                _entry("num_parallel", node.num_parallel),
                _entry("condition", node.condition),
                *cases,
                _entry("joined by", node.matching_join),
                _entry("code", place),
            ]
        ),
    )
    yield Section("Decorators", tuple(_decorators(node)), note="" if node.decorators else "None.")


def of_run(store: RunStore) -> Iterator[Section]:
    """The parameters of the run, and the run."""
    run = store.description
    parameters = [Entry(name, written(value)) for name, value in run.parameters.items()]
    yield Section("Parameters", tuple(parameters), note="" if parameters else "None.")
    entries = [
        _entry("pathspec", run.pathspec),
        _entry("user", run.user),
        _entry("created", iso(run.created_at)),
        *(_entry("resumed from", origin) for origin in reversed(run.origin_runs)),
        *(_entry("tag", tag) for tag in run.tags),
        *(_entry("system tag", tag) for tag in run.system_tags),
        _entry("read by", run.source),
    ]
    yield Section(f"Run {run.pathspec}", _known(entries))


def of_records(
    task: Task, facts: Sequence[Fact] | str | None, chosen: int | None
) -> Iterator[Section]:
    """The metadata by attempt, that of `chosen` unfolded; a sentence in its place, or None while it
    is being read."""
    if facts is None:
        yield Section("Metadata", note="Reading …")
        return
    if isinstance(facts, str):
        yield Section("Metadata", note=facts, tone=State.LOST)
        return
    known = {attempt.number for attempt in task.attempts}
    known |= {fact.attempt for fact in facts if fact.attempt is not None}
    for number in (*sorted(known, reverse=True), None):
        # The launcher and the task both record much of it.
        told = {(f.name, f.value): f for f in reversed(facts) if f.attempt == number}
        entries = tuple(
            Entry(fact.name, tuple(fact.value.splitlines()), fact.at)
            for fact in reversed(told.values())
        )
        of = "of the task" if number is None else f"of attempt {number}"
        if entries:
            yield Section(f"Metadata {of}", entries, open=number in (chosen, None))


def of_artifacts(
    attempt: Attempt, stored: Artifacts | str | None, task: Task, chosen: int | None
) -> Section:
    """What an attempt has stored; a sentence in its place, or None while that is being read."""
    title, is_open = f"Artifacts of attempt {attempt.number}", attempt.number == chosen
    if stored is None:
        return Section(title, note="Reading …", open=is_open)
    if isinstance(stored, str):
        return Section(title, note=stored, tone=State.LOST, open=is_open)
    if task.origin_task is not None:
        title += f", as stored by {task.origin_task}"
    # What Metaflow stores for itself comes last.
    listed = sorted(stored.listed, key=lambda artifact: artifact.name.startswith("_"))
    entries = tuple(Entry(artifact.name, artifact=artifact) for artifact in listed)
    note, tone = stored.trouble or "", State.LOST if stored.trouble else None
    if not entries:
        going = attempt.state in (State.RUNNING, State.PENDING)
        note = "None yet: they are stored when it ends." if going else "None are recorded."
    return Section(title, entries, note, tone, is_open)


def _decorators(node: Node) -> Iterator[Entry]:
    for decorator in node.decorators:
        yield Entry(f"@{decorator.name}")
        for name, value in decorator.attributes.items():
            yield Entry(name, written(value), inner=True)


def _cases(node: Node) -> Iterable[tuple[str, str]]:
    return node.switch_cases.items()


def _entry(name: str, value: object) -> Entry:
    return Entry(name, tuple(str(value).splitlines()) if value is not None else ())


def _times(attempt: Attempt) -> Iterator[str]:
    start, end = attempt.started_at, attempt.finished_at
    if start is not None:
        yield f"started {clock(start)}"
    if end is not None:
        yield f"ended {clock(end)}"
    if start is not None and end is not None:
        yield f"took {span(end - start)}"


def _known(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if entry.lines)
