"""A log in an app of its own, written to by a test, and what is drawn of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Generic, TypeVar

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.content import Content
from textual.pilot import Pilot

from flowtui.logs.tails import Part, Tail
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.log_pane import LogPane
from flowtui.widgets.log_view import LogView
from tests.stored import Memory

MOMENT = datetime(2026, 11, 21, 9, 10, 29, 838666)
"""Local time, in which times are shown."""

View = TypeVar("View", bound=LogView)


def timed(*messages: str | bytes, second: int = 29) -> list[bytes]:
    """Lines as Metaflow stores them, all written at one moment: `MOMENT`, or another second."""
    moment = MOMENT.replace(second=second).astimezone(UTC)
    prefix = f"[MFLOG|0|{moment:%Y-%m-%dT%H:%M:%S.%f}Z|task|id]".encode()
    return [prefix + (m if isinstance(m, bytes) else m.encode()) for m in messages]


def numbered(count: int, start: int = 0) -> list[str]:
    return [f"line {number}" for number in range(start, start + count)]


def joined(lines: Iterable[str | bytes]) -> bytes:
    """Lines, each with its newline."""
    return b"".join([(x if isinstance(x, bytes) else x.encode()) + b"\n" for x in lines])


class LogApp(App[None]):
    def __init__(self, view: LogView) -> None:
        super().__init__()
        self.animation_level = "none"
        self.followings: list[bool] = []
        self._view = view

    def compose(self) -> ComposeResult:
        yield self._view
        yield FindBar(id="find")

    def on_log_view_changed(self, message: LogView.Changed) -> None:
        self.followings.append(message.control.following)


class Shown(Generic[View]):
    """A log on the screen, and the memory it is read from."""

    def __init__(self, view: View, pilot: Pilot[None], memory: Memory) -> None:
        self.view, self.pilot, self.memory = view, pilot, memory
        self.tail = Tail([])
        self.over = False

    async def open(self, *parts: Part) -> None:
        """Show another log, all of it."""
        self.start(*parts)
        await self.grow()

    def start(self, *parts: Part) -> None:
        """Show another log, of which nothing has been read yet."""
        self.tail = Tail(parts)
        self.view.clear(tail=self.tail)

    async def write(self, *lines: str | bytes) -> None:
        """Whole lines come."""
        await self.add(joined(lines))

    async def add(self, data: bytes) -> None:
        """Bytes come."""
        self.memory.append(data)
        await self.grow()

    async def grow(self) -> None:
        """Show all that has come."""
        self.view.grow(self.tail.poll())
        while self.tail.more:
            self.view.grow(self.tail.poll())
        await self.pilot.pause()

    async def resize(self, columns: int, rows: int) -> None:
        await self.pilot.resize_terminal(columns, rows)
        await self.pilot.pause()

    async def go_to_row(self, row: int) -> None:
        """Scroll by hand so that this row is on top."""
        self.view.scroll_to(y=row, animate=False)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object], what: str) -> None:
        for _ in range(1000):
            if holds():
                return
            await self.pilot.pause(0.01)
        raise AssertionError(f"not within 10 s: {what}; {self.rows}")

    def segments(self, row: int) -> list[Segment]:
        return list(self.view.render_line(row))

    def text(self, row: int) -> str:
        """A row as it is drawn."""
        return "".join(segment.text for segment in self.segments(row)).rstrip()

    @property
    def rows(self) -> list[str]:
        """What is drawn, without empty rows at the end."""
        drawn = [self.text(row) for row in range(self.view.size.height)]
        while drawn and not drawn[-1]:
            drawn.pop()
        return drawn

    def marked(self, component: str) -> list[str]:
        """The pieces of text on a component's background."""
        style = self.view.get_component_rich_style(f"log-view--{component}")
        return [
            segment.text
            for row in range(self.view.size.height)
            for segment in self.segments(row)
            if segment.style and segment.style.bgcolor == style.bgcolor
        ]


class ShownPane(Shown[LogPane]):
    """A pane, with the keys of the app."""

    @property
    def title(self) -> str:
        return Content.from_markup(self.view.border_title or "").plain

    @property
    def subtitle(self) -> str:
        return Content.from_markup(self.view.border_subtitle or "").plain

    async def search(self, pattern: str) -> None:
        """Search all of the log."""
        self.view.search(pattern)
        await self.scanned()

    async def filter(self, pattern: str) -> None:
        """Filter all of the log."""
        self.view.filter(pattern)
        await self.scanned()

    async def scanned(self) -> None:
        """Wait until all that is there has been looked through."""
        document = self.view.document

        def done() -> bool:
            return all(h is None or h.progress == 1 for h in (document.search, document.filter))

        await self.until(done, "all is looked through")
        await self.pilot.pause()


@asynccontextmanager
async def _in_app(
    view: View, kind: type[Shown[View]], content: bytes, size: tuple[int, int]
) -> AsyncIterator[Shown[View]]:
    memory = Memory(content or None)
    async with LogApp(view).run_test(size=size) as pilot:
        shown = kind(view, pilot, memory)
        view.focus()
        await shown.open(Part(memory, lambda: shown.over, "stdout"))
        yield shown
        shown.tail.close()


@asynccontextmanager
async def shown_view(
    *lines: str | bytes, size: tuple[int, int] = (40, 10)
) -> AsyncIterator[Shown[LogView]]:
    """A view without the keys of the app; the app has room for nothing else."""
    async with _in_app(LogView("Nothing yet."), Shown[LogView], joined(lines), size) as shown:
        yield shown


@asynccontextmanager
async def shown_pane(
    *lines: str | bytes, size: tuple[int, int] = (40, 10)
) -> AsyncIterator[ShownPane]:
    """A pane of stdout."""
    async with _in_app(LogPane("stdout"), ShownPane, joined(lines), size) as shown:
        assert isinstance(shown, ShownPane)
        yield shown
