"""The exception that ended an attempt is found in what Python, Metaflow and @catch print of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtui.logs.mflog import parse
from flowtui.logs.raised import Frame, Raised, frame_of
from flowtui.logs.tracebacks import find_exception
from tests.raw_terminal import odd_characters
from tests.runs import SCENARIOS, RecordedRun, _plain, _Recorder

HEADER = "Traceback (most recent call last):"
CAUSE = "The above exception was the direct cause of the following exception:"
CONTEXT = "During handling of the above exception, another exception occurred:"
FAILED = "<flow TrainFlow step train[1] (input: NO)> failed:"
HANDLED_BY_CATCH = (
    "metaflow.plugins.catch_decorator.FailureHandledByCatch: Task execution kept failing over 2 "
    "attempts. Your code did not raise an exception. Something in the execution environment "
    "caused the failure."
)


def found(text: str, *flow_files: str) -> Raised | None:
    return find_exception([line.encode() for line in text.split("\n")], flow_files)


def some(text: str, *flow_files: str) -> Raised:
    raised = found(text, *flow_files)
    assert raised is not None
    return raised


def printed(run: RecordedRun, task: str, attempt: int, stream: str) -> Sequence[bytes]:
    log = run.directory / task / f"{attempt}.runtime_{stream}.log"
    return [parse(line, 0).text for line in log.read_bytes().split(b"\n")]


def told(run: RecordedRun, task: str, attempt: int, stream: str) -> tuple[str, str | None] | None:
    raised = find_exception(printed(run, task, attempt, stream), [run.flow_file.name])
    return None if raised is None else (raised.summary, raised.where)


# Real runs


@pytest.fixture(scope="module")
def raises(pytestconfig: pytest.Config) -> Iterator[RecordedRun]:
    """The run of `raises.py`, executed once and cached."""
    cache = Path(pytestconfig.rootpath) / ".pytest_cache" / "flowtui-raises"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SCENARIOS, "raises", ("RaisesFlow", "raises.py", _plain("raises.py")))
        yield _Recorder(cache).get("raises")


@pytest.mark.parametrize(
    ("task", "summary", "where"),
    [
        (2, "DataError: no JSON in countries.json:", "raises.py:22"),
        (3, "ExceptionGroup: 2 of 3 files (2 sub-exceptions)", "raises.py:28"),
        (4, "RecursionError: maximum recursion depth exceeded", "raises.py:32"),
        (5, "KeyError: 'population'", "raises.py:40"),
        (9, "AttributeError: Flow RaisesFlow has no attribute 'no_such_artifact'", "raises.py:72"),
    ],
)
def test_what_a_step_raised_is_in_stderr_and_in_stdout_once_it_is_caught(
    raises: RecordedRun, task: int, summary: str, where: str
) -> None:
    assert told(raises, f"fail/{task}", 0, "stderr") == (summary, where)
    assert told(raises, f"fail/{task}", 1, "stdout") == (summary, where)


def test_metaflow_prints_its_own_errors_without_a_stack_until_they_are_caught(
    raises: RecordedRun,
) -> None:
    failed = find_exception(printed(raises, "fail/6", 0, "stderr"))
    # Metaflow's printing takes asterisks for marks of emphasis.
    message = "no table countries\nin the warehouse"
    text = ("Flow failed:", "no table countries", "in the warehouse")
    assert failed == Raised("Flow failed", message, (), text)
    caught = find_exception(printed(raises, "fail/6", 1, "stdout"))
    assert caught is not None
    assert caught.type == "metaflow.exception.MetaflowException"
    assert caught.message == "no table *countries*\nin the warehouse"
    assert caught.where == "raises.py:44"


def test_a_message_is_told_to_its_end_and_with_its_notes(raises: RecordedRun) -> None:
    chained = find_exception(printed(raises, "fail/2", 1, "stdout"))
    assert chained is not None
    assert chained.message == "no JSON in countries.json:\n\n  line 1 of 1, 2 * 3 * 4"
    assert [frame.function for frame in chained.frames[-2:]] == ["fail", "chained"]
    assert chained.text[0] == HEADER
    assert CAUSE in chained.text
    assert any(line.startswith("json.decoder.JSONDecodeError: ") for line in chained.text)
    group = find_exception(printed(raises, "fail/3", 0, "stderr"))
    assert group is not None
    assert group.message == "2 of 3 files (2 sub-exceptions)\nc.csv was read"
    assert group.text[0] == "  + Exception Group Traceback (most recent call last):"
    assert group.text[-5:] == (
        "  +-+---------------- 1 ----------------",
        "    | ValueError: a.csv",
        "    +---------------- 2 ----------------",
        "    | FileNotFoundError: [Errno 2] gone: 'b.csv'",
        "    +------------------------------------",
    )


def test_an_interrupted_step_prints_no_exception_and_its_fallback_says_that_it_has_none(
    raises: RecordedRun,
) -> None:
    assert told(raises, "fail/7", 0, "stderr") is None
    assert told(raises, "fail/7", 2, "stdout") == (HANDLED_BY_CATCH, "catch_decorator.py:116")


def test_a_crash_has_the_stack_of_its_thread(raises: RecordedRun) -> None:
    crash = find_exception(printed(raises, "fail/8", 0, "stderr"), ["raises.py"])
    assert crash is not None
    assert (crash.summary, crash.where) == ("Segmentation fault", "raises.py:53")
    assert crash.frames[0] == Frame(str(raises.flow_file), 85, "<module>", "", True)
    assert [frame.function for frame in crash.frames[-2:]] == ["fail", "crashed"]


def test_recorded_runs_tell_why_their_attempts_failed(runs: dict[str, RecordedRun]) -> None:
    zero = ("ZeroDivisionError: division by zero", "catch.py:20")
    assert told(runs["catch"], "divide/2", 0, "stderr") == zero
    assert told(runs["catch"], "divide/2", 2, "stdout") == zero
    assert told(runs["catch"], "divide/2", 2, "stderr") is None
    no_data = ("ValueError: no data for NO", "failed.py:18")
    assert told(runs["failed"], "train/4", 0, "stderr") == no_data
    assert told(runs["segfault"], "crash/2", 0, "stderr") is None
    fallback = (HANDLED_BY_CATCH, "catch_decorator.py:116")
    assert told(runs["catch_killed"], "doomed/2", 2, "stdout") == fallback
    timeout = find_exception(printed(runs["timeout"], "slow/2", 0, "stderr"), ["timeout.py"])
    assert timeout is not None
    assert timeout.type == "@timeout"
    assert timeout.message == "Step slow timed out after 0 hours, 0 minutes, 1 seconds"
    assert timeout.frame == Frame(
        str(runs["timeout"].flow_file), 18, "slow", "time.sleep(30)", True
    )


# Texts


def test_a_traceback_is_taken_apart() -> None:
    raised = some(f"""\
loading
{FAILED}
    Internal error
{HEADER}
  File "/opt/lib/python3.12/site-packages/metaflow/task.py", line 113, in _exec_step_function
    step_function()
  File "/home/ada/train.py", line 41, in train
    self.rate = total / len(rows)
                ~~~~~~^~~~~~~~~~~
  File "/home/ada/native.so", line 7, in Rows.__len__
ZeroDivisionError: division by zero

Task failed.""")
    assert raised.type == "ZeroDivisionError"
    assert raised.message == "division by zero"
    task = "/opt/lib/python3.12/site-packages/metaflow/task.py"
    assert raised.frames == (
        Frame(task, 113, "_exec_step_function", "step_function()", False),
        Frame("/home/ada/train.py", 41, "train", "self.rate = total / len(rows)", True),
        Frame("/home/ada/native.so", 7, "Rows.__len__", "", True),
    )
    assert raised.text[0] == HEADER
    assert raised.text[-1] == "ZeroDivisionError: division by zero"
    assert len(raised.text) == 8


@pytest.mark.parametrize(
    ("line", "kind", "message"),
    [
        ("KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("ValueError: ", "ValueError", ""),
        ("ValueError:", "ValueError", ""),
        ("requests.exceptions.HTTPError: 404: x", "requests.exceptions.HTTPError", "404: x"),
        ("mod.make.<locals>.Odd", "mod.make.<locals>.Odd", ""),
        ("ray.exceptions.RayTaskError(OSError): x", "ray.exceptions.RayTaskError(OSError)", "x"),
        ("\x1b[1;35mKeyError\x1b[0m: \x1b[35m'k'\x1b[0m", "KeyError", "'k'"),
        ("ValueError: one\ntwo\n\n  three\nfour", "ValueError", "one\ntwo\n\n  three\nfour"),
    ],
)
def test_type_and_message(line: str, kind: str, message: str) -> None:
    raised = some(f'{HEADER}\n  File "a.py", line 3, in f\n{line}\n\nTask failed.')
    assert (raised.type, raised.message, raised.where) == (kind, message, "a.py:3")


@pytest.mark.parametrize("line", ["Task failed.", "no exception", "INFO:root:x", "", "1: x"])
def test_a_stack_without_an_exception_below_it_is_none(line: str) -> None:
    assert found(f'{HEADER}\n  File "a.py", line 3, in f\n    f()\n{line}') is None


def test_colours_of_python_3_13() -> None:
    raised = some(
        f'{HEADER}\n  File \x1b[35m"/a/train.py"\x1b[0m, line \x1b[35m8\x1b[0m, in '
        "\x1b[35mf\x1b[0m\n    \x1b[31mg\x1b[0m\x1b[1;31m()\x1b[0m\n"
        "    \x1b[31m~\x1b[0m\x1b[1;31m^^\x1b[0m\n\x1b[1;35mKeyError\x1b[0m: \x1b[35m'k'\x1b[0m"
    )
    assert raised.frames == (Frame("/a/train.py", 8, "f", "g()", True),)
    assert raised.summary == "KeyError: 'k'"
    assert raised.text[1] == '  File "/a/train.py", line 8, in f'


@pytest.mark.parametrize("words", [CAUSE, CONTEXT])
def test_the_last_of_a_chain_ended_the_attempt(words: str) -> None:
    chain = (
        f'{HEADER}\n  File "a.py", line 1, in f\nKeyError: 1\n\n{words}\n\n'
        f'{HEADER}\n  File "b.py", line 2, in g\nValueError: 2'
    )
    for text in (
        chain,
        f"before\n{chain}\n\nTask failed.",
        f"{FAILED}\n    Internal error\n{chain}",
    ):
        raised = some(text)
        assert (raised.summary, raised.where) == ("ValueError: 2", "b.py:2")
        assert "\n".join(raised.text) == chain


def test_a_traceback_of_another_process_belongs_to_the_text() -> None:
    chain = (
        f'multiprocessing.pool.RemoteTraceback: \n"""\n{HEADER}\n  File "a.py", line 1, in f\n'
        f'KeyError: 1\n"""\n\n{CAUSE}\n\n{HEADER}\n  File "b.py", line 2, in g\nKeyError: 1'
    )
    for text in (f"before\n{chain}", f"{FAILED}\n    Internal error\n{chain}\n\nTask failed."):
        raised = some(text)
        assert raised.where == "b.py:2"
        assert "\n".join(raised.text) == chain


def test_a_traceback_quoted_in_a_message_is_part_of_it() -> None:
    quoted = (
        f'Caught KeyError in worker 0.\nOriginal {HEADER}\n  File "a.py", line 1, in f\nKeyError: 1'
    )
    traceback = f'{HEADER}\n  File "b.py", line 2, in g\nKeyError: {quoted}'
    for text in (traceback, f"{FAILED}\n    Internal error\n{traceback}\n\nTask failed."):
        raised = some(text)
        assert raised.where == "b.py:2"
        assert raised.message == quoted


def test_a_group_in_a_chain_has_the_frames_of_the_group() -> None:
    raised = some(f"""\
{HEADER}
  File "a.py", line 1, in f
KeyError: 1

{CONTEXT}

  + Exception Group {HEADER}
  |   File "b.py", line 2, in g
  |     raise ExceptionGroup("two", errors)
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | {HEADER}
    |   File "c.py", line 3, in h
    | ValueError: 1
    +---------------- 2 ----------------
    | Exception Group {HEADER}
    |   File "d.py", line 4, in i
    | ExceptionGroup: one (1 sub-exception)
    +-+---------------- 1 ----------------
      | TypeError: 2
      +------------------------------------
after""")
    assert raised.summary == "ExceptionGroup: two (2 sub-exceptions)"
    assert raised.frames == (Frame("b.py", 2, "g", 'raise ExceptionGroup("two", errors)', True),)
    assert raised.text[0] == HEADER
    assert raised.text[-1].strip() == "+------------------------------------"
    assert [frame_of(line) for line in raised.text if frame_of(line)] == [
        ("a.py", 1, "f"),
        ("b.py", 2, "g"),
        ("c.py", 3, "h"),
        ("d.py", 4, "i"),
    ]


SYNTAX_ERROR = '  File "b.py", line 3\n    x = = 1\n        ^\nSyntaxError: invalid syntax'


def test_a_syntax_error_is_where_the_syntax_is_wrong() -> None:
    imported = some(f'{HEADER}\n  File "a.py", line 1, in <module>\n    import b\n{SYNTAX_ERROR}')
    assert imported.frame == Frame("b.py", 3, "", "x = = 1", True)
    assert len(imported.text) == 7
    bare = some(f"log\n{SYNTAX_ERROR}\nTask failed.")
    assert bare.frames == (Frame("b.py", 3, "", "x = = 1", True),)
    assert bare.summary == "SyntaxError: invalid syntax"
    assert "\n".join(bare.text) == SYNTAX_ERROR


@pytest.mark.parametrize(
    "text",
    [
        "",
        "all is well",
        '  File "a.py", line 3, in f\n    f()\nValueError: its beginning was not read',
        f'  File "a.py", line 1, in <module>\n    import b\n{SYNTAX_ERROR}',
        f'    |   File "a.py", line 3, in f\n    | {HEADER}\n    | ValueError: x\n    +----',
        "Task failed with a segmentation fault.",
        "\nAborted!\nTask failed.",
    ],
)
def test_what_is_none_or_has_lost_its_beginning(text: str) -> None:
    assert found(text) is None


def test_of_what_was_logged_the_last_one_is_found() -> None:
    raised = some(f"""\
ERROR:root:first
{HEADER}
  File "a.py", line 1, in f
KeyError: 1
INFO:root:again
ERROR:root:second
{HEADER}
  File "b.py", line 2, in g
ValueError: two
lines
2026-11-21 09:10:26 INFO going on
Task failed.""")
    assert (raised.where, raised.message) == ("b.py:2", "two\nlines")
    assert raised.text[-1] == "lines"


def test_what_metaflow_printed_comes_before_what_was_printed_after_it() -> None:
    raised = some(f"""\
 50%|█████     | 5/10 [00:00<00:00]\r 60%|██████    | 6/10{FAILED}
    Internal error
{HEADER}
  File "a.py", line 1, in f
KeyError: 1

Exception ignored in: <function Pool.__del__>
{HEADER}
  File "b.py", line 2, in g
ValueError: 2
    Kubernetes error:
    Error (exit code 1). This could be a transient error. Use @retry to retry.

Task failed.""")
    assert (raised.summary, raised.where) == ("KeyError: 1", "a.py:1")
    assert len(raised.text) == 3


def test_what_a_program_says_as_it_ends_is_no_part_of_the_message() -> None:
    text = f'{FAILED}\n    Internal error\n{HEADER}\n  File "a.py", line 1, in f\nKeyError: 1\nnote'
    raised = some(f"{text}\n\ntracker: 3 files\ntracker: done\nTask failed.")
    assert raised.message == "1\nnote"
    assert raised.text[-1] == "note"


def test_an_error_of_what_was_to_run_the_step() -> None:
    text = "log\n    Kubernetes error:\n    Task ran out of memory.\n    See above.\n\nTask failed."
    raised = some(f'{HEADER}\n  File "a.py", line 1, in f\nKeyError: 1\n{text}')
    assert raised.type == "Kubernetes error"
    assert raised.message == "Task ran out of memory.\nSee above."
    assert (raised.frames, raised.frame, raised.where) == ((), None, None)
    assert found("settings:\n    model:\n    big\n\nTask failed.") is None


def test_an_exception_that_python_ignored_did_not_end_anything() -> None:
    text = f'{HEADER}\n  File "a.py", line 1, in f\nKeyError: 1'
    assert some(f"{text}\n\nException ignored in: <x>\n{text.replace('1', '2')}").message == "1"


@pytest.mark.parametrize("prefix", ["[rank0]: ", "(train pid=12) ", "    ", ">  ", "worker_1  | "])
def test_what_another_process_puts_in_front_of_lines_is_taken_off(prefix: str) -> None:
    lines = [HEADER, '  File "a.py", line 1, in f', "    f()", "KeyError: 1", "", "note"]
    raised = some("\n".join(["log", *(prefix + line for line in lines), "other"]))
    assert raised.frames == (Frame("a.py", 1, "f", "f()", True),)
    assert raised.summary == "KeyError: 1"
    assert raised.text[:4] == tuple(lines[:4])


def test_the_input_of_a_task_may_break_the_line_that_names_it() -> None:
    raised = some(
        "<flow TrainFlow step train[1] (input:    a  b\n0  1  2)> failed:\n    Internal error\n"
        f'{HEADER}\n  File "a.py", line 1, in f\nKeyError: 1\n\nlogged later\n{HEADER}\n'
        '  File "b.py", line 2, in g\nValueError: 2'
    )
    assert raised.where == "a.py:1"


def test_a_crash_of_many_threads() -> None:
    raised = some("""\
Fatal Python error: Aborted

Thread 0x00007f01 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 320 in wait

Current thread 0x00007f02 (most recent call first):
  File "/a/native.py", line 3 in deepest
  File "/a/train.py", line 9 in train
  ...

Thread 0x00007f03 (most recent call first):
  File "/a/other.py", line 4 in run
Task failed.""")
    assert raised.summary == "Aborted"
    assert raised.frames == (
        Frame("/a/train.py", 9, "train", "", True),
        Frame("/a/native.py", 3, "deepest", "", True),
    )
    assert raised.text[-1] == '  File "/a/other.py", line 4 in run'
    assert some("\x1b]0;Fatal Python error: hidden").type == "Fatal Python error"
    start = some("Fatal Python error: init_sys: can't start\nPython runtime state: preinitialized")
    assert start.summary == "Fatal Python error: init_sys: can't start"


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('  File "a.py", line 3, in f', ("a.py", 3, "f")),
        ('  File "a.py", line 3', ("a.py", 3, "")),
        ('  File "a.py", line 3 in f', ("a.py", 3, "f")),
        ('>    File "C:\\a b.py", line 3, in <module>', ("C:\\a b.py", 3, "<module>")),
        ('    |   File "a.py", line 3, in f', ("a.py", 3, "f")),
        (f'  File "a.py", line {10**30}, in f', None),
        ('  File "a.py", line x', None),
        ('see File "a.py", line 3, in f', None),
        ('  File "a.py", line ３, in f', None),
        ("    f()", None),
        ("", None),
    ],
)
def test_a_frame(line: str, place: tuple[str, int, str] | None) -> None:
    assert frame_of(line) == place


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("train.py", True),
        ("/home/ada/train.py", True),
        ("/home/ada/features/rows.py", True),
        ("/metaflow/train.py", True),
        ("/metaflow/features/rows.py", True),
        ("/home/ada/lib/rows.py", True),
        ("C:\\Users\\ada\\lib\\train.py", True),
        ("/home/ada/.venv/lib/python3.11/site-packages/pandas/frame.py", False),
        ("/usr/lib/python3/dist-packages/numpy/core.py", False),
        ("/usr/lib64/python3.11/json/decoder.py", False),
        ("C:\\Python311\\Lib\\json\\decoder.py", False),
        ("C:\\Users\\ada\\miniconda3\\envs\\train\\lib\\json\\decoder.py", False),
        ("C:\\work\\.venv\\Lib\\site-packages\\pandas\\frame.py", False),
        ("/src/metaflow/cli.py", False),
        ("/metaflow/metaflow/task.py", False),
        ("metaflow/plugins/catch_decorator.py", False),
        ("metaflow_extensions/flowtui/plugins/live_logs.py", False),
        ("/metaflow/metaflow_extensions/acme/x.py", False),
        ("<frozen importlib._bootstrap>", False),
        ("<string>", False),
        ("", False),
    ],
)
def test_the_persons_own_code(file: str, own: bool) -> None:
    raised = some(f'{HEADER}\n  File "{file}", line 3, in f\nKeyError: 1')
    assert [frame.own for frame in raised.frames] == [own]


@pytest.mark.parametrize(
    ("flow_file", "file", "own"),
    [
        ("/home/ada/metaflow/train.py", "/home/ada/metaflow/train.py", True),
        ("/home/ada/metaflow/train.py", "/home/ada/metaflow/rows.py", True),
        ("/home/ada/metaflow/train.py", "/home/ada/metaflow/metaflow/task.py", False),
        ("C:\\ada\\metaflow\\train.py", "C:\\ada\\metaflow\\rows.py", True),
        ("train.py", "/root/metaflow/train.py", True),
        ("train.py", "./train.py", True),
        ("core.py", "/opt/lib/python3.11/site-packages/click/core.py", False),
        ("task.py", "/metaflow/metaflow/task.py", False),
        ("/opt/lib/python3.11/site-packages/acme/flow.py", "/usr/lib/python3.11/abc.py", False),
        (
            "/opt/lib/python3.11/site-packages/acme/flow.py",
            "/opt/lib/python3.11/site-packages/acme/flow.py",
            True,
        ),
    ],
)
def test_the_flows_files_are_the_persons_own(flow_file: str, file: str, own: bool) -> None:
    raised = some(f'{HEADER}\n  File "{file}", line 3, in f\nKeyError: 1', flow_file)
    assert [frame.own for frame in raised.frames] == [own]


def test_files_beside_the_flow_are_own_where_its_code_was_unpacked() -> None:
    raised = some(
        f'{HEADER}\n  File "/root/metaflow/metaflow/task.py", line 1, in run_step\n'
        '  File "/root/metaflow/train.py", line 2, in train\n'
        '  File "/root/metaflow/rows.py", line 3, in rows\n'
        '  File "<string>", line 4, in g\nKeyError: 1',
        "train.py",
    )
    assert [frame.own for frame in raised.frames] == [False, True, True, False]
    assert raised.where == "rows.py:3"


def test_without_own_frames_it_happened_in_the_deepest() -> None:
    raised = some(
        f'{HEADER}\n  File "metaflow/task.py", line 1, in f\n'
        '  File "C:\\x\\site-packages\\y.py", line 2, in g\nKeyError: 1'
    )
    assert raised.where == "y.py:2"


# Hostile text


def test_a_long_text_is_cut_in_its_middle() -> None:
    frames = "\n".join(f'  File "a.py", line {n}, in f' for n in range(1, 5001))
    raised = some(f"{FAILED}\n    Internal error\n{HEADER}\n{frames}\nKeyError: 1\n\nTask failed.")
    assert len(raised.text) == 2001
    assert raised.text[0] == HEADER
    assert raised.text[1000] == "… 3,002 lines left out …"
    assert raised.text[-1] == "KeyError: 1"
    assert [frame.line for frame in raised.frames] == [*range(1, 501), *range(4501, 5001)]
    lines = "1\n" * 5000
    told = some(f"{FAILED}\n    Internal error\n{HEADER}\nX: {lines}").message.split("\n")
    assert (len(told), told[501]) == (1002, "… 3,999 lines left out …")


_PIECES = st.sampled_from(
    [
        HEADER.encode(),
        b"  + Exception Group " + HEADER.encode(),
        b"  |   ",
        b"  + ",
        b">  ",
        b'  File "a.py", line 3, in f',
        b'  File "a.py", line 3',
        b"    ",
        b"ValueError: x",
        b"SyntaxError: x",
        b"Fatal Python error: x",
        b"Current thread 0x1 (most recent call first):",
        FAILED.encode(),
        b"    Internal error",
        b"    @timeout:",
        b"@catch caught an exception from <flow X>",
        CAUSE.encode(),
        b"\x1b[31m",
        b"\x1b]0;x",
        "\u202e\u200b\x9b".encode(),
        b"\xff\r",
        b"",
    ]
)


@given(st.lists(st.lists(_PIECES | st.binary(max_size=8), max_size=3).map(b"".join), max_size=30))
def test_no_text_is_too_strange(lines: list[bytes]) -> None:
    raised = find_exception(lines, ["a.py"])
    if raised is None:
        return
    shown = [raised.type, raised.summary, raised.where or "", *raised.text]
    shown += raised.message.split("\n")
    for frame in raised.frames:
        shown += [frame.file, frame.function, frame.code]
    assert not odd_characters("".join(shown))
    assert raised.type.strip()


H, F, V = HEADER.encode(), b'  File "/home/ada/train.py", line 3, in f', b"ValueError: x"
LEAD = [FAILED.encode(), b"    Internal error", H, F, V]

HOSTILE = {
    "a log without any": [b"log line ".ljust(200, b"x")],
    "first lines": [H],
    "indented first lines": [b"  " + H],
    "stacks without an end": [H, F],
    "chains without an end": [CAUSE.encode(), b"", H],
    "a long chain": [b"", CAUSE.encode(), b"", H, F, V],
    "failures without an error": [FAILED.encode()],
    "failures of no flow": [b"x" * 180 + b"> failed:"],
    "catches without an exception": [b"@catch caught an exception from <flow X>", b">  " + H],
    "syntax errors without a place": [b'  File "a"', b"SyntaxError: x"],
    "deep groups": [b"  + Exception Group " + H, *(b"  " * n + b"  | " + H for n in range(50))],
    "crashes": [b"Fatal Python error: x", b"Thread 0x1 (most recent call first):"],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_twenty_thousand_lines_take_little_time(name: str) -> None:
    lines = list(islice(cycle(HOSTILE[name]), 20_000))
    started = time.process_time()
    find_exception(lines, ["train.py"])
    # Measured below 0.2 s on a busy machine; what is not linear takes many seconds.
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "middle",
    [F, b"    " + b"\xff\t\x1b[31m\xe2\x80\xae" * 20, b"x" * 200],
    ids=["frames", "odd code", "message"],
)
def test_twenty_thousand_lines_of_one_exception_take_little_time(middle: bytes) -> None:
    lines = [*LEAD[:4], *(b"%b%d" % (middle, n) for n in range(20_000)), V]
    started = time.process_time()
    find_exception(lines, ["train.py"])
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "unit", [b"x", b" ", b"  File ", b'File "a", line ', b'", line 1', b"\x1b[1m", H, b"> failed:"]
)
def test_a_line_of_a_million_characters_is_read_in_linear_time(unit: bytes) -> None:
    huge = unit * (1_000_000 // len(unit))
    started = time.process_time()
    for lines in ([huge], [H, huge, V], [H, b'  File "' + huge, V], [*LEAD[:4], b"X: " + huge]):
        find_exception(lines)
    frame_of('  File "' + huge.decode())
    frame_of(huge.decode())
    assert time.process_time() - started < 1


def test_an_exception_far_from_the_end_is_found() -> None:
    log = [b"epoch 3 of 10, loss 0.25".ljust(200)] * 20_000
    raised = find_exception([*log, *LEAD[2:], b"", *log])
    assert raised is not None
    assert raised.text == (HEADER, F.decode(), "ValueError: x")
