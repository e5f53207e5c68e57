"""The log view follows, scrolls, wraps, searches and marks, and draws only what is in view."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection

from flowtui.logs import buffer
from flowtui.logs.mflog import NOTE, LogLine
from flowtui.widgets.log_view import LogView

MOMENT = datetime(2026, 11, 21, 9, 10, 29, 838666)
MICROSECONDS = int(MOMENT.timestamp()) * 1_000_000 + MOMENT.microsecond


def lines(*messages: str | bytes) -> list[LogLine]:
    return [
        LogLine(MICROSECONDS, "task", m if isinstance(m, bytes) else m.encode()) for m in messages
    ]


def numbered(count: int, start: int = 0) -> list[LogLine]:
    return lines(*(f"line {i}" for i in range(start, start + count)))


class LogApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.animation_level = "none"
        self.changes: list[tuple[bool, str]] = []

    def compose(self) -> ComposeResult:
        yield LogView("Nothing yet.")

    def on_log_view_changed(self, message: LogView.Changed) -> None:
        self.changes.append((message.control.following, message.control.search_summary))


@asynccontextmanager
async def shown(
    log: Sequence[LogLine] = (), size: tuple[int, int] = (40, 10)
) -> AsyncIterator[tuple[LogView, Pilot[None]]]:
    async with LogApp().run_test(size=size) as pilot:
        view = pilot.app.query_one(LogView)
        view.focus()
        view.append(log)
        await pilot.pause()
        yield view, pilot


def segments(view: LogView, row: int) -> list[Segment]:
    return list(view.render_line(row))


def text(view: LogView, row: int) -> str:
    return "".join(segment.text for segment in segments(view, row)).rstrip()


def screen(view: LogView) -> list[str]:
    rows = [text(view, row) for row in range(view.size.height)]
    while rows and not rows[-1]:
        rows.pop()
    return rows


def marked(view: LogView, component: str) -> list[str]:
    """The pieces of text on a component's background."""
    style = view.get_component_rich_style(component)
    return [
        segment.text
        for row in range(view.size.height)
        for segment in segments(view, row)
        if segment.style and segment.style.bgcolor == style.bgcolor
    ]


async def test_an_empty_log_says_why() -> None:
    async with shown() as (view, pilot):
        rows = [text(view, row) for row in range(10)]
        assert [row.strip() for row in rows if row] == ["Nothing yet."]
        assert rows[4].index("Nothing") in (13, 14)
        view.note = "[b]no markup[/b] here, and more than fits in one row"
        assert " ".join(row.strip() for row in screen(view)).strip() == view.note
        view.note = Content.styled("styled", "bold")
        assert "styled" in "".join(screen(view))
        view.append(numbered(1))
        await pilot.pause()
        assert screen(view) == ["line 0"]


async def test_clearing_brings_a_new_note_and_follows_again() -> None:
    async with shown(numbered(50)) as (view, pilot):
        await pilot.press("home")
        view.clear("Another attempt.")
        await pilot.pause()
        assert (view.line_count, view.following) == (0, True)
        assert "Another attempt." in "".join(screen(view))
        view.append(numbered(30))
        await pilot.pause()
        assert text(view, 9) == "line 29"


async def test_the_end_is_followed_until_someone_scrolls_up() -> None:
    async with shown(numbered(50)) as (view, pilot):
        assert screen(view) == [f"line {i}" for i in range(40, 50)]
        view.append(numbered(5, 50))
        await pilot.pause()
        assert text(view, 9) == "line 54"
        view.scroll_up(animate=False)
        await pilot.pause()
        assert not view.following
        view.append(numbered(5, 55))
        await pilot.pause()
        assert text(view, 9) == "line 53"


@pytest.mark.parametrize("action", ["follow", "scroll_end"])
async def test_following_resumes_at_a_key(action: str) -> None:
    async with shown(numbered(50)) as (view, pilot):
        await pilot.press("home")
        await pilot.pause()
        assert not view.following
        await view.run_action(action)
        view.append(numbered(1, 50))
        await pilot.pause()
        assert view.following
        assert text(view, 9) == "line 50"


async def test_new_lines_do_not_hold_back_someone_who_scrolls_up() -> None:
    async with shown(numbered(50)) as (view, pilot):
        pilot.app.animation_level = "full"
        view.action_page_up()
        view.append(numbered(1, 50))
        await pilot.wait_for_animation()
        await pilot.pause()
        assert not view.following
        assert text(view, 0) == "line 30"


async def test_scrolling_down_to_the_very_end_resumes_too() -> None:
    async with shown(numbered(50)) as (view, pilot):
        view.scroll_up(animate=False)
        view.scroll_down(animate=False)
        await pilot.pause()
        assert view.following


async def test_the_end_stays_in_view_when_the_terminal_is_resized() -> None:
    async with shown(numbered(50)) as (view, pilot):
        for height in (5, 20, 8):
            await pilot.resize_terminal(40, height)
            await pilot.pause()
            assert view.following
            assert text(view, view.size.height - 1) == "line 49"


async def test_changes_are_told_once() -> None:
    async with shown(numbered(50)) as (view, pilot):
        app = pilot.app
        assert isinstance(app, LogApp)
        view.scroll_up(animate=False)
        view.scroll_up(animate=False)
        await pilot.pause()
        view.search("line 4")
        await pilot.pause()
        view.action_follow()
        view.action_follow()
        await pilot.pause()
        assert app.changes == [(False, ""), (False, "2/11"), (True, "2/11")]


async def test_old_lines_make_room_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer.LogBuffer.__init__, "__defaults__", (100,))
    async with shown(numbered(100)) as (view, pilot):
        view.scroll_to(y=50, animate=False)
        await pilot.pause()
        assert text(view, 0) == "line 50"
        view.append(numbered(20, 100))
        await pilot.pause()
        assert text(view, 0) == "line 50"
        assert (view.line_count, view.dropped) == (100, 20)
        view.scroll_home(animate=False)
        await pilot.pause()
        assert screen(view)[:2] == ["… 20 earlier lines not shown", "line 20"]
        view.append(numbered(1000, 120))
        await pilot.pause()
        assert screen(view)[:2] == ["… 1,020 earlier lines not shown", "line 1020"]


async def test_what_was_never_loaded_is_told() -> None:
    async with shown(numbered(3)) as (view, pilot):
        view.skipped = 34_000_000
        await pilot.pause()
        assert screen(view)[:2] == ["… 34.0 MB before this not loaded", "line 0"]


async def test_timestamps_are_shown_on_demand() -> None:
    log = [*lines("timed"), LogLine(None, "task", b"untimed"), LogLine(10**18, "task", b"odd")]
    async with shown(log) as (view, _):
        assert screen(view) == ["timed", "untimed", "odd"]
        view.action_toggle_timestamps()
        assert screen(view) == [
            "09:10:29.838 timed",
            "             untimed",
            "             odd",
        ]


async def test_long_lines_scroll_sideways() -> None:
    async with shown(lines("0123456789" * 10, "short")) as (view, pilot):
        assert text(view, 0).startswith("0123456789")
        await pilot.press("right")
        await pilot.pause()
        assert text(view, 0).startswith("89012345")
        await pilot.press("left", "left")
        await pilot.pause()
        assert text(view, 0).startswith("0123456789")


async def test_wrapping_shows_all_of_a_line() -> None:
    async with shown(lines("a" * 50, "b", "界" * 30, "c"), (21, 12)) as (view, pilot):
        width = view.size.width
        view.action_toggle_wrap()
        await pilot.pause()
        rows = screen(view)
        assert "".join(rows) == "a" * 50 + "b" + "界" * 30 + "c"
        assert rows[0] == "a" * width
        assert view.virtual_size.width <= width


async def test_wrapped_rows_line_up_beside_the_timestamps() -> None:
    async with shown(lines("a" * 20), (27, 5)) as (view, pilot):
        view.action_toggle_wrap()
        view.action_toggle_timestamps()
        await pilot.pause()
        first, second = screen(view)
        assert first.startswith("09:10:29.838 aaa")
        assert second.startswith(" " * 13 + "aaa")


async def test_the_top_line_stays_on_top_when_wrapping_and_resizing() -> None:
    log = lines(*(f"{i} " + "x" * 60 for i in range(100)))
    async with shown(log) as (view, pilot):
        view.scroll_to(y=30, animate=False)
        await pilot.pause()
        view.action_toggle_wrap()
        await pilot.pause()
        assert text(view, 0).startswith("30 ")
        await pilot.resize_terminal(25, 10)
        await pilot.pause()
        assert text(view, 0).startswith("30 ")
        view.append(numbered(3))
        view.action_toggle_wrap()
        await pilot.pause()
        assert text(view, 0).startswith("30 ")


async def test_following_goes_on_in_wrapped_lines() -> None:
    async with shown(lines(*["x" * 100] * 20)) as (view, pilot):
        view.action_toggle_wrap()
        view.append(lines("the end"))
        await pilot.pause()
        assert view.following
        assert text(view, 9) == "the end"


async def test_a_search_marks_all_matches_and_walks_through_them() -> None:
    async with shown([*numbered(50), *lines("an apple, an Apple")]) as (view, pilot):
        view.search("apple")
        assert view.search_summary == "1/2"
        assert marked(view, "log-view--current-match") == ["apple"]
        assert marked(view, "log-view--match") == ["Apple"]
        view.action_next_match()
        assert view.search_summary == "2/2"
        assert marked(view, "log-view--current-match") == ["Apple"]
        view.action_next_match()
        assert view.search_summary == "1/2"
        view.action_previous_match()
        assert view.search_summary == "2/2"
        view.search("")
        await pilot.pause()
        assert view.search_summary == ""
        assert marked(view, "log-view--match") == []


@pytest.mark.parametrize(
    ("pattern", "summary"),
    [
        ("ERROR", "1/1"),
        ("error", "1/3"),
        (r"err\w+:", "1/1"),
        (r"\Serror", "1/1"),
        ("(", "1/1"),
        ("nowhere", "0/0"),
        ("z*", "0/0"),
        ("red text", "1/1"),
    ],
)
async def test_what_a_search_finds(pattern: str, summary: str) -> None:
    log = lines("ERROR", "an error: (", "subError", b"\x1b[31mred\x1b[0m text")
    async with shown(log) as (view, _):
        view.search(pattern)
        assert view.search_summary == summary


async def test_a_match_out_of_view_is_brought_into_view_and_following_stops() -> None:
    log = [*numbered(100), *lines("x" * 200 + "needle"), *numbered(100, 101)]
    async with shown(log) as (view, pilot):
        view.search("needle")
        await pilot.pause()
        assert not view.following
        assert marked(view, "log-view--current-match") == ["needle"]
        view.action_toggle_wrap()
        view.search("needle")
        await pilot.pause()
        assert marked(view, "log-view--current-match") == ["needle"]


async def test_new_lines_are_searched_as_they_come() -> None:
    async with shown(numbered(3)) as (view, _):
        view.search("line")
        view.append(numbered(4, 3))
        assert view.search_summary == "1/7"
        view.clear()
        view.append(numbered(2))
        assert view.search_summary == "0/2"


async def test_errors_are_walked_through() -> None:
    log = numbered(200)
    log[20:21] = lines("Traceback (most recent call last):")
    log[70:71] = lines(b"\x1b[31mValueError\x1b[0m: no")
    log[150:151] = lines("2026-11-21 CRITICAL out of disk")
    async with shown(log) as (view, pilot):
        found = []
        for action in ("previous_error", "previous_error", "next_error", "next_error"):
            await view.run_action(action)
            await pilot.pause()
            found.append("".join(marked(view, "log-view--target")).strip())
        assert [line[:10] for line in found] == [
            *("2026-11-21", "ValueError", "2026-11-21", "Traceback "),
        ]
        assert not view.following


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("KeyError: 'x'", True),
        ("pkg.MyException", True),
        ("ERROR something", True),
        ("level=FATAL", True),
        ("no error here", False),
        ("Errors: 0", False),
        ("NO_ERROR", False),
        ("Exceptional", False),
    ],
)
def test_what_looks_like_an_error(message: str, error: bool) -> None:
    assert buffer.looks_like_error(message.encode()) is error


async def test_a_log_without_errors_stays_where_it_is() -> None:
    async with shown(numbered(50)) as (view, pilot):
        view.action_next_error()
        await pilot.pause()
        assert view.following


async def test_colours_are_drawn_and_nothing_else_gets_through() -> None:
    attack = b"\x1b]0;title\x07\x1b[31mred\x1b[0m \x1b[2J[@click=quit]x[/] \xc2\x9b5A\xe2\x80\xaey"
    async with shown(lines(attack)) as (view, _):
        assert text(view, 0) == "red [@click=quit]x[/] �y"
        red = segments(view, 0)[0]
        assert red.text == "red"
        assert red.style is not None
        assert red.style.color is not None
        assert "@click" not in red.style.meta


async def test_every_cell_has_the_colours_of_the_theme() -> None:
    async with shown(lines("plain", b"\x1b[31mred\x1b[39m \x1b[41mon red\x1b[0m", "")) as (view, _):
        view.action_toggle_timestamps()
        for row in range(10):
            for segment in segments(view, row):
                assert segment.style is not None
                assert segment.style.color is not None
                assert segment.style.bgcolor is not None


async def test_notes_among_the_lines_are_told_apart() -> None:
    async with shown([LogLine(None, NOTE, b"cut short")]) as (view, _):
        style = segments(view, 0)[0].style
        assert style is not None
        assert style.italic


async def test_all_text_is_what_is_shown_without_colours_or_times() -> None:
    async with shown(lines(b"\x1b[31mred\x1b[0m", "a\tb", "x" * 100)) as (view, _):
        view.action_toggle_timestamps()
        assert view.all_text() == "red\na       b\n" + "x" * 100


async def test_a_selection_is_marked_and_copied() -> None:
    async with shown(lines("first", "second", "界third")) as (view, pilot):
        assert view.selected_text() is None
        view.screen.selections = {view: Selection(Offset(2, 0), Offset(3, 2))}
        await pilot.pause()
        assert view.selected_text() == "rst\nsecond\n界th"
        assert "".join(s.text for s in segments(view, 2)).startswith("界third")
        view.screen.selections = {view: Selection(None, None)}
        assert view.selected_text() == "first\nsecond\n界third"


async def test_a_wrapped_line_is_copied_as_one() -> None:
    message = "".join(chr(97 + i % 26) for i in range(70))
    async with shown(lines(message, "next"), (33, 8)) as (view, pilot):
        view.action_toggle_wrap()
        view.action_toggle_timestamps()
        await pilot.pause()
        view.screen.selections = {view: Selection(Offset(13, 0), Offset(17, len(screen(view)) - 1))}
        assert view.selected_text() == message + "\n09:10:29.838 next"


async def test_only_lines_in_view_are_drawn() -> None:
    async with shown(numbered(50_000)) as (view, pilot):
        view.append(numbered(50_000, 50_000))
        await pilot.pause()
        assert text(view, 9) == "line 99999"
        assert len(view._strips) < 50


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_marks_stand_out_in_dark_and_light(theme: str) -> None:
    async with shown(lines("an apple, an apple")) as (view, pilot):
        pilot.app.theme = theme
        await pilot.pause()
        view.search("apple")
        assert marked(view, "log-view--current-match") == ["apple"]
        assert marked(view, "log-view--match") == ["apple"]
        base = segments(view, 0)[0].style
        assert base is not None
        assert base.color != base.bgcolor
