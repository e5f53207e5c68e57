"""Two attempts beside each other: keys, folds, what is said of them, what does not get through."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static

from flowtui.commands import Scope, bindings
from flowtui.logs.stored import TailError
from flowtui.model import Attempt, State
from flowtui.screens.diff import DiffScreen
from flowtui.sources.base import Unreachable
from flowtui.theme import Look
from flowtui.widgets.diff_titles import DiffTitles
from flowtui.widgets.diff_view import DiffView

Logs = Mapping[tuple[int, str], Sequence[bytes]]

ATTEMPTS = (
    Attempt(0, State.FAILED, "attempt_ok=False"),
    Attempt(1, State.LOST, "no outcome"),
    Attempt(2, State.SUCCEEDED, "attempt_ok=True"),
)
WIDE, NARROW = (120, 20), (80, 20)

FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def letters(count: int) -> list[bytes]:
    """Lines that differ in more than numbers."""
    return [b"line " + bytes([97 + at % 26]) * (1 + at // 26) for at in range(count)]


def with_words(lines: Sequence[bytes], places: Sequence[int]) -> list[bytes]:
    """The same lines, with a word more at some places."""
    return [line + b" changed" if at in places else line for at, line in enumerate(lines)]


class DiffApp(App[None]):
    BINDINGS = bindings(Scope.APP)

    def __init__(self, screen: DiffScreen) -> None:
        super().__init__()
        self.animation_level = "none"
        self._opened = screen

    def on_mount(self) -> None:
        self.push_screen(self._opened)


class Compared:
    """A comparison on the screen, as a person sees it."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot, self.app = pilot, pilot.app

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Wait until what was asked for is read, compared and drawn."""
        await self.pilot.pause()
        await until(self, lambda: not comparing())
        await self.pilot.pause()

    @property
    def view(self) -> DiffView:
        return self.app.screen.query_one(DiffView)

    @property
    def rows(self) -> list[str]:
        """What the view draws, without empty rows at the end."""
        drawn = [self.view.render_line(y).text.rstrip() for y in range(self.view.size.height)]
        while drawn and not drawn[-1]:
            drawn.pop()
        return drawn

    @property
    def note(self) -> str:
        return " ".join(" ".join(self.rows).split())

    @property
    def facts(self) -> str:
        return str(self.app.screen.query_one("#facts", Static).content)

    @property
    def place(self) -> str:
        return str(self.app.screen.query_one("#place", Static).content)

    @property
    def titles(self) -> str:
        return self.app.screen.query_one(DiffTitles).render().plain


@asynccontextmanager
async def shown(
    logs: Logs | None = None,
    *,
    load: Callable[[int, str], Sequence[bytes]] | None = None,
    attempts: Sequence[Attempt] = ATTEMPTS,
    size: tuple[int, int] = WIDE,
    look: Look | None = None,
) -> AsyncIterator[Compared]:
    """Attempt 0 on the left and 2 on the right, on stdout; a log that is not given is empty."""
    read = load or (lambda number, stream: (logs or {}).get((number, stream), []))
    screen = DiffScreen("Flow/1/a/2", attempts, 0, 2, "stdout", read, look or Look())
    async with DiffApp(screen).run_test(size=size) as pilot:
        compared = Compared(pilot)
        if load is None:
            await compared.settle()
        yield compared


def logs_of(left: Sequence[bytes], right: Sequence[bytes]) -> Logs:
    return {(0, "stdout"): left, (2, "stdout"): right}


async def test_both_attempts_are_beside_each_other() -> None:
    left = [b"start", b"could not open it", b"rows 10", b"gone"]
    right = [b"start", b"could not close it", b"rows 12", b"new", b"also new"]
    async with shown(logs_of(left, right)) as compared:
        halves = [(row[:59].rstrip(), row[59], row[60:]) for row in compared.rows]
        assert halves[:4] == [
            (" 1   start", "│", " 1   start"),
            ("▌2 ~ could not open it", "│", "▌2 ~ could not close it"),
            (" 3 ≈ rows 10", "│", " 3 ≈ rows 12"),
            (" 4 - gone", "│", " 4 + new"),
        ]
        assert halves[4] == ("╱" * 59, "│", " 5 + also new")
        assert compared.titles.split() == [
            *("-", "attempt", "0", "✗", "failed"),
            *("+", "attempt", "2", "✓", "succeeded"),
        ]
        assert compared.titles.index("+") == 61
        assert compared.facts == (
            "~1 changed  -1 only left  +2 only right  ≈1 equal apart from numbers"
        )
        assert compared.place == "stdout · difference 1/2"


async def test_in_a_narrow_window_the_sides_are_below_each_other() -> None:
    left, right = [b"start", b"could not open it"], [b"start", b"could not close it", b"new"]
    async with shown(logs_of(left, right), size=NARROW) as compared:
        assert compared.rows == [
            " 1   start",
            "▌2 - could not open it",
            "▌2 + could not close it",
            "▌3 + new",
        ]
        await compared.pilot.resize_terminal(*WIDE)
        await compared.settle()
        assert compared.rows[1].split("│")[1] == "▌2 ~ could not close it"
        await compared.pilot.resize_terminal(*NARROW)
        await compared.settle()
        assert compared.rows[1] == "▌2 - could not open it"


async def test_ascii_is_enough() -> None:
    async with shown(logs_of([b"a 1", b"b"], [b"a 2"]), look=Look(ascii=True)) as compared:
        assert all(row.isascii() for row in compared.rows)
        assert compared.titles.isascii()
        assert compared.rows[0].split("|")[1] == " 1 : a 2"


async def test_equal_lines_are_folded_and_a_key_unfolds_them() -> None:
    log = letters(40)
    async with shown(logs_of(log, with_words(log, [20]))) as compared:
        assert compared.rows[0].strip() == "… 17 equal lines"
        assert compared.rows[-1].strip() == "… 16 equal lines"
        assert len(compared.rows) == 9
        await compared.press("u")
        assert compared.view.virtual_size.height == 40
        await compared.press("u")
        assert len(compared.rows) == 9


async def test_a_click_opens_one_fold() -> None:
    log = letters(40)
    async with shown(logs_of(log, with_words(log, [4, 20]))) as compared:
        folds = [at for at, row in enumerate(compared.rows) if "equal lines" in row]
        await compared.pilot.click(DiffView, offset=(10, folds[0]))
        await compared.settle()
        assert compared.rows[9].startswith(" 10   line j")
        assert compared.view.virtual_size.height == 25


async def test_the_difference_that_was_gone_to_stays_in_place_when_lines_are_unfolded() -> None:
    log = letters(200)
    async with shown(logs_of(log, with_words(log, range(50, 150, 10)))) as compared:
        await compared.press("n", "n", "n")
        marked = [(at, row) for at, row in enumerate(compared.rows) if row.startswith("▌")]
        assert len(marked) == 1
        for _ in range(2):
            await compared.press("u")
            assert [(at, r) for at, r in enumerate(compared.rows) if r.startswith("▌")] == marked


async def test_keys_go_from_difference_to_difference_and_stop_at_the_ends() -> None:
    log = letters(300)
    async with shown(logs_of(log, with_words(log, [10, 150, 290]))) as compared:
        current = [row.split()[0] for row in compared.rows if row.startswith("▌")]
        assert (current, compared.place) == (["▌"], "stdout · difference 1/3")
        await compared.press("N")
        assert compared.place == "stdout · difference 1/3"
        await compared.press("n")
        assert compared.place == "stdout · difference 2/3"
        assert any(row.startswith("▌151 ~") for row in compared.rows)
        await compared.press("n", "n")
        assert compared.place == "stdout · difference 3/3"
        await compared.press("N")
        assert compared.place == "stdout · difference 2/3"


async def test_the_next_difference_is_the_next_from_what_is_in_view() -> None:
    log = letters(300)
    async with shown(logs_of(log, with_words(log, [10, 150, 290]))) as compared:
        await compared.press("u", "G", "N")
        assert compared.place == "stdout · difference 3/3"
        await compared.press("g", "n")
        assert compared.place == "stdout · difference 1/3"


async def test_lines_that_differ_in_numbers_count_when_asked() -> None:
    left = [b"loss %d" % at for at in range(50)]
    right = [b"loss %d" % (at + 100) for at in range(50)]
    async with shown(logs_of(left, right)) as compared:
        assert compared.facts == (
            "no difference in 50 lines but in the numbers, times and ids of 50; # counts those too"
        )
        assert compared.note == "… 50 lines equal apart from numbers"
        await compared.press("number_sign")
        assert compared.facts == "~50 changed"
        assert compared.rows[0].startswith("▌ 1 ~ loss 0")
        await compared.press("number_sign")
        assert compared.note == "… 50 lines equal apart from numbers"


async def test_equal_logs_are_said_to_be() -> None:
    log = letters(30)
    async with shown(logs_of(log, log)) as compared:
        assert compared.facts == "no difference in 30 lines"
        assert compared.place == "stdout"
        await compared.press("n", "N", "y")
        assert compared.app.clipboard == ""


async def test_an_empty_log_is_said_to_be() -> None:
    async with shown(logs_of([], [b"only here"])) as compared:
        assert compared.facts == "attempt 0 wrote nothing to stdout, attempt 2 1 line"
        assert compared.rows[0].endswith("▌1 + only here")
        await compared.press("tab")
        assert compared.note == "Neither attempt wrote anything to stderr."
        assert compared.facts == ""


async def test_it_is_said_that_only_the_ends_are_compared() -> None:
    left = [b"word %s" % (b"x" * (at % 50)) for at in range(6000)]
    async with shown(logs_of(left, [b"other"])) as compared:
        assert compared.facts.endswith("too long: only the ends are compared")
        assert compared.rows[0].strip() == "… lines not compared: 1,000 left, 0 right"


async def test_another_attempt_and_the_other_stream_are_read_on_a_key() -> None:
    logs = {
        (0, "stdout"): [b"zero"],
        (1, "stdout"): [b"one"],
        (2, "stdout"): [b"two"],
        (2, "stderr"): [b"trouble"],
    }
    async with shown(logs) as compared:
        await compared.press("right_square_bracket")
        assert "attempt 1 ⊘ lost" in compared.titles
        assert compared.rows[0].startswith("▌1 - one")
        await compared.press("right_square_bracket")
        assert "attempt 1 ⊘ lost" in compared.titles
        await compared.press("tab")
        assert compared.place == "stderr · difference 1/1"
        assert compared.rows[0].endswith("+ trouble")
        await compared.press("left_square_bracket", "shift+tab")
        assert compared.rows[0].startswith("▌1 - zero")


async def test_tab_goes_round_the_streams_and_the_records() -> None:
    logs = {
        (0, "records"): [b"attempt_ok: False", b"exit: killed"],
        (2, "records"): [b"attempt_ok: True"],
    }
    async with shown(logs) as compared:
        assert compared.place == "stdout"
        await compared.press("tab", "tab")
        assert compared.place == "records · difference 1/1"
        assert compared.rows[0].split("│")[1] == "▌1 ~ attempt_ok: True"
        await compared.press("tab")
        assert compared.place == "stdout"
        await compared.press("shift+tab")
        assert compared.place == "records · difference 1/1"


async def test_it_is_said_when_nothing_is_recorded() -> None:
    async with shown({}) as compared:
        await compared.press("shift+tab")
        assert compared.note == "There are no records of these attempts."


async def test_long_lines_scroll_sideways_on_both_sides() -> None:
    left, right = b"abcdefghi " * 20 + b"open", b"abcdefghi " * 20 + b"close"
    async with shown(logs_of([left], [right])) as compared:
        await compared.press("l")
        half = compared.rows[0].split("│")
        assert half[0].startswith("▌1 ~ i abcd")
        assert half[1].startswith("▌1 ~ i abcd")
        await compared.press(*["l"] * 40)
        half = compared.rows[0].split("│")
        assert half[1].endswith("ghi close")
        assert half[0].rstrip().endswith("ghi open")
        await compared.press(*["h"] * 50)
        assert compared.rows[0].startswith("▌1 ~ abcdef")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_wide_characters_keep_the_sides_in_line(size: tuple[int, int]) -> None:
    left, right = "大阪は晴れ、風は弱い" * 9, "東京は晴れ、風は弱い" * 9
    async with shown(logs_of([left.encode()], [right.encode()]), size=size) as compared:
        for _ in range(5):
            for y in range(2):
                assert compared.view.render_line(y).cell_length == size[0] - 1
            await compared.press("l")


async def test_the_last_character_of_a_long_line_is_not_under_the_scrollbar() -> None:
    left, right = [b"a" * 90 + b"!"] * 60, [b"b" * 90 + b"?"] * 60
    async with shown(logs_of(left, right)) as compared:
        await compared.press(*["l"] * 12)
        shown_rows = compared.app.screen._compositor.render_strips()
        first = next(strip.text for strip in shown_rows if "▌ 1 " in strip.text)
        assert compared.view.show_vertical_scrollbar
        assert first[59] == "│"
        assert first[:-1].endswith("b?")
        assert first[:59].rstrip().endswith("a!")


async def test_words_that_differ_stand_out() -> None:
    async with shown(logs_of([b"could not open it"], [b"could not close it"])) as compared:
        marks = {
            name: compared.view.get_component_rich_style(f"diff--{name}").bgcolor
            for name in ("removed-words", "added-words")
        }
        strip = compared.view.render_line(0)
        marked = {
            name: "".join(s.text for s in strip if s.style and s.style.bgcolor == colour)
            for name, colour in marks.items()
        }
        assert marked == {"removed-words": "open", "added-words": "close"}
        assert all(
            segment.style is not None and segment.style.bold
            for segment in strip
            if segment.text in ("open", "close")
        )


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_hostile_text_does_not_get_through(size: tuple[int, int]) -> None:
    left = [b"\x1b[2J\x1b]0;title\x07[red]hi[/red] there", b"\x9b31m\xc2\x9b5m\x00", b"[/nope]"]
    right = ["\u202egnp.exe [@click=app.quit]x[/]".encode(), b"\xff\xfe\x1b]52;c;aGk=\x07", b"a\rb"]
    async with shown(logs_of(left, right), size=size) as compared:
        drawn = "\n".join(compared.rows)
        assert not FORBIDDEN.search(drawn.replace("\n", ""))
        assert "[red]hi[/red] there" in drawn
        assert "gnp.exe [@click=app.quit]x[/]" in drawn
        await compared.press("y")
        assert not FORBIDDEN.search(compared.app.clipboard.replace("\n", ""))


async def test_differences_are_copied() -> None:
    async with shown(logs_of([b"could not open it"], [b"could not close it"])) as compared:
        await compared.press("y")
        assert compared.app.clipboard.splitlines() == [
            *("--- attempt 0 stdout", "+++ attempt 2 stdout"),
            *("@@ -1,1 +1,1 @@", "-could not open it", "+could not close it"),
        ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unreachable("The service [b]does not[/b] answer."), "The service [b]does not[/b] answer."),
        (TailError("The log\x1b[2J cannot be read."), "The log cannot be read."),
        (RuntimeError("[boom]"), "The logs could not be compared: [boom]"),
    ],
)
async def test_a_log_that_cannot_be_read_says_why(error: Exception, said: str) -> None:
    def load(_number: int, stream: str) -> Sequence[bytes]:
        if stream == "stdout":
            raise error
        return [b"fine"]

    async with shown(load=load, size=NARROW) as compared:
        await until(compared, lambda: compared.note == said)
        await compared.press("tab")
        await until(compared, lambda: compared.facts == "no difference in 1 line")


def comparing() -> bool:
    """Whether logs are being read or compared."""
    return any(thread.name == "compare" for thread in threading.enumerate())


async def until(compared: Compared, condition: Callable[[], bool]) -> None:
    """Let the app work until `condition` holds."""
    for _ in range(500):
        if condition():
            return
        await compared.pilot.pause(0.01)
    raise AssertionError("\n".join([compared.place, compared.facts, *compared.rows]))


async def test_what_was_read_for_an_outdated_choice_is_dropped() -> None:
    held, reading, released = threading.Event(), threading.Event(), threading.Event()

    def load(number: int, stream: str) -> Sequence[bytes]:
        if (number, stream) == (2, "stdout") and not held.is_set():
            held.set()
            reading.set()
            released.wait(10)
            return [b"outdated"]
        return [f"{number} {stream}".encode()] if number else [b"a word " + stream.encode()]

    async with shown(load=load) as compared:
        await until(compared, reading.is_set)
        assert compared.note == "Reading stdout of both attempts…"
        await compared.pilot.press("tab")
        await until(compared, lambda: "stderr · difference" in compared.place)
        before = compared.rows
        released.set()
        await until(compared, lambda: not comparing())
        await compared.pilot.pause()
        assert compared.rows == before
        assert "outdated" not in "\n".join(compared.rows)
        assert compared.place == "stderr · difference 1/1"


async def test_escape_leads_back() -> None:
    async with shown(logs_of([b"a"], [b"b"])) as compared:
        await compared.press("escape")
        assert not isinstance(compared.app.screen, DiffScreen)
