"""Stdout and stderr of one attempt beside each other, read while they are shown."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import Container

from flowtui.logs.absent import why_empty
from flowtui.model import FINISHED, Attempt, RunDescription, State, Task
from flowtui.screens.feeds import LogFeed, LogNews
from flowtui.sources.base import RunSource
from flowtui.widgets.log_pane import LogPane

STREAMS = ("stdout", "stderr")

_SETTLE = 0.08
"""Seconds the selection must rest before logs are opened: a held key passes many tasks."""


class AttemptLogs(Container):
    """Two log panes that follow the selected attempt; both are emptied when it changes."""

    DEFAULT_CSS = """
    AttemptLogs { layout: horizontal; }
    AttemptLogs LogPane { width: 1fr; height: 1fr; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._feeds: dict[str, LogFeed] = {}
        self._shown: tuple[str, str, int | None] | None = None

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
        key = (*task.key, attempt.number if attempt else None) if task else None
        if key != self._shown:
            self._shown = key
            self._stop()
            for pane in self.panes:
                pane.clear()
            if source is not None and task is not None and attempt is not None:
                self._open_soon(source, task, attempt)
        for pane in self.panes:
            name = f"attempt {attempt.number}" if attempt else ""
            pane.title(name, ended=attempt is not None and attempt.state in FINISHED)
            if not pane.line_count and run is not None and task is not None:
                note = why_empty(run, task, attempt, pane.stream)
                if pane.note != note:
                    pane.note = note

    def on_unmount(self) -> None:
        self._stop()

    def on_log_news(self, message: LogNews) -> None:
        feed, news = message.feed, message.news
        if self._feeds.get(feed.stream) is feed:
            pane = self.query_one(f"#{feed.stream}", LogPane)
            if news.skipped != pane.skipped:
                pane.skipped = news.skipped
            pane.append(news.lines)
            if news.trouble is not None and not pane.line_count:
                pane.note = news.trouble
            pane.title()
        message.taken.set()

    def _open_soon(self, source: RunSource, task: Task, attempt: Attempt) -> None:
        shown = self._shown

        def open_tails() -> None:
            if self._shown != shown or attempt.state is State.CLONED or not self.is_attached:
                return
            for stream in STREAMS:
                tail = source.log(task.step, task.id, attempt.number, stream)
                self._feeds[stream] = LogFeed(self, stream, tail)

        self.set_timer(_SETTLE, open_tails)

    def _stop(self) -> None:
        for feed in self._feeds.values():
            feed.stop()
        self._feeds.clear()
