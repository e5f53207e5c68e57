"""The log view follows, scrolls, wraps and marks, and reads and draws only what is in view."""

from __future__ import annotations

import re

import pytest
from textual.content import Content
from textual.geometry import Offset
from textual.selection import Selection

from flowtui.logs.hits import Place
from flowtui.logs.tails import END_BYTES, Part
from flowtui.widgets.log_view import MOST_COPIED
from tests.drawn import LogApp, joined, numbered, shown_view, timed
from tests.stored import Memory

HOSTILE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Counted(Memory):
    """A log that counts the bytes that are read of it."""

    def __init__(self, content: bytes | None = None) -> None:
        super().__init__(content)
        self.bytes_read = 0

    def read(self, offset: int, count: int) -> bytes:
        data = super().read(offset, count)
        self.bytes_read += len(data)
        return data


async def test_an_empty_log_says_why() -> None:
    async with shown_view() as shown:
        shown.view.note = "Nothing yet."
        rows = [shown.text(row) for row in range(10)]
        assert [row.strip() for row in rows if row] == ["Nothing yet."]
        assert rows[4].index("Nothing") in (13, 14)
        shown.view.note = "[b]no markup[/b] here, and more than fits in one row"
        note = " ".join(row.strip() for row in shown.rows).strip()
        assert note == "[b]no markup[/b] here, and more than fits in one row"
        shown.view.note = Content.styled("styled", "bold")
        assert "styled" in "".join(shown.rows)
        await shown.write("line 0")
        assert shown.rows == ["line 0"]


async def test_clearing_brings_a_new_note_and_follows_again() -> None:
    async with shown_view(*numbered(50)) as shown:
        await shown.press("home")
        shown.view.clear("Another attempt.")
        await shown.pilot.pause()
        assert (shown.view.line_count, shown.view.following) == (0, True)
        assert "Another attempt." in "".join(shown.rows)
        assert shown.memory.closed
        await shown.open(Part(Memory(joined(numbered(30))), lambda: True))
        assert shown.text(9) == "line 29"


async def test_the_end_is_followed_until_someone_scrolls_up() -> None:
    async with shown_view(*numbered(50)) as shown:
        assert shown.rows == [f"line {number}" for number in range(40, 50)]
        await shown.write(*numbered(5, 50))
        assert shown.text(9) == "line 54"
        shown.view.scroll_up(animate=False)
        await shown.pilot.pause()
        assert not shown.view.following
        await shown.write(*numbered(5, 55))
        assert shown.text(9) == "line 53"


@pytest.mark.parametrize("action", ["follow", "scroll_end"])
async def test_following_resumes_at_a_key(action: str) -> None:
    async with shown_view(*numbered(50)) as shown:
        await shown.press("home")
        assert not shown.view.following
        await shown.view.run_action(action)
        await shown.write("line 50")
        assert shown.view.following
        assert shown.text(9) == "line 50"


async def test_new_lines_do_not_hold_back_someone_who_scrolls_up() -> None:
    async with shown_view(*numbered(50)) as shown:
        shown.pilot.app.animation_level = "full"
        shown.view.action_page_up()
        await shown.write("line 50")
        await shown.pilot.wait_for_animation()
        await shown.pilot.pause()
        assert not shown.view.following
        assert shown.text(0) == "line 30"


async def test_scrolling_down_to_the_very_end_resumes_too() -> None:
    async with shown_view(*numbered(50)) as shown:
        shown.view.scroll_up(animate=False)
        shown.view.scroll_down(animate=False)
        await shown.pilot.pause()
        assert shown.view.following


@pytest.mark.parametrize("wrap", [False, True])
async def test_the_end_stays_in_view_when_the_terminal_is_resized(wrap: bool) -> None:
    async with shown_view(*numbered(50)) as shown:
        if wrap:
            shown.view.action_toggle_wrap()
        for columns, rows in ((40, 5), (9, 20), (100, 8)):
            await shown.resize(columns, rows)
            assert shown.view.following
            assert len(shown.rows) == rows
            assert "".join(shown.rows).endswith("line 49")


async def test_changes_are_told_once() -> None:
    async with shown_view(*numbered(50)) as shown:
        app = shown.pilot.app
        assert isinstance(app, LogApp)
        app.followings.clear()
        shown.view.scroll_up(animate=False)
        shown.view.scroll_up(animate=False)
        await shown.pilot.pause()
        shown.view.action_follow()
        shown.view.action_follow()
        await shown.pilot.pause()
        assert app.followings == [False, False, True]


async def test_timestamps_are_shown_on_demand() -> None:
    odd = b"[MFLOG|0|2026-02-31T09:10:29.838666Z|task|id]no such day"
    async with shown_view(*timed("timed"), "untimed", odd, size=(80, 10)) as shown:
        assert shown.rows == ["timed", "untimed", odd.decode()]
        shown.view.action_toggle_timestamps()
        assert shown.rows == [
            "09:10:29.838 timed",
            "             untimed",
            "             " + odd.decode(),
        ]


async def test_long_lines_scroll_sideways() -> None:
    async with shown_view("0123456789" * 10, "short") as shown:
        assert shown.text(0).startswith("0123456789")
        await shown.press("right")
        assert shown.text(0).startswith("89012345")
        await shown.press("left", "left")
        assert shown.text(0).startswith("0123456789")
        await shown.press(*["right"] * 20)
        assert shown.text(0).endswith("6789")


@pytest.mark.parametrize("height", [4, 12])
async def test_wrapping_shows_all_of_a_line_beside_the_scrollbar(height: int) -> None:
    letters = "".join(chr(97 + at % 26) for at in range(50))
    async with shown_view(letters, "b", "界" * 30, "c", size=(21, height)) as shown:
        view = shown.view
        view.action_toggle_wrap()
        await shown.press("home")
        assert view.show_vertical_scrollbar is (height == 4)
        width = view.scrollable_content_region.width
        rows = [shown.text(0)]
        while view.scroll_offset.y + view.size.height < view.document.row_count:
            await shown.go_to_row(view.scroll_offset.y + 1)
            rows.append(shown.text(0))
        rows += [shown.text(row) for row in range(1, view.size.height)]
        assert rows[0] == letters[:width]
        assert "".join(rows) == letters + "b" + "界" * 30 + "c"
        assert view.virtual_size.width <= width


async def test_the_last_character_of_a_wide_line_is_not_under_the_scrollbar() -> None:
    async with shown_view(*["x" * 60 + "!"] * 30) as shown:
        await shown.press("home", *["right"] * 9)
        strips = shown.pilot.app.screen._compositor.render_strips()
        assert shown.view.show_vertical_scrollbar
        assert strips[0].text[:-1].endswith("x!")


async def test_wrapped_rows_line_up_beside_the_timestamps() -> None:
    async with shown_view(*timed("a" * 20), size=(27, 5)) as shown:
        shown.view.action_toggle_wrap()
        shown.view.action_toggle_timestamps()
        await shown.pilot.pause()
        first, second = shown.rows
        assert first.startswith("09:10:29.838 aaa")
        assert second.startswith(" " * 13 + "aaa")


async def test_the_top_line_stays_on_top_when_wrapping_and_resizing() -> None:
    async with shown_view(*[f"{number} " + "x" * 60 for number in range(100)]) as shown:
        await shown.go_to_row(30)
        shown.view.action_toggle_wrap()
        await shown.pilot.pause()
        assert shown.text(0).startswith("30 ")
        await shown.resize(25, 10)
        assert shown.text(0).startswith("30 ")
        await shown.write(*numbered(3))
        shown.view.action_toggle_wrap()
        await shown.pilot.pause()
        assert shown.text(0).startswith("30 ")


async def test_following_goes_on_in_wrapped_lines() -> None:
    async with shown_view(*["x" * 100] * 20) as shown:
        shown.view.action_toggle_wrap()
        await shown.write("the end")
        assert shown.view.following
        assert shown.text(9) == "the end"


async def test_json_is_spread_over_rows_on_demand() -> None:
    log = ["before", '{"loss": 0.25, "tags": ["a", null]}', "{not json}"]
    async with shown_view(*log) as shown:
        assert shown.rows == log
        shown.view.action_toggle_pretty()
        await shown.pilot.pause()
        assert shown.rows == [
            *("before", "{", '  "loss": 0.25,', '  "tags": [', '    "a",', "    null", "  ]", "}"),
            "{not json}",
        ]
        shown.view.action_toggle_pretty()
        await shown.pilot.pause()
        assert shown.rows == log


async def test_a_line_that_is_redrawn_shows_its_last_state() -> None:
    async with shown_view("before") as shown:
        await shown.add(b"10 %")
        assert shown.rows == ["before", "10 %"]
        await shown.add(b"\r55 %")
        assert shown.rows == ["before", "55 %"]
        await shown.add(b"\r100 %\nafter\n")
        assert shown.rows == ["before", "100 %", "after"]
        assert shown.view.line_count == 3


async def test_a_log_that_is_cut_short_is_read_again_and_says_so() -> None:
    async with shown_view(*numbered(50)) as shown:
        shown.memory.content = b"anew\n"
        await shown.grow()
        assert shown.rows == [
            "… the log was cut short or replaced; it",
            "anew",
        ]
        assert shown.segments(0)[0].style is not None
        style = shown.segments(0)[0].style
        assert style is not None
        assert style.italic
        await shown.write("and on")
        assert shown.rows[1:] == ["anew", "and on"]


async def test_a_long_log_opens_at_its_end_and_stays_put_while_its_head_arrives() -> None:
    memory = Counted(joined([f"line {number:07}" for number in range(500_000)]))
    async with shown_view() as shown:
        shown.start(Part(memory, lambda: True))
        tail = shown.tail
        first = tail.poll()
        assert first.unread > 4_000_000
        shown.view.grow(first)
        await shown.pilot.pause()
        assert shown.text(9) == "line 0499999"
        assert memory.bytes_read < 5 * END_BYTES
        known = shown.view.line_count
        assert known < 200_000

        await shown.press("home")
        assert re.fullmatch(r"… \d\.\d MB to be read yet", shown.text(0))
        await shown.go_to_row(5000)
        on_top = shown.text(0)
        while tail.more:
            shown.view.grow(tail.poll())
            await shown.pilot.pause()
            assert shown.text(0) == on_top
        assert shown.view.line_count == 500_000
        await shown.press("home")
        assert shown.rows == [f"line {number:07}" for number in range(10)]


async def test_only_lines_in_view_are_read_and_drawn() -> None:
    memory = Counted(joined(numbered(100_000)))
    async with shown_view() as shown:
        await shown.open(Part(memory, lambda: True))
        await shown.until(lambda: shown.view.line_count == 100_000, "all lines are known")
        memory.bytes_read = 0
        await shown.press("home")
        for row in (20_000, 70_000):
            await shown.go_to_row(row)
            assert shown.text(0) == f"line {row}"
        assert memory.bytes_read <= 6 * 64 * 1024
        assert len(shown.view._strips) < 60


async def test_a_line_of_100_mb_is_shown_by_its_beginning() -> None:
    line = b"begin " + b"x" * 100_000_000
    async with shown_view() as shown:
        memory = Counted(b"before\n" + line + b"\nafter\n")
        await shown.open(Part(memory, lambda: True))
        memory.bytes_read = 0
        assert shown.rows[0] == "before"
        assert shown.rows[1].startswith("begin xxx")
        assert shown.rows[2] == "after"
        assert memory.bytes_read < 1_000_000
        shown.view.action_toggle_wrap()
        await shown.press("home")
        assert "".join(shown.rows[1:]).startswith("begin xxx")
        await shown.press("end")
        assert shown.rows[-1] == "after"
        # Some of its characters are shown, and the rest is counted.
        assert re.search(r"x… \(\+99,996,00\d bytes\)$", "".join(shown.rows[:-1]))


async def test_colours_are_drawn_and_nothing_else_gets_through() -> None:
    attack = b"\x1b]0;title\x07\x1b[31mred\x1b[0m \x1b[2J[@click=quit]x[/] \xc2\x9b5A\xe2\x80\xaey"
    async with shown_view(attack) as shown:
        assert shown.text(0) == "red [@click=quit]x[/] �y"
        red = shown.segments(0)[0]
        assert red.text == "red"
        assert red.style is not None
        assert red.style.color is not None
        assert "@click" not in red.style.meta


@pytest.mark.parametrize("look", ["plain", "timestamps", "pretty", "wrap"])
async def test_no_strip_holds_what_a_terminal_obeys(look: str) -> None:
    every_byte = [bytes([byte]) * 2 + b"x" for byte in range(256) if byte != 10]
    evil = "\x1b[2J\x9b2J\x1b]52;c;AAAA\x07\u202e\u2066\u200b\x1bP+q\x1b\\ ok"
    json = b'{"a\\u001b[2J": "\\u009b\\u202e", "b": [1, "\\ud800"]}'
    log = [*every_byte, evil.encode(), json, *timed(evil)]
    async with shown_view(*log, size=(30, 20)) as shown:
        if look != "plain":
            await shown.view.run_action(f"toggle_{look}")
        await shown.press("home")
        for row in range(0, shown.view.document.row_count, 10):
            await shown.go_to_row(row)
            assert not HOSTILE.search("".join(shown.rows))


async def test_every_cell_has_the_colours_of_the_theme() -> None:
    async with shown_view("plain", b"\x1b[31mred\x1b[39m \x1b[41mon red\x1b[0m", "") as shown:
        shown.view.action_toggle_timestamps()
        for row in range(10):
            for segment in shown.segments(row):
                assert segment.style is not None
                assert segment.style.color is not None
                assert segment.style.bgcolor is not None


async def test_merged_streams_are_told_apart_by_a_mark_not_by_colour_alone() -> None:
    out = Memory(joined([*timed("one", second=1), *timed("three", second=3)]))
    err = Memory(joined(timed("two", second=2)))
    async with shown_view() as shown:
        await shown.open(
            Part(out, lambda: True, "stdout"),
            Part(err, lambda: True, "stderr"),
        )
        assert shown.rows == ["  one", "▎ two", "  three"]
        mark = shown.segments(1)[0]
        assert mark.style is not None
        assert mark.style.color == shown.view.get_component_rich_style("log-view--stderr").color
        shown.view.action_toggle_timestamps()
        assert shown.rows[1] == "09:10:02.838 ▎ two"
        assert shown.view.last_text() == "one\ntwo\nthree"


async def test_lines_of_several_tasks_have_their_labels_side_by_side() -> None:
    async with shown_view() as shown:
        one = Memory(joined([*timed("a", second=1), *timed("b" * 40, second=3)]))
        two = Memory(joined(timed("c", second=2)))
        await shown.open(
            Part(one, lambda: True, "stdout", "size=1"),
            Part(two, lambda: True, "stdout", "size=10"),
        )
        assert shown.rows[:2] == ["size=1  a", "size=10 c"]
        shown.view.action_toggle_wrap()
        await shown.pilot.pause()
        assert shown.rows == ["size=1  a", "size=10 c", "size=1  " + "b" * 31, " " * 8 + "b" * 9]


async def test_all_text_is_what_is_shown_without_colours_or_times() -> None:
    async with shown_view(*timed(b"\x1b[31mred\x1b[0m", "a\tb", "x" * 100)) as shown:
        shown.view.action_toggle_timestamps()
        assert shown.view.last_text() == "red\na       b\n" + "x" * 100


async def test_of_a_long_log_the_last_lines_are_copied() -> None:
    async with shown_view(*numbered(MOST_COPIED + 500)) as shown:
        copied = shown.view.last_text().splitlines()
        assert (copied[0], copied[-1]) == ("line 500", f"line {MOST_COPIED + 499}")


async def test_a_selection_is_marked_and_copied() -> None:
    async with shown_view("first", "second", "界third") as shown:
        view = shown.view
        assert view.selected_text() is None
        view.screen.selections = {view: Selection(Offset(2, 0), Offset(3, 2))}
        await shown.pilot.pause()
        assert view.selected_text() == "rst\nsecond\n界th"
        assert shown.text(2) == "界third"
        view.screen.selections = {view: Selection(None, None)}
        assert view.selected_text() == "first\nsecond\n界third"


async def test_a_wrapped_line_is_copied_as_one() -> None:
    message = "".join(chr(97 + at % 26) for at in range(70))
    async with shown_view(*timed(message, "next"), size=(33, 8)) as shown:
        view = shown.view
        view.action_toggle_wrap()
        view.action_toggle_timestamps()
        await shown.pilot.pause()
        end = Offset(17, len(shown.rows) - 1)
        view.screen.selections = {view: Selection(Offset(13, 0), end)}
        assert view.selected_text() == message + "\n09:10:29.838 next"


async def test_going_to_a_line_brings_it_into_view_and_stops_following() -> None:
    async with shown_view(*numbered(1000)) as shown:
        shown.view.go_to(Place(0, 500))
        await shown.pilot.pause()
        assert not shown.view.following
        assert "line 500" in shown.rows
        shown.view.go_to(Place(0, 501))
        await shown.pilot.pause()
        # It was in view, so that nothing moved.
        assert shown.rows[3:5] == ["line 500", "line 501"]


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "nord"])
async def test_a_new_theme_is_drawn_at_once(theme: str) -> None:
    async with shown_view("plain") as shown:
        shown.rows  # noqa: B018
        shown.pilot.app.theme = theme
        await shown.pilot.pause()
        style = shown.segments(0)[0].style
        assert style is not None
        assert (style.color, style.bgcolor) == (
            shown.view.rich_style.color,
            shown.view.rich_style.bgcolor,
        )
