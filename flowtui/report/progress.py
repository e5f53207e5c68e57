"""How a run goes on: a picture of it as it stands now, and a line for each thing that happened."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from flowtui.heat import STRIP
from flowtui.lanes import SEVERITY
from flowtui.model import FINISHED, UNSUCCESSFUL, Ms, Node, State, Task
from flowtui.picture import shown
from flowtui.report.run import headline, took
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.times import span

OF_INTEREST = UNSUCCESSFUL | {State.RUNNING, State.WAITING, State.CAUGHT}
"""What of a run one watches: what runs, waits, or did not go well."""

_TASKS = 8
"""Tasks of a step that a picture shows at most."""


def picture(store: RunStore, look: Look, now: Ms, *, compact: bool) -> Sequence[Text]:
    """The run's headline, and its steps with the tasks that are of interest.

    `compact` leaves out steps that are not. `now` is the time by the source's clock.
    """
    rows = [headline(store, look, now)]
    width = max((len(node.name) for node in store.graph.nodes), default=0)
    for node in store.graph.nodes:
        if not compact or store.steps[node.name].state in OF_INTEREST:
            rows.append(_step(store, node, min(width, 40), look))
            rows += _tasks(store, node, look, now)
    return rows


def _step(store: RunStore, node: Node, width: int, look: Look) -> Text:
    status = store.steps[node.name]
    tasks = store.tasks(node.name)
    row = Text("  ")
    row.append(f"{look.glyph(status.state)} ", look.style(status.state))
    row.append(shown(node.name, look, 40).ljust(width + 2))
    if len(tasks) > 1:
        for state in tasks.worst(STRIP, status.expected):
            row.append(look.bar(state), look.style(state))
        row.append("  ")
    row.append(shown(status.reason, look), "dim")
    return row


def _tasks(store: RunStore, node: Node, look: Look, now: Ms) -> Iterator[Text]:
    """The first tasks of a step that are of interest, and how many more there are."""
    tasks = [task for task in store.tasks(node.name).values() if task.state in OF_INTEREST]
    for task in tasks[:_TASKS]:
        row = Text("      ")
        row.append(f"{look.glyph(task.state)} ", look.style(task.state))
        row.append(" ".join(_named(task, look)))
        end = now if task.state is State.RUNNING else task.finished_at
        if task.started_at is not None and end is not None:
            row.append(f"  {span(end - task.started_at)}")
        row.append(f"  {shown(task.reason, look)}", "dim")
        yield row
    if len(tasks) > _TASKS:
        yield Text(f"      and {len(tasks) - _TASKS:,} more", "dim")


def _named(task: Task, look: Look) -> Iterable[str]:
    yield shown(f"{task.step}/{task.id}", look, 60)
    if task.label:
        yield shown(task.label, look, 40)


@dataclass(frozen=True, slots=True)
class Event:
    """Something came to stand otherwise: a run, a step, or an attempt of a task, and why."""

    at: Ms
    state: State
    what: str
    why: str


class Events:
    """What happens in a run: how its attempts and steps end, unless they only went well at once.

    `compact` leaves out also what went well in the end.
    """

    def __init__(self, *, compact: bool) -> None:
        self._compact = compact
        self._told: dict[Hashable, State] = {}

    def news(self, store: RunStore, tasks: Iterable[Task]) -> Sequence[Event]:
        """What is new since the last call, in the order of times; `tasks` are those that differ."""
        found = [event for task in tasks for event in self._of_task(store, task)]
        found += self._of_steps(store)
        found.sort(key=lambda event: event.at)
        status = store.status
        if self._differs((), status.state):
            over = status.state in FINISHED
            at = status.finished_at if over else store.description.created_at
            counts = [f"{store.counts[it]} {it}" for it in SEVERITY if store.counts.get(it)]
            why = "  ".join([took(store), *counts, status.reason])
            event = Event(at or store.now, status.state, store.description.pathspec, why)
            found.insert(len(found) if over else 0, event)
        return found

    def _of_task(self, store: RunStore, task: Task) -> Iterator[Event]:
        named = f"{task.step}/{task.id}{f' {task.label}' if task.label else ''}"
        for attempt in task.attempts:
            helped = attempt.state is State.SUCCEEDED and attempt.number > 0
            wrong = attempt.state in UNSUCCESSFUL or attempt.state is State.CAUGHT
            if not (wrong or (helped and not self._compact)):
                continue
            if self._differs((task.key, attempt.number), attempt.state):
                at = attempt.finished_at or store.now
                what = f"{named} attempt {attempt.number}"
                yield Event(at, attempt.state, what, attempt.reason)
        due = task.retry_at or 0
        if due > store.now and self._differs((task.key, due), task.state):
            yield Event(store.now, task.state, named, f"{task.reason} at {stamp(Ms(due))}")

    def _of_steps(self, store: RunStore) -> Iterator[Event]:
        for name, status in store.steps.items():
            if status.state not in FINISHED:
                self._told.pop(name, None)
            elif status.state is not State.SKIPPED and self._differs(name, status.state):
                if self._compact and status.state not in OF_INTEREST:
                    continue
                ends = [task.finished_at or 0 for task in store.tasks(name).values()]
                yield Event(Ms(max(ends, default=store.now)), status.state, name, status.reason)

    def _differs(self, of: Hashable, state: State) -> bool:
        """Whether something did not stand so when it was asked last."""
        differs = self._told.get(of) is not state
        self._told[of] = state
        return differs


def told(event: Event, look: Look) -> Text:
    """An event in one line, led by its time."""
    return Text.assemble(
        (stamp(event.at), "dim"),
        "  ",
        (f"{look.glyph(event.state)} {event.state:<9}", look.style(event.state)),
        f"  {shown(event.what, look, 120)}  ",
        shown(event.why, look),
    )


def stamp(moment: Ms) -> str:
    """Local date and time of day, as it leads a line."""
    return f"{datetime.fromtimestamp(moment / 1000):%Y-%m-%d %H:%M:%S}"
