"""The payloads are many, the checker sees through each, and the gates for remote text hold them."""

from __future__ import annotations

import sys

import pytest
from rich.segment import Segment
from rich.text import Text
from textual.color import Color

from flowtui.logs.pretty import pretty_rows
from flowtui.logs.sanitise import log_text, one_line, plain_text
from flowtui.widgets.output_filter import OutputFilter
from tests.hostile import payloads, short_payloads
from tests.raw_terminal import is_plain, odd_characters, printed_text, written

ACTING = {"CSI", "OSC", "string", "query", "mode", "ESC", "ESC nF", "control", "control byte"}
"""Kinds that are nothing but attempts to act on the terminal."""

AS_TEXTUAL_DOES = ("[?", "]52;c;", "]22;", "[0m")
"""Beginnings of sequences that Textual writes too; which of them, the program's own tests count."""


def test_there_are_thousands_and_always_the_same() -> None:
    assert len(payloads()) >= 3000
    assert len({payload.raw for payload in payloads()}) > 4000
    assert max(len(payload.raw) for payload in payloads()) >= 100_000
    payloads.cache_clear()
    again = payloads()
    payloads.cache_clear()
    assert again == payloads()


def test_the_checker_finds_every_payload_that_acts() -> None:
    for payload in payloads():
        if payload.kind in ACTING and not any(known in payload.text for known in AS_TEXTUAL_DOES):
            assert written(payload.raw).faults, payload
    assert written(b"\x1b]52;c;cHduZWQ=\x07").copied == ["pwned"]
    assert written(b"\x1b[?2026$p" * 2).faults
    assert not written("a\x1b[1;1H\x1b[38;2;1;2;3mb│✗日\r\n".encode()).faults
    assert printed_text(b"\x1b[31m", colours=False).faults


def gated(text: str, raw: bytes) -> list[str]:
    lines = [one_line(text), one_line(text, 40), plain_text(raw), plain_text(raw, 2**62)]
    return [*lines, *[row.plain for row in pretty_rows(raw) or ()], log_text(raw, beyond=7).plain]


def test_no_payload_passes_the_gates() -> None:
    for payload in payloads():
        for line in gated(payload.text, payload.raw):
            assert not odd_characters(line), payload


def test_no_payload_passes_cut_off_at_any_byte() -> None:
    for payload in short_payloads(60)[::4]:
        raw = payload.raw
        for cut in range(len(raw) + 1):
            for part in (raw[:cut], raw[cut:]):
                assert not odd_characters(plain_text(part)), (payload, cut)


def test_no_character_passes_that_acts_or_hides() -> None:
    refused = set()
    for start in range(0, sys.maxunicode + 1, 4096):
        text = "".join(map(chr, range(start, min(start + 4096, sys.maxunicode + 1))))
        refused |= {c for c in one_line(text, 5000) if not is_plain(c)}
    assert sorted(map(hex, map(ord, refused))) == []


def test_no_payload_passes_the_last_gate() -> None:
    gate = OutputFilter()
    for payload in payloads():
        (segment,) = gate.apply([Segment(payload.text)], Color.parse("black"))
        control = [c for c in segment.text if c < " " or "\x7f" <= c <= "\x9f"]
        assert not control, payload
        segment.text.encode()
        assert "\u202e" not in segment.text


@pytest.mark.parametrize("number", [5, 6, 8, 25, 28, 58])
def test_no_style_hides_or_moves_text(number: int) -> None:
    text: Text = log_text(b"\x1b[%dmx" % number)
    for span in text.spans:
        assert span.style in ("", "none") or not (
            span.style.blink or span.style.conceal or span.style.link  # type: ignore[union-attr]
        )
