"""A log pane searches, filters, finds errors, and says in its border what it shows."""

from __future__ import annotations

import threading

import pytest
from textual.app import App

from flowtui.logs.scan import Found
from flowtui.logs.tails import Part
from flowtui.widgets.find_bar import FindBar
from flowtui.widgets.log_pane import LogPane
from tests.drawn import joined, numbered, shown_pane, timed
from tests.stored import Memory


class Gated(Memory):
    """A log of which what lies behind `limit` is read only once the gate is open."""

    def __init__(self, content: bytes, limit: int) -> None:
        super().__init__(content)
        self.limit = limit
        self.gate = threading.Event()
        self.gate.set()

    def read(self, offset: int, count: int) -> bytes:
        if offset >= self.limit and threading.current_thread() is not threading.main_thread():
            assert self.gate.wait(20)
        return super().read(offset, count)


# Titles


async def test_the_title_says_what_is_shown_and_whether_it_goes_on() -> None:
    async with shown_pane() as shown:
        assert shown.title == "stdout"
        shown.view.title("attempt 2")
        assert shown.title == "stdout · attempt 2 · following"
        await shown.write("one")
        shown.view.title()
        assert shown.title == "stdout · attempt 2 · 1 line · following"
        await shown.write(*numbered(1999))
        shown.view.title(ended=True)
        assert shown.title == "stdout · attempt 2 · 2,000 lines"


async def test_the_title_says_where_someone_reads() -> None:
    async with shown_pane(*numbered(2000)) as shown:
        shown.view.title("attempt 0")
        await shown.press("home")
        assert shown.title == "stdout · attempt 0 · 2,000 lines · line 1 · 0%"
        await shown.go_to_row(990)
        assert shown.title == "stdout · attempt 0 · 2,000 lines · line 991 · 50%"
        await shown.press("f")
        assert shown.title == "stdout · attempt 0 · 2,000 lines · following"


async def test_a_line_has_no_number_before_all_above_it_is_read() -> None:
    memory = Memory(joined(f"line {number:07}" for number in range(500_000)))
    async with shown_pane() as shown:
        shown.start(Part(memory, lambda: True))
        shown.view.grow(shown.tail.poll())
        await shown.press("pageup")
        assert shown.view.top_line is None
        assert shown.title.endswith(" lines · 99%")
        await shown.grow()
        assert shown.view.top_line == 499_981
        assert shown.title == "stdout · 500,000 lines · line 499,981 · 99%"


async def test_what_cannot_be_read_is_said_below_and_taken_back() -> None:
    async with shown_pane("one") as shown:
        shown.memory.error = "The bucket does not [answer]."
        await shown.grow()
        assert shown.subtitle == "The bucket does not [answer]."
        assert shown.rows == ["one"]
        shown.memory.error = None
        await shown.write("two")
        assert shown.subtitle == ""
        assert shown.rows == ["one", "two"]


async def test_titles_are_text_without_markup_and_controls() -> None:
    async with shown_pane("one") as shown:
        shown.memory.error = "\x1b[2Jgone\u202e [@click=app.quit]x[/]"
        await shown.grow()
        assert shown.subtitle == "gone� [@click=app.quit]x[/]"
        await shown.filter("\x1b[/]\u202e")
        assert shown.title == "stdout · 0 of 1 line with �"


# Search


async def test_a_search_marks_all_matches_and_walks_round_the_ends() -> None:
    async with shown_pane("an apple, an Apple", *numbered(20), "apples") as shown:
        await shown.press("home")
        await shown.search("apple")
        assert shown.title == "stdout · 22 lines · line 1 · 45% · match 1/2"
        assert shown.marked("current-match") == ["apple", "Apple"]
        await shown.press("n")
        assert shown.view.document.search is not None
        assert shown.view.document.search.summary == "2/2"
        assert shown.marked("current-match") == ["apple"]
        assert shown.rows[-1] == "apples"
        await shown.press("n")
        assert "match 1/2" in shown.title
        await shown.press("N")
        assert "match 2/2" in shown.title
        await shown.press("N")
        assert "match 1/2" in shown.title
        shown.view.search("")
        await shown.pilot.pause()
        assert "match" not in shown.title
        assert shown.marked("current-match") == []


async def test_a_search_starts_at_the_first_match_in_view() -> None:
    async with shown_pane(*numbered(170)) as shown:
        await shown.go_to_row(25)
        await shown.search(r"line \d*0$")
        assert "match 4/17" in shown.title
        assert shown.marked("current-match") == ["line 30"]
        assert shown.marked("match") == []
        assert shown.rows[0] == "line 25"


async def test_a_search_from_the_end_finds_what_is_before() -> None:
    async with shown_pane("needle", *numbered(100)) as shown:
        await shown.search("needle")
        assert "match 1/1" in shown.title
        assert shown.rows[0] == "needle"
        assert not shown.view.following


@pytest.mark.parametrize(
    ("pattern", "summary"),
    [
        ("ERROR", "1/1"),
        ("error", "1/3"),
        (r"err\w+:", "1/1"),
        (r"\Serror", "1/1"),
        ("(", "1/1"),
        ("nowhere", "0/0"),
        ("red text", "1/1"),
        ("^an", "1/1"),
        ("100 %", "0/0"),
        ("200 %", "1/1"),
    ],
)
async def test_what_a_search_finds(pattern: str, summary: str) -> None:
    log = [b"ERROR", *timed("an error: ("), b"subError", b"\x1b[31mred\x1b[0m text"]
    async with shown_pane(*log, "100 %\r200 %") as shown:
        await shown.press("home")
        await shown.search(pattern)
        assert shown.view.document.search is not None
        assert shown.view.document.search.summary == summary


@pytest.mark.parametrize("wrap", [False, True])
async def test_a_match_out_of_view_is_brought_into_view_and_following_stops(wrap: bool) -> None:
    async with shown_pane(*numbered(100), "x" * 200 + "needle", *numbered(100, 101)) as shown:
        if wrap:
            shown.view.action_toggle_wrap()
        await shown.search("needle")
        assert not shown.view.following
        assert shown.marked("current-match") == ["needle"]


async def test_a_search_in_a_log_without_lines_is_over_at_once() -> None:
    async with shown_pane() as shown:
        await shown.search("needle")
        assert shown.title == "stdout · match 0/0"
        await shown.press("n")
        await shown.write("a needle")
        await shown.scanned()
        assert shown.title == "stdout · 1 line · line 1 · 100% · match 1/1"


async def test_new_lines_are_searched_as_they_come() -> None:
    async with shown_pane(*numbered(3)) as shown:
        await shown.press("home")
        await shown.search("line")
        assert "match 1/3" in shown.title
        await shown.write(*numbered(4, 3), "other")
        await shown.until(lambda: "match 1/7" in shown.title, "the new ones are counted")
        await shown.add(b"half a li")
        await shown.add(b"ne")
        await shown.until(lambda: "match 1/8" in shown.title, "the unfinished one is counted")


async def test_a_search_goes_on_in_another_log() -> None:
    async with shown_pane(*numbered(3)) as shown:
        await shown.search("line 1")
        other = Part(Memory(joined(numbered(20))), lambda: True)
        await shown.open(other)
        await shown.scanned()
        assert shown.view.pattern == "line 1"
        assert "match 1/11" in shown.title


async def test_a_search_goes_on_when_the_log_is_replaced() -> None:
    async with shown_pane(*numbered(50)) as shown:
        await shown.filter("line")
        await shown.search("line 4")
        assert "match 2/11" in shown.title
        shown.memory.content = joined(["anew", "line 4", "line 5"])
        await shown.grow()
        await shown.scanned()
        await shown.until(lambda: "match 1/1" in shown.title, "only what is there is counted")
        assert shown.rows == ["line 4", "line 5"]
        assert "2 of 3 lines with line" in shown.title


async def test_a_search_tells_how_far_it_is_and_its_first_hits_at_once() -> None:
    many = joined([f"line {number:07}" for number in range(300_000)])
    memory = Gated(many, 3_000_000)
    async with shown_pane() as shown:
        await shown.open(Part(memory, lambda: True))
        await shown.press("home")
        memory.gate.clear()
        shown.view.search("0000005")
        document = shown.view.document
        await shown.until(lambda: "match 1/1 " in shown.title, "the first hit is there")
        assert document.search is not None
        assert 0 < document.search.progress < 1
        assert shown.title.endswith("%")
        assert shown.marked("current-match") == ["0000005"]

        # Another pattern starts anew, and what the old scan finds no longer counts.
        shown.view.search("line 0000009")
        old = shown.view._searching
        shown.view.search("line 029999")
        memory.gate.set()
        await shown.scanned()
        assert old is not None
        assert old.stopped
        assert "match 1/10" in shown.title
        assert "line 0299990" in shown.rows


async def test_a_scan_that_has_been_replaced_says_nothing_any_more() -> None:
    async with shown_pane("needle", "hay") as shown:
        await shown.search("needle")
        old = shown.view._searching
        assert old is not None
        await shown.search("hay")
        shown.view.on_log_pane_scanned(LogPane.Scanned(Found(old, trouble="It broke.")))
        assert shown.view.trouble is None
        assert "match 1/1" in shown.title


# Filter


async def test_a_filter_leaves_the_lines_that_match() -> None:
    async with shown_pane("apple", "pear", "Apple pie", "plum") as shown:
        await shown.filter("apple")
        assert shown.rows == ["apple", "Apple pie"]
        assert shown.title == "stdout · 2 of 4 lines with apple"
        await shown.filter("!apple")
        assert shown.rows == ["pear", "plum"]
        await shown.filter("")
        assert shown.rows == ["apple", "pear", "Apple pie", "plum"]
        assert shown.title == "stdout · 4 lines"


async def test_a_filter_that_leaves_nothing_says_so_until_something_comes() -> None:
    async with shown_pane(*numbered(30)) as shown:
        await shown.filter("[b]needle[/b]")
        assert " ".join("".join(shown.rows).split()) == "No line with [b]needle[/b]."
        assert shown.title == "stdout · 0 of 30 lines with [b]needle[/b]"
        await shown.write("a bneedle/", "hay", "[b]needle[/b]")
        await shown.until(lambda: "0 of" not in shown.title, "the new lines are filtered")
        assert shown.rows == ["a bneedle/"]


async def test_a_filtered_log_follows_as_lines_come() -> None:
    async with shown_pane(*numbered(500)) as shown:
        await shown.filter("0$")
        assert shown.rows == [f"line {number}0" for number in range(40, 50)]
        await shown.write(*numbered(15, 500))
        await shown.until(lambda: "52 of 515 lines" in shown.title, "the new lines are filtered")
        assert shown.view.following
        assert shown.rows[-1] == "line 510"


async def test_taking_a_filter_back_keeps_the_line_on_top() -> None:
    async with shown_pane(*numbered(500)) as shown:
        await shown.filter("0$")
        await shown.go_to_row(20)
        assert shown.rows[0] == "line 200"
        await shown.filter("")
        assert shown.rows[0] == "line 200"
        assert shown.rows[1] == "line 201"
        assert not shown.view.following
        await shown.filter("5$")
        # The line on top is not among them; the next one that is takes its place.
        assert shown.rows[0] == "line 205"


async def test_a_filter_that_leaves_nothing_leads_back_to_where_someone_was() -> None:
    async with shown_pane(*numbered(500)) as shown:
        await shown.go_to_row(200)
        await shown.filter("n")
        await shown.filter("nothing like it")
        await shown.filter("")
        assert shown.rows[0] == "line 200"


async def test_a_filter_that_is_taken_back_at_the_end_follows_on() -> None:
    async with shown_pane(*numbered(500)) as shown:
        await shown.filter("nothing like it")
        await shown.filter("")
        await shown.write("more")
        assert shown.rows[-1] == "more"


async def test_a_search_in_a_filtered_log_finds_what_is_shown() -> None:
    async with shown_pane(*numbered(100)) as shown:
        await shown.filter("line .5")
        await shown.search("line [1-3]")
        assert "match 1/3" in shown.title
        assert shown.marked("current-match") == ["line 1"]
        await shown.press("n")
        assert shown.marked("current-match") == ["line 2"]
        await shown.filter("")
        assert "/33" in shown.title


async def test_wrapped_and_spread_lines_are_filtered_too() -> None:
    async with shown_pane(*["hay" * 39, '{"needle": 1}'] * 50, size=(40, 12)) as shown:
        shown.view.action_toggle_wrap()
        shown.view.action_toggle_pretty()
        await shown.filter("needle")
        assert shown.rows == ["{", '  "needle": 1', "}"] * 4
        assert shown.view.document.row_count == 150
        await shown.filter("!needle")
        assert all("hay" in row for row in shown.rows)


async def test_an_unfinished_line_that_stops_matching_goes_away() -> None:
    async with shown_pane("10 % x") as shown:
        await shown.filter("^1.? %")
        await shown.add(b"15 %")
        await shown.until(lambda: shown.rows == ["10 % x", "15 %"], "it is shown")
        await shown.add(b"\r20 %")
        await shown.until(lambda: shown.rows == ["10 % x"], "it is gone")
        await shown.add(b"\r16 %")
        await shown.until(lambda: shown.rows == ["10 % x", "16 %"], "it is shown again")


async def test_a_filter_may_be_late_for_a_line_that_changed_since() -> None:
    memory = Gated(b"10 %", 0)
    async with shown_pane() as shown:
        await shown.open(Part(memory, lambda: shown.over))
        await shown.filter("^1")
        assert shown.rows == ["10 %"]
        memory.gate.clear()
        for state in (b"\r20 %", b"\r30 %", b"\r40 %"):
            memory.append(state)
            shown.view.grow(shown.tail.poll())
        memory.gate.set()
        await shown.until(lambda: not shown.view.document.row_count, "it is gone")
        assert shown.title == "stdout · 0 of 1 line with ^1"


# Errors


async def test_errors_are_walked_through() -> None:
    log: list[str | bytes] = list(numbered(200))
    log[20] = "Traceback (most recent call last):"
    log[70] = b"\x1b[31mValueError\x1b[0m: no"
    log[150] = "2026-11-21 CRITICAL out of disk"
    async with shown_pane(*log) as shown:
        found = []
        for key in ("E", "E", "e", "e", "e"):
            await shown.press(key)
            await shown.until(lambda: shown.view._seeking is None, "an error is found")
            await shown.pilot.pause()
            found.append("".join(shown.marked("target")).strip()[:10])
        assert found == ["2026-11-21", "ValueError", "2026-11-21", "Traceback ", "ValueError"]
        assert not shown.view.following


async def test_errors_are_looked_for_among_the_filtered_lines() -> None:
    async with shown_pane("a ValueError", *numbered(50), "b KeyError", *numbered(50)) as shown:
        await shown.filter("!^b")
        await shown.press("E")
        await shown.until(lambda: shown.marked("target"), "an error is found")
        assert "".join(shown.marked("target")).strip() == "a ValueError"


async def test_a_log_without_errors_stays_where_it_is_and_says_so() -> None:
    async with shown_pane(*numbered(50)) as shown:
        await shown.press("e")
        await shown.until(lambda: said(shown.pilot.app), "something is said")
        assert said(shown.pilot.app) == ["No line of this log looks like an error."]
        assert shown.view.following


@pytest.mark.parametrize("key", ["e", "E", "n", "N", "y", "end", "w", "t", "J"])
async def test_keys_do_no_harm_where_there_is_no_line(key: str) -> None:
    async with shown_pane() as shown:
        await shown.press(key)
        await shown.write(*numbered(20))
        assert shown.rows[-1].endswith("line 19")


# Asking


async def test_a_search_is_typed_and_kept_with_enter_and_ended_with_escape() -> None:
    async with shown_pane(*numbered(30)) as shown:
        await shown.press("slash")
        assert shown.pilot.app.query_one(FindBar).has_focus
        await shown.press(*"line 1", "enter")
        await shown.scanned()
        assert shown.view.has_focus
        assert shown.view.pattern == "line 1"
        await shown.press("slash", *"line 2", "escape")
        assert shown.view.has_focus
        assert shown.view.pattern == ""


async def test_a_filter_is_typed_changed_and_emptied_with_escape() -> None:
    async with shown_pane(*numbered(30)) as shown:
        await shown.press("ampersand", *"1", "enter")
        await shown.scanned()
        assert shown.rows[-1] == "line 21"
        await shown.press("ampersand")
        assert shown.pilot.app.query_one(FindBar).value == "1"
        await shown.press(*"12", "enter")
        await shown.scanned()
        assert shown.rows == ["line 12"]
        await shown.press("ampersand", "escape")
        assert shown.rows[-1] == "line 29"
        assert shown.view.filtered_by == ""


@pytest.mark.parametrize(
    ("typed", "top"),
    [("700", 696), ("50%", 497), ("0%", 0), ("1", 0), ("0", 0), ("99999999", 990), ("100%", 990)],
)
async def test_going_to_a_line_or_a_percentage(typed: str, top: int) -> None:
    async with shown_pane(*numbered(1000)) as shown:
        await shown.press("percent_sign", *typed, "enter")
        assert shown.view.has_focus
        assert not shown.view.following
        assert shown.rows[0] == f"line {top}"


async def test_going_to_a_line_that_is_filtered_out_leads_to_the_next() -> None:
    async with shown_pane(*numbered(1000)) as shown:
        await shown.filter("0$")
        await shown.press("percent_sign", *"501", "enter")
        assert "line 500" in shown.rows
        await shown.press("percent_sign", *"802", "enter")
        assert "line 810" in shown.rows


async def test_what_is_no_line_number_is_said() -> None:
    async with shown_pane(*numbered(100)) as shown:
        await shown.press("percent_sign", *"[b]", "enter")
        assert said(shown.pilot.app) == ["'[b]' is no line number."]
        assert shown.view.following
        await shown.press("percent_sign", "escape")
        assert len(said(shown.pilot.app)) == 1


async def test_an_empty_log_that_is_gone_to_follows_on() -> None:
    async with shown_pane() as shown:
        await shown.press("percent_sign", *"50%", "enter")
        await shown.write(*numbered(20))
        assert shown.rows[-1] == "line 19"


# Copying


async def test_the_log_is_copied_and_it_is_said_how_much() -> None:
    async with shown_pane("one") as shown:
        await shown.press("y")
        assert shown.pilot.app.clipboard == "one"
        await shown.write(*numbered(10_000))
        await shown.press("y")
        assert shown.pilot.app.clipboard.splitlines() == numbered(10_000)
        await shown.filter("99$")
        await shown.press("y")
        assert shown.pilot.app.clipboard.splitlines()[0] == "line 99"
        assert said(shown.pilot.app) == [
            "Copied 1 line of stdout.",
            "Copied the last 10,000 lines of stdout.",
            "Copied 100 lines of stdout.",
        ]


async def test_where_there_is_nothing_to_copy_the_clipboard_stays() -> None:
    async with shown_pane() as shown:
        shown.pilot.app.copy_to_clipboard("before")
        await shown.press("y")
        assert shown.pilot.app.clipboard == "before"
        assert said(shown.pilot.app) == ["There is nothing in this log."]


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light"])
async def test_marks_stand_out_in_dark_and_light(theme: str) -> None:
    async with shown_pane("an apple", "an apple") as shown:
        shown.pilot.app.theme = theme
        await shown.pilot.pause()
        await shown.press("home")
        await shown.search("apple")
        assert shown.marked("current-match") == ["apple"]
        assert shown.marked("match") == ["apple"]
        base = shown.segments(0)[0].style
        assert base is not None
        assert base.color != base.bgcolor


def said(app: App[None]) -> list[str]:
    """What was said in notifications."""
    return [str(notification.message) for notification in app._notifications]
