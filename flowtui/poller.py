"""Blocking loops that read a source and publish what they find; each has a thread of its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from flowtui.logs.tails import Growth, Tail
from flowtui.loop import Loop
from flowtui.model import FINISHED, Changes, RunDescription, RunStatus
from flowtui.run_summary import RunKey, RunListChanges
from flowtui.sources.base import NotFound, RunSource, SourceError, Unsupported
from flowtui.sources.run_list import Listing, RunList

MAX_BACK_OFF = 60.0
"""Seconds between two tries at most while a provider does not answer."""

MAX_TAIL_BACK_OFF = 5.0
"""Seconds between two tries at most while a log cannot be read."""

PORTION = 500
"""Runs of a list that are published at once at most: who takes them has other things to do too."""

SLOW_DOWN = 5
"""How many times longer the pause between polls is once a run is over."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The source answers: what it says of the run."""

    description: RunDescription


@dataclass(frozen=True, slots=True)
class Polled:
    """A poll went well; `changes` is false when nothing differs."""

    changes: Changes


@dataclass(frozen=True, slots=True)
class Trouble:
    """A poll failed; the next try is in `retry_in` seconds, or never if that is None."""

    sentence: str
    retry_in: float | None
    not_found: bool = False


@dataclass(frozen=True, slots=True)
class ListOpened:
    """The provider answers: where the runs are listed from."""

    listing: Listing


@dataclass(frozen=True, slots=True)
class Listed:
    """A poll of a list of runs went well; `changes` is false when nothing differs."""

    changes: RunListChanges


class _SourceLoop(Loop):
    """Opens a source and polls it, backs off while it fails, and says so."""

    def __init__(self, name: str, tell: Callable[[Trouble], None], interval: float) -> None:
        super().__init__(name)
        self._tell = tell
        self._interval = interval
        self._failures = 0
        self._seen = False

    def turn(self) -> float | None:
        began = time.monotonic()
        try:
            more = self._look()
        except SourceError as error:
            # What was never there, or cannot be done, is no better at the next try.
            missing = isinstance(error, NotFound) and not self._seen
            final = missing or isinstance(error, Unsupported)
            return self._fail(str(error), final=final, not_found=missing)
        self._failures, self._seen = 0, True
        # A source that is slow at this scale must not keep its provider busy all the time.
        return 0.0 if more else self._pause(max(self._interval, time.monotonic() - began))

    def surprised(self, sentence: str) -> float | None:
        return self._fail(sentence)

    def _look(self) -> bool:
        """Open the source unless it is, and poll it; whether there is more at once."""
        raise NotImplementedError

    def _pause(self, seconds: float) -> float:
        """The seconds until the next poll, of which so many are due."""
        return seconds

    def _fail(self, sentence: str, *, final: bool = False, not_found: bool = False) -> float | None:
        self._failures += 1
        retry_in = None if final else back_off(self._failures, self._interval)
        if not self.stopped:
            self._tell(Trouble(sentence, retry_in, not_found))
        return retry_in


class Poller(_SourceLoop):
    """Polls one run. `publish` gets Opened once, then Polled and Trouble; it blocks until taken."""

    def __init__(
        self,
        source: Callable[[], RunSource],
        publish: Callable[[Opened | Polled | Trouble], None],
        interval: float,
    ) -> None:
        """`source` opens the source, in this loop's thread; `interval` is in seconds."""
        super().__init__("poller", publish, interval)
        self._open = source
        self._publish = publish
        self._status: RunStatus | None = None
        self.source: RunSource | None = None

    def finish(self) -> None:
        if self.source is not None:
            self.source.close()

    def _look(self) -> bool:
        if self.source is None:
            source = self._open()
            opened = Opened(source.describe())
            if not self.stopped:
                self._publish(opened)
            self.source = source
        if self.stopped:
            return False
        changes = self.source.poll()
        self._status = changes.status or self._status
        if not self.stopped:
            self._publish(Polled(changes))
        return changes.more

    def _pause(self, seconds: float) -> float:
        over = self._status is not None and self._status.state in FINISHED
        return seconds * SLOW_DOWN if over else seconds


class RunListPoller(_SourceLoop):
    """Polls a list of runs. `publish` gets ListOpened once, then Listed and Trouble; it blocks
    until taken. Of many runs it gets `PORTION` at a time."""

    def __init__(
        self,
        runs: Callable[[], tuple[Listing, RunList]],
        publish: Callable[[ListOpened | Listed | Trouble], None],
        interval: float,
    ) -> None:
        """`runs` opens the list, in this loop's thread; `interval` is in seconds."""
        super().__init__("run list", publish, interval)
        self._open = runs
        self._publish = publish
        self._runs: RunList | None = None
        self._attended: Sequence[RunKey] = ()

    def attend(self, runs: Sequence[RunKey]) -> None:
        """Name the runs in view, and look into them now; called by any thread."""
        self._attended = runs
        if self._runs is not None:
            self._runs.attend(runs)
            if not self.paused and not self._failures:
                self.wake()

    def finish(self) -> None:
        if self._runs is not None:
            self._runs.close()

    def _look(self) -> bool:
        if self._runs is None:
            listing, self._runs = self._open()
            self._runs.attend(self._attended)
            if not self.stopped:
                self._publish(ListOpened(listing))
        if self.stopped:
            return False
        changes = self._runs.poll()
        for portion in portions(changes):
            if not self.stopped:
                self._publish(Listed(portion))
        return changes.more


def portions(changes: RunListChanges) -> Iterator[RunListChanges]:
    """The changes in parts of `PORTION` runs at most, each of which says that there are more but
    the last."""
    parts = range(0, max(1, len(changes.runs)), PORTION)
    for start in parts:
        last = start == parts[-1]
        yield replace(
            changes,
            runs=changes.runs[start : start + PORTION],
            vanished=changes.vanished if last else (),
            more=changes.more or not last,
        )


class TailPoller(Loop):
    """Follows one tail until it has finished. `publish` gets its growth; it blocks until taken."""

    def __init__(self, tail: Tail, publish: Callable[[Growth], None]) -> None:
        super().__init__("tail")
        self._tail = tail
        self._publish = publish
        self._failures = 0
        self._told: Growth | None = None

    def turn(self) -> float | None:
        growth = self._tail.poll()
        if self.stopped:
            return None
        if growth.blocks or growth != self._told:
            self._told = growth
            self._publish(growth)
        if self._tail.finished:
            return None
        if growth.trouble is not None:
            return self._pause()
        self._failures = 0
        return 0.0 if self._tail.more else self._tail.interval

    def surprised(self, sentence: str) -> float | None:
        if not self.stopped:
            self._publish(Growth(trouble=sentence))
        return self._pause()

    def _pause(self) -> float:
        # Another source of the same log may go on.
        self._failures += 1
        return min(MAX_TAIL_BACK_OFF, back_off(self._failures, self._tail.interval))


def back_off(failures: int, interval: float) -> float:
    """Seconds until the next try: doubling, at most a minute, with jitter so that watchers of one
    service do not come back together."""
    pause = min(MAX_BACK_OFF, max(interval, 0.5) * 2.0 ** min(failures, 10))
    return pause * random.uniform(0.75, 1.0)  # noqa: S311
