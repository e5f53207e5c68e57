"""Logs in memory: what a tail reads, written and broken by a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowtui.logs.stored import TailError
from flowtui.logs.tails import Part


class Memory:
    """The bytes of one source of a log; `size` None as long as there is nothing."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content = content
        self.error: str | None = None
        self.closed = False

    def look(self) -> int | None:
        if self.error is not None:
            raise TailError(self.error)
        return None if self.content is None else len(self.content)

    def read(self, offset: int, count: int) -> bytes:
        return (self.content or b"")[offset : offset + count]

    def close(self) -> None:
        self.closed = True

    def append(self, data: bytes) -> None:
        self.content = (self.content or b"") + data


def part(
    *lines: str | bytes, ended: Callable[[], bool] = lambda: True, stream: str = "stdout"
) -> Part:
    """A source that holds these lines, without times."""
    encoded = [line if isinstance(line, bytes) else line.encode() for line in lines]
    return Part(Memory(b"".join([line + b"\n" for line in encoded])), ended, stream)


def parts(lines: Sequence[str | bytes]) -> Sequence[Part]:
    """The one source of a log that is there at once and ends."""
    return [part(*lines)]
