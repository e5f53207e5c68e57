"""Looks through a log in a thread of its own, from where someone is outwards."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flowtui.logs.blocks import Block
from flowtui.logs.search import Matcher
from flowtui.logs.tails import Tail
from flowtui.loop import Loop

_BATCH_SECONDS = 0.1
_FIRST_BATCH_SECONDS = 0.01
_IDLE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Found:
    """The lines that a scan found in some blocks, and how much of the log it has looked at.

    `progress` is from 0 to 1. `trouble` is a sentence on why it ended early.
    """

    scan: Scan
    lines: Sequence[tuple[Block, array[int]]] = ()
    progress: float = 1.0
    trouble: str | None = None


class Scan(Loop):
    """Looks for a matcher's lines in blocks, in the order in which they are given to it."""

    def __init__(self, tail: Tail, matcher: Matcher, publish: Callable[[Found], None]) -> None:
        super().__init__("scan")
        self._tail = tail
        self._matcher = matcher
        self._publish = publish
        self._blocks: deque[Block] = deque()
        self._given = self._looked_at = 0
        self._any = False
        self._batch = _FIRST_BATCH_SECONDS

    def add(self, blocks: Iterable[Block]) -> None:
        """Look through these too; may be called by any one thread."""
        for block in blocks:
            self._given += block.size
            self._blocks.append(block)
        self.wake()

    def turn(self) -> float | None:
        began = time.monotonic()
        found: list[tuple[Block, array[int]]] = []
        while self._blocks and not self.stopped and time.monotonic() - began < self._batch:
            block = self._blocks.popleft()
            lines = self._matcher.lines(self._tail, block)
            found.append((block, lines))
            self._looked_at += block.size
            if lines and not self._any:
                # The first is what someone waits for.
                self._any = True
                break
        self._batch = _BATCH_SECONDS
        if found and not self.stopped:
            progress = self._looked_at / max(1, self._given) if self._blocks else 1.0
            self._publish(Found(self, found, progress))
        return 0.0 if self._blocks else _IDLE_SECONDS

    def surprised(self, sentence: str) -> float | None:
        if not self.stopped:
            self._publish(Found(self, trouble=sentence))
        return None
