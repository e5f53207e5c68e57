"""The log of one attempt: where its parts are stored, found as soon as the metadata tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from flowtui.logs.stored import Stored, StoredFile, TailError
from flowtui.logs.tails import LOCAL_INTERVAL, REMOTE_INTERVAL, Part, Settling
from flowtui.sources.base import SourceError
from flowtui.sources.datastore import Datastore, StoredIn

LOG_SOURCES = ("runtime", "task")
"""Metaflow's `mflog.LOG_SOURCES`: who may have minted a line of a stream."""


class Awaited:
    """A log of which nobody knows yet where it will be stored; `find` may tell."""

    def __init__(self, find: Callable[[], Stored | None]) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._stored: Stored | None = None
        self._closed = False
        self.exists = False
        """Something was stored when it was last looked for."""

    def look(self) -> int | None:
        """See `Stored.look`."""
        if self._stored is None:
            try:
                found = self._find()
            except SourceError as error:
                raise TailError(str(error)) from error
            with self._lock:
                self._stored = found if not self._closed else None
        size = self._stored.look() if self._stored is not None else None
        self.exists = size is not None
        return size

    def read(self, offset: int, count: int) -> bytes:
        """See `Stored.read`."""
        return self._stored.read(offset, count) if self._stored is not None else b""

    def close(self) -> None:
        """Release what is held."""
        with self._lock:
            self._closed = True
            if self._stored is not None:
                self._stored.close()


def attempt_log(
    datastore: Datastore,
    stored_in: Callable[[], StoredIn | None],
    ended: Callable[[], bool],
    step: str,
    task: str,
    attempt: int,
    stream: str,
    *,
    is_local: bool,
) -> Sequence[Part]:
    """The sources of a stream of an attempt.

    `stored_in` tells the task's datastore once it is known, `ended` whether the attempt is over.
    """

    def found(name: str) -> Stored | None:
        where = stored_in()
        folder = datastore.task_folder(step, task, where)
        if folder is not None:
            return StoredFile(folder / name)
        return next(iter(datastore.stored(step, task, where, [name])), None)

    def awaited(source: str) -> Awaited:
        name = f"{attempt}.{source}_{stream}.log"
        return Awaited(lambda: found(name))

    runtime, by_task = map(awaited, LOG_SOURCES)
    over = Settling(ended, lambda: runtime.exists)
    interval = LOCAL_INTERVAL if is_local else REMOTE_INTERVAL
    return [Part(stored, over, stream, interval=interval) for stored in (runtime, by_task)]
