"""A tail gives every line once, in order, as logs appear, grow, vanish and end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from metaflow.mflog import mflog

from flowtui.logs import tails
from flowtui.logs.mflog import NOTE, LogLine
from flowtui.logs.tails import BlobTail, LocalTail, Tail, TailError
from tests.runs import RecordedRun

START = datetime(2026, 11, 21, 9, 0, 0)


def stored(source: str, second: float, message: str) -> bytes:
    """A line as Metaflow stores it, newline included."""
    moment = START + timedelta(seconds=second)
    line: bytes = mflog.decorate(source, message.encode(), now=moment)
    return line + b"\n"


def append(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def texts(lines: Sequence[LogLine]) -> list[str]:
    return [line.text.decode() for line in lines]


def drain(tail: Tail) -> list[LogLine]:
    """Everything until the tail has finished."""
    lines: list[LogLine] = []
    while not tail.finished:
        lines += tail.poll()
    return lines


class Attempt:
    """An attempt's log files in a directory, and the time that has passed."""

    def __init__(self, directory: Path) -> None:
        self.task = directory / "0.task_stdout.log"
        self.runtime = directory / "0.runtime_stdout.log"
        self.ended = False
        self.now = 0.0

    def tail(self) -> LocalTail:
        paths = {"runtime": self.runtime, "task": self.task}
        return LocalTail(paths, lambda: self.ended, lambda: self.now)


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


def recorded(run: RecordedRun, step: str, task: str, attempt: int, stream: str) -> list[LogLine]:
    directory = run.directory / step / task
    paths = {
        source: directory / f"{attempt}.{source}_{stream}.log" for source in ("runtime", "task")
    }
    return drain(LocalTail(paths, lambda: True))


@pytest.mark.parametrize("number", [0, 1])
def test_each_attempt_of_a_real_task_has_its_own_log(
    runs: dict[str, RecordedRun], number: int
) -> None:
    assert texts(recorded(runs["catch"], "divide", "2", number, "stdout")) == ["dividing by 0"]
    stderr = texts(recorded(runs["catch"], "divide", "2", number, "stderr"))
    assert stderr[0] == "to stderr"
    assert any("ZeroDivisionError: division by zero" in line for line in stderr)


def test_catch_prints_to_stdout_what_it_caught(runs: dict[str, RecordedRun]) -> None:
    stdout = texts(recorded(runs["catch"], "divide", "2", 2, "stdout"))
    assert stdout[0] == "dividing by 0"
    assert stdout[1].startswith("@catch caught an exception")
    assert texts(recorded(runs["catch"], "divide", "2", 2, "stderr")) == ["to stderr"]


def test_real_lines_carry_their_times_and_their_writer(runs: dict[str, RecordedRun]) -> None:
    lines = recorded(runs["linear"], "middle", "2", 0, "stdout")
    assert lines
    assert all(line.source == "runtime" and line.time is not None for line in lines)
    created = int(runs["linear"].run)
    assert all(0 <= line.time - created < 600e6 for line in lines if line.time is not None)


def test_the_last_line_of_a_real_crash_has_no_newline_and_is_shown(
    runs: dict[str, RecordedRun],
) -> None:
    raw = runs["segfault"].directory / "crash" / "2" / "0.runtime_stderr.log"
    assert not raw.read_bytes().endswith(b"\n")
    lines = recorded(runs["segfault"], "crash", "2", 0, "stderr")
    assert texts(lines)[-1] == "Task failed with a segmentation fault."


def test_there_is_nothing_as_long_as_there_is_no_file(attempt: Attempt) -> None:
    tail = attempt.tail()
    assert tail.poll() == []
    append(attempt.task, stored("task", 0, "first"))
    assert texts(tail.poll()) == ["first"]
    assert tail.poll() == []
    append(attempt.task, stored("task", 1, "second"), stored("task", 2, "third"))
    assert texts(tail.poll()) == ["second", "third"]
    assert not tail.finished


def test_half_a_line_waits_for_the_other_half(attempt: Attempt) -> None:
    line = stored("task", 0, "whole")
    tail = attempt.tail()
    for byte in range(len(line) - 1):
        append(attempt.task, line[byte : byte + 1])
        assert tail.poll() == []
    append(attempt.task, line[-1:], b"[MFLOG|0|2026")
    assert texts(tail.poll()) == ["whole"]


def test_half_a_line_is_shown_when_the_attempt_is_over(attempt: Attempt) -> None:
    append(attempt.runtime, stored("runtime", 0, "done"), b"half")
    tail = attempt.tail()
    assert texts(tail.poll()) == ["done"]
    attempt.ended = True
    assert texts(tail.poll()) == ["half"]
    assert tail.finished
    assert tail.poll() == []


def test_both_writers_are_merged_by_time(attempt: Attempt) -> None:
    append(attempt.task, stored("task", 1, "b"), stored("task", 3, "d"), b"untimed\n")
    append(attempt.runtime, stored("runtime", 0, "a"), stored("runtime", 2, "c"))
    append(attempt.runtime, stored("runtime", 9, "e"))
    lines = attempt.tail().poll()
    assert texts(lines) == ["a", "b", "c", "d", "untimed", "e"]
    writers = ["runtime", "task", "runtime", "task", "task", "runtime"]
    assert [line.source for line in lines] == writers


def test_long_logs_come_in_portions_and_still_in_order(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "POLL_BYTES", 1000)
    append(attempt.task, *(stored("task", i, f"t{i}") for i in range(100)))
    append(attempt.runtime, *(stored("runtime", i + 0.5, f"r{i}") for i in range(0, 100, 10)))
    attempt.ended = True
    tail = attempt.tail()
    assert 0 < len(tail.poll()) < 20
    rest = drain(tail)
    times = [line.time for line in rest if line.time is not None]
    assert times == sorted(times)
    assert len(rest) == 110 - len([*attempt.tail().poll()])


def test_a_line_written_while_another_log_is_caught_up_with_is_not_lost(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "POLL_BYTES", 200)
    append(attempt.task, *(stored("task", i, f"t{i}") for i in range(4)))
    append(attempt.runtime, stored("runtime", 50, "early"))
    tail = attempt.tail()
    first = tail.poll()
    append(attempt.runtime, stored("runtime", 51, "late"))
    attempt.ended = True
    assert texts([*first, *drain(tail)]) == ["t0", "t1", "t2", "t3", "early", "late"]


def test_an_ended_attempt_is_given_time_to_store_its_log(attempt: Attempt) -> None:
    attempt.ended = True
    tail = attempt.tail()
    assert tail.poll() == []
    assert not tail.finished
    append(attempt.runtime, stored("runtime", 0, "stored last of all"))
    assert texts(tail.poll()) == ["stored last of all"]
    assert tail.finished


def test_an_attempt_that_never_stores_a_log_is_not_waited_for_long(attempt: Attempt) -> None:
    attempt.ended = True
    append(attempt.task, b"all there is")
    tail = attempt.tail()
    assert tail.poll() == []
    attempt.now = tails.SETTLE_SECONDS
    assert texts(tail.poll()) == ["all there is"]
    assert tail.finished


def test_a_huge_log_is_opened_near_its_end(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "HEAD_LIMIT", 1000)
    lines = [stored("task", i, f"line {i}") for i in range(100)]
    append(attempt.task, *lines)
    tail = attempt.tail()
    shown = texts(tail.poll())
    assert shown == [f"line {i}" for i in range(100 - len(shown), 100)]
    assert 0 < len(shown) < 12
    assert tail.skipped == sum(len(line) for line in lines[: -len(shown)])


def test_growing_past_the_limit_skips_nothing(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "HEAD_LIMIT", 1000)
    tail = attempt.tail()
    for i in range(50):
        append(attempt.task, stored("task", i, f"line {i}"))
        assert texts(tail.poll()) == [f"line {i}"]
    assert tail.skipped == 0


def test_a_line_without_end_is_broken(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "LONGEST_LINE", 1000)
    monkeypatch.setattr(tails, "POLL_BYTES", 600)
    append(attempt.task, b"x" * 2500)
    attempt.ended, attempt.now = True, tails.SETTLE_SECONDS
    append(attempt.runtime)
    lines = drain(attempt.tail())
    assert [len(line.text) for line in lines] == [1200, 1200, 100]


def test_a_log_that_was_cut_short_is_read_again_with_a_note(attempt: Attempt) -> None:
    append(attempt.task, stored("task", 0, "one"), stored("task", 1, "two"))
    tail = attempt.tail()
    tail.poll()
    attempt.task.write_bytes(stored("task", 0, "new"))
    note, line = tail.poll()
    assert note.source == NOTE
    assert line.text == b"new"


def test_a_log_that_was_replaced_is_read_again_with_a_note(
    attempt: Attempt, tmp_path: Path
) -> None:
    append(attempt.task, stored("task", 0, "one"))
    tail = attempt.tail()
    tail.poll()
    other = tmp_path / "other"
    append(other, stored("task", 0, "uno"), stored("task", 1, "due"))
    other.replace(attempt.task)
    lines = tail.poll()
    assert [line.source for line in lines] == [NOTE, "task", "task"]


def test_a_deleted_log_is_an_error_until_it_is_back(attempt: Attempt) -> None:
    append(attempt.task, stored("task", 0, "one"))
    tail = attempt.tail()
    tail.poll()
    attempt.task.unlink()
    for _ in range(2):
        with pytest.raises(TailError, match=r"0\.task_stdout\.log cannot be read: no such file"):
            tail.poll()
    append(attempt.task, stored("task", 5, "again"))
    assert texts(tail.poll())[-1] == "again"


def test_an_unreadable_log_does_not_hide_the_other(attempt: Attempt) -> None:
    attempt.task.mkdir()
    append(attempt.runtime, stored("runtime", 0, "seen"))
    attempt.ended = True
    tail = attempt.tail()
    assert texts(tail.poll()) == ["seen"]
    with pytest.raises(TailError, match="is a directory"):
        tail.poll()
    attempt.task.rmdir()
    append(attempt.task, stored("task", 1, "readable now"))
    assert texts(drain(tail))[-1] == "readable now"


def test_a_closed_tail_gives_nothing_more(attempt: Attempt) -> None:
    append(attempt.task, stored("task", 0, "one"))
    tail = attempt.tail()
    tail.close()
    assert (list(tail.poll()), tail.finished) == ([], True)


class Store:
    """Logs that can only be fetched whole."""

    def __init__(self, *blobs: bytes) -> None:
        self.blobs = list(blobs)
        self.ended = False
        self.fetched = 0

    def fetch(self) -> list[bytes]:
        self.fetched += 1
        return list(self.blobs)

    def tail(self) -> BlobTail:
        return BlobTail(self.fetch, lambda: self.ended)


def test_only_what_is_new_in_a_blob_is_given() -> None:
    store = Store(b"", stored("task", 1, "b"))
    tail = store.tail()
    assert texts(tail.poll()) == ["b"]
    store.blobs = [stored("runtime", 2, "c"), store.blobs[1] + stored("task", 3, "d") + b"par"]
    assert texts(tail.poll()) == ["c", "d"]
    store.blobs[1] += b"tial"
    store.ended = True
    assert texts(tail.poll()) == ["partial"]
    assert tail.finished
    tail.poll()
    assert store.fetched == 3


def test_a_blob_that_ended_before_it_was_opened_is_fetched_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tails, "POLL_BYTES", 500)
    store = Store(
        b"".join(stored("task", 2 * i, f"{2 * i}") for i in range(50)),
        b"".join(stored("runtime", 2 * i + 1, f"{2 * i + 1}") for i in range(50)),
    )
    store.ended = True
    assert texts(drain(store.tail())) == [str(i) for i in range(100)]
    assert store.fetched == 1


def test_a_source_that_appears_later_is_followed_too() -> None:
    store = Store(stored("task", 0, "one"))
    tail = store.tail()
    tail.poll()
    store.blobs.append(stored("runtime", 1, "two"))
    store.ended = True
    assert texts(drain(tail)) == ["two"]


def test_the_times_are_utc() -> None:
    (line,) = Store(stored("task", 0, "x")).tail().poll()
    assert line.time == int(START.replace(tzinfo=UTC).timestamp()) * 1_000_000
