"""What every source of runs offers, and the three ways in which it can fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from flowtui.logs.tails import Part
from flowtui.model import (
    Artifact,
    Artifacts,
    Changes,
    Fact,
    FlowSource,
    Key,
    ProcessId,
    RunDescription,
)


class SourceError(Exception):
    """A failure whose message is a sentence for a person: what is wrong and what to do."""


class NotFound(SourceError):  # noqa: N818
    """The provider answers, and there is no such flow, run, step or task."""


class Unreachable(SourceError):  # noqa: N818
    """The provider does not answer, or not sensibly: worth another try after a while."""


class Unsupported(SourceError):  # noqa: N818
    """This provider or this run cannot do what was asked."""


class RunSource(Protocol):
    """One run, read from where Metaflow keeps it. Blocking.

    `describe`, `poll` and `close` are called by one thread; the others by any, also while one of
    these goes on. A settled attempt is immutable and is never fetched twice.
    """

    def describe(self) -> RunDescription:
        """What is known of the run apart from its tasks; raises NotFound or Unreachable."""

    def poll(self) -> Changes:
        """What changed since the last call; the first call gives the whole picture.

        Raises NotFound when the run has been deleted, Unreachable when the provider fails; the
        next call goes on from where this one stopped.
        """

    def attend(self, tasks: Sequence[Key]) -> None:
        """Name the tasks in view: what is read piece by piece is read for these first."""

    def log(self, step: str, task: str, attempt: int, stream: str) -> Sequence[Part]:
        """The sources of `stdout` or `stderr` of an attempt, for a Tail; does no I/O."""

    def facts(self, step: str, task: str) -> Sequence[Fact]:
        """All that is recorded of a task, in all its attempts, oldest first, and what lies outside
        its metadata: exits, heartbeat and processes as the last poll found them.

        The metadata is read anew, whatever is known. Raises NotFound and Unreachable.
        """

    def artifacts(self, step: str, task: str, attempt: int) -> Artifacts:
        """The artifacts that an attempt has registered, by name; read anew, their values not.

        A clone's are those of the attempt it was cloned from. Raises Unreachable.
        """

    def value(self, artifact: Artifact) -> Any:
        """The value of an artifact that is plain data: builtin containers and scalars.

        Raises Unsupported, with the type and size, for any other and for one that is too large, and
        Unreachable when its bytes cannot be had.
        """

    def flow_source(self) -> FlowSource | None:
        """The flow's file as it ran; None when none of the tasks known so far has a code package.

        Raises Unreachable, and Unsupported for a code package that cannot be read.
        """

    def launcher(self) -> ProcessId | None:
        """The run's launcher, if it lived on this machine at the last poll; does no I/O.

        It is certain: it was seen to have started a step process of this run.
        """

    def environment(self) -> Mapping[str, str]:
        """The `METAFLOW_*` variables with which a flow writes to where this source reads."""

    def close(self) -> None:
        """Release what the source holds; the source is not used afterwards."""
