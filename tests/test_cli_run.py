"""`flowtui run FLOW.py`: starts the flow as `python FLOW.py run` does, and watches it."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from flowtui.actions.errors import ActionError
from flowtui.actions.run import plan_run, split_arguments
from tests.program import PROGRAM, assert_restored, monitor, printed, run_ids
from tests.runs import FLOWS, eventually, flow_environment
from tests.terminal import Terminal

DONE, FAILURE, USAGE, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143


def stored(root: Path, flow: str, run: str) -> Callable[[], bool]:
    end = root / ".metaflow" / flow / run / "end"
    return lambda: bool(list(end.glob("*/_meta/sysmeta_attempt_ok_*")))


# --- a run that starts ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--alpha", "0.25", "--tag", "run"],
        ["run", "--alpha=0.25", "--tag", "run"],
        ["--quiet", "--metadata=local", "--with", "retry:times=0", "run", "--alpha", "0.25"],
    ],
    ids=" ".join,
)
def test_it_runs_the_flow_with_its_arguments_and_watches_it(
    arguments: list[str], tmp_path: Path
) -> None:
    (tmp_path / "flow.py").symlink_to(FLOWS / "linear.py")
    # Where the flow is told to write is where it is read, whatever is configured.
    extra = {"METAFLOW_DEFAULT_METADATA": "service"} if "--metadata=local" in arguments else {}
    with monitor(
        "run", "--interval", "0.5", "flow.py", *arguments, root=tmp_path, home=tmp_path, extra=extra
    ) as screen:
        screen.wait_for("LinearFlow/", "✓ succeeded", "✓ end", seconds=60)
        [run] = run_ids(tmp_path, "LinearFlow")
        assert f"LinearFlow/{run}" in screen.text()
        screen.press("q")
        assert screen.exit_code() == DONE
    assert_restored(screen)
    assert printed(screen.raw) == ["flowtui: Starting flow.py …"]
    [log] = (tmp_path / ".metaflow" / "LinearFlow" / run / "middle").glob("*/0.task_stdout.log")
    assert b"]alpha is 0.25\n" in log.read_bytes()


def test_the_run_is_watched_while_it_goes_on_and_goes_on_when_it_is_left(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    with monitor(
        "run", str(FLOWS / "talking.py"), "--gate", str(gate), root=tmp_path, home=tmp_path
    ) as screen:
        screen.wait_for("TalkingFlow/", "● running", "● wait")
        [run] = run_ids(tmp_path, "TalkingFlow")
        screen.press("q")
        assert screen.exit_code() == DONE
        gate.unlink()
        eventually(stored(tmp_path, "TalkingFlow", run), "the run goes on to its end")
    log = tmp_path / ".metaflow" / "TalkingFlow" / run / "wait" / "2" / "0.task_stdout.log"
    assert log.read_bytes().count(b"\n") == 2


# --- a run that does not --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "arguments", "says"),
    [
        ((FLOWS / "linear.py").read_text(), ["--alpha", "red"], "red is not a valid float"),
        ((FLOWS / "linear.py").read_text(), ["--alpha"], "option requires an argument"),
        ((FLOWS / "linear.py").read_text(), ["--[b]bogus"], "no such option: --[b]bogus"),
        ((FLOWS / "linear.py").read_text(), ["--bogus", "run"], "no such option: --bogus"),
        ((FLOWS / "linear.py").read_text().replace("self.end)", "self.ende)"), [], "ende"),
        ("x = (\n", [], "SyntaxError"),
        ("print('no flow here')\n", [], "no flow here"),
    ],
    ids=["value", "no value", "option", "top-level option", "graph", "syntax", "no flow"],
)
def test_what_keeps_it_from_starting_is_said(
    source: str, arguments: list[str], says: str, tmp_path: Path
) -> None:
    (tmp_path / "flow.py").write_text(source)
    with monitor("run", "flow.py", *arguments, root=tmp_path, home=tmp_path) as screen:
        code = screen.exit_code()
    said = printed(screen.raw)
    assert code == FAILURE, said
    assert said[0] == "flowtui: Starting flow.py …"
    assert re.match(r"flowtui: The flow ended with exit code \d before it had a run\.", said[1])
    assert says.lower() in "".join(said[2:]).lower()
    assert b"\x1b[?1049h" not in screen.raw


def without_terminal(root: Path, *arguments: str) -> tuple[int, str]:
    ended = subprocess.run(
        [PROGRAM, "run", *arguments],
        env=flow_environment(root),
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


def test_without_a_terminal_it_says_what_to_use_instead(tmp_path: Path) -> None:
    (tmp_path / "my flow.py").touch()
    code, said = without_terminal(tmp_path, "my flow.py", "--alpha", "a b")
    assert (code, said) == (
        USAGE,
        "flowtui: There is no terminal to draw on. "
        "Use: python 'my flow.py' run --with live_logs --alpha 'a b'\n",
    )
    assert not (tmp_path / ".metaflow").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing argument 'FLOW.py'"),
        (("gone.py",), "gone.py does not exist."),
        ((".",), ". is a directory."),
        (("--alpha", "1", "flow.py"), "No such option '--alpha'"),
        (("--theme", "plaid", "flow.py"), "There is no theme 'plaid'."),
        (("flow.py", "--runner-attribute-file=x"), "leave it out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_with_what_was_typed_is_said(
    arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    (tmp_path / "flow.py").touch()
    code, said = without_terminal(tmp_path, *arguments)
    assert code == USAGE
    assert says in said
    assert said.count("\n") == 1


# --- a start that is broken off -------------------------------------------------------------------

SLOW = """
import os, sys, time
open("pid", "w").write(str(os.getpid()))
while {forever}:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        if {polite}:
            raise
"""


@pytest.mark.parametrize(
    ("leave", "code"),
    [
        (lambda screen: screen.press("ctrl+c"), INTERRUPTED),
        (lambda screen: screen.send_signal(signal.SIGTERM), TERMINATED),
    ],
    ids=["ctrl+c", "SIGTERM"],
)
@pytest.mark.parametrize("polite", [True, False])
def test_a_flow_is_not_left_behind_before_it_has_a_run(
    polite: bool, leave: Callable[[Terminal], object], code: int, tmp_path: Path
) -> None:
    (tmp_path / "flow.py").write_text(SLOW.format(forever=True, polite=polite))
    with monitor("run", "flow.py", root=tmp_path, home=tmp_path) as screen:
        pid = tmp_path / "pid"
        eventually(lambda: pid.exists() and pid.read_text(), "the flow has started")
        leave(screen)
        assert screen.exit_code() == code
        assert not psutil.pid_exists(int(pid.read_text()))
    assert printed(screen.raw)[-1].endswith("The flow has been stopped before it had a run.")


def test_a_flow_that_takes_its_time_is_waited_for(tmp_path: Path) -> None:
    slow = "import os, time\nwhile os.path.exists('gate'): time.sleep(0.02)\n"
    (tmp_path / "flow.py").write_text(slow + (FLOWS / "linear.py").read_text())
    gate = tmp_path / "gate"
    gate.touch()
    with monitor("run", "flow.py", root=tmp_path, home=tmp_path) as screen:
        screen.wait_for("Waiting for its run; its output goes to")
        gate.unlink()
        screen.wait_for("LinearFlow/", "✓ succeeded", seconds=60)


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "top_level", "options"),
    [
        ("", "", ""),
        ("--alpha 1", "", "--alpha 1"),
        ("run", "", ""),
        ("run --alpha 1", "", "--alpha 1"),
        ("--environment conda run --alpha 1", "--environment conda", "--alpha 1"),
        ("--environment=conda run --tag run", "--environment=conda", "--tag run"),
        ("--no-pylint run", "--no-pylint", ""),
        ("--with retry --production run x", "--with retry --production", "x"),
        ("--tag run", "", "--tag run"),
        ("--tag run run", "--tag run", ""),
        ("run run", "", "run"),
    ],
)
def test_what_stands_before_the_word_run_is_metaflow_s_own(
    arguments: str, top_level: str, options: str
) -> None:
    expected = (tuple(top_level.split()), tuple(options.split()))
    assert split_arguments(arguments.split()) == expected


@pytest.mark.parametrize(
    "arguments", [["--datastore", "s3", "run"], ["--datastore=local", "--datastore=s3", "run"]]
)
def test_live_logs_are_for_local_data(arguments: list[str], tmp_path: Path) -> None:
    plan = plan_run(Path("flow.py"), arguments, cwd=tmp_path)
    assert (plan.argv[1:], plan.arguments) == ((str(tmp_path / "flow.py"), *arguments), ())
    assert plan.environment == {}
    local = plan_run(Path("flow.py"), ["--datastore", "local", "run"], cwd=tmp_path)
    assert local.arguments == ("--with", "live_logs")
    assert list(local.environment) == ["PYTHONPATH"]


def test_metaflow_s_way_of_telling_of_the_run_cannot_be_taken_over(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="leave it out"):
        plan_run(Path("flow.py"), ["--runner-attribute-file", "x"], cwd=tmp_path)
    plan = plan_run(Path("flow.py"), ["--run-id-file", "x"], cwd=tmp_path)
    assert plan.arguments[-2:] == ("--run-id-file", "x")
