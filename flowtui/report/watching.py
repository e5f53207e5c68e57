"""Shows how a run goes on, until it is over: as lines, or as a picture redrawn in its place."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from flowtui.model import Ms, Task
from flowtui.picture import shown
from flowtui.report.paper import put
from flowtui.report.progress import Events, picture, stamp, told
from flowtui.store import RunStore
from flowtui.theme import Look
from flowtui.times import span

REDRAWN = 1.0
"""Seconds after which a picture is drawn anew, so that its times go on."""


class Lines:
    """A line for each event: for logs, and for what cannot redraw."""

    def __init__(self, store: RunStore, look: Look, console: Console, *, compact: bool) -> None:
        self._store, self._look, self._console = store, look, console
        self._events = Events(compact=compact)
        self._behind_since = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def take(self, tasks: Iterable[Task]) -> None:
        """There was a look; `tasks` are those that differ."""
        news = self._events.news(self._store, tasks)
        if news:
            self._put(*(told(event, self._look) for event in news))

    def fall_behind(self, sentence: str) -> None:
        """Looks begin to fail, for a reason that a sentence tells."""
        self._behind_since = time.monotonic()
        self._say(f"no news: {sentence} It is tried again.")

    def catch_up(self) -> None:
        """Looks no longer fail."""
        gone = int((time.monotonic() - self._behind_since) * 1000)
        self._say(f"news again, after {span(gone)}")

    def rest(self, seconds: float) -> None:
        """Let so much time pass."""
        time.sleep(seconds)

    def _say(self, what: str) -> None:
        at = stamp(Ms(int(time.time() * 1000)))
        self._put(Text.assemble((at, "dim"), f"  {shown(what, self._look)}"))

    def _put(self, *lines: Text) -> None:
        put(self._console, *lines)
        self._console.file.flush()


class Picture:
    """A picture of the run that is redrawn in its place; the last one stays."""

    def __init__(self, store: RunStore, look: Look, console: Console, *, compact: bool) -> None:
        self._store, self._look, self._console = store, look, console
        self._compact = compact
        self._live = Live(
            console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._looked = datetime.now()
        self._behind = ""

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def take(self, _tasks: Iterable[Task]) -> None:
        self._looked = datetime.now()
        self._draw()

    def fall_behind(self, sentence: str) -> None:
        self._behind = f"No news since {self._looked:%H:%M:%S}: {sentence} It is tried again."
        self._draw()

    def catch_up(self) -> None:
        self._behind = ""

    def rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, REDRAWN))
            self._draw()

    def _draw(self) -> None:
        now = Ms(self._store.now + (datetime.now() - self._looked) // timedelta(milliseconds=1))
        rows = picture(self._store, self._look, now, compact=self._compact)
        if len(rows) >= self._console.height:
            # What would be cut off is what runs.
            rows = picture(self._store, self._look, now, compact=True)
        if self._behind:
            rows = [*rows, Text(shown(self._behind, self._look), "yellow")]
        for row in rows:
            row.no_wrap, row.overflow = True, "ellipsis"
        self._live.update(Group(*rows), refresh=True)
