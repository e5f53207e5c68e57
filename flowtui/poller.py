"""Blocking loops that read a source and publish what they find; each has a thread of its own.

The threads are daemons: Python does not wait for them when the program ends, so that quitting is
immediate also while a provider takes its time.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flowtui.logs.mflog import LogLine
from flowtui.logs.tails import Tail, TailError
from flowtui.model import FINISHED, Changes, RunDescription, RunStatus
from flowtui.sources.base import NotFound, RunSource, SourceError, Unsupported

MAX_BACK_OFF = 60.0
"""Seconds between two tries at most while a provider does not answer."""

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
class LogArrived:
    """What a tail found: new lines, or why it could not read."""

    lines: Sequence[LogLine]
    skipped: int = 0
    finished: bool = False
    trouble: str | None = None


class Loop:
    """A daemon thread that calls `turn` again and again, and sleeps between on an event."""

    def __init__(self, name: str) -> None:
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._paused = threading.Event()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the loop as soon as what it waits for returns; does not wait for that."""
        self._stopped.set()
        self._wake.set()

    def wake(self) -> None:
        """Take the next turn now."""
        self._wake.set()

    def pause(self, paused: bool) -> None:
        """Take no turns for a while; `wake` still takes one."""
        if paused:
            self._paused.set()
        else:
            self._paused.clear()
            self._wake.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

    @property
    def paused(self) -> bool:
        return self._paused.is_set()

    def turn(self) -> float | None:
        """Do one turn; returns the seconds until the next, or None when there is none."""
        raise NotImplementedError

    def surprised(self, sentence: str) -> float | None:
        """Say that a turn broke off with an error nobody foresaw; returns what `turn` returns."""
        raise NotImplementedError

    def finish(self) -> None:
        """Called in the thread when the loop ends."""

    def _run(self) -> None:
        while not self.stopped:
            self._wake.clear()
            # Looked at again: `stop` may have come just before its wake-up was cleared away.
            if self.stopped:
                break
            try:
                pause = self.turn()
            except Exception as error:  # A thread must not end unheard, whoever made the mistake.
                pause = self.surprised(f"Unexpected {type(error).__name__}: {error}")
            if pause is None:
                break
            self._wake.wait(pause)
            while self.paused and not self._wake.is_set():
                self._wake.wait()
        self.finish()


class Poller(Loop):
    """Polls one run. `publish` gets Opened once, then Polled and Trouble; it blocks until taken."""

    def __init__(
        self,
        source: Callable[[], RunSource],
        publish: Callable[[Opened | Polled | Trouble], None],
        interval: float,
    ) -> None:
        """`source` opens the source, in this loop's thread; `interval` is in seconds."""
        super().__init__("poller")
        self._open = source
        self._publish = publish
        self._interval = interval
        self._failures = 0
        self._seen = False
        self._status: RunStatus | None = None
        self.source: RunSource | None = None

    def turn(self) -> float | None:
        began = time.monotonic()
        try:
            if self.source is None:
                source = self._open()
                opened = Opened(source.describe())
                if self.stopped:
                    source.close()
                    return None
                self._publish(opened)
                self.source = source
            changes = self.source.poll()
        except SourceError as error:
            # What was never there, or cannot be done, is no better at the next try.
            missing = isinstance(error, NotFound) and not self._seen
            final = missing or isinstance(error, Unsupported)
            return self._fail(str(error), final=final, not_found=missing)
        self._failures, self._seen = 0, True
        self._status = changes.status or self._status
        if not self.stopped:
            self._publish(Polled(changes))
        if changes.more:
            return 0.0
        # A source that is slow at this scale must not keep its provider busy all the time.
        pause = max(self._interval, time.monotonic() - began)
        over = self._status is not None and self._status.state in FINISHED
        return pause * SLOW_DOWN if over else pause

    def finish(self) -> None:
        if self.source is not None:
            self.source.close()

    def surprised(self, sentence: str) -> float | None:
        return self._fail(sentence)

    def _fail(self, sentence: str, *, final: bool = False, not_found: bool = False) -> float | None:
        self._failures += 1
        retry_in = None if final else back_off(self._failures, self._interval)
        if not self.stopped:
            self._publish(Trouble(sentence, retry_in, not_found))
        return retry_in


class TailPoller(Loop):
    """Follows one tail. `publish` gets LogArrived; it blocks until taken."""

    def __init__(
        self, tail: Tail, publish: Callable[[LogArrived], None], interval: float = 0.5
    ) -> None:
        super().__init__("tail")
        self._tail = tail
        self._publish = publish
        self._interval = interval
        self._failures = 0

    def turn(self) -> float | None:
        try:
            lines = self._tail.poll()
        except (TailError, SourceError) as error:
            return self.surprised(str(error))
        self._failures = 0
        if self.stopped:
            return None
        finished = self._tail.finished
        self._publish(LogArrived(lines, self._tail.skipped, finished))
        if finished:
            return None
        return 0.0 if lines else self._interval

    def surprised(self, sentence: str) -> float | None:
        self._failures += 1
        if not self.stopped:
            self._publish(LogArrived((), trouble=sentence))
        return back_off(self._failures, self._interval)

    def finish(self) -> None:
        self._tail.close()


def back_off(failures: int, interval: float) -> float:
    """Seconds until the next try: doubling, at most a minute, with jitter so that watchers of one
    service do not come back together."""
    pause = min(MAX_BACK_OFF, max(interval, 0.5) * 2.0 ** min(failures, 10))
    return pause * random.uniform(0.75, 1.0)  # noqa: S311
