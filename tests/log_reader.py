"""Who follows a tail in a test: polls it and keeps the blocks that it knows of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from metaflow.mflog import mflog

from flowtui.logs.blocks import Block
from flowtui.logs.mflog import LogLine
from flowtui.logs.tails import Growth, Tail

START = datetime(2026, 11, 21, 9, 0, 0)
START_MICROSECONDS = int(START.replace(tzinfo=UTC).timestamp()) * 1_000_000


def written(second: float, message: str | bytes, source: str = "task") -> bytes:
    """A line as Metaflow stores it, newline included."""
    moment = START + timedelta(seconds=second)
    text = message.encode() if isinstance(message, str) else message
    line: bytes = mflog.decorate(source, text, now=moment)
    return line + b"\n"


class Reader:
    """Knows what a tail has told of, newer blocks in the place of older ones."""

    def __init__(self, tail: Tail) -> None:
        self.tail = tail
        self.blocks: dict[int, Block] = {}
        self.growths: list[Growth] = []

    def poll(self) -> Growth:
        growth = self.tail.poll()
        self.growths.append(growth)
        if growth.restarted:
            self.blocks.clear()
        for at in growth.gone:
            self.blocks.pop(at, None)
        self.blocks.update((block.at, block) for block in growth.blocks)
        return growth

    def catch_up(self) -> Reader:
        """Poll until there is nothing more at once."""
        self.poll()
        while self.tail.more:
            self.poll()
        return self

    def finish(self) -> Reader:
        """Poll until nothing more will ever come, which must be soon."""
        for _ in range(10_000):
            if self.tail.finished:
                return self
            self.poll()
        raise AssertionError("The tail does not finish.")

    @property
    def in_order(self) -> Sequence[Block]:
        return [self.blocks[at] for at in sorted(self.blocks)]

    @property
    def lines(self) -> Sequence[LogLine]:
        return [line for block in self.in_order for line in self.tail.lines(block)]

    @property
    def texts(self) -> Sequence[str]:
        return [line.text.decode() for line in self.lines]

    @property
    def contents(self) -> bytes:
        return b"".join([data for block in self.in_order for data in self.tail.contents(block)])
