"""`flowtui resume TARGET`: says what it does, starts it, prints the new run and leaves it alone."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from tests.program import running_flow
from tests.resumes import happened, read
from tests.runs import FIXED, FLOWS, RecordedRun, eventually, flow_environment

PROGRAM = str(Path(sys.executable).parent / "flowtui")
DONE, FAILURE, USAGE, NOT_FOUND, UNREACHABLE, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 4, 130, 143


@dataclass(frozen=True)
class Bench:
    """A metadata root of the test's own with one recorded run in it, and the program over it."""

    origin: RecordedRun
    environment: dict[str, str]

    @property
    def root(self) -> Path:
        return self.origin.root

    @property
    def target(self) -> str:
        return self.origin.pathspec

    def begin(self, *arguments: str | Path, **changed: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PROGRAM, "resume", *map(str, arguments)],
            env={**self.environment, **changed},
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def resume(self, *arguments: str | Path, **changed: str) -> tuple[int, str, list[str]]:
        """The exit code, standard output, and the lines on standard error."""
        with self.begin(*arguments, **changed) as process:
            stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout, stderr.splitlines()

    def ended(self, stdout: str) -> RecordedRun:
        """The run that was printed, once it is over: no process of it lives."""
        flow, _, run = stdout.removesuffix("\n").partition("/")
        assert flow == self.origin.flow
        resumed = replace(self.origin, run=run)
        eventually(lambda: not self.processes(), "the resumed run ends", 60)
        return resumed

    def complaint(self, code: int, *arguments: str | Path, **changed: str) -> str:
        """The one line that is said of what cannot be done; nothing was started."""
        before = sorted(self.origin.directory.parent.iterdir())
        ended, stdout, said = self.resume(*arguments, **changed)
        assert (ended, stdout, len(said)) == (code, "", 1), said
        assert sorted(self.origin.directory.parent.iterdir()) == before
        return said[0].removeprefix("flowtui: ")

    def processes(self) -> list[psutil.Process]:
        """What was started with this state directory and still runs."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("XDG_STATE_HOME") == self.environment["XDG_STATE_HOME"]:
                    found.append(process)
        return found


@pytest.fixture
def bench(tmp_path: Path, runs: dict[str, RecordedRun]) -> Iterator[Bench]:
    """The run that failed in one of three foreach tasks; resumed, it succeeds."""
    recorded = runs["failed"]
    origin = replace(recorded, root=tmp_path)
    for part in ("data", recorded.run):
        shutil.copytree(recorded.directory.parent / part, origin.directory.parent / part)
    environment = {
        **flow_environment(tmp_path, FIXED),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PYTHONUTF8": "1",
    }
    bench = Bench(origin, environment)
    yield bench
    for process in bench.processes():
        with suppress(psutil.Error):
            process.kill()


# --- a resume that starts -------------------------------------------------------------------------


def test_a_failed_run_is_resumed_and_the_new_run_is_printed(bench: Bench) -> None:
    code, stdout, said = bench.resume(bench.target)
    assert code == DONE, said
    assert said[:8] == [
        f"Resume {bench.target}",
        "  step   cloned  to run",
        "  start  1       -",
        "  train  2       1",
        "  join   -       1",
        "  end    -       1",
        "3 tasks cloned, 3 to run.",
        "failed.py is older than the run; the run kept no copy of its code.",
    ]
    assert f"failed.py resume --origin-run-id {bench.origin.run} --with live_logs" in said[8]
    assert said[9].startswith("flowtui: It runs as process ")
    assert len(said) == 10
    resumed = bench.ended(stdout)
    assert happened(resumed.directory) == {
        "start": (1, 0),
        "train": (2, 1),
        "join": (0, 1),
        "end": (0, 1),
    }
    described = read(resumed)
    assert described.status.state == "succeeded"
    assert described.description.origin_run == bench.origin.run


@pytest.mark.parametrize("how", ["option", "target"])
def test_it_resumes_from_a_step(how: str, bench: Bench) -> None:
    named = [f"{bench.target}/train"] if how == "target" else [bench.target, "--step", "train"]
    code, stdout, said = bench.resume(*named, "--file", FLOWS / "failed.py")
    assert code == DONE, said
    assert said[0] == f"Resume {bench.target} from train"
    assert said[3] == "  train  -       3"
    assert "failed.py resume train --origin-run-id" in said[8]
    resumed = bench.ended(stdout)
    assert happened(resumed.directory) == {
        "start": (1, 0),
        "train": (0, 3),
        "join": (0, 1),
        "end": (0, 1),
    }


HOSTILE = ["a b", 'it\'s "x"', "$(touch pwned)", "two\nlines", "-x", "--step=end", "[red]ü", "--"]


def test_what_is_given_arrives_as_it_is(bench: Bench) -> None:
    given = [word for tag in HOSTILE for word in ("--tag", tag)]
    others = ["--max-log-size", "7", "--tag=$HOME;", "--max-workers", "1"]
    retry = ["--with", "retry:times=1,minutes_between_retries=0"]
    again = {"FLOWTUI_TEST_FIXED": ""}
    code, stdout, said = bench.resume(bench.target, *others, *given, *retry, **again)
    assert code == DONE, said
    assert len(said) == 10
    store = read(bench.ended(stdout))
    assert set(store.description.tags) == {*HOSTILE, "$HOME;"}
    assert [len(task.attempts) for task in store.unsuccessful()] == [2]
    assert not (bench.root / "pwned").exists()


def test_what_stands_behind_two_dashes_is_metaflow_s(bench: Bench) -> None:
    code, stdout, said = bench.resume(bench.target, "--dry-run", "--", "--tag", "x y", "--tag=-z")
    assert (code, said) == (DONE, [])
    assert stdout.endswith("--with live_logs --tag 'x y' --tag=-z\n")


def test_a_dry_run_prints_and_starts_nothing(bench: Bench) -> None:
    before = sorted(bench.origin.directory.parent.iterdir())
    code, stdout, said = bench.resume(bench.target, "--step", "start", "--dry-run", "--ascii")
    assert (code, said) == (DONE, [])
    assert stdout.splitlines()[:7] == [
        f"Resume {bench.target} from start",
        "  step   cloned  to run",
        "  start  -       1",
        "  train  -       1 or more",
        "  join   -       1",
        "  end    -       1",
        "0 tasks cloned, 4 or more to run.",
    ]
    assert sorted(bench.origin.directory.parent.iterdir()) == before
    assert not (bench.root / "state").exists()


def test_what_is_printed_does_nothing_to_a_terminal(bench: Bench) -> None:
    tag = "\x1b]52;c;cHduZWQ=\x07\x1b[2J\x9b31m\u202e\r[red]"
    for arguments in ((), ("--ascii",)):
        code, stdout, said = bench.resume(bench.target, "--dry-run", "--tag", tag, *arguments)
        assert (code, said) == (DONE, [])
        assert all(line.isprintable() for line in stdout.splitlines())
    assert stdout.isascii()
    assert "[red]" in stdout


def test_the_command_that_is_shown_does_the_same_in_a_shell(bench: Bench) -> None:
    code, stdout, _ = bench.resume(f"{bench.target}/join", "--dry-run", "--tag", "it's $(x)")
    assert code == DONE
    done = subprocess.run(
        ["/bin/sh", "-c", stdout.splitlines()[-1]],
        env=bench.environment,
        cwd=bench.root,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    [new] = set(bench.origin.directory.parent.glob("[0-9]*")) - {bench.origin.directory}
    store = read(replace(bench.origin, run=new.name))
    assert store.description.tags == ("it's $(x)",)


def test_of_a_run_that_goes_on_it_is_said_that_tasks_would_run_twice(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    with running_flow("killed.py", "run", "--gate", str(gate), root=tmp_path, home=tmp_path) as (
        _,
        run,
    ):
        wait = tmp_path / ".metaflow" / "KilledFlow" / run / "wait"
        eventually(lambda: list(wait.glob("*/_meta/sysmeta_attempt_*")), "`wait` has started")
        done = subprocess.run(
            [PROGRAM, "resume", f"KilledFlow/{run}", "--dry-run"],
            env=flow_environment(tmp_path) | {"PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.splitlines()[1:7] == [
        "  step   cloned  to run",
        "  start  1       -",
        "  wait   -       1",
        "  end    -       1",
        "1 task cloned, 2 to run.",
        "The run is still going on: what runs now would run a second time.",
    ]


# --- what is wrong with what was typed ------------------------------------------------------------


def test_what_cannot_be_resumed_so_is_said(bench: Bench) -> None:
    run = bench.target

    def says(code: int, *arguments: str | Path) -> str:
        return bench.complaint(code, *arguments)

    no_step = f"Run {run} has no step 'nope'. Steps: start, train, join, end."
    assert says(NOT_FOUND, run, "--step", "nope") == no_step
    assert says(NOT_FOUND, f"{run}/nope") == no_step
    assert "has no step '-x'" in says(NOT_FOUND, run, "--step", "-x")
    assert "has no step ''" in says(NOT_FOUND, run, "--step", "")
    assert "name two steps" in says(USAGE, f"{run}/train", "--step", "join")
    assert says(USAGE, f"{run}/train/4") == (
        f"{run}/train/4 is a task: a resume is from a step, as in {run}/train."
    )
    assert "has no run '12'" in says(NOT_FOUND, "FailedFlow/12")
    assert "Name the run first" in says(USAGE, "--max-log-size", "3", run)
    assert "takes away what acts on runs" in says(USAGE, run, "--read-only")
    assert "A tag is empty" in says(USAGE, run, "--tag", "")
    assert "has 501 characters, Metaflow takes 500" in says(USAGE, run, "--tag", "x" * 501)
    assert "--max-workers is 0" in says(USAGE, run, "--max-workers", "0")
    assert "leave it out" in says(USAGE, run, "--origin-run-id", "3")
    assert "'train' is no option" in says(USAGE, run, "train")
    closed = "service@http://127.0.0.1:9"
    assert closed in says(UNREACHABLE, run, "--metadata", closed)
    assert "Missing argument 'TARGET'" in says(USAGE)


@pytest.mark.parametrize("arguments", [("--read-only", "resume"), ("resume", "--read-only")])
def test_there_is_no_resume_with_read_only(arguments: tuple[str, str], bench: Bench) -> None:
    done = subprocess.run(
        [PROGRAM, *arguments, bench.target],
        env=bench.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (USAGE, b"")
    assert not (bench.root / "state").exists()


BROKEN = {
    "no flow": ("x = 1\n", "has no flow named FailedFlow (it holds no flow at all)."),
    "another flow": ("class X(FlowSpec): pass\n", "(the flows in it: X)."),
    "syntax": ("x = (\n", "is not Python: '(' was never closed at line 1."),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_without_the_flow_is_not_run(name: str, bench: Bench) -> None:
    source, says = BROKEN[name]
    (bench.root / "flow.py").write_text(f"open('was-run', 'w')\n{source}")
    said = bench.complaint(USAGE, bench.target, "--file", "flow.py")
    assert said.startswith(f"{bench.root}/flow.py ")
    assert said.endswith(says.replace("line 1", "line 2"))
    assert not (bench.root / "was-run").exists()


def test_a_file_that_is_not_there_or_cannot_be_read_is_said(bench: Bench) -> None:
    said = bench.complaint(USAGE, bench.target, "--file", "gone.py")
    assert said == f"{bench.root}/gone.py does not exist. Give the flow's Python file."
    said = bench.complaint(USAGE, bench.target, "--file", ".")
    assert said == f"{bench.root} is a directory. Give the flow's Python file."
    loop = bench.root / "loop.py"
    loop.symlink_to(loop)
    assert f"{loop} " in bench.complaint(USAGE, bench.target, "--file", "loop.py")


# --- a resume that does not start -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "arguments", "says"),
    [
        (("import os\n", "import os, gone_away\n"), (), "No module named 'gone_away'"),
        (("train", "learn"), ("--step", "train"), "invalid step name train specified"),
        (("x", "x"), ("--no-such-option", "3"), "no such option: --no-such-option"),
        (("x", "x"), ("--with", "-x"), "-x"),
    ],
    ids=["import", "step", "option", "decorator"],
)
def test_metaflow_s_own_words_are_shown(
    change: tuple[str, str], arguments: tuple[str, ...], says: str, bench: Bench
) -> None:
    flow_file = bench.root / "flow.py"
    flow_file.write_text((FLOWS / "failed.py").read_text().replace(*change))
    code, stdout, said = bench.resume(bench.target, *arguments, "--file", flow_file)
    assert (code, stdout) == (FAILURE, "")
    assert said[7] == (
        "flow.py was written after the run began, and the run kept no copy of its code."
    )
    assert any(says in line for line in said[9:]), said
    assert said[9].startswith("flowtui: The flow ended with exit code ")


def test_a_state_directory_that_cannot_be_written_to_is_said(bench: Bench) -> None:
    (bench.root / "state").write_text("a file")
    code, stdout, said = bench.resume(bench.target)
    assert (code, stdout) == (FAILURE, "")
    assert said[-1].startswith(f"flowtui: {bench.root}/state/flowtui cannot be written to: ")
    assert said[-1].endswith("or set XDG_STATE_HOME to another directory.")


SLOW = """
import os, time
open("pid", "a").write(f"{os.getpid()} ")
while os.path.exists("gate"):
    time.sleep(0.02)
"""


@pytest.fixture
def slow(bench: Bench) -> Path:
    """A flow that starts only when the file `gate` is gone."""
    flow_file = bench.root / "slow.py"
    flow_file.write_text(SLOW + (FLOWS / "failed.py").read_text())
    (bench.root / "gate").touch()
    return flow_file


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)]
)
def test_a_resume_goes_on_when_the_wait_for_it_is_broken_off(
    number: signal.Signals, code: int, bench: Bench, slow: Path
) -> None:
    pid = bench.root / "pid"
    with bench.begin(bench.target, "--file", slow) as process:
        eventually(lambda: pid.exists() and pid.read_text(), "the flow has started")
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (code, "")
    assert f"flowtui: The resume goes on as process {pid.read_text().strip()}; " in stderr
    (bench.root / "gate").unlink()
    eventually(lambda: not bench.processes(), "it runs to its end", 60)
    [new] = set(bench.origin.directory.parent.glob("[0-9]*")) - {bench.origin.directory}
    assert read(replace(bench.origin, run=new.name)).status.state == "succeeded"


def test_a_run_is_resumed_once_at_a_time(bench: Bench, slow: Path) -> None:
    pid = bench.root / "pid"
    with bench.begin(bench.target, "--file", slow) as process:
        eventually(lambda: pid.exists() and pid.read_text(), "the flow has started")
        code, stdout, said = bench.resume(bench.target, "--file", slow)
        assert (code, stdout) == (FAILURE, "")
        assert said[-1] == (
            f"flowtui: {bench.target} is already being resumed "
            f"(process {pid.read_text().strip()}). Wait until that has ended."
        )
        (bench.root / "gate").unlink()
        stdout, _ = process.communicate(timeout=60)
    assert process.returncode == DONE
    bench.ended(stdout)
