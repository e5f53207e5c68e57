"""A log of 1 GB: opened, searched, filtered and saved, beside programs that do the like; and how
soon a line that a task prints is seen."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import log_program, log_rivals
from tests.benchmarks.fresh import Effort, Found, check, measured
from tests.benchmarks.grow_log import (
    EVERY,
    NOWHERE,
    PERCENT,
    RARE,
    REGEX,
    GrownLogs,
    grow_logs,
)
from tests.benchmarks.log_program import Session
from tests.benchmarks.table import Figure, mebibytes, seconds, times
from tests.runs import flow_environment

HEAD = ("", "lines", "beside", "flowtui", "ratio", "", "must reach", "")

CLIENT_UP_TO = 600_000
"""Lines of the log that the Client API reads too: it takes five times its size of memory."""

MEMORY = 150 * 2**20
BLOCKED = 0.1
AT_REST = "at rest"
"""What the machine does to a loop that has nothing to do."""


SEARCHES = {
    RARE: "a word in two lines",
    NOWHERE: "a word in none",
    PERCENT: "a word in 1% of lines",
    REGEX: "a regular expression",
    EVERY: "a word in every line",
}
FILTERS = {PERCENT: SEARCHES[PERCENT], EVERY: SEARCHES[EVERY]}


def measure(work: Path, lines: int, effort: Effort) -> Sequence[Figure]:
    """All figures for a log of so many lines."""
    logs = grow_logs(work / f"logs-{lines}", lines)
    fewer = min(lines, CLIENT_UP_TO)
    small = logs if fewer == lines else grow_logs(work / f"logs-{fewer}", fewer)
    session = log_program.used(logs, tuple(SEARCHES), tuple(FILTERS))
    gaps = _measured(logs, "gaps")
    return [
        *_opening(logs, small, effort),
        *_memory(lines, session),
        *_searching(logs, session),
        *_blocked(lines, gaps),
        *_keys(logs, effort),
        *_printed(effort),
        *_others(logs, session),
        *_single(logs),
    ]


def _opening(logs: GrownLogs, small: GrownLogs, effort: Effort) -> Sequence[Figure]:
    """The last of the log on the screen, from a key and from the start, and what others take."""
    often = range(effort.readings)
    key = statistics.median(log_program.opened(logs) for _ in often)
    start = statistics.median(log_program.started(logs) for _ in often)
    key_small = key if small is logs else log_program.opened(small)
    client = _measured(small, "client")
    stdout, memory = client["stdout"], client["memory"]
    rivals = log_rivals.opened(logs)
    return [
        Figure(
            "open at its end, from the key", logs.lines, seconds(key),
            budget="< 0.5 s", reached=key < 0.5,
        ),
        Figure(
            "  the same, beside Task.stdout", small.lines, seconds(key_small),
            f"Client API {seconds(stdout)}", times(stdout / key_small),
        ),
        Figure(
            "  memory that Task.stdout takes", small.lines, "", f"Client API {mebibytes(memory)}"
        ),
        Figure("open at its end, from the start", logs.lines, seconds(start)),
        *(
            Figure(
                "open at its end, from the start", logs.lines, seconds(start),
                f"{name} {seconds(took)}", times(took / start),
            )
            for name, (took, _) in rivals.items()
        ),
        *(
            Figure("  memory resident then", logs.lines, "", f"{name} {mebibytes(resident)}")
            for name, (_, resident) in rivals.items()
        ),
    ]  # fmt: skip


def _memory(lines: int, session: Session) -> Sequence[Figure]:
    return [
        Figure(
            f"memory beyond the program, {phase}", lines,
            mebibytes(session.most[phase]), budget="< 150 MB", reached=session.most[phase] < MEMORY,
        )
        for phase in session.most
    ]  # fmt: skip


def _searching(logs: GrownLogs, session: Session) -> Sequence[Figure]:
    took, lines, less = session.seconds, logs.lines, log_rivals.searched_by_less(logs)
    figures = [Figure("all lines known, from the key", lines, seconds(took["indexed"]))]
    for pattern, what in SEARCHES.items():
        grep, count = log_rivals.counted(logs, pattern)
        check(f"how many lines with {pattern} are found", session.hits[pattern], count)
        whole, budgeted = took[f"search {pattern}"], pattern != EVERY
        if pattern != NOWHERE:
            first = took[f"search {pattern}: first hit"]
            figures.append(Figure(f"search {what}: first hit", lines, seconds(first)))
        others = {"grep -ci": grep} | ({"less": less} if less and pattern == NOWHERE else {})
        figures += [
            Figure(
                f"search {what}: the whole log", lines, seconds(whole), f"{name} {seconds(other)}",
                times(other / whole), budget="< 5 s" if budgeted else "",
                reached=whole < 5 if budgeted else None,
            )
            for name, other in others.items()
        ]  # fmt: skip
    first = took[f"search {RARE} from the start: first hit"]
    figures.append(
        Figure(f"search {SEARCHES[RARE]} from the start: first hit", lines, seconds(first))
    )
    for pattern, what in FILTERS.items():
        hits = session.hits[f"filter {pattern}"]
        check(f"how many lines with {pattern} are left", hits, session.hits[pattern])
        first, whole = took[f"filter {pattern}: first line"], took[f"filter {pattern}"]
        figures.append(Figure(f"filter, {what}: first line", lines, seconds(first)))
        figures.append(Figure(f"filter, {what}: the whole log", lines, seconds(whole)))
    return figures


def _blocked(lines: int, gaps: Found) -> Sequence[Figure]:
    """The longest time between two turns of the event loop."""
    names = {f"searching {pattern}": f"searching {what}" for pattern, what in SEARCHES.items()}
    names |= {f"filtering {pattern}": f"filtering, {what}" for pattern, what in FILTERS.items()}
    return [
        Figure(
            f"longest block, {names.get(what, what)}", lines, seconds(gap),
            budget="" if what == AT_REST else "< 100 ms",
            reached=None if what == AT_REST else gap < BLOCKED,
        )
        for what, gap in gaps.items()
    ]  # fmt: skip


def _keys(logs: GrownLogs, effort: Effort) -> Sequence[Figure]:
    figures = []
    for during, delays in log_program.keys(logs, effort.watched).items():
        p50, p95 = statistics.median(delays), _p95(delays)
        figures += [
            Figure(f"key to repaint, {during}: p50", logs.lines, seconds(p50)),
            Figure(
                f"key to repaint, {during}: p95 of {len(delays)}", logs.lines, seconds(p95),
                budget="< 50 ms", reached=p95 < 0.05,
            ),
        ]  # fmt: skip
    return figures


def _printed(effort: Effort) -> Sequence[Figure]:
    delays = log_program.printed(max(3, round(2 * effort.watched)))
    p95 = _p95(delays)
    return [
        Figure("a line printed to the screen: p50", None, seconds(statistics.median(delays))),
        Figure(
            f"a line printed to the screen: p95 of {len(delays)}", None, seconds(p95),
            budget="< 0.5 s", reached=p95 < 0.5,
        ),
    ]  # fmt: skip


def _others(logs: GrownLogs, session: Session) -> Sequence[Figure]:
    took = session.seconds
    cut, size = log_rivals.cut(logs)
    check("the bytes that are saved", session.hits["saved"], size)
    keys = {
        "first line": "jump to the first line",
        "last line": "jump to the last line",
        "wrapped": "wrap long lines",
        "unwrapped": "wrap them no more",
    }
    return [
        Figure(
            "save it all", logs.lines, seconds(took["saved"]), f"cut {seconds(cut)}",
            times(cut / took["saved"]),
        ),
        *(Figure(what, logs.lines, seconds(took[name])) for name, what in keys.items()),
    ]  # fmt: skip


def _single(logs: GrownLogs) -> Sequence[Figure]:
    """Logs of one line."""
    what = {"long": f"{logs.long_bytes / 1e6:,.0f} MB in one line"}
    what["redrawn"] = f"one line redrawn {logs.redraws:,} times"
    figures = []
    for name, text in what.items():
        found = _measured(logs, name)
        figures += [
            Figure(f"{text}: drawn", 1, seconds(found["drawn"])),
            Figure(f"{text}: longest block", 1, seconds(found["gap"])),
            Figure(f"{text}: longest block, wrapping", 1, seconds(found["wrapping"])),
        ]
    return figures


def _measured(logs: GrownLogs, what: str) -> Found:
    environment = flow_environment(logs.run.root)
    root, lines = str(logs.run.root), str(logs.lines)
    return measured(environment, what, root, lines, module="measure_log")


def _p95(delays: Sequence[float]) -> float:
    return sorted(delays)[round(0.95 * (len(delays) - 1))]
