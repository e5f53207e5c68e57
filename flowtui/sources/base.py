"""What every source of runs offers, and the three ways in which it can fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from flowtui.logs.tails import Part
from flowtui.model import Changes, Key, RunDescription


class SourceError(Exception):
    """A failure whose message is a sentence for a person: what is wrong and what to do."""


class NotFound(SourceError):  # noqa: N818
    """The provider answers, and there is no such flow, run, step or task."""


class Unreachable(SourceError):  # noqa: N818
    """The provider does not answer, or not sensibly: worth another try after a while."""


class Unsupported(SourceError):  # noqa: N818
    """This provider or this run cannot do what was asked."""


class RunSource(Protocol):
    """One run, read from where Metaflow keeps it. Blocking; used by one thread at a time.

    A settled attempt is immutable and is never fetched twice.
    """

    def describe(self) -> RunDescription:
        """What is known of the run apart from its tasks; raises NotFound or Unreachable."""

    def poll(self) -> Changes:
        """What changed since the last call; the first call gives the whole picture.

        Raises NotFound when the run has been deleted, Unreachable when the provider fails; the
        next call goes on from where this one stopped.
        """

    def attend(self, tasks: Sequence[Key]) -> None:
        """Name the tasks in view: what is read piece by piece is read for these first.

        May be called from another thread than the other methods.
        """

    def log(self, step: str, task: str, attempt: int, stream: str) -> Sequence[Part]:
        """The sources of `stdout` or `stderr` of an attempt, for a Tail; does no I/O."""

    def environment(self) -> Mapping[str, str]:
        """The `METAFLOW_*` variables with which a flow writes to where this source reads."""

    def close(self) -> None:
        """Release what the source holds; the source is not used afterwards."""
