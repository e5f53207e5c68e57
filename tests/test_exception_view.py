"""The exception of an attempt: what is shown folded and unfolded, and where the cursor goes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from flowtui.logs.raised import Raised
from flowtui.logs.tracebacks import find_exception
from flowtui.theme import Look
from flowtui.widgets.exception_view import ExceptionView
from tests.hostile import Payload, payloads
from tests.raw_terminal import odd_characters

SMALL, WIDE = (80, 24), (160, 45)

LIBRARY = "/opt/lib/python3.12/site-packages/pandas/frame.py"


def raised(*frames: tuple[str, int, str], message: bytes = b"no data for FI") -> Raised:
    """A ValueError that came through these files, lines and functions."""
    lines = ["Traceback (most recent call last):"]
    for file, line, function in frames:
        lines += [f'  File "{file}", line {line}, in {function}', f"    {function}(x)"]
    found = find_exception([*(line.encode() for line in lines), b"ValueError: " + message])
    assert found is not None
    return found


SHORT = raised(
    ("/home/ada/train.py", 9, "step"), ("/home/ada/rows.py", 41, "load"), (LIBRARY, 7, "get")
)
LONG = raised(
    *((LIBRARY, number, "outer") for number in range(100)),
    ("/home/ada/train.py", 41, "train"),
    *((LIBRARY, number, "inner") for number in range(100)),
)


class Host(App[None]):
    def __init__(self, look: Look, *, foldable: bool) -> None:
        super().__init__()
        self._view = ExceptionView(look, foldable=foldable)

    def compose(self) -> ComposeResult:
        yield self._view


class Shown:
    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot = pilot
        self.view = pilot.app.query_one(ExceptionView)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def rows(self) -> list[str]:
        height = self.view.size.height
        return [self.view.render_line(y).text.rstrip() for y in range(height)]

    @property
    def marked(self) -> list[str]:
        """The rows with the cursor's background."""
        colour = self.view.get_component_rich_style("exception--cursor").bgcolor
        strips = [self.view.render_line(y) for y in range(self.view.size.height)]
        return [
            strip.text.strip()
            for strip in strips
            if any(segment.style and segment.style.bgcolor == colour for segment in strip)
        ]


@asynccontextmanager
async def shown(
    exception: Raised | None,
    note: str = "",
    *,
    size: tuple[int, int] = SMALL,
    foldable: bool = True,
    look: Look | None = None,
) -> AsyncIterator[Shown]:
    app = Host(look or Look(), foldable=foldable)
    async with app.run_test(size=size, notifications=True) as pilot:
        view = Shown(pilot)
        view.view.show(exception, note)
        if foldable:
            view.view.focus()
        await pilot.pause()
        yield view


async def test_folded_it_tells_what_was_raised_and_where_in_the_person_s_own_code() -> None:
    async with shown(SHORT) as view:
        assert view.rows == ["▸ ValueError: no data for FI", "  rows.py:41 in load   load(x)"]
        assert view.view.place == ("/home/ada/rows.py", 41)
    async with shown(SHORT, look=Look(ascii=True)) as view:
        assert view.rows[0] == "> ValueError: no data for FI"


async def test_where_it_cannot_be_unfolded_one_line_tells_all() -> None:
    async with shown(SHORT, foldable=False) as view:
        assert view.rows == ["ValueError: no data for FI  rows.py:41 in load"]
        assert not view.view.can_focus
        await view.pilot.click(ExceptionView)
        assert not view.view.unfolded


async def test_a_note_stands_where_there_is_none() -> None:
    async with shown(None, "Attempt 1 printed no exception to its logs.") as view:
        assert view.rows[0].strip() == "Attempt 1 printed no exception to its logs."
        assert view.view.place is None
        await view.press("enter", "j", "G", "y")
        assert not view.view.unfolded
        assert view.pilot.app.clipboard == ""


async def test_enter_unfolds_all_that_was_printed_with_the_cursor_on_the_own_frame() -> None:
    async with shown(SHORT) as view:
        await view.press("enter")
        assert view.rows == [
            "▾ ValueError: no data for FI",
            "  rows.py:41 in load   load(x)",
            "  Traceback (most recent call last):",
            '    File "/home/ada/train.py", line 9, in step',
            "      step(x)",
            '    File "/home/ada/rows.py", line 41, in load',
            "      load(x)",
            f'    File "{LIBRARY}", line 7, in get',
            "      get(x)",
            "  ValueError: no data for FI",
        ]
        assert view.marked == ['File "/home/ada/rows.py", line 41, in load']
        await view.press("enter")
        assert len(view.rows) == 2
        assert view.marked == []


async def test_the_person_s_own_frames_stand_out_with_their_code() -> None:
    async with shown(SHORT) as view:
        await view.press("enter")
        own = view.view.get_component_rich_style("exception--own", partial=True).color
        strips = [view.view.render_line(y) for y in range(2, 10)]
        bold = [
            strip.text.strip()
            for strip in strips
            if any(s.style and s.style.bold and s.style.color == own for s in strip)
        ]
        assert bold == [
            'File "/home/ada/train.py", line 9, in step',
            "step(x)",
            'File "/home/ada/rows.py", line 41, in load',
            "load(x)",
        ]


async def test_keys_go_from_frame_to_frame_and_stop_at_the_ends() -> None:
    async with shown(SHORT) as view:
        await view.press("j")
        assert view.view.unfolded
        assert view.view.place == ("/home/ada/rows.py", 41)
        await view.press("k")
        assert view.view.place == ("/home/ada/train.py", 9)
        await view.press("k")
        assert view.view.place == ("/home/ada/train.py", 9)
        await view.press("G")
        assert view.view.place == (LIBRARY, 7)
        await view.press("down")
        assert view.view.place == (LIBRARY, 7)
        await view.press("g")
        assert view.view.place == ("/home/ada/train.py", 9)


async def test_folded_keys_do_not_move_a_cursor_that_is_not_seen() -> None:
    async with shown(SHORT) as view:
        await view.press("G", "g", "enter")
        assert view.view.place == ("/home/ada/rows.py", 41)


async def test_a_click_unfolds_and_one_on_a_frame_selects_it() -> None:
    async with shown(SHORT) as view:
        await view.pilot.click(ExceptionView, offset=(4, 0))
        await view.pilot.pause()
        assert view.view.unfolded
        await view.pilot.click(ExceptionView, offset=(8, 3))
        await view.pilot.pause()
        assert view.view.place == ("/home/ada/train.py", 9)
        await view.pilot.click(ExceptionView, offset=(4, 0))
        await view.pilot.pause()
        assert not view.view.unfolded


@pytest.mark.parametrize(("size", "room"), [(SMALL, 14), (WIDE, 27)])
async def test_a_long_traceback_leaves_room_and_shows_where_the_cursor_is(
    size: tuple[int, int], room: int
) -> None:
    async with shown(LONG, size=size) as view:
        await view.press("enter")
        assert len(view.rows) == room
        assert view.marked == ['File "/home/ada/train.py", line 41, in train']
        at = next(y for y, row in enumerate(view.rows) if "train.py" in row)
        assert view.rows[at + 1].strip() == "train(x)"
        for key in ("j", "j", "k", "k", "k", "G", "g"):
            await view.press(key)
            assert len(view.marked) == 1, key
        assert view.rows[0].startswith("▾ ValueError: no data for FI")
        await view.press("G")
        assert view.rows[-1].strip() == "ValueError: no data for FI"
        await view.pilot.resize_terminal(60, 12)
        await view.pilot.pause()
        assert len(view.rows) == 7
        await view.press("enter")
        assert len(view.rows) == 2
        assert view.rows[0].startswith("▸ ValueError")


async def test_another_exception_takes_its_place_and_a_note_folds_it() -> None:
    async with shown(SHORT) as view:
        await view.press("enter", "k")
        view.view.show(LONG)
        await view.pilot.pause()
        assert view.view.unfolded
        assert view.view.place == ("/home/ada/train.py", 41)
        view.view.show(None, "Reading what was raised …")
        await view.pilot.pause()
        assert not view.view.unfolded
        assert view.rows == ["Reading what was raised …", ""]


async def test_y_copies_the_whole_traceback() -> None:
    async with shown(SHORT) as view:
        await view.press("y")
        copied = view.pilot.app.clipboard.splitlines()
        assert copied == list(SHORT.text)
        assert (copied[0], len(copied)) == ("Traceback (most recent call last):", 8)


def plainly(lines: Sequence[str]) -> bool:
    return not odd_characters("".join(lines))


def hostile() -> Sequence[Payload]:
    """Some of each kind."""
    kinds: dict[str, list[Payload]] = {}
    for payload in payloads():
        kinds.setdefault(payload.kind, []).append(payload)
    return [payload for known in kinds.values() for payload in known[:: max(1, len(known) // 4)]]


async def test_hostile_text_does_not_get_through() -> None:
    async with shown(None) as view:
        for payload in hostile():
            name = payload.text.encode("utf-8", "replace")
            lines = [
                b"Traceback (most recent call last):",
                b'  File "' + name + b'.py", line 3, in ' + name,
                b"    " + payload.raw,
                b"ValueError: " + payload.raw,
            ]
            exception = find_exception(b"\n".join(lines).split(b"\n"))
            view.view.show(exception)
            for _ in range(2):
                assert plainly(view.rows), payload
                view.view.toggle()
            view.view.action_copy()
            assert plainly(view.pilot.app.clipboard.splitlines()), payload
    async with shown(raised(("a.py", 1, "f"), message=b"[/bold][@click=app.quit]x[/]")) as view:
        assert view.rows[0] == "▸ ValueError: [/bold][@click=app.quit]x[/]"


async def test_wide_characters_do_not_break_the_rows() -> None:
    exception = raised(("日本.py", 1, "f"), message="大阪は晴れ、風は弱い".encode() * 20)
    async with shown(exception) as view:
        await view.press("enter")
        for y in range(view.view.size.height):
            assert view.view.render_line(y).cell_length == 78


async def test_a_crash_without_any_line_of_code_is_shown() -> None:
    exception = find_exception([b"Fatal Python error: init_sys: no sys"])
    async with shown(exception) as view:
        assert [row.strip() for row in view.rows] == [
            "▸ Fatal Python error: init_sys: no sys",
            "no line of code is known",
        ]
        await view.press("enter", "j", "k", "G")
        assert len(view.rows) == 3
        assert view.view.place is None
