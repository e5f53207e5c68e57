"""The installed program in a real terminal on a log of millions of lines, and on one that grows."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from flowtui.live_logs import python_path
from tests.benchmarks.fresh import check
from tests.benchmarks.grow_log import EVERY, GrownLogs, last_line
from tests.benchmarks.measure import peak_memory
from tests.program import monitor
from tests.runs import eventually, launch
from tests.terminal import Terminal

READING = 300.0
"""Seconds that looking through a whole log may take."""

SETTLING = 1.0
"""Seconds that the program is left alone before its memory is read."""

RESTING = 0.1
"""Seconds that the view has rested when a key is typed: pages glide for a while."""

_CTRL_S = "\x13"
_ITEM = re.compile(r"│item (\d+) ")
_MATCHES = re.compile(r"match ([\d,]+)/([\d,]+)( \d+%)?")
_FILTERED = re.compile(r"· ([\d,]+) of [\d,]+ lines with [^·─]*?(\d+%)? [·─]")


@dataclass
class Session:
    """Seconds, and bytes resident: `beyond` what the program has before it opens the log, `most`
    in each of these phases."""

    seconds: dict[str, float] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)
    beyond: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)


def started(logs: GrownLogs) -> float:
    """From the program's start on a task to the last line of its log on the screen."""
    with tempfile.TemporaryDirectory(prefix="flowtui-home-") as home:
        began = time.monotonic()
        target = logs.target(logs.task)
        with monitor(target, root=logs.run.root, home=Path(home)) as screen:
            return screen.wait_for(last_line(logs.lines), seconds=READING) - began


def opened(logs: GrownLogs) -> float:
    """From the key that opens the log, the run being read, to its last line on the screen."""
    with _before(logs) as screen:
        return _open(screen, logs)


def used(logs: GrownLogs, searches: tuple[str, ...], filters: tuple[str, ...]) -> Session:
    """The log opened and read to its start, searched, filtered, wrapped and saved."""
    session = Session()
    with _before(logs) as screen:
        program = psutil.Process(screen.process.pid)
        time.sleep(SETTLING)
        base = program.memory_info().rss

        @contextmanager
        def phase(name: str) -> Iterator[None]:
            # What was the most resident is counted anew.
            Path(f"/proc/{program.pid}/clear_refs").write_text("5")
            yield
            session.most[name] = peak_memory(program.pid) - base
            session.beyond[name] = program.memory_info().rss - base

        seconds = session.seconds
        with phase("opened"):
            opening = _open(screen, logs)
        with phase("indexed"):
            began = time.monotonic() - opening
            indexed = screen.wait_until(_knows(logs), "all lines", seconds=READING)
            seconds["indexed"] = indexed - began
        with phase("searched"):
            for what in searches:
                session.hits[what] = _search(screen, what, seconds)
        pressed = screen.press("g")
        seconds["first line"] = screen.wait_for("│item 0 ") - pressed
        with phase("searched from the start"):
            _search(screen, searches[0], seconds, " from the start")
        pressed = screen.press("G")
        seconds["last line"] = screen.wait_for(last_line(logs.lines)) - pressed
        for what in filters:
            with phase(f"filtered by {what}"):
                session.hits[f"filter {what}"] = _filter(screen, what, seconds)
        screen.press("G")
        screen.wait_for(last_line(logs.lines))
        folded = re.compile(rf"│{last_line(logs.lines)}.*\n│\S")
        pressed = screen.press("w")
        seconds["wrapped"] = screen.wait_until(folded.search, "folded lines", READING) - pressed
        pressed = screen.press("w")
        seconds["unwrapped"] = (
            screen.wait_until(lambda shown: not folded.search(shown), "no folded lines", READING)
            - pressed
        )
        with phase("saved"):
            session.hits["saved"] = _save(screen, logs, seconds)
        screen.press("q")
        if screen.exit_code():
            raise SystemExit(f"flowtui has failed:\n{screen.text()}")
    return session


def keys(logs: GrownLogs, rest: float) -> dict[str, list[float]]:
    """The seconds from a key that moves in the log to its first repaint, while other work goes on,
    and for `rest` seconds while none does; keys typed when it had just ended count too."""
    found: dict[str, list[float]] = {}
    with _before(logs) as screen:
        _open(screen, logs)
        found["indexing"] = _type(screen, logs, _knows(logs))
        over = time.monotonic() + rest
        found["at rest"] = _type(screen, logs, lambda _: time.monotonic() > over)
        _ask(screen, "/", EVERY, "enter")
        found["searching"] = _type(screen, logs, lambda shown: _total(_MATCHES, shown) is not None)
        _ask(screen, "/", "escape")
        _ask(screen, "&", EVERY, "enter")
        found["filtering"] = _type(screen, logs, lambda shown: _total(_FILTERED, shown) is not None)
    return found


def printed(lines: int) -> list[float]:
    """The seconds from a line's being printed by a local task to its being on the screen."""
    with tempfile.TemporaryDirectory(prefix="flowtui-live-") as folder:
        root, home = Path(folder) / "root", Path(folder) / "home"
        home.mkdir()
        with (
            _ticking(root, lines) as pathspec,
            monitor(pathspec, root=root, home=home) as screen,
        ):
            return [_seen(screen, number) for number in range(lines)]


def _seen(screen: Terminal, number: int) -> float:
    text = re.compile(rf"tick {number} at (\d+\.\d{{6}})")
    at = screen.wait_until(text.search, f"tick {number}")
    match = text.search(screen.text())
    assert match is not None
    return at - float(match[1])


@contextmanager
def _ticking(root: Path, lines: int) -> Iterator[str]:
    """A flow that prints with `live_logs`; gives its pathspec."""
    process, id_file = launch(
        root, "ticking.py", "run", "--with", "live_logs", "--lines", str(lines),
        extra={"PYTHONPATH": python_path(None)},
    )  # fmt: skip
    try:
        eventually(lambda: id_file.exists() and id_file.read_text(), "the run has an id")
        yield f"TickingFlow/{id_file.read_text()}"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _before(logs: GrownLogs) -> Iterator[Terminal]:
    """The program with its run read and a task without a log selected."""
    with (
        tempfile.TemporaryDirectory(prefix="flowtui-home-") as home,
        monitor(logs.target(logs.quiet), root=logs.run.root, home=Path(home)) as screen,
    ):
        screen.wait_for(f"▸ {logs.quiet} ", "This attempt wrote nothing to stdout.")
        yield screen


def _open(screen: Terminal, logs: GrownLogs) -> float:
    screen.press("j")
    screen.wait_for(f"▸ {logs.task} ", f"─ {logs.target(logs.task).split('/', 2)[2]} ─")
    target, last = logs.target(logs.task), last_line(logs.lines)
    pressed = screen.press("enter")
    return (
        screen.wait_until(
            lambda shown: target in shown.partition("\n")[0] and last in shown, last, READING
        )
        - pressed
    )


def _knows(logs: GrownLogs) -> Callable[[str], object]:
    return lambda shown: f"· {logs.lines:,} lines" in shown


def _ask(screen: Terminal, key: str, text: str, *then: str) -> float:
    """Open the line in which to type, and give it a text at once, as by pasting."""
    screen.wait_until(lambda _: screen.is_bold("stdout ·"), "the focus on the log")
    screen.press(key)
    screen.wait_until(lambda _: not screen.is_bold("stdout ·"), "the focus on the line to type in")
    pasted = text if text in ("enter", "escape") else f"\x1b[200~{text}\x1b[201~"
    return screen.press(pasted, *then)


def _search(screen: Terminal, what: str, seconds: dict[str, float], where: str = "") -> int:
    pressed = _ask(screen, "/", what)
    screen.wait_until(_MATCHES.search, "the search")

    def any_yet(shown: str) -> object:
        match = _MATCHES.search(shown)
        return match and (match[1] != "0" or not match[3])

    first = screen.wait_until(any_yet, "a first match", READING)
    done = screen.wait_until(lambda shown: _total(_MATCHES, shown) is not None, "all", READING)
    seconds[f"search {what}{where}: first hit"] = first - pressed
    seconds[f"search {what}{where}"] = done - pressed
    match = _MATCHES.search(screen.text())
    assert match is not None
    screen.press("escape")
    screen.wait_until(lambda shown: not _MATCHES.search(shown), "no search")
    screen.press("G")
    return _number(match[2])


def _filter(screen: Terminal, what: str, seconds: dict[str, float]) -> int:
    pressed = _ask(screen, "&", what)
    first = screen.wait_until(
        lambda shown: (match := _FILTERED.search(shown)) and match[1] != "0", "a line", READING
    )
    done = screen.wait_until(lambda shown: _total(_FILTERED, shown) is not None, "all", READING)
    seconds[f"filter {what}: first line"] = first - pressed
    seconds[f"filter {what}"] = done - pressed
    hits = _total(_FILTERED, screen.text())
    assert hits is not None
    screen.press("escape")
    screen.wait_until(lambda shown: not _FILTERED.search(shown), "no filter")
    return hits


def _total(pattern: re.Pattern[str], shown: str) -> int | None:
    """How many lines there are in all with what is looked for; None before that is known."""
    match = pattern.search(shown)
    if match is None or match.groups()[-1]:
        return None
    return _number(match.groups()[-2])


def _number(shown: str) -> int:
    return int(shown.replace(",", ""))


def _save(screen: Terminal, logs: GrownLogs, seconds: dict[str, float]) -> int:
    """Save into the folder that the program runs in, and remove it again."""
    for path in logs.run.root.glob("*.stdout.log"):
        path.unlink()
    screen.press(_CTRL_S)
    screen.wait_for("save the log")
    pressed = screen.press("enter")
    seconds["saved"] = screen.wait_for("Saved ", seconds=READING) - pressed
    (path,) = logs.run.root.glob("*.stdout.log")
    size = path.stat().st_size
    path.unlink()
    return size


def _type(screen: Terminal, logs: GrownLogs, over: Callable[[str], object]) -> list[float]:
    """The delays of keys until `over`, at least one round of them."""
    delays = []
    last = last_line(logs.lines)
    deadline = time.monotonic() + READING
    while True:
        for key, way in (("b", -1), ("k", -1), ("k", -1), ("j", 1), ("G", 0)):
            top = _settled(screen)
            pressed = screen.press(key)
            moved = screen.wait_until(
                lambda shown: last in shown if way == 0 else _top(shown) * way > top * way,  # noqa: B023
                f"what {key} does",
            )
            delays.append(moved - pressed)
        if over(screen.text()):
            return delays
        check("whether keys still wait for the log", time.monotonic() > deadline, False)


def _settled(screen: Terminal) -> int:
    """The number of the first line in view, once it rests there."""
    top = None
    while top is None or top != _top(screen.text()):
        top = _top(screen.text())
        time.sleep(RESTING)
    return top


def _top(shown: str) -> int:
    """The number of the first line in view."""
    match = _ITEM.search(shown)
    return int(match[1]) if match else -1
