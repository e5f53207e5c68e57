"""Metaflow's log lines are read as Metaflow's own parser reads them, and bad ones are kept."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metaflow.mflog import mflog

from flowtui.logs.mflog import LogLine, parse, parse_all

moments = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1))


@given(moments, st.sampled_from(["task", "runtime"]), st.binary().filter(lambda b: b"\n" not in b))
def test_what_metaflow_writes_is_read_back(moment: datetime, source: str, message: bytes) -> None:
    line = mflog.decorate(source, message, now=moment)
    epoch = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    parsed = parse(line, "?")
    assert (parsed.source, parsed.text) == (source, message)
    assert parsed.time == pytest.approx(epoch * 1e6, abs=100)


def test_a_time_is_exact_to_the_microsecond() -> None:
    line = b"[MFLOG|0|2026-11-21T09:10:29.838666Z|runtime|f919e89c-904c]Task failed."
    assert parse(line, "task") == LogLine(1795252229838666, "runtime", b"Task failed.")


def test_the_mark_of_lines_to_be_stored_is_no_part_of_the_message() -> None:
    line = mflog.set_should_persist(mflog.decorate("task", b"hello"))
    assert parse(line, "?").text == b"hello"


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
    assert parse(line, "task") == LogLine(None, "task", line)


@given(st.binary())
def test_no_bytes_are_too_strange(line: bytes) -> None:
    assert parse(line, "task").text in line


def test_a_hundred_thousand_lines_are_read_at_once() -> None:
    line = b"[MFLOG|0|2026-11-21T09:10:29.838666Z|runtime|f919e89c-904c-4350-9641-3034192db610]text"
    started = time.process_time()
    parse_all([line] * 100_000, "task")
    assert time.process_time() - started < 1
