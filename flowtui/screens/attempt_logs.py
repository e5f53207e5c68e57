"""Stdout and stderr of one attempt, beside each other or merged, read while they are shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Container
from textual.timer import Timer

from flowtui.logs.absent import why_empty
from flowtui.logs.tails import Tail
from flowtui.model import FINISHED, STREAMS, Attempt, RunDescription, State, Task
from flowtui.run_summary import RunSummary
from flowtui.screens.feeds import LogFeed, LogNews
from flowtui.sources.base import RunSource, SourceError
from flowtui.widgets.log_pane import LogPane
from flowtui.widgets.preferences import hint

MERGED = "output"
"""The pane that shows both streams as one."""

_SETTLE = 0.15
"""Seconds the selection must rest before other logs are shown: a held key passes many tasks."""

_OVERDUE = 0.15
"""Seconds that a log may take until the one before it goes."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be shown, and where it is read."""

    source: RunSource | None
    run: RunDescription | None
    task: Task | None
    attempt: Attempt | None

    @property
    def key(self) -> tuple[str, str, int | None] | None:
        number = self.attempt.number if self.attempt else None
        return (*self.task.key, number) if self.task else None


class AttemptLogs(Container):
    """The logs of the selected attempt, as soon as the selection rests."""

    DEFAULT_CSS = """
    AttemptLogs { layout: horizontal; }
    AttemptLogs LogPane { width: 1fr; height: 1fr; }
    AttemptLogs #output { display: none; }
    AttemptLogs.-merged LogPane { display: none; }
    AttemptLogs.-merged #output { display: block; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._feeds: dict[str, LogFeed] = {}
        self._wanted: _Wanted | None = None
        self._shown: tuple[str, str, int | None] | None = None
        self._settling: Timer | None = None
        self._overdue: Timer | None = None
        self._taken_over: set[str] = set()
        self._refusal: str | None = None
        self._paused = False

    def compose(self) -> ComposeResult:
        for name in (*STREAMS, MERGED):
            pane = LogPane(name, id=name)
            # A pane that is hidden is not one that tab goes to.
            pane.can_focus = name != MERGED
            yield pane

    @property
    def merged(self) -> bool:
        """Whether both streams are shown as one."""
        return self.has_class("-merged")

    @property
    def panes(self) -> Iterator[LogPane]:
        """The panes that are shown, stdout first."""
        names = self._names()
        return (pane for pane in self.query(LogPane) if pane.stream in names)

    def pane(self, name: str) -> LogPane:
        """The pane of a stream, or the one of both while they are merged."""
        return self.query_one(f"#{MERGED if self.merged else name}", LogPane)

    def toggle_merged(self) -> None:
        """Show both streams as one, or apart again; the focus stays in the logs."""
        had_focus = any(pane.has_focus for pane in self.panes)
        self.toggle_class("-merged")
        for pane in self.query(LogPane):
            pane.can_focus = pane in self.panes
            if not pane.can_focus:
                pane.clear()
        self._switch()
        if had_focus:
            self.app.stylesheet.update(self)
            next(self.panes).focus()

    def pause(self, paused: bool) -> None:
        """Read nothing as long as no one sees it."""
        self._paused = paused
        for feed in self._feeds.values():
            feed.poller.pause(paused)

    def show(
        self,
        source: RunSource | None,
        run: RunDescription | None,
        task: Task | None,
        attempt: Attempt | None,
    ) -> None:
        """Show this attempt; the same one again only renews what is said of it."""
        first = self._wanted is None
        self._wanted = _Wanted(source, run, task, attempt)
        if self._settling is not None:
            self._settling.stop()
            self._settling = None
        if self._wanted.key == self._shown:
            self._tell()
        elif first:
            self._switch()
        else:
            self._settling = self.set_timer(_SETTLE, self._switch)

    def on_unmount(self) -> None:
        self._stop()
        for pane in self.query(LogPane):
            pane.document.clear(None)

    def on_log_news(self, message: LogNews) -> None:
        for name, feed in self._feeds.items():
            if feed is message.feed:
                pane = self.query_one(f"#{name}", LogPane)
                self._take_over(pane)
                pane.grow(message.growth)
                self._tell()
        message.taken.set()

    def _names(self) -> Sequence[str]:
        return (MERGED,) if self.merged else STREAMS

    def _switch(self) -> None:
        """Read what is wanted now; what was shown stays until it is there, or is overdue."""
        wanted = self._wanted
        if wanted is None or not self.is_attached:
            return
        self._shown = wanted.key
        self._stop()
        self._taken_over.clear()
        self._refusal = None
        source, task, attempt = wanted.source, wanted.task, wanted.attempt
        if source is None or task is None or attempt is None or attempt.state is State.CLONED:
            self._empty()
            return
        try:
            for name in self._names():
                streams = STREAMS if name == MERGED else (name,)
                logs = [source.log(*task.key, attempt.number, stream) for stream in streams]
                self._feeds[name] = LogFeed(self, Tail([part for log in logs for part in log]))
            self.pause(self._paused)
        except SourceError as error:
            self._refusal = str(error)
            self._empty()
            return
        self._overdue = self.set_timer(_OVERDUE, self._empty)

    def _take_over(self, pane: LogPane) -> None:
        """Let a pane be that of the attempt wanted now."""
        if pane.stream not in self._taken_over:
            self._taken_over.add(pane.stream)
            feed = self._feeds.get(pane.stream)
            pane.clear(tail=feed.tail if feed else None)

    def _empty(self) -> None:
        for pane in self.panes:
            self._take_over(pane)
        self._tell()

    def _tell(self) -> None:
        """Renew the titles, and say why a stream is empty."""
        wanted = self._wanted
        if wanted is None or wanted.key != self._shown:
            return
        run, task, attempt = wanted.run, wanted.task, wanted.attempt
        for pane in self.panes:
            if pane.stream not in self._taken_over:
                continue
            name = f"attempt {attempt.number}" if attempt else ""
            if run and task and attempt:
                pane.file_name = file_name(run, task, attempt, pane.stream)
            pane.title(name, ended=attempt is not None and attempt.state in FINISHED)
            if not pane.line_count:
                note = pane.trouble or self._refusal
                if note is None and run and task:
                    note = why_empty(run, task, attempt, pane.stream)
                    if attempt is not None and attempt.state is State.CLONED:
                        note += f" {hint(self, 'origin', 'opens it.')}".rstrip()
                if pane.note != note:
                    pane.note = note

    def _stop(self) -> None:
        if self._overdue is not None:
            self._overdue.stop()
        for name, feed in self._feeds.items():
            feed.stop()
            # What is shown is read as long as it is shown; the pane closes it.
            if name not in self._taken_over:
                feed.tail.close()
        self._feeds.clear()


def file_name(run: RunDescription | RunSummary, task: Task, attempt: Attempt, stream: str) -> str:
    """A name for the file to save a log to, plain in any shell and file system."""
    names = (run.flow, run.run, task.step, task.id, str(attempt.number))
    return re.sub(r"[^A-Za-z0-9_-]+", "_", "-".join(names))[:150] + f".{stream}.log"
