"""Metaflow's log lines are read as Metaflow's own parser reads them, and bad ones are kept."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metaflow.mflog import mflog

from flowtui.logs.mflog import LogLine, parse, time_of, without_prefixes

moments = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1))


@given(moments, st.sampled_from(["task", "runtime"]), st.binary().filter(lambda b: b"\n" not in b))
def test_what_metaflow_writes_is_read_back(moment: datetime, source: str, message: bytes) -> None:
    line = mflog.decorate(source, message, now=moment)
    epoch = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    parsed = parse(line, 3)
    assert (parsed.lane, parsed.text, parsed.beyond) == (3, message, 0)
    assert parsed.time == pytest.approx(epoch * 1e6, abs=100)
    assert time_of(line[:200]) == parsed.time


def test_a_time_is_exact_to_the_microsecond() -> None:
    line = b"[MFLOG|0|2026-11-21T09:10:29.838666Z|runtime|f919e89c-904c]Task failed."
    assert parse(line, 1) == LogLine(1795252229838666, 1, b"Task failed.")


def test_the_mark_of_lines_to_be_stored_is_no_part_of_the_message() -> None:
    line = mflog.set_should_persist(mflog.decorate("task", b"hello"))
    assert parse(line, 0).text == b"hello"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no prefix",
        b"[MFLOG|0|2026-11-21T09:10:29.838666Z|runtime",
        b"[MFLOG|1|2026-11-21T09:10:29.838666Z|runtime|id]another version",
        b"[MFLOG|0|2026-13-41T09:10:29.838666Z|runtime|id]no such day",
        b"[MFLOG|0|yesterday|runtime|id]no time",
        b"text before [MFLOG|0|2026-11-21T09:10:29.838666Z|runtime|id]x",
        b"\xff\xfe\x00",
    ],
)
def test_a_line_that_is_none_keeps_its_whole_text(line: bytes) -> None:
    assert parse(line, 1) == LogLine(None, 1, line)
    assert time_of(line) is None


@given(st.binary())
def test_no_bytes_are_too_strange(line: bytes) -> None:
    assert parse(line, 0).text in line


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([b"", b"x]y", b"[MFLOG", b"\xff"]))))
def test_lines_lose_their_prefixes_at_once_as_one_by_one(lines: list[tuple[bool, bytes]]) -> None:
    moment = datetime(2026, 11, 21, 9)
    stored = [mflog.decorate("task", text, now=moment) if led else text for led, text in lines]
    at_once = without_prefixes(b"\n".join(stored))
    assert at_once in (None, b"\n".join([text for _, text in lines]))
    if len({led for led, _ in lines}) == 1:
        assert at_once is not None


def test_a_line_that_is_to_be_stored_is_not_taken_for_one_without_a_prefix() -> None:
    line = mflog.set_should_persist(mflog.decorate("task", b"hello"))
    assert without_prefixes(b"plain\n" + line) is None


def test_a_hundred_thousand_lines_are_read_at_once() -> None:
    line = b"[MFLOG|0|2026-11-21T09:10:29.838666Z|runtime|f919e89c-904c-4350-9641-3034192db610]text"
    started = time.process_time()
    for _ in range(100_000):
        parse(line, 0)
    assert time.process_time() - started < 1
