"""Looks into single runs for a list of runs: some sources kept open, and what each has told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flowtui.model import UNSUCCESSFUL, Ms, RunStatus, State
from flowtui.run_summary import RunKey
from flowtui.sources.base import RunSource
from flowtui.store import RunStore

MOST = 64
"""Runs that are kept open at the same time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a run stands, as its source told last; the fields are those of a RunSummary.

    `whole` is whether there is nothing more to read that would be shown here; `trouble` is what
    could not be read.
    """

    state: State
    reason: str
    finished_at: Ms | None
    origin_run: str | None
    current: tuple[str, ...]
    counts: Mapping[State, int] | None
    expected: int | None
    whole: bool
    trouble: str | None

    @property
    def succeeded(self) -> bool:
        return self.state is State.SUCCEEDED

    @property
    def over(self) -> bool:
        return self.succeeded or self.state in UNSUCCESSFUL


class Looks:
    """The sources, least recently used first; beyond `most`, those are closed."""

    def __init__(
        self,
        open_run: Callable[[str, str], RunSource],
        success: Callable[[str, str], RunStatus | None] = lambda *_: None,
        most: int = MOST,
    ) -> None:
        """`open_run` opens the source of a flow's run; `success` gives the status of one that has
        succeeded, if that can be told at a glance, else None."""
        self._open_run, self._success, self._most = open_run, success, most
        self._held: dict[RunKey, tuple[RunSource, RunStore]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def into(self, key: RunKey, *, first: bool) -> Standing:
        """One poll of a run, or at `first` a glance at its end, if that says it all.

        Raises NotFound and Unreachable, as its source does.
        """
        ended = self._success(*key) if first else None
        if ended is not None:
            return _glanced_at(ended)
        held = self._held.pop(key, None)
        if held is None:
            source = self._open_run(*key)
            try:
                held = (source, RunStore(source.describe()))
            except BaseException:
                source.close()
                raise
        self._held[key] = held
        while len(self._held) > self._most:
            self.drop(next(iter(self._held)))
        source, store = held
        changes = source.poll()
        store.apply(changes)
        return _standing(store, more=changes.more, trouble=changes.trouble)

    def drop(self, key: RunKey) -> None:
        """Close a run; it may be looked into again."""
        held = self._held.pop(key, None)
        if held is not None:
            held[0].close()

    def close(self) -> None:
        for key in list(self._held):
            self.drop(key)


def _glanced_at(status: RunStatus) -> Standing:
    return Standing(
        state=status.state,
        reason=status.reason,
        finished_at=status.finished_at,
        origin_run=None,
        current=(),
        counts=None,
        expected=None,
        whole=False,
        trouble=None,
    )


def _standing(store: RunStore, *, more: bool, trouble: str | None) -> Standing:
    status = store.status
    # What is left to read of a run with all its tasks finished is when each was, and its labels.
    all_known = store.expected is not None and store.finished >= store.expected
    return Standing(
        state=status.state,
        reason=status.reason,
        finished_at=status.finished_at,
        origin_run=store.description.origin_run,
        current=_current(store),
        counts={state: count for state, count in store.counts.items() if count},
        expected=store.expected,
        whole=not more or all_known,
        trouble=trouble,
    )


def _current(store: RunStore) -> tuple[str, ...]:
    if store.status.state is State.SUCCEEDED:
        return ()
    if store.status.state in UNSUCCESSFUL:
        failure = store.first_failure()
        return (failure.step,) if failure else ()
    steps = store.steps
    return tuple(node.name for node in store.graph.nodes if steps[node.name].state is State.RUNNING)
