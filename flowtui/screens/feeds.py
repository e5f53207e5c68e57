"""From the blocking loops' threads to a screen's messages, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from textual.message import Message
from textual.message_pump import MessagePump

from flowtui.logs.tails import Growth, Tail
from flowtui.loop import Loop
from flowtui.poller import (
    Listed,
    ListOpened,
    Opened,
    Polled,
    Poller,
    RunListPoller,
    TailPoller,
    Trouble,
)
from flowtui.sources.base import RunSource
from flowtui.sources.run_list import Listing, RunList


class RunNews(Message, bubble=False):
    """Something a run's poller published."""

    def __init__(self, news: Opened | Polled | Trouble, taken: threading.Event) -> None:
        super().__init__()
        self.news = news
        self.taken = taken


class RunListNews(Message, bubble=False):
    """Something a list's poller published; `feed` tells it from a list replaced since."""

    def __init__(
        self, feed: RunListFeed, news: ListOpened | Listed | Trouble, taken: threading.Event
    ) -> None:
        super().__init__()
        self.feed = feed
        self.news = news
        self.taken = taken


class LogNews(Message, bubble=False):
    """What a tail found; `feed` tells it from a tail replaced since."""

    def __init__(self, feed: LogFeed, growth: Growth, taken: threading.Event) -> None:
        super().__init__()
        self.feed = feed
        self.growth = growth
        self.taken = taken


class RunFeed:
    """Polls a run and posts RunNews to a screen; waits until each is taken."""

    def __init__(
        self, screen: MessagePump, source: Callable[[], RunSource], interval: float
    ) -> None:
        self._screen = screen
        self.poller = Poller(source, self._publish, interval)
        self.poller.start()

    def stop(self) -> None:
        self.poller.stop()

    def _publish(self, news: Opened | Polled | Trouble) -> None:
        taken = threading.Event()
        _post(self._screen, RunNews(news, taken), taken, self.poller)


class RunListFeed:
    """Polls a list of runs and posts RunListNews to a screen; waits until each is taken."""

    def __init__(
        self, screen: MessagePump, runs: Callable[[], tuple[Listing, RunList]], interval: float
    ) -> None:
        self._screen = screen
        self.poller = RunListPoller(runs, self._publish, interval)
        self.poller.start()

    def stop(self) -> None:
        self.poller.stop()

    def _publish(self, news: ListOpened | Listed | Trouble) -> None:
        taken = threading.Event()
        _post(self._screen, RunListNews(self, news, taken), taken, self.poller)


class LogFeed:
    """Follows a tail and posts LogNews to a screen; waits until each is taken."""

    def __init__(self, screen: MessagePump, tail: Tail) -> None:
        self._screen = screen
        self.tail = tail
        self.poller = TailPoller(tail, self._publish)
        self.poller.start()

    def stop(self) -> None:
        """Read no more; what was read can still be shown, until the tail is closed."""
        self.poller.stop()

    def _publish(self, growth: Growth) -> None:
        taken = threading.Event()
        _post(self._screen, LogNews(self, growth, taken), taken, self.poller)


def _post(screen: MessagePump, message: Message, taken: threading.Event, loop: Loop) -> None:
    """Post and wait: a screen that is busy must not be buried under what comes meanwhile."""
    if not screen.post_message(message):
        loop.stop()
    while not loop.stopped and not taken.wait(0.2):
        pass
