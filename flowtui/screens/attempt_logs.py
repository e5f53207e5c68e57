"""Stdout and stderr of one attempt beside each other, read while they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Container
from textual.timer import Timer

from flowtui.logs.absent import why_empty
from flowtui.model import FINISHED, Attempt, RunDescription, State, Task
from flowtui.screens.feeds import LogFeed, LogNews
from flowtui.sources.base import RunSource
from flowtui.widgets.log_pane import LogPane

STREAMS = ("stdout", "stderr")

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
    """Two log panes that follow the selected attempt, as soon as the selection rests."""

    DEFAULT_CSS = """
    AttemptLogs { layout: horizontal; }
    AttemptLogs LogPane { width: 1fr; height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._feeds: dict[str, LogFeed] = {}
        self._wanted: _Wanted | None = None
        self._shown: tuple[str, str, int | None] | None = None
        self._settling: Timer | None = None
        self._overdue: Timer | None = None
        self._taken_over: set[str] = set()

    def compose(self) -> ComposeResult:
        for stream in STREAMS:
            yield LogPane(stream, id=stream)

    @property
    def panes(self) -> Iterator[LogPane]:
        """The two panes, stdout first."""
        return iter(self.query(LogPane))

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

    def on_log_news(self, message: LogNews) -> None:
        feed, news = message.feed, message.news
        if self._feeds.get(feed.stream) is feed:
            pane = self.query_one(f"#{feed.stream}", LogPane)
            self._take_over(pane)
            if news.skipped != pane.skipped:
                pane.skipped = news.skipped
            pane.append(news.lines)
            self._tell()
            if news.trouble is not None and not pane.line_count:
                pane.note = news.trouble
        message.taken.set()

    def _switch(self) -> None:
        """Read what is wanted now; what was shown stays until it is there, or is overdue."""
        wanted = self._wanted
        if wanted is None or not self.is_attached:
            return
        self._shown = wanted.key
        self._stop()
        self._taken_over.clear()
        source, task, attempt = wanted.source, wanted.task, wanted.attempt
        if source is None or task is None or attempt is None or attempt.state is State.CLONED:
            self._empty()
            return
        for stream in STREAMS:
            tail = source.log(task.step, task.id, attempt.number, stream)
            self._feeds[stream] = LogFeed(self, stream, tail)
        self._overdue = self.set_timer(_OVERDUE, self._empty)

    def _take_over(self, pane: LogPane) -> None:
        """Let a pane be that of the attempt wanted now."""
        if pane.stream not in self._taken_over:
            self._taken_over.add(pane.stream)
            if pane.line_count or pane.skipped:
                pane.clear()

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
            pane.title(name, ended=attempt is not None and attempt.state in FINISHED)
            if not pane.line_count:
                note = why_empty(run, task, attempt, pane.stream) if run and task else None
                if pane.note != note:
                    pane.note = note

    def _stop(self) -> None:
        if self._overdue is not None:
            self._overdue.stop()
        for feed in self._feeds.values():
            feed.stop()
        self._feeds.clear()
