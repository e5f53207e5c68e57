"""Text that acts on a terminal, as markup or as many lines: thousands of payloads, always the same.

Each is a text with surrogates for bytes that are no UTF-8, as Python reads file names: `raw` are
the bytes that a log holds of it. Control sequences come in three spellings: with ESC, with the C1
control as a character, and with its byte alone, which some terminals still obey.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

LONG = 100_000
"""Characters of the longest payloads."""

_SEED = 20261121


@dataclass(frozen=True)
class Payload:
    """`kind` names what it tries."""

    kind: str
    text: str

    @property
    def raw(self) -> bytes:
        """As bytes; surrogates that stand for no byte are written as if they were characters."""
        try:
            return self.text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return self.text.encode("utf-8", "surrogatepass")


def _bytes(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _spellings(letter: str) -> tuple[str, str, str]:
    """`ESC letter`, and the C1 control that stands for it as a character and as a byte."""
    code = ord(letter) + 0x40
    return (f"\x1b{letter}", chr(code), _bytes(bytes([code])))


CSI, OSC, ST = _spellings("["), _spellings("]"), _spellings("\\")
_ENDS = ("\x07", *ST, "")

_OSC_BODIES = {
    0: "pwned",
    1: "pwned",
    2: "pwned",
    4: "1;rgb:00/00/00",
    7: "file://host/etc/passwd",
    8: "id=x;https://evil.example/",
    9: "you have been pwned",
    10: "?",
    11: "?",
    12: "red",
    22: "wait",
    50: "SetProfile=pwned",
    52: "c;cHduZWQ=",
    104: "",
    110: "",
    133: "A",
    777: "notify;pwned;pwned",
    1337: "File=inline=1;size=1:cHduZWQ=",
}

_STRING_BODIES = (
    "q#0;2;0;0;0#0~~@@vv@@~~",
    "$q m",
    "+q544e",
    "Gf=24,a=T;cHduZWQ=",
    "tmux;\x1b\x1b]52;c;cHduZWQ=\x07",
    "pwned",
)

_QUERIES = (
    *("5n", "6n", "?6n", "?15n", "?25n", "c", ">c", "=c", "0c", "?2026$p", "4$p", "14t", "18t"),
    *("19t", "21t", "0x", "1x", ">q", "?u", "?996n", "1;1;1;1;1;1*y", "?1;1;0S", ">0q", '"p'),
)

_MODES = (
    *(1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 20, 25, 40, 45, 47, 66, 67, 69, 80, 1000, 1001, 1002, 1003),
    *(1004, 1005, 1006, 1007, 1015, 1016, 1034, 1036, 1047, 1048, 1049, 1070, 2004, 2026, 2027),
    *(2031, 2048, 9001),
)

INVISIBLE = (
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\u206a\u206b\u206c\u206d\u206e\u206f"
    "\ufeff\ufff9\ufffa\ufffb\xad\u034f\u115f\u1160\u17b4\u180b\u180e\u3164\uffa0\ufe00\ufe0f"
    "\U0001d173\U0001d17a\U000e0001\U000e0020\U000e0041\U000e007f\U000e0100\U0001bca0\U00013430"
)

_WIDE = (
    "日本語テキスト",
    "한국어",
    "ｆｕｌｌ ｗｉｄｔｈ",
    "👩‍👩‍👧‍👦 family",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿 flag",
    "🇫🇮🇸🇪🇳 flags",
    "👍🏽 skin",
    "1️⃣ keycap",
    "❤️ vs ❤︎",
    "ﷺ one cell?",
    "𒐫𒈙꧅",
    "क्षत्रिय",
    "ᄀᆨᆫ각",
    "\u0e33\u0e4d\u0e01",
    "ﬁ ligature Ǆ",
    "⓵ ambiguous ⟪⟫ ±×÷",
)

MARKUP = (
    "[/bold]",
    "[/]",
    "[bold]",
    "[red on white]x",
    "[@click=app.quit]x[/]",
    "[@click=app.quit()]x[/]",
    "[@click='app.bell']x",
    "[link=https://evil.example/]x[/link]",
    '[link="javascript:alert(1)"]x',
    "[$primary]x",
    "[$error on $surface]",
    "$primary",
    "[on red]",
    "[blink]x",
    "[reverse][conceal]x",
    "[[double]]",
    "\\[escaped]",
    "\\",
    "[",
    "]",
    "[]",
    "[a=b",
    "[/a=b]",
    "[not bold]",
    "[#12345g]x",
    "[rgb(1,2,3)]x",
    "[dim italic strike underline]x",
    ":boom:",
    ":smiley: :warning-emoji: :heart-text:",
    "<b>x</b>",
    "&lt;x&gt;",
    "**x** `y` # z",
    "[@click=screen.resume]r[/]",
    "[@mouse.down=app.quit]x[/]",
)

_FORMATS = (
    "%s%s%s%n",
    "%(name)s",
    "%",
    "{}",
    "{0}",
    "{self.app}",
    "{0.__class__}",
    "${HOME}",
    "$(id)",
    "`id`",
    "%d%%",
    "{{x}}",
    "\\x1b[2J",
    "\\e]0;x\\a",
    "\\033[31m",
    "\\n",
    "\\u001b",
    "^[[2J",
    "../../../etc/passwd",
    "; rm -rf ~ #",
    "'\"",
    "-rf",
    "--help",
    "~root",
    "file:///etc/passwd",
    "NaN",
    "null",
    "\t\ttabs\t",
    "   ",
    '{"a": "\\u001b]52;c;cHduZWQ=\\u0007", "b": ["\\u202e", "\\ud800", "\\u0000"]}',
    '[{"\\u009b2J": "\\u009d0;x\\u009c"}, NaN, -Infinity, 1e999]',
    '{"markup": "[/bold][@click=app.quit]x"}',
)

_BREAKS = (
    *("\n", "\r", "\r\n", "\n\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028"),
    *("\u2029", "\r\r\r", "\n\n\n"),
)

_INVALID = (
    *(b"\xc0\x80", b"\xc0\x9b[2J", b"\xc1\x9b", b"\xe0\x80\x9b", b"\xf0\x80\x80\x9b", b"\xc0\xaf"),
    *(b"\xe2\x82", b"\xf0\x9f\x98", b"\xf0\x9f", b"\xe2", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80"),
    *(
        b"\xfe\xff",
        b"\xff\xfe\x00\x1b",
        b"\xed\xa0\x80",
        b"\xed\xb0\x80",
        b"\xed\xa0\xbd\xed\xb8\x80",
    ),
    *(
        b"\xef\xbf\xbe",
        b"\xef\xbf\xbf",
        b"\xe2\x80\xae"[:2],
        b"\xc2",
        b"\xc2\x1b[2J",
        b"\xe2\x1b]0;x\x07",
    ),
)


def _controls() -> Iterator[Payload]:
    for code in (*range(0x20), *range(0x7F, 0xA0)):
        yield Payload("control", f"a{chr(code)}b")
        yield Payload("control", chr(code) * 3)
        if code > 0x7F:
            yield Payload("control byte", f"a{_bytes(bytes([code]))}b")


def _sequences(chance: random.Random) -> Iterator[Payload]:
    for final in map(chr, range(0x40, 0x7F)):
        for introducer in CSI:
            for _ in range(6):
                numbers = [str(chance.randrange(10 ** chance.randrange(1, 6))) for _ in range(4)]
                marker = chance.choice(["", "", "?", ">", "<", "="])
                parameters = chance.choice([";", ":", ";;"]).join(numbers[: chance.randrange(5)])
                intermediates = chance.choice(["", "", "", " ", "!", '"', "$", "'", "*", "#", "!%"])
                sequence = f"{introducer}{marker}{parameters}{intermediates}{final}"
                yield Payload("CSI", f"a{sequence}b")
    for what in (*_QUERIES, *(f"?{mode}{letter}" for mode in _MODES for letter in "hlsr")):
        for introducer in CSI:
            yield Payload("query" if what in _QUERIES else "mode", f"a{introducer}{what}b")


def _escapes(chance: random.Random) -> Iterator[Payload]:
    for final in map(chr, range(0x20, 0x80)):
        yield Payload("ESC", f"a\x1b{final}b")
    for intermediate in map(chr, range(0x20, 0x30)):
        for final in "0189@ABDFGHKQZ":
            yield Payload("ESC nF", f"a\x1b{intermediate}{final}b")
    for text in ("\x0elqqqk\x0f", "\x1b(0lqqqk\x1b(B", "\x1bc", "\x1b#8", "\x1b%@", "\x1bN\x1bO"):
        yield Payload("charset", f"a{text}b")
    yield Payload("ESC", f"a{chr(27) * chance.randrange(5, 50)}[2Jb")


def _strings() -> Iterator[Payload]:
    for number, body in _OSC_BODIES.items():
        for introducer in OSC:
            for end in _ENDS:
                yield Payload("OSC", f"a{introducer}{number};{body}{end}b")
    for number in (8, 52):
        yield Payload("OSC", f"\x1b]{number};;\x1b\\x\x1b]{number};c;?\x07")
    for letter in "PX^_k":
        for introducer in _spellings(letter) if letter != "k" else ("\x1bk",):
            for body in _STRING_BODIES:
                for end in _ENDS:
                    yield Payload("string", f"a{introducer}{body}{end}b")


def _characters(chance: random.Random) -> Iterator[Payload]:
    for character in INVISIBLE:
        yield Payload("invisible", f"a{character}b")
        yield Payload("invisible", f"{character}gnp.exe{character}")
        yield Payload("invisible", character * 20)
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in "run this")
    yield Payload("invisible", f"a{tags}b")
    marks = [chr(code) for code in range(0x300, 0x370)] + list(
        "\u0488\u20dd\u20e3\u0e31\u094d\u3099"
    )
    for count in (1, 2, 8, 40, 300):
        for _ in range(12):
            flood = "".join(chance.choice(marks) for _ in range(count))
            yield Payload("combining", chance.choice(["Z", "", "日", " "]) + flood + "x")
    for text in _WIDE:
        for around in ("{}", "|{}|", "{0}{0}{0}"):
            yield Payload("wide", around.format(text))
    for text in ("\ud800", "a\udbffb", "\udfff\ud800", "\ud83d\ude00", "\udc1b", "\ud800\x1b[2J"):
        yield Payload("surrogate", text)
    for code in (0xFDD0, 0xFFFE, 0x1FFFE, 0x10FFFF, 0xE000, 0xF8FF, 0x0600, 0x06DD, 0x2800, 0x3000):
        yield Payload("odd character", f"a{chr(code)}b")


def _texts() -> Iterator[Payload]:
    for text in MARKUP:
        for around in ("{}", "a{}b", "{0}{0}", "[bold]{}", "{}\x1b[31m"):
            yield Payload("markup", around.replace("{}", text).replace("{0}", text))
    for text in _FORMATS:
        yield Payload("format", text)
        yield Payload("format", f"a {text} b")
    for end in _BREAKS:
        for around in ("a{}b", "{}", "{}flowtui: all is well", "a{}\x1b[2Kb{}c"):
            yield Payload("line break", around.replace("{}", end))


def _damaged(chance: random.Random) -> Iterator[Payload]:
    for raw in _INVALID:
        for around in (b"%b", b"a%bb", b"%b\x1b[1m%b"):
            yield Payload("no UTF-8", _bytes(around.replace(b"%b", raw)))
    for code in range(0x80, 0x100):
        yield Payload("no UTF-8", _bytes(b"x" + bytes([code]) + b"y"))
    for _ in range(300):
        yield Payload("random bytes", _bytes(chance.randbytes(chance.randrange(1, 60))))


def _mixed(chance: random.Random, known: Sequence[Payload]) -> Iterator[Payload]:
    """Payloads after and in one another, cut off anywhere."""
    for _ in range(800):
        chosen = [chance.choice(known).text for _ in range(chance.randrange(2, 6))]
        yield Payload("mix", "".join(text[: chance.randrange(1, len(text) + 1)] for text in chosen))


def _long() -> Iterator[Payload]:
    for unit in ("A", "\r", "\x1b", "\t", "[", "\u0301", "日", "\u202e", "\x1b[31m", "a\rb\r", "["):
        yield Payload("long", unit * (LONG // len(unit)))
    yield Payload("long", "\x1b[" + "1;" * (LONG // 2) + "m")
    yield Payload("long", "\x1b]52;c;" + "A" * LONG)
    yield Payload("long", "\x1bP" + "q" * LONG)
    yield Payload("long", "\x1b[" + "9" * LONG + "C")
    yield Payload("long", '{"a":' * (LONG // 5))


@cache
def payloads() -> Sequence[Payload]:
    """All of them, distinct, short ones first; the same in every process."""
    chance = random.Random(_SEED)
    short = [
        *_controls(),
        *_sequences(chance),
        *_escapes(chance),
        *_strings(),
        *_characters(chance),
        *_texts(),
        *_damaged(chance),
    ]
    found = [*short, *_mixed(chance, short), *_long()]
    return list({payload.text: payload for payload in found}.values())


@cache
def short_payloads(most: int = 200) -> Sequence[Payload]:
    """Those that fit into names: of at most so many bytes."""
    return [payload for payload in payloads() if len(payload.raw) <= most]


def file_names() -> Sequence[Payload]:
    """Those that a folder can be named after."""
    return [
        payload
        for payload in short_payloads(120)
        if "/" not in payload.text
        and "\0" not in payload.text
        and payload.text not in ("", ".", "..")
        and not re.search("[\ud800-\udc7f\udd00-\udfff]", payload.text)
    ]


def shows(payload: Payload) -> bool:
    """Whether nothing of it is to be taken away: it stands on the screen as it is."""
    return payload.text.isascii() and all(
        unicodedata.category(character) != "Cc" for character in payload.text
    )
