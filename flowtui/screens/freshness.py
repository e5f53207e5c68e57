"""How old the picture of a run is, and what keeps it from being newer or whole."""

from __future__ import annotations

import time

from flowtui.model import Changes, Ms
from flowtui.poller import Trouble
from flowtui.store import RunStore
from flowtui.widgets.run_header import LeftOut


class Freshness:
    """`read_at` is the monotonic second of the last good poll, None before the first; `trouble` why
    the last one failed, `left_out` what could not be read, `reading` whether the next brings more.
    """

    def __init__(self) -> None:
        self.read_at: float | None = None
        self.trouble: str | None = None
        self.left_out: LeftOut | None = None
        self.reading = False

    def poll(self, changes: Changes) -> bool:
        """Take in what a good poll says of itself; whether it says something else than the last."""
        before = (self.trouble, self.left_out, self.reading)
        self.read_at, self.trouble = time.monotonic(), None
        if changes.trouble is None:
            self.left_out = None
        elif self.left_out is None or self.left_out.sentence != changes.trouble:
            self.left_out = LeftOut(changes.trouble, changes.now)
        self.reading = changes.more
        return before != (self.trouble, self.left_out, self.reading)

    def fail(self, trouble: Trouble) -> None:
        """Take in why a poll failed."""
        self.trouble = trouble.sentence
        if trouble.retry_in is not None:
            self.trouble += f" Next try in {trouble.retry_in:.0f} s."

    def now(self, store: RunStore) -> Ms:
        """The source's clock, carried on from when it was last read."""
        since = time.monotonic() - self.read_at if self.read_at is not None else 0
        return Ms(store.now + int(since * 1000))
