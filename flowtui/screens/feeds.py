"""From the blocking loops' threads to a screen's messages, one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable

from textual.message import Message
from textual.message_pump import MessagePump

from flowtui.logs.tails import Tail
from flowtui.poller import LogArrived, Opened, Polled, Poller, TailPoller, Trouble
from flowtui.sources.base import RunSource


class RunNews(Message, bubble=False):
    """Something a run's poller published."""

    def __init__(self, news: Opened | Polled | Trouble, taken: threading.Event) -> None:
        super().__init__()
        self.news = news
        self.taken = taken


class LogNews(Message, bubble=False):
    """Something the tail of a stream published; `feed` tells it from a tail replaced since."""

    def __init__(self, feed: LogFeed, news: LogArrived, taken: threading.Event) -> None:
        super().__init__()
        self.feed = feed
        self.news = news
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


class LogFeed:
    """Follows a tail and posts LogNews to a screen; waits until each is taken."""

    def __init__(self, screen: MessagePump, stream: str, tail: Tail) -> None:
        self._screen = screen
        self.stream = stream
        self.poller = TailPoller(tail, self._publish)
        self.poller.start()

    def stop(self) -> None:
        self.poller.stop()

    def _publish(self, news: LogArrived) -> None:
        taken = threading.Event()
        _post(self._screen, LogNews(self, news, taken), taken, self.poller)


def _post(
    screen: MessagePump, message: Message, taken: threading.Event, loop: Poller | TailPoller
) -> None:
    """Post and wait: a screen that is busy must not be buried under what comes meanwhile."""
    if not screen.post_message(message):
        loop.stop()
    while not loop.stopped and not taken.wait(0.2):
        pass
