"""A recorded local run given logs as large as real ones: Metaflow's structured lines, millions.

The logs are stored where `live_logs` stores them, each that of a task of its own.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.grow_local import grow
from tests.benchmarks.local import CACHE, SPLIT, STEP
from tests.runs import RecordedRun, recorded_runs

FULL = 6_000_000
"""Lines of the log that the budgets are stated for: 1 GB."""

FEWEST = 2000
"""Lines in which there is one of every kind."""

BYTES_PER_LINE = 167

RARE, PERCENT, EVERY, NOWHERE = "needle", "checkpoint", "loss", "zebra"
"""Words in two lines, in 1% of them, in every line, and in none."""

REGEX = r"retry=[3-9] .*worker-0"
"""Takes one line in 3,000; means the same to grep and less."""

_CHUNK = 20_000
_IDS, _TAILS = 997, 1009
"""How many ids and ends of lines there are, which take turns."""

_ERROR = "ValueError: shard 0417 of /data/train/part-00417.parquet is empty, it had 4096 rows"

_SECOND = 1_795_237_200
"""The time of the first line; they are a millisecond apart."""

_VERSION = "2"


@dataclass(frozen=True)
class GrownLogs:
    """A run whose tasks have these logs, in the order of its list of tasks.

    `quiet` has next to none, `task` one of so many `lines`; those of `long` and `redrawn` consist
    of a single line, the latter redrawn with carriage returns.
    """

    run: RecordedRun
    lines: int
    quiet: str
    task: str
    long: str
    redrawn: str

    @property
    def file(self) -> Path:
        """The log of `task`."""
        return _log(self.run, self.task)

    @property
    def long_bytes(self) -> int:
        """The size of the line of `long`."""
        return self.lines * BYTES_PER_LINE // 10

    @property
    def redraws(self) -> int:
        """How often the line of `redrawn` is drawn."""
        return self.lines // 6

    def target(self, task: str) -> str:
        """What flowtui and Metaflow's client call a task."""
        return f"{self.run.pathspec}/{STEP}/{task}"


def grow_logs(root: Path, lines: int) -> GrownLogs:
    """The recorded foreach run under `root`, with logs of so many lines and the like.

    What is there already is left as it is.
    """
    run = grow(recorded_runs(CACHE)["foreach"], root, SPLIT, STEP, 4)
    tasks = sorted((p.name for p in (run.directory / STEP).glob("[!_]*")), key=int)
    logs = GrownLogs(run, lines, *tasks)
    complete, which = root / "logs-complete", f"{_VERSION} {run.pathspec} {lines}"
    if not complete.exists() or complete.read_text() != which:
        complete.unlink(missing_ok=True)
        with logs.file.open("wb") as file:
            for first in range(0, lines, _CHUNK):
                file.write(_stored(first, min(lines, first + _CHUNK), lines))
        _write(_log(run, logs.long), _long(logs.long_bytes))
        _write(_log(run, logs.redrawn), _redrawn(logs.redraws))
        complete.write_text(which)
    return logs


def last_line(lines: int) -> str:
    """What the last line of a log begins with; it is wider than a terminal."""
    return f"item {lines - 1} "


def line_with(word: str, lines: int) -> int:
    """The number of the line that holds a word of two: `front` or `middle`."""
    return {"front": min(1000, lines // 10), "middle": lines // 2}[word]


def _stored(first: int, end: int, lines: int) -> bytes:
    front, middle = line_with("front", lines), line_with("middle", lines)
    every = min(100_000, max(1, lines // 10))
    ids = [str(uuid.UUID(int=7**40 * (n + 1) % 2**128)) for n in range(_IDS)]
    tails = [_tail(number) for number in range(_TAILS)]
    written = []
    for number in range(first, end):
        if number % 1000 == 0 or number == first:
            moment = time.gmtime(_SECOND + number // 1000)
            second = time.strftime("[MFLOG|0|%Y-%m-%dT%H:%M:%S.", moment)
        said = ""
        if number % 100 == 37:
            said = f"{PERCENT} saved, "
        elif number % 200 == 51:
            said = f"retry={number // 200 % 10} of "
        elif number % every == every - 1:
            said = f"{_ERROR}, "
        elif number in (front, middle):
            said = f"{RARE} in the {'front' if number == front else 'middle'}, "
        written.append(
            f"{second}{number % 1000:03d}000Z|task|{ids[number % _IDS]}]"
            f"item {number} {said}{tails[number % _TAILS]}\n"
        )
    return "".join(written).encode()


def _tail(number: int) -> str:
    return (
        f"shard-{number:04d} {EVERY}={0.9 - number / 5000:.6f} accuracy={number / _TAILS:.4f}"
        f" mem=12.{number % 10}GiB eta=01:{number % 60:02d}:17 worker-{number % 32:02d}"
    )


def _prefix() -> bytes:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(_SECOND))
    return f"[MFLOG|0|{moment}.000000Z|task|{uuid.UUID(int=7**40)}]".encode()


def _long(size: int) -> Iterator[bytes]:
    """One line of so many bytes."""
    piece = b"0123456789abcdef" * 4096
    yield _prefix() + b"one long line "
    for _ in range(size // len(piece)):
        yield piece
    yield b" ends\n"


def _redrawn(states: int) -> Iterator[bytes]:
    """One line, redrawn so often."""
    yield _prefix()
    for first in range(0, states, _CHUNK):
        numbers = range(first, min(states, first + _CHUNK))
        yield "".join([f"\rdone {n} of {states} |####    |" for n in numbers]).encode()
    yield b"\rall is done\n"


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)


def _log(run: RecordedRun, task: str) -> Path:
    """A task's stdout; what Metaflow's runtime has stored of it is made empty."""
    folder = run.directory / STEP / task
    (folder / "0.runtime_stdout.log").write_bytes(b"")
    return folder / "0.task_stdout.log"
