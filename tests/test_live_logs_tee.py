"""The tee of `live_logs`: a task behaves and is stored as without it, only earlier."""

from __future__ import annotations

import ast
import io
import os
import resource
import select
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from metaflow.mflog import mflog
from metaflow.runtime import TruncatedBuffer, mflog_msg

from flowtui.live_logs import extension_path
from tests.runs import eventually

PLUGINS = extension_path() / "metaflow_extensions" / "flowtui_launched" / "plugins"
TEN_MEGABYTES = 10 * 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")


def tee_command(prefix: Path, *command: str, max_size: int = TEN_MEGABYTES) -> list[str]:
    return [
        sys.executable,
        "-I",
        "-S",
        str(PLUGINS / "tee.py"),
        str(prefix),
        str(max_size),
        "-",
        *command,
    ]


def python(code: str) -> tuple[str, str]:
    return ("-c", "import os, signal, sys, time\n" + textwrap.dedent(code))


def started(tmp_path: Path, code: str, **options: Any) -> subprocess.Popen[bytes]:
    """The tee around a Python that runs `code`, with pipes as Metaflow's runtime makes them."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "x"}
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = tee_command(tmp_path / "0", *python(code), max_size=options.pop("max_size", 10**7))
    return subprocess.Popen(command, env=environment, cwd=tmp_path, **{**pipes, **options})


def log(tmp_path: Path, stream: str = "stdout") -> bytes:
    path = tmp_path / f"0.task_{stream}.log"
    return path.read_bytes() if path.exists() else b""


def merged(*logs: bytes) -> list[bytes]:
    """The lines of a log as Metaflow's client gives them."""
    return [line.msg for line in mflog.merge_logs(list(logs))]


def kept_by_the_runtime(output: bytes, max_size: int = TEN_MEGABYTES) -> bytes:
    """What Metaflow's runtime stores of what it reads (`Worker.emit_log`)."""
    kept = TruncatedBuffer("stdout", max_size)
    for line in io.BytesIO(output):
        if not mflog.is_structured(line):
            kept.write(mflog_msg(line))
        elif (parsed := mflog.parse(line)) and parsed.should_persist:
            kept.write(mflog.unset_should_persist(line))
    return bytes(kept.get_bytes())


def stored(tmp_path: Path, output: bytes, max_size: int = TEN_MEGABYTES) -> list[bytes]:
    """The log of an attempt whose stdout was written through the tee."""
    code = f"sys.stdout.buffer.write(open({str(tmp_path / 'output')!r}, 'rb').read())"
    (tmp_path / "output").write_bytes(output)
    passed, errors = started(tmp_path, code, max_size=max_size).communicate(timeout=60)
    assert errors == b""
    return merged(kept_by_the_runtime(passed, max_size), log(tmp_path))


# --- the log --------------------------------------------------------------------------------------


def test_lines_are_in_the_log_of_their_stream_before_the_task_ends(tmp_path: Path) -> None:
    task = started(
        tmp_path,
        """
        print("one")
        print("two", file=sys.stderr)
        sys.stdin.readline()
        """,
    )
    eventually(lambda: merged(log(tmp_path)) == [b"one"], "stdout is in its log", 10)
    eventually(lambda: merged(log(tmp_path, "stderr")) == [b"two"], "stderr is in its log", 10)
    assert task.poll() is None
    output, _ = task.communicate(b"\n", timeout=30)
    # The runtime shows such a line, and does not store it again.
    assert [line.msg for line in map(mflog.parse, output.splitlines())] == [b"one"]
    assert kept_by_the_runtime(output) == b""


OUTPUTS = {
    "text": b"one\ntwo\n",
    "nothing": b"",
    "empty lines": b"\n\n\n",
    "a partial last line": b"one\ntwo",
    "nothing but a partial line": b"two",
    "carriage returns": b"10 %\r20 %\r\n30 %\r\n",
    "every byte": bytes(range(256)) * 300 + b"\n",
    "NULs": b"\0\0\n\0",
    "a megabyte line": b"x" * 2**20 + b"\ny\n",
    "lines too long to be held": b"a\n" + b"x" * 5_000_000 + b"\nb\n" + b"y" * 4_300_000,
    "100,000 lines": b"".join(b"%d\n" % number for number in range(100_000)),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_is_stored_is_what_is_stored_without_it(name: str, tmp_path: Path) -> None:
    output = OUTPUTS[name]
    assert stored(tmp_path, output) == merged(kept_by_the_runtime(output))


def test_a_line_that_asks_to_be_stored_is(tmp_path: Path) -> None:
    header = b"[MFLOG|0|2026-11-21T10:00:00.000000Z|task|x]"
    output = header + b"kept elsewhere\nplain\n[!" + header + b"to be kept\n[MFLOG|broken\nlast\n"
    assert stored(tmp_path, output) == [b"to be kept", b"plain", b"last"]


@pytest.mark.parametrize(
    "output",
    [
        b"".join(b"%d\n" % number for number in range(2000)),
        b"first\n" + b"x" * 40_000 + b"\nlast\n",
        b"first\n" + b"x" * 6_000_000 + b"\nlast\n",
        b"first\nsecond\n" * 20_000 + b"unfinished",
    ],
    ids=["many lines", "a long line", "a line too long to be held", "an unfinished line"],
)
@pytest.mark.parametrize("max_size", [500, 5_000_000])
def test_a_log_is_cut_where_the_runtime_cuts_it(
    output: bytes, max_size: int, tmp_path: Path
) -> None:
    expected = merged(kept_by_the_runtime(output, max_size))
    assert stored(tmp_path, output, max_size) == expected


def test_the_times_of_lines_never_decrease(tmp_path: Path) -> None:
    output = b"".join(b"%d\n" % number for number in range(50_000))
    stored(tmp_path, output)
    times = [line.split(b"|")[2] for line in log(tmp_path).splitlines()]
    assert times == sorted(times)


# --- unfinished lines -----------------------------------------------------------------------------


def unfinished(tmp_path: Path, stream: str = "stdout") -> bytes:
    """What stands behind the last newline of a log, without the header."""
    return log(tmp_path, stream).rpartition(b"\n")[2].partition(b"]")[2]


def shows(tmp_path: Path, expected: bytes) -> bool:
    return unfinished(tmp_path) == expected


def test_a_line_without_its_end_is_in_the_log_while_it_is_drawn(tmp_path: Path) -> None:
    task = started(
        tmp_path,
        """
        print("before")
        for number in range(4):
            print(f"\\r{number} of 3 ✓", end="")
            sys.stdin.readline()
        print()
        print("after")
        """,
    )
    assert task.stdin is not None
    sizes = [0]
    drawn = ""
    for number in range(4):
        drawn += f"\r{number} of 3 ✓"
        expected = drawn.encode()
        eventually(partial(shows, tmp_path, expected), drawn, 10)
        sizes.append(len(log(tmp_path)))
        task.stdin.write(b"\n")
        task.stdin.flush()
    output, _ = task.communicate(timeout=30)
    lines = [b"before", drawn.encode(), b"after"]
    assert sizes == sorted(sizes)
    assert merged(log(tmp_path)) == lines
    # The runtime gets what is in the log, and nothing of a line before its end.
    assert output == log(tmp_path)
    assert kept_by_the_runtime(output) == b""


def test_both_streams_may_have_an_unfinished_line(tmp_path: Path) -> None:
    task = started(
        tmp_path,
        """
        print("out", end="")
        print("err", end="", file=sys.stderr)
        sys.stdin.readline()
        print("side")
        print("or", file=sys.stderr)
        """,
    )
    eventually(lambda: unfinished(tmp_path) == b"out", "stdout is in its log", 10)
    eventually(lambda: unfinished(tmp_path, "stderr") == b"err", "stderr is in its log", 10)
    output, errors = task.communicate(b"\n", timeout=30)
    assert merged(log(tmp_path)) == [b"outside"]
    assert merged(log(tmp_path, "stderr")) == [b"error"]
    assert (output, errors) == (log(tmp_path), log(tmp_path, "stderr"))


def resting(tmp_path: Path, parts: Sequence[bytes], **options: Any) -> subprocess.Popen[bytes]:
    """A task that writes the parts to stdout, one each time it reads a line from stdin."""
    (tmp_path / "parts").write_text(repr(list(parts)))
    code = """
        for part in eval(open("parts").read()):
            rest = part
            while rest:
                rest = rest[os.write(1, rest):]
            sys.stdin.readline()
        """
    return started(tmp_path, code, **options)


def go_on(task: subprocess.Popen[bytes]) -> None:
    assert task.stdin is not None
    task.stdin.write(b"\n")
    task.stdin.flush()


@pytest.mark.parametrize(
    "parts",
    [
        (b"one", b"\n"),
        (b"one", b" and\n\ntwo", b"\n"),
        (b"one", b" and\ntwo\nthree", b" and\n"),
        (b"one", b""),
        (b"before\none", b" and", b" more"),
        (b"\xff\xfe", b"\xff\n"),
        (b"one", b" and\n[MFLOG|0|2026-11-21T10:00:00.000000Z|task|x]kept elsewhere\nlast\n"),
        (b"one", b"y" * 5_000_000, b"z\nafter\n"),
        (b"one\n", b"two\n"),
    ],
    ids=lambda parts: repr(parts)[:30],
)
def test_a_line_that_has_rested_is_stored_once_and_as_without_it(
    parts: Sequence[bytes], tmp_path: Path
) -> None:
    task = resting(tmp_path, parts)
    shown = parts[0].rpartition(b"\n")[2].rstrip(b"\xfe")
    eventually(lambda: log(tmp_path) and unfinished(tmp_path) == shown, "it is in the log", 10)
    for _ in parts[1:]:
        go_on(task)
    output, _ = task.communicate(b"\n", timeout=30)
    kept = kept_by_the_runtime(output)
    assert merged(kept, log(tmp_path)) == merged(kept_by_the_runtime(b"".join(parts)))
    if len(parts[1]) < 10**6:
        assert kept == b""
    assert log(tmp_path).endswith(b"\n")


def test_a_character_is_not_cut_in_the_log(tmp_path: Path) -> None:
    task = resting(tmp_path, ["█".encode()[:2], "█".encode()[2:] + "ab✓".encode()[:-1]])
    eventually(lambda: waits_for_input(task), "the task waits")
    go_on(task)
    eventually(lambda: unfinished(tmp_path) == "█ab".encode(), "whole characters are there", 10)
    task.communicate(b"\n", timeout=30)
    assert merged(log(tmp_path)) == ["█ab✓".encode()[:-1]]


def waits_for_input(task: subprocess.Popen[bytes]) -> bool:
    children = psutil.Process(task.pid).children()
    return len(children) == 1 and children[0].status() == psutil.STATUS_SLEEPING


@pytest.mark.parametrize("start", [b"[", b"[MFLOG", b"[![MFLOG|", b"[MFLOG|0|"])
def test_what_may_become_a_structured_line_waits_for_its_end(start: bytes, tmp_path: Path) -> None:
    header = b"[MFLOG|0|2026-11-21T10:00:00.000000Z|task|x]"
    whole = (b"[!" if start.startswith(b"[!") else b"") + header + b"said\n"
    code = f"""
        os.write(1, {start!r})
        os.write(2, b"waiting")
        sys.stdin.readline()
        os.write(1, {whole.removeprefix(start)!r})
        """
    task = started(tmp_path, code)
    # stderr's has rested as long.
    eventually(lambda: unfinished(tmp_path, "stderr") == b"waiting", "stderr is in its log", 10)
    output, _ = task.communicate(b"\n", timeout=30)
    assert (output, log(tmp_path)) == (whole, b"")


@pytest.mark.parametrize(
    "parts",
    [
        (b"x" * 300, b"x" * 300, b"\nlast\n"),
        (b"x" * 300, b"x" * 300 + b"\nlast\n"),
        (b"x" * 300, b"x" * 300),
        (b"x" * 300, b"\n" + b"y" * 300),
        (b"x" * 300, b"x" * 5_000_000, b"\nlast\n"),
        (b"x" * 300, b"x" * 103 + b"\n", b"last\n"),
        (b"x" * 300, b"x" * 104 + b"\n", b"last\n"),
    ],
    ids=lambda parts: f"{len(parts)} parts of {len(parts[1])}",
)
def test_an_unfinished_line_too_many_is_cut_where_the_runtime_cuts_it(
    parts: Sequence[bytes], tmp_path: Path
) -> None:
    task = resting(tmp_path, parts, max_size=490)
    eventually(lambda: unfinished(tmp_path) == parts[0], "it is in the log", 10)
    for _ in parts[1:]:
        go_on(task)
    output, _ = task.communicate(b"\n", timeout=30)
    expected = merged(kept_by_the_runtime(b"".join(parts), 490))
    assert merged(kept_by_the_runtime(output, 490), log(tmp_path)) == expected


@pytest.mark.parametrize(
    "rest",
    [b"y" * 400_000, b"y" * 400_000 + b"\nlast\n", b"y" * 5_000_000 + b"\n"],
    ids=lambda rest: f"{len(rest)} more",
)
def test_a_disk_that_fills_up_within_a_line_costs_none_and_doubles_none(
    rest: bytes, tmp_path: Path
) -> None:
    task = resting(
        tmp_path,
        (b"first\nbegun", rest),
        # Not so little that what Python compiles is cut short as well.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )
    eventually(lambda: unfinished(tmp_path) == b"begun", "it is in the log", 10)
    go_on(task)
    output, _ = task.communicate(b"\n", timeout=30)
    assert merged(log(tmp_path)) == [b"first"]
    assert merged(log(tmp_path), kept_by_the_runtime(output)) == [
        b"first",
        *(b"begun" + rest).splitlines(),
    ]


def test_a_log_deleted_within_a_line_leaves_the_line_to_the_runtime(tmp_path: Path) -> None:
    task = resting(tmp_path, (b"begun", b" and ended\nlast\n"))
    eventually(lambda: unfinished(tmp_path) == b"begun", "it is in the log", 10)
    (tmp_path / "0.task_stdout.log").unlink()
    output, _ = task.communicate(b"\n\n", timeout=30)
    assert merged(kept_by_the_runtime(output)) == [b"begun and ended", b"last"]
    assert log(tmp_path) == b""


def test_what_a_killed_task_left_unfinished_is_kept_once(tmp_path: Path) -> None:
    task = started(tmp_path, "os.write(2, b'50 %'); sys.stdin.readline(); os.kill(os.getpid(), 9)")
    eventually(lambda: unfinished(tmp_path, "stderr") == b"50 %", "it is in the log", 10)
    _, errors = task.communicate(b"\n", timeout=30)
    assert task.returncode == -signal.SIGKILL
    assert merged(log(tmp_path, "stderr"), kept_by_the_runtime(errors)) == [b"50 %"]


def test_a_line_drawn_in_haste_costs_few_writes(tmp_path: Path) -> None:
    code = """
        ends = time.monotonic() + 1
        while time.monotonic() < ends:
            os.write(1, b"\\rdrawn")
            time.sleep(0.0001)
        """
    command = tee_command(tmp_path / "0", *python(code))
    path = tmp_path / "0.task_stdout.log"
    sizes: set[int] = set()
    task = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while task.poll() is None:
        sizes.add(path.stat().st_size if path.exists() else 0)
    # A single write is seen to grow page by page.
    written = {size for size in sizes if not size or size % PAGE}
    assert 4 < len(written) <= 13


# --- the process ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 1, 3, 202, 255])
def test_it_ends_with_the_task_s_exit_code(code: int, tmp_path: Path) -> None:
    assert started(tmp_path, f"sys.exit({code})").wait(timeout=30) == code


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGKILL", "SIGTERM", "SIGABRT", "SIGINT", "SIGUSR1"])
def test_it_ends_by_the_task_s_signal(name: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    code = f"signal.signal({number}, 0) if {number} == 2 else 0; os.kill(os.getpid(), {number})"
    task = started(tmp_path, code)
    assert task.wait(timeout=30) == -number


def test_a_core_is_not_dumped_twice(tmp_path: Path) -> None:
    def dump() -> None:
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    # Whether the kernel dumped core is a bit in the wait status, which only the parent can read.
    task = started(tmp_path, "os.abort()", preexec_fn=dump)
    _, status = os.waitpid(task.pid, 0)
    task.returncode = -os.WTERMSIG(status)
    assert os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)


def test_a_command_that_cannot_be_run_says_so(tmp_path: Path) -> None:
    command = tee_command(tmp_path / "0")
    command[-1] = str(tmp_path / "no-python")
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 127
    assert merged(kept_by_the_runtime(done.stderr), log(tmp_path, "stderr")) == [
        f"{tmp_path / 'no-python'}: No such file or directory".encode()
    ]


def test_stdin_reaches_the_task(tmp_path: Path) -> None:
    task = started(tmp_path, "print(sys.stdin.read())")
    output, _ = task.communicate(b"some\ninput", timeout=30)
    assert [line.msg for line in map(mflog.parse, output.splitlines())] == [b"some", b"input"]


COUNTS_SIGNALS = """
seen = []
def note(number, frame):
    seen.append(number)
    os.write(1, b"%s\\n" % signal.Signals(number).name.encode())
for name in ("SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGALRM"):
    signal.signal(signal.Signals[name], note)
print("ready")
while signal.SIGUSR2 not in seen:
    time.sleep(0.01)
"""


def test_signals_to_it_reach_the_task_once_and_in_order(tmp_path: Path) -> None:
    task = started(tmp_path, COUNTS_SIGNALS)
    eventually(lambda: b"ready" in log(tmp_path), "the task is ready")
    names = [b"SIGTERM", b"SIGINT", b"SIGUSR1", b"SIGHUP", b"SIGALRM", b"SIGUSR2"]
    for name in names:
        task.send_signal(signal.Signals[name.decode()])
        # Those that are pending together are delivered in the order of their numbers.
        eventually(partial(heard, tmp_path, name), "the signal has reached the task")
    task.wait(timeout=30)
    assert merged(log(tmp_path))[1:] == names


def heard(tmp_path: Path, name: bytes) -> bool:
    return name in log(tmp_path)


def _idle(pid: int) -> bool:
    """Neither the process nor its child has a signal pending; both wait."""
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children()]
        return all(_no_signal_pending(process.pid) for process in family)
    except (psutil.Error, OSError):
        return True


def _no_signal_pending(pid: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    pending = [line.split()[1] for line in lines if line.startswith(("SigPnd", "ShdPnd"))]
    return all(int(mask, 16) == 0 for mask in pending)


def test_signals_to_the_process_group_reach_the_task_once(tmp_path: Path) -> None:
    command = tee_command(tmp_path / "0", *python(COUNTS_SIGNALS))
    launcher = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, subprocess, sys\n"
            "for number in (2, 10, 15): signal.signal(number, lambda *_: None)\n"
            "sys.exit(subprocess.run(sys.argv[1:]).returncode)",
            *command,
        ],
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "x"},
        stdout=subprocess.DEVNULL,
    )
    eventually(lambda: b"ready" in log(tmp_path), "the task is ready")
    os.killpg(launcher.pid, signal.SIGTERM)
    (tee,) = psutil.Process(launcher.pid).children()
    eventually(lambda: heard(tmp_path, b"SIGTERM"), "the signal has reached the task")
    eventually(lambda: _idle(tee.pid), "no other is on its way")
    os.killpg(launcher.pid, signal.SIGINT)
    eventually(lambda: heard(tmp_path, b"SIGINT"), "the signal has reached the task")
    eventually(lambda: _idle(tee.pid), "no other is on its way")
    tee.send_signal(signal.SIGUSR2)
    assert launcher.wait(timeout=30) == 0
    assert merged(log(tmp_path))[1:] == [b"SIGTERM", b"SIGINT", b"SIGUSR2"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the task only loses its output")
def test_killing_it_kills_the_task(tmp_path: Path) -> None:
    task = started(tmp_path, "print(os.getpid()); time.sleep(600)")
    eventually(lambda: log(tmp_path), "the task has started")
    child = psutil.Process(int(merged(log(tmp_path))[0]))
    task.kill()
    assert task.wait(timeout=30) == -signal.SIGKILL
    eventually(lambda: not child.is_running(), "the task is gone too", 10)


def test_a_signal_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    code = "print([signal.getsignal(n).name for n in (signal.SIGHUP, signal.SIGPIPE)])"
    task = started(
        tmp_path, code, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None
    )
    task.wait(timeout=30)
    assert merged(log(tmp_path)) == [b"['SIG_IGN', 'SIG_IGN']"]
    code = "os.execlp('grep', 'grep', 'SigIgn', '/proc/self/status')"
    assert started(tmp_path, code).wait(timeout=30) == 0


def test_a_reader_that_goes_away_is_noticed_by_the_task(tmp_path: Path) -> None:
    code = """
        try:
            for number in range(10**9):
                print(number)
        except BrokenPipeError:
            os._exit(7)
        """
    task = started(tmp_path, code)
    assert task.stdout is not None
    task.stdout.readline()
    task.stdout.close()
    assert task.wait(timeout=30) == 7


# --- processes in the background ------------------------------------------------------------------

FORKS = """
print("before")
if not os.fork():
    for fd in {closed}:
        os.close(fd)
    sys.stdin.readline()
    os.write({left}, b"from behind\\n")
    os._exit(0)
"""


@pytest.mark.parametrize(("closed", "left"), [((1,), 2), ((2,), 1)])
def test_a_child_that_keeps_one_pipe_open_does_not_hold_up_the_end(
    closed: Sequence[int], left: int, tmp_path: Path
) -> None:
    task = started(tmp_path, FORKS.format(closed=closed, left=left))
    assert task.wait(timeout=30) == 0
    assert merged(log(tmp_path)) == [b"before"]
    task.communicate(b"\n", timeout=10)


def test_what_a_child_that_keeps_both_pipes_open_writes_is_still_taken(tmp_path: Path) -> None:
    task = started(tmp_path, FORKS.format(closed=(), left=1))
    eventually(lambda: log(tmp_path), "the task has started", 10)
    eventually(lambda: not psutil.Process(task.pid).children(), "the task has ended", 10)
    assert task.poll() is None
    task.communicate(b"\n", timeout=30)
    assert merged(log(tmp_path)) == [b"before", b"from behind"]


def test_a_signal_ends_the_wait_for_a_child_in_the_background(tmp_path: Path) -> None:
    task = started(tmp_path, FORKS.format(closed=(), left=1) + "os._exit(3)")
    eventually(lambda: log(tmp_path), "the task has started", 10)
    eventually(lambda: not psutil.Process(task.pid).children(), "the task has ended", 10)
    task.terminate()
    assert task.wait(timeout=10) == 3
    task.communicate(b"\n", timeout=10)


# --- no room, no right, no log --------------------------------------------------------------------

COUNTED = b"".join(b"%d\n" % number for number in range(30_000))


def test_a_log_that_cannot_be_made_leaves_the_output_to_the_runtime(tmp_path: Path) -> None:
    (tmp_path / "0.task_stdout.log").mkdir()
    code = f"sys.stdout.buffer.write({COUNTED[:3000]!r})"
    output, errors = started(tmp_path, code).communicate(timeout=30)
    assert (output, errors) == (COUNTED[:3000], b"")


def test_a_full_disk_leaves_the_output_to_the_runtime(tmp_path: Path) -> None:
    (tmp_path / "0.task_stdout.log").symlink_to("/dev/full")
    code = "for n in range(1000): print(n)"
    output, errors = started(tmp_path, code).communicate(timeout=30)
    assert (output, errors) == (b"".join(b"%d\n" % n for n in range(1000)), b"")


def test_a_disk_that_fills_up_costs_no_line_and_doubles_none(tmp_path: Path) -> None:
    code = "for n in range(30_000): os.write(1, b'%d\\n' % n)"
    limit = (300_000, 300_000)
    task = started(
        tmp_path, code, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    )
    output, errors = task.communicate(timeout=30)
    assert errors == b""
    assert 0 < len(log(tmp_path)) <= 300_000
    assert merged(log(tmp_path), kept_by_the_runtime(output)) == COUNTED.splitlines()


def test_a_log_that_is_deleted_is_not_written_to_any_more(tmp_path: Path) -> None:
    task = started(tmp_path, "print(1); sys.stdin.readline(); print(2); print(3)")
    path = tmp_path / "0.task_stdout.log"
    eventually(path.exists, "there is a log")
    eventually(lambda: merged(log(tmp_path)) == [b"1"], "the first line is there")
    path.unlink()
    output, _ = task.communicate(b"\n", timeout=30)
    assert merged(kept_by_the_runtime(output)) == [b"2", b"3"]
    assert not path.exists()


def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    prefix = tmp_path / "F" / "1" / "start" / "2" / "0"
    subprocess.run(tee_command(prefix, "-c", "print(1)"), check=True, stdout=subprocess.DEVNULL)
    assert merged(prefix.with_name("0.task_stdout.log").read_bytes()) == [b"1"]


def test_without_another_process_the_task_runs_without_it(tmp_path: Path) -> None:
    # `setrlimit` on processes does not bind root, one on files binds everybody.
    def nearly_no_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))

    task = started(tmp_path, "os.write(1, b'ran')", preexec_fn=nearly_no_files)
    assert task.communicate(timeout=30) == (b"ran", b"")


# --- its cost -------------------------------------------------------------------------------------


def test_a_slow_reader_slows_the_task_and_nothing_piles_up(tmp_path: Path) -> None:
    code = """
        line = b"x" * 99 + b"\\n"
        for number in range(500_000):
            os.write(1, line)
            os.pwrite(3, b"%d" % number, 0)
        """
    progress = os.open(tmp_path / "progress", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(progress, True)
    moved = code.replace("pwrite(3", f"pwrite({progress}")
    task = started(tmp_path, moved, pass_fds=(progress,), max_size=10**9)
    tee = psutil.Process(task.pid)
    seen: list[bytes] = [b""]

    def stands_still() -> bool:
        seen.append(os.pread(progress, 20, 0))
        family = [tee, *tee.children()]
        waiting = all(process.status() == psutil.STATUS_SLEEPING for process in family)
        return bool(seen[-1]) and seen[-1] == seen[-2] and waiting

    eventually(stands_still, "the task waits for the reader")
    # Two pipes and what the tee holds, in lines of 100 bytes.
    assert int(seen[-1]) < 20_000
    assert tee.memory_info().rss < 40_000_000
    output, _ = task.communicate(timeout=60)
    os.close(progress)
    assert output.count(b"\n") == 500_000


FLOODS = """
line = b"x" * 99 + b"\\n"
while os.path.exists("gate"):
    os.write(1, line)
os.write(1, b"unfinished")
sys.exit({code})
"""


def stuck(task: subprocess.Popen[bytes]) -> bool:
    """Whether the tee and the task have not run for a moment; neither ever sleeps by itself."""
    family = [psutil.Process(task.pid), *psutil.Process(task.pid).children()]

    def switches() -> list[int]:
        return [process.num_ctx_switches().voluntary for process in family]

    before = switches()
    asleep = [process.status() == psutil.STATUS_SLEEPING for process in family * 20]
    return len(family) == 2 and all(asleep) and switches() == before


def test_a_failed_task_does_not_wait_for_a_reader_that_has_stopped_reading(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    task = started(tmp_path, FLOODS.format(code=1))
    eventually(lambda: stuck(task), "the task waits for the reader")
    gate.unlink()
    # The task itself may have to wait for room in its pipe: some is made until it has ended.
    assert task.stdout is not None
    tee = psutil.Process(task.pid)
    while tee.is_running() and any(child.status() != "zombie" for child in tee.children()):
        if select.select([task.stdout], [], [], 0.1)[0]:
            os.read(task.stdout.fileno(), 4096)
    assert task.wait(timeout=30) == 1
    assert merged(log(tmp_path))[-1] == b"unfinished"


def test_the_output_of_a_task_that_succeeded_waits_for_its_reader(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    task = started(tmp_path, FLOODS.format(code=0))
    eventually(lambda: stuck(task), "the task waits for the reader")
    gate.unlink()
    output, _ = task.communicate(timeout=30)
    assert output.endswith(b"\nunfinished")
    assert output.count(b"\n") == log(tmp_path).count(b"\n")


def test_a_printed_line_is_in_its_log_at_once(tmp_path: Path) -> None:
    task = started(
        tmp_path,
        """
        for number in range(50):
            print(time.time())
            time.sleep(0.01)
        """,
    )
    delays: list[float] = []

    def all_seen() -> bool:
        lines = log(tmp_path).splitlines(keepends=True)[len(delays) :]
        now = time.time()
        complete = [mflog.parse(line) for line in lines if line.endswith(b"\n")]
        delays.extend(now - float(line.msg) for line in complete)
        return len(delays) == 50

    eventually(all_seen, "all lines are seen")
    assert sorted(delays)[25] < 0.1
    task.communicate(timeout=30)


@pytest.mark.parametrize("path", sorted(PLUGINS.glob("*.py")), ids=lambda path: path.name)
def test_it_is_python_3_8_and_knows_nothing_of_flowtui(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {
        (alias.name if isinstance(node, ast.Import) else str(node.module)).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    own = {"tee_relay", "tee_stream", "tee_task"}
    outside = imported - own - set(sys.stdlib_module_names)
    assert outside == ({"metaflow"} if path.name == "live_logs_decorator.py" else set())
