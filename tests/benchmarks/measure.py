"""What is measured, each in a process of its own: `python -m tests.benchmarks.measure WHAT RUN`.

Prints a line of JSON with times, requests, memory, and what was seen, so that whoever asked can
tell that it is right. What is needed is imported before a clock starts, for both sides.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

SETTLING, SETTLING_PAUSE = 5, 0.15
"""Polls, and the seconds between them, until what was written just now is old to everyone."""

SETTLING_FIRST = 20
"""Such polls after a complete picture, all of which may be just read."""

IDLE_POLLS, IDLE_SECONDS = 30, 5.0
"""Polls of which the median counts; fewer once they have taken that long."""


class Requests:
    """Counts the HTTP requests of this process, whichever library sends them."""

    def __init__(self) -> None:
        self.sent = 0
        send = http.client.HTTPConnection.putrequest

        def counted(connection: Any, *arguments: Any, **options: Any) -> Any:
            self.sent += 1
            return send(connection, *arguments, **options)

        http.client.HTTPConnection.putrequest = counted  # type: ignore[method-assign, assignment]


@contextmanager
def timed(into: dict[str, Any], name: str, requests: Requests) -> Iterator[None]:
    """Note the seconds, of the clock and of this process's CPU, and the requests of the body."""
    sent, used, began = requests.sent, time.process_time(), time.perf_counter()
    yield
    into[name] = time.perf_counter() - began
    into[f"{name} cpu"] = time.process_time() - used
    into[f"{name} requests"] = requests.sent - sent


def client_refresh(pathspec: str) -> dict[str, Any]:
    """What a monitor on the Client API would do each time: list all tasks, read their metadata."""
    requests = Requests()
    from metaflow import Run, namespace

    namespace(None)
    found: dict[str, Any] = {}
    tasks, succeeded = 0, 0
    with timed(found, "refresh", requests):
        for step in Run(pathspec):
            for task in step:
                tasks += 1
                rows = task.metadata
                succeeded += any(row.name == "attempt_ok" and row.value == "True" for row in rows)
    return found | {"tasks": tasks, "states": {"succeeded": succeeded}, "memory": peak_memory()}


def picture(pathspec: str, source_name: str | None) -> dict[str, Any]:
    """How flowtui comes to its first and to its complete picture of a run.

    All count from the opening of the source: `paint` until the graph can be drawn, `first` until
    the first poll has returned, `complete` until nothing is missing.
    """
    requests = Requests()
    found: dict[str, Any] = {}
    with timed(found, "complete", requests):
        with timed(found, "first", requests):
            with timed(found, "paint", requests):
                watched = Watched(pathspec, source_name)
                assert watched.description.graph.nodes, "the run has no graph"
            watched.poll()
        while watched.more:
            watched.poll()
    found |= {"polls": watched.polls, "memory": peak_memory()} | watched.seen()
    watched.close()
    return found


def watch(pathspec: str, source_name: str | None, tasks: list[str]) -> dict[str, Any]:
    """What a poll takes when nothing has changed, and when one of these tasks has just ended.

    Writes a line `TASK` for each that is to end, and waits for a line in answer.
    """
    requests = Requests()
    watched = Watched(pathspec, source_name)
    while watched.polls == 0 or watched.more:
        watched.poll()
    found: dict[str, Any] = {}
    asked = [requests.sent]
    for _ in range(SETTLING_FIRST - SETTLING):
        watched.poll()
        asked.append(requests.sent)
        time.sleep(SETTLING_PAUSE)
    idle = _idle(watched, requests, IDLE_POLLS, IDLE_SECONDS)
    changed = []
    for task in tasks:
        print(task, flush=True)
        sys.stdin.readline()
        one: dict[str, Any] = {}
        with timed(one, "poll", requests):
            new = watched.poll()
        told = [(each.id, str(each.state)) for each in new]
        assert told == [(task, "succeeded")], f"{task} has ended, and the poll says {told}"
        changed.append(one)
        _idle(watched, requests, 1, 0)
    found["idle"] = statistics.median(one["poll"] for one in idle)
    found["idle requests"] = statistics.median_high(one["poll requests"] for one in idle)
    before_idle = [later - sooner for sooner, later in pairwise(asked)]
    found["most requests"] = max(before_idle + [one["poll requests"] for one in idle + changed])
    found["changed"] = statistics.median(one["poll"] for one in changed)
    found["changed requests"] = statistics.median_high(one["poll requests"] for one in changed)
    found |= {"idle polls": len(idle), "memory": peak_memory()} | watched.seen()
    watched.close()
    return found


def _idle(watched: Watched, requests: Requests, polls: int, seconds: float) -> list[dict[str, Any]]:
    """Polls after `SETTLING` ones, none of which may find anything but a passing of time."""
    for _ in range(SETTLING):
        watched.poll()
        time.sleep(SETTLING_PAUSE)
    taken: list[dict[str, Any]] = []
    began = time.perf_counter()
    while len(taken) < polls and (not taken or time.perf_counter() - began < seconds):
        one: dict[str, Any] = {}
        with timed(one, "poll", requests):
            new = watched.poll()
        assert not new, f"nothing has happened, and the poll says {new[:3]}"
        taken.append(one)
    return taken


class Watched:
    """A run as flowtui's source tells of it, kept as a screen would keep it."""

    def __init__(self, pathspec: str, source_name: str | None) -> None:
        from flowtui.model import Target
        from flowtui.sources.registry import Where, open_source
        from flowtui.store import RunStore

        where = Where(namespace="", source=source_name)
        _, self._source = open_source(Target.parse(pathspec), where)
        self.description = self._source.describe()
        self._store = RunStore(self.description)
        self.polls = 0
        self.more = False

    def poll(self) -> tuple[Any, ...]:
        """Take one poll in; the tasks that it says have changed."""
        changes = self._source.poll()
        assert changes.trouble is None, changes.trouble
        self.polls += 1
        self.more = changes.more
        return self._store.apply(changes).tasks

    def seen(self) -> dict[str, Any]:
        """The source's name, the states of run and tasks, and a digest of all that a task shows."""
        tasks = sorted(self._store.all_tasks(), key=lambda task: task.key)
        shown = [(t.step, t.id, t.state, t.index, t.labels, t.attempts) for t in tasks]
        return {
            "source": self.description.source,
            "run": str(self._store.status.state),
            "tasks": len(tasks),
            "states": dict(Counter(str(task.state) for task in tasks)),
            "digest": hashlib.sha256(repr(shown).encode()).hexdigest(),
        }

    def close(self) -> None:
        self._source.close()


def peak_memory(process: int | str = "self") -> int:
    """The most that a process, by its id, has had resident, in bytes.

    Not `ru_maxrss`, which begins with what the parent had.
    """
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no VmHWM in /proc/{process}/status")


def main() -> None:
    what, pathspec, *rest = sys.argv[1:]
    # Before the clocks start; the Client API loads its providers with its first attribute.
    from metaflow import Run  # noqa: F401

    if what == "client":
        print(json.dumps(client_refresh(pathspec)), flush=True)
        return
    import flowtui.sources.registry
    import flowtui.store  # noqa: F401

    if what == "picture":
        found = picture(pathspec, rest[0] or None)
    else:
        found = watch(pathspec, rest[0] or None, rest[1:])
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
