"""How a run's records are reached: what differs between a provider's client, files and HTTP."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flowtui.model import Key, Ms
from flowtui.sources.metadata_rows import Fields, Rows


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What the metadata says of one task; `heartbeat` is its own, where the provider keeps them."""

    key: Key
    fields: Fields
    heartbeat: Ms | None = None


class Records(Protocol):
    """The records of one run. Blocking; any call may raise Unreachable.

    `name` is the source's, `heartbeats` says whether its provider keeps them. `patience` is for how
    many seconds one poll may read what can be read piece by piece. `more` is whether `changed` has
    left out what its next call will read; `newest` the time of the newest row, where the tasks do
    not tell it; `trouble` is a sentence on what it could not read.
    """

    @property
    def name(self) -> str: ...
    @property
    def heartbeats(self) -> bool: ...
    @property
    def patience(self) -> float: ...
    @property
    def more(self) -> bool: ...
    @property
    def newest(self) -> Ms | None: ...
    @property
    def trouble(self) -> str | None: ...

    def run(self) -> Mapping[str, Any] | None:
        """The run's row, or None when there is no such run."""

    def changed(self, final: Callable[[Key], bool]) -> Iterable[TaskRecord]:
        """The tasks that are new or may differ from what was given before.

        `final` tells which of them nothing can change any more. A task counts as given once the
        next one, or the end, is asked for.
        """

    def again(self, key: Key) -> TaskRecord | None:
        """One task as it stands now, whatever was given before; None when it is not there."""

    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """The artifacts of the run's `_parameters` task by name; empty until it has stored them."""

    def artifact_names(self, key: Key, attempt: int) -> Collection[str]:
        """The names of the artifacts that an attempt has registered."""

    def artifacts(self, key: Key, attempt: int) -> Rows:
        """What is registered of all artifacts of an attempt; may be called from another thread."""

    def artifact(self, key: Key, attempt: int, name: str) -> Mapping[str, Any] | None:
        """What is registered of an attempt's artifact, its value not included."""

    def rows(self, key: Key) -> Rows | None:
        """A task's metadata as it stands now; None when there is no such task.

        May be called from another thread.
        """

    def origin(self, run: str, step: str, task: str) -> Fields:
        """The metadata of a task of another run of the same flow."""

    def origin_of(self, run: str, step: str) -> str | None:
        """What another run of the same flow was resumed from, as the tasks of one step tell."""

    def attend(self, tasks: Sequence[Key]) -> None:
        """Name the tasks in view, whose turn comes first; may be called from another thread."""

    def close(self) -> None:
        """Release what is held."""
