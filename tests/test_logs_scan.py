"""A scan looks through blocks in the order in which it gets them, and tells how far it is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from queue import Queue

from flowtui.logs.blocks import Block
from flowtui.logs.document import LogDocument
from flowtui.logs.hits import Place
from flowtui.logs.scan import Found, Scan
from flowtui.logs.search import Matcher, Pattern
from flowtui.logs.tails import Part, Tail
from tests.log_reader import Reader
from tests.stored import Memory

LINE = b"%06d" + b"." * 57 + b"\n"
LINES_IN_A_BLOCK = 1024


def numbered(blocks: int) -> bytes:
    return b"".join([LINE % number for number in range(blocks * LINES_IN_A_BLOCK)])


class Scanned:
    """A log that a scan looks through, and what it tells."""

    def __init__(self, content: bytes, pattern: str) -> None:
        self.stored = Memory(content)
        self.tail = Tail([Part(self.stored, lambda: False)])
        self.reader = Reader(self.tail).catch_up()
        self.told: Queue[Found] = Queue()
        self.scan = Scan(self.tail, Matcher([Pattern(pattern)]), self.told.put)

    def until_done(self) -> Sequence[Found]:
        """What it tells from now on until it has looked at all."""
        found = [self.told.get(timeout=30)]
        while found[-1].progress < 1:
            found.append(self.told.get(timeout=30))
        return found


def ats(found: Sequence[Found]) -> list[int]:
    return [block.at for some in found for block, _ in some.lines]


def test_every_block_is_told_of_once_in_the_given_order() -> None:
    log = Scanned(numbered(40), "7[.]")
    blocks = log.reader.in_order
    given = [*blocks[17:], *blocks[:17]]
    log.scan.add(given)
    log.scan.start()
    found = log.until_done()
    assert ats(found) == [*range(17, 40), *range(17)]
    progress = [some.progress for some in found]
    assert progress == sorted(progress)
    lines = {
        block.at * LINES_IN_A_BLOCK + line
        for some in found
        for block, numbers in some.lines
        for line in numbers
    }
    assert lines == set(range(7, 40 * LINES_IN_A_BLOCK, 10))
    log.scan.stop()


def test_a_document_gives_its_blocks_from_a_place_onwards_and_round_the_end() -> None:
    log = Scanned(numbered(5), "x")
    document = LogDocument()
    document.clear(log.tail)
    for growth in log.reader.growths:
        document.grow(growth)

    def order(place: Place, *, forward: bool) -> list[int]:
        return [block.at for block in document.blocks_from(place, forward=forward)]

    assert order(Place(3, 5), forward=True) == [3, 4, 0, 1, 2]
    assert order(Place(3, 5), forward=False) == [3, 2, 1, 0, 4]
    assert order(Place(-7, 0), forward=True) == [0, 1, 2, 3, 4]
    assert order(Place(9, 0), forward=True) == [0, 1, 2, 3, 4]
    assert order(Place(9, 0), forward=False) == [4, 3, 2, 1, 0]


def test_blocks_that_are_added_are_looked_through_too() -> None:
    log = Scanned(numbered(2), "000003|003000")
    log.scan.add(log.reader.in_order)
    log.scan.start()
    assert ats(log.until_done()) == [0, 1]
    log.stored.append(b"".join([LINE % number for number in range(2048, 3072)]))
    log.reader.catch_up()
    log.scan.add(log.reader.growths[-1].blocks)
    (found,) = log.until_done()
    ((block, lines),) = found.lines
    assert (block.at, list(lines)) == (2, [3000 - 2048])
    log.scan.stop()


def test_a_scan_that_is_stopped_tells_nothing_more() -> None:
    log = Scanned(numbered(3), "0")
    reading, may_go_on = threading.Event(), threading.Event()
    read = log.stored.read

    def waiting(offset: int, count: int) -> bytes:
        reading.set()
        may_go_on.wait(30)
        return read(offset, count)

    log.stored.read = waiting  # type: ignore[method-assign]
    ended = threading.Event()
    log.scan.finish = ended.set  # type: ignore[method-assign]
    log.scan.add(log.reader.in_order)
    log.scan.start()
    assert reading.wait(30)
    log.scan.stop()
    may_go_on.set()
    assert ended.wait(30)
    assert log.told.empty()


def test_an_error_is_told_and_ends_it() -> None:
    log = Scanned(numbered(1), "0")

    def broken(offset: int, count: int) -> bytes:
        raise ValueError("no such thing")

    log.stored.read = broken  # type: ignore[method-assign]
    log.scan.add(log.reader.in_order)
    log.scan.start()
    found = log.told.get(timeout=30)
    assert found.trouble == "Unexpected ValueError: no such thing"
    assert (list(found.lines), found.scan) == ([], log.scan)


def test_notes_alone_are_looked_through_too() -> None:
    log = Scanned(b"", "note")
    log.scan.add([Block(at, (), 1, "a note") for at in range(3)])
    log.scan.start()
    assert ats(log.until_done()) == [0, 1, 2]
    log.scan.stop()
