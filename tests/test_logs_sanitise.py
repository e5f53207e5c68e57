"""Whatever a log or a name holds, only printable characters reach the terminal."""

from __future__ import annotations

import re
import time
from io import StringIO

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.style import Style
from rich.text import Text

from flowtui.logs.sanitise import log_text, one_line, plain_text

FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
FRAGMENTS = [
    *("\x1b[", "\x9b", "\x1b]", "\x9d", "\x1bP", "\x90", "\x1b_", "\x9f", "\x1b^", "\x9e", "\x1bX"),
    *(
        "\x98",
        "\x1b\\",
        "\x9c",
        "\x07",
        "\x1b",
        "\x1b(B",
        "\x1bc",
        "\x18",
        "\x1a",
        "\r",
        "\n",
        "\t",
    ),
    *(
        "31m",
        "1;38;5;9m",
        "2J",
        "?1049h",
        "6n",
        "10;10H",
        "0;title",
        "52;c;ZXZpbA==",
        "8;;http://x",
    ),
    *(
        "text",
        "é",
        "界",
        "\u202e",
        "\u2066",
        "\u200b",
        "\ufeff",
        "\u2028",
        "[red]",
        "[@click=quit]",
    ),
]
hostile_text = st.one_of(
    st.text(st.characters(exclude_categories=())), st.lists(st.sampled_from(FRAGMENTS)).map("".join)
)
hostile_bytes = st.one_of(
    st.binary(), hostile_text.map(lambda text: text.encode("utf-8", "surrogatepass"))
)


class Recorder:
    """A terminal that only notes what it is told to do."""

    def __init__(self) -> None:
        self.events: set[str] = set()

    def __getattr__(self, name: str) -> object:
        return lambda *_arguments, **_options: self.events.add(name)


def rendered(text: Text | str) -> str:
    output = StringIO()
    console = Console(file=output, force_terminal=True, color_system="truecolor", width=100_000)
    console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
    return output.getvalue()


def asked_of_the_terminal(output: str) -> set[str]:
    recorder = Recorder()
    pyte.Stream(recorder, strict=False).feed(output)
    return recorder.events


@given(hostile_text)
def test_a_name_becomes_printable_characters_only(text: str) -> None:
    line = one_line(text)
    assert not FORBIDDEN.search(line)
    assert len(line) <= 500
    assert asked_of_the_terminal(rendered(line)) <= {"draw"}


@given(hostile_bytes)
def test_a_log_line_becomes_characters_and_colours_only(raw: bytes) -> None:
    text = log_text(raw)
    assert not FORBIDDEN.search(text.plain)
    assert asked_of_the_terminal(rendered(text)) <= {"draw", "select_graphic_rendition"}
    assert plain_text(raw) == text.plain


@given(hostile_bytes)
def test_styles_hold_neither_links_nor_meta_nor_anything_that_blinks_or_hides(raw: bytes) -> None:
    for span in log_text(raw).spans:
        assert isinstance(span.style, Style)
        style = span.style
        assert not any((style.link, style.meta, style.blink, style.blink2, style.conceal))


@given(hostile_text)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


def test_the_terminal_keeps_its_title_and_the_cursor_ends_after_the_text() -> None:
    screen = pyte.Screen(80, 3)
    attack = b"\x1b]0;owned\x07a\x1b[2Jb\x1b[10;10Hc\x1b]52;c;ZXZpbA==\x1b\\\x9b\xc2\x9b5Ad\x1b[31"
    pyte.Stream(screen).feed(rendered(log_text(attack)))
    assert screen.display[0].rstrip() == "abc�d"
    assert (screen.title, screen.cursor.x, screen.cursor.y) == ("", 5, 0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\x1b[0mc", "abc"),
        ("a\x9b31mb", "ab"),
        ("a\x1b]8;;http://evil\x1b\\link\x1b]8;;\x07b", "alinkb"),
        ("a\x9d52;c;ZXZpbA==\x9cb", "ab"),
        ("a\x1bPpayload\x1b\\b\x90payload\x9cc", "abc"),
        ("a\x1b_x\x1b\\b\x1b^x\x1b\\c\x1bXx\x1b\\d", "abcd"),
        ("a\x1b]0;never ended", "a"),
        ("a\x1b[38;5;", "a"),
        ("a\x1b]0;never ended\nsecond line", "a second line"),
        ("a\x1b(Bb\x1bcd\x1b", "abd"),
        ("one\ntwo\r\nthree\tfour\u2028five\u2029six", "one two three four five six"),
        ("bell\x07 nul\x00 del\x7f nel\x85", "bell� nul� del� nel "),
        ("gpj.\u202eexe\u202c", "gpj.�exe�"),
        ("\ufeffa\u200bb\u061c\u2066\ud800", "�a�b���"),
        ("[bold]x[/] [@click=app.quit]", "[bold]x[/] [@click=app.quit]"),
        ("naïve 界 👩‍💻", "naïve 界 👩‍💻"),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_long_name_ends_in_an_ellipsis() -> None:
    assert one_line("x" * 500) == "x" * 500
    assert one_line("x" * 501) == "x" * 499 + "…"
    assert one_line("abcdef", limit=3) == "ab…"
    assert one_line("\x1b[0m" * 100_000 + "x").endswith("…")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"plain", "plain"),
        (b"", ""),
        (b"caf\xc3\xa9 \xff", "café �"),
        (b" 10%\r 50%\r100%", "100%"),
        (b" 10%\r100%\r", "100%"),
        (b"windows\r\n", "windows"),
        (b"a\tb\t\tc", "a       b               c"),
        (b"\x1b[31ma\x1b[0m\tb", "a       b"),
        (b"a\x08b\x0cc", "a�b�c"),
        (b"[red]not markup[/red] :smile:", "[red]not markup[/red] :smile:"),
    ],
)
def test_a_log_line_as_shown(raw: bytes, shown: str) -> None:
    assert log_text(raw).plain == shown


def test_a_long_line_is_capped_before_it_is_styled_and_says_so() -> None:
    assert log_text(b"x" * 4000).plain == "x" * 4000
    assert log_text(b"x" * 5234).plain == "x" * 4000 + "… (+1,234 bytes)"
    assert log_text("é".encode() * 12, limit=10).plain == "é" * 10 + "… (+4 bytes)"
    assert log_text(b"\xff" * 12, limit=10).plain == "�" * 10 + "… (+2 bytes)"
    assert log_text(b"\x1b[31m" * 3, limit=10).plain == "… (+5 bytes)"


def styles(raw: bytes) -> list[tuple[str, Style]]:
    text = log_text(raw)
    return [(text.plain[s.start : s.end], Style.parse(str(s.style))) for s in text.spans]


@pytest.mark.parametrize(
    ("sequence", "style"),
    [
        (b"1;31", "bold color(1)"),
        (b"97;44", "color(15) on color(4)"),
        (b"38;5;208", "color(208)"),
        (b"48;2;1;2;3", "on #010203"),
        (b"38:2::1:2:3", "#010203"),
        (b"38:2:1:2:3", "#010203"),
        (b"4:3", "underline"),
        (b"58;5;9;1", "bold"),
        (b"38;5;999999999999;1", "bold color(255)"),
        (b"31;48", "color(1)"),
        (b"5;8;3", "italic"),
        (b"31;39;1", "bold"),
        (b"41;49;2", "dim"),
        (b"999;31;77", "color(1)"),
    ],
)
def test_colours_become_styles(sequence: bytes, style: str) -> None:
    assert styles(b"\x1b[" + sequence + b"mx") == [("x", Style.parse(style))]


@pytest.mark.parametrize("sequence", [b"\x1b[0m", b"\x1b[m", b"\x1b[;m"])
def test_a_reset_ends_all_styles(sequence: bytes) -> None:
    assert styles(b"\x1b[1;31ma" + sequence + b"b") == [("a", Style.parse("bold color(1)"))]


@pytest.mark.parametrize("sequence", [b"\x1b[>4;2m", b"\x1b[?31m", b"\x1b[31 m", b"\x1b[31K"])
def test_what_only_looks_like_a_colour_styles_nothing(sequence: bytes) -> None:
    assert styles(sequence + b"x") == []
    assert log_text(sequence + b"x").plain == "x"


@pytest.mark.parametrize(
    "unit",
    [
        *(b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b[1;", b"\x1b]0;", b"\x1b[1m\x1b[0mx", b"\x1b "),
        *(b"\xc2\x9b", b"\t", b"\r", b"\x1b[31", b"1", b"\xff", b"\xe2\x80\xae"),
    ],
)
def test_a_megabyte_of_it_is_read_in_linear_time(unit: bytes) -> None:
    raw = unit * (1_000_000 // len(unit))
    started = time.process_time()
    log_text(raw)
    one_line(raw.decode("latin1"))
    one_line(raw.decode("utf-8", "replace"), limit=len(raw))
    assert time.process_time() - started < 5
