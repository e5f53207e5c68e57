"""`live_logs` in real runs: logs grow while tasks run, and end up as they do without it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from metaflow.mflog import mflog

from flowtui.actions.resume import plan, start
from flowtui.live_logs import extension_path, python_path
from flowtui.model import RunDescription
from flowtui.sources.processes import ProcessWatch
from tests.runs import FIXED, FLOWS, RecordedRun, eventually, flow_environment, launch

ON_PATH = {"PYTHONPATH": python_path(None)}


def run_flow(
    root: Path, flow_file: str, *arguments: str, extra: dict[str, str] | None = None
) -> tuple[str, int]:
    """Run a flow with `live_logs`; gives its run id and exit code."""
    process, id_file = launch(
        root,
        flow_file,
        "run",
        "--with",
        "live_logs",
        *arguments,
        extra={**ON_PATH, **(extra or {})},
    )
    code = process.wait(timeout=120)
    assert id_file.exists(), id_file.with_suffix(".log").read_text()
    return id_file.read_text(), code


def logs(run: Path) -> dict[str, list[bytes]]:
    """`step/task/attempt stream` → the lines of the log, as Metaflow's client merges them."""
    found: dict[str, list[bytes]] = {}
    for path in sorted(run.glob("*/*/*.runtime_std*.log")):
        attempt, _, stream = path.stem.partition(".runtime_")
        blobs = [path.read_bytes()]
        own = path.with_name(f"{attempt}.task_{stream}.log")
        if own.exists():
            blobs.insert(0, own.read_bytes())
        name = f"{path.parts[-3]}/{path.parts[-2]}/{attempt} {stream}"
        found[name] = [line.msg for line in mflog.merge_logs(blobs)]
    return found


def comparable(found: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    """Without the numbers that differ from run to run, dates among them."""
    ids = re.compile(rb"\d{4}-\d\d-\d\d\b|\b\d{12,}\b|\bpid \d+|0x[0-9a-f]+|\d+:\d\d:\d\d\.\d+")
    return {name: [ids.sub(b"#", line) for line in lines] for name, lines in found.items()}


@pytest.mark.parametrize(
    "name",
    ["retry", "catch_killed", "timeout", "parallel"],
)
def test_a_run_ends_as_without_it_and_keeps_the_same_logs(
    name: str, tmp_path: Path, runs: dict[str, RecordedRun]
) -> None:
    without = runs[name]
    run, code = run_flow(tmp_path, without.flow_file.name)
    directory = tmp_path / ".metaflow" / without.flow / run
    assert code == without.exit_code
    assert comparable(logs(directory)) == comparable(logs(without.directory))
    outcomes = [
        sorted(
            (str(path.relative_to(at).parent.parent), record["field_name"], record["value"])
            for path in at.rglob("sysmeta_*")
            if (record := json.loads(path.read_text()))["field_name"]
            in ("attempt", "attempt_ok", "runtime")
        )
        for at in (directory, without.directory)
    ]
    assert outcomes[0] == outcomes[1]


def test_all_that_is_printed_is_stored_as_without_it(tmp_path: Path) -> None:
    run, code = run_flow(tmp_path, "talking.py")
    process, id_file = launch(tmp_path, "talking.py", "run")
    assert (code, process.wait(timeout=60)) == (0, 0)
    directory = tmp_path / ".metaflow" / "TalkingFlow"
    found = logs(directory / run)
    assert found == logs(directory / id_file.read_text())
    assert found["start/1/0 stdout"][:4] == [b"one", b"", "two ✓".encode(), b"\xff\0 not text\r"]
    assert found["start/1/0 stdout"][-1] == b"unfinished"
    assert len(found["start/1/0 stdout"]) == 2006


def test_a_line_is_shown_when_it_is_printed_and_never_twice(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    process, id_file = launch(
        tmp_path, "talking.py", "run", "--with", "live_logs", "--gate", str(gate), extra=ON_PATH
    )
    eventually((tmp_path / "gate.started").exists, "`wait` has begun to wait")
    run = id_file.read_text()
    task = tmp_path / ".metaflow" / "TalkingFlow" / run / "wait" / "2"
    followed = subprocess.Popen(
        [
            *(sys.executable, "-m", "flowtui", "logs", f"TalkingFlow/{run}/wait/2"),
            *("--stream", "stdout", "--follow"),
        ],
        env=flow_environment(tmp_path),
        stdout=subprocess.PIPE,
    )
    with followed:
        assert followed.stdout is not None
        assert followed.stdout.readline().endswith(b"waiting\n")
        assert not (task / "0.runtime_stdout.log").exists()
        gate.unlink()
        assert process.wait(timeout=60) == 0
        [last] = followed.stdout.readlines()
        assert last.endswith(b"done\n")


DRAWS = """
import os, sys, time
from metaflow import FlowSpec, Parameter, catch, current, parallel, retry, step, timeout
class F(FlowSpec):
    gate = Parameter("gate", default="")
    def draw(self, end="\\n"):
        for part in range(3):
            time.sleep(float(os.environ.get("PACE", 0)))
            for at in range(200):
                print(f"\\r{part}: {at / 2:5.1f} % █", end="", file=sys.stderr)
            print(f"part {part} ", end="")
            while self.gate and part == 1 and os.path.exists(self.gate):
                time.sleep(0.01)
        print(end=end)
        print(end=end, file=sys.stderr)
    @step
    def start(self):
        self.draw()
        self.next(self.train, num_parallel=2)
    @parallel
    @step
    def train(self):
        # A mapper writes to the same pipe: in whichever order they come.
        if current.parallel.node_index == 0:
            self.draw()
        self.next(self.join)
    @step
    def join(self, inputs):
        self.draw("")
        self.next(self.risky)
    @catch(var="failure")
    @retry(times=1, minutes_between_retries=0)
    @timeout(seconds=60)
    @step
    def risky(self):
        self.draw()
        print("about to fail", end="")
        raise ValueError("no")
        self.next(self.end)
    @step
    def end(self):
        self.draw("")
if __name__ == "__main__":
    F()
"""


# Where a line rests, its beginning is in the log before its end.
@pytest.mark.parametrize("pace", ["0", "0.15"])
def test_lines_drawn_bit_by_bit_are_kept_as_without_it(pace: str, tmp_path: Path) -> None:
    flow_file = tmp_path / "flow.py"
    flow_file.write_text(DRAWS)
    extra = {**ON_PATH, "PACE": pace}
    run, code = run_flow(tmp_path, str(flow_file), extra=extra)
    process, id_file = launch(tmp_path, str(flow_file), "run", extra=extra)
    assert (code, process.wait(timeout=90)) == (0, 0)
    of_flow = tmp_path / ".metaflow" / "F"
    live, without = (
        # The id of a control task is a random number.
        {re.sub("/.*/", " ", name): lines for name, lines in comparable(logs(at)).items()}
        for at in (of_flow / run, of_flow / id_file.read_text())
    )
    assert live == without
    assert [line.count(b"\r") for line in live["train 0 stderr"]] == [600]
    assert live["join 0 stdout"] == [b"part 0 part 1 part 2 "]
    assert live["risky 1 stdout"][1].startswith(b"about to fail@catch caught an exception")


def test_the_client_gives_a_line_that_is_still_drawn(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    flow_file = tmp_path / "flow.py"
    flow_file.write_text(DRAWS)
    process, id_file = launch(
        tmp_path,
        str(flow_file),
        *("run", "--with", "live_logs", "--gate", str(gate)),
        extra=ON_PATH,
    )
    eventually(id_file.exists, "the run has an id")
    run = id_file.read_text()
    log = tmp_path / ".metaflow" / "F" / run / "start" / "1" / "0.task_stdout.log"
    eventually(lambda: log.exists() and b"part 1" in log.read_bytes(), "`start` has drawn")
    code = f"import metaflow as m; m.namespace(None); t = m.Task('F/{run}/start/1')"
    asked = subprocess.run(
        [sys.executable, "-c", f"{code}; print(t.stdout, t.stderr)"],
        env=flow_environment(tmp_path),
        capture_output=True,
        check=True,
    )
    assert asked.stdout.startswith(b"part 0 part 1 ")
    assert asked.stdout.rstrip().endswith("\r1:  99.5 % █".encode())
    gate.unlink()
    assert process.wait(timeout=60) == 0


def test_the_client_gives_what_a_running_task_has_printed(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    process, id_file = launch(
        tmp_path, "talking.py", "run", "--with", "live_logs", "--gate", str(gate), extra=ON_PATH
    )
    eventually(id_file.exists, "the run has an id")
    run = id_file.read_text()
    log = tmp_path / ".metaflow" / "TalkingFlow" / run / "wait" / "2" / "0.task_stdout.log"
    eventually(log.exists, "`wait` has printed")
    code = (
        f"import metaflow as m; m.namespace(None); print(m.Task('TalkingFlow/{run}/wait/2').stdout)"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code],
        env=flow_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == "waiting\n\n"
    gate.unlink()
    assert process.wait(timeout=60) == 0


def interrupted(root: Path, *options: str) -> dict[str, list[bytes]]:
    """Interrupt a run as Ctrl-C does while `wait` runs; gives what is stored of that task."""
    root.mkdir()
    gate = root / "gate"
    gate.touch()
    started = root / "gate.started"
    process, id_file = launch(
        root, "talking.py", "run", "--gate", str(gate), *options, extra=ON_PATH
    )
    eventually(started.exists, "`wait` has begun to wait")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) != 0
    found = logs(root / ".metaflow" / "TalkingFlow" / id_file.read_text())
    return {name: lines for name, lines in found.items() if name.startswith("wait")}


def test_an_interrupt_reaches_the_task_once_and_the_run_stores_its_end(tmp_path: Path) -> None:
    live = interrupted(tmp_path / "live", "--with", "live_logs")
    without = interrupted(tmp_path / "without")
    # The runtime notes the kill when it comes to it.
    assert {name: sorted(lines) for name, lines in live.items()} == {
        name: sorted(lines) for name, lines in without.items()
    }
    assert sorted(live["wait/2/0 stdout"]) == [
        b"[KILLED BY ORCHESTRATOR]",
        b"interrupted 1",
        b"waiting",
    ]


def test_a_run_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    process, id_file = launch(
        tmp_path, "talking.py", "run", "--with", "live_logs", "--gate", str(gate), extra=ON_PATH
    )
    eventually(id_file.exists, "the run has an id")
    run = id_file.read_text()
    task = tmp_path / ".metaflow" / "TalkingFlow" / run / "wait" / "2"
    eventually((task / "0.task_stdout.log").exists, "`wait` has printed")
    seen = ProcessWatch(run).look("talking.py", None)
    assert list(seen.steps) == [("2", 0)]
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    eventually(lambda: not ProcessWatch(run).look("talking.py", None).steps, "nothing is left", 10)


def test_a_flow_in_an_environment_without_flowtui_finds_it(tmp_path: Path) -> None:
    root = tmp_path / "venv"
    venv.create(root, symlinks=True)
    python = root / "bin" / "python"
    (packages,) = root.glob("lib/python*/site-packages")
    for path in map(Path, sys.path):
        if path.name == "site-packages":
            for package in path.iterdir():
                if "flowtui" not in package.name and package.suffix != ".pth":
                    (packages / package.name).symlink_to(package)
    outside = {**os.environ, "PYTHONPATH": ""}
    unknown = subprocess.run(
        [str(python), "-c", "import flowtui"], cwd=tmp_path, env=outside, capture_output=True
    )
    assert b"No module named 'flowtui'" in unknown.stderr
    process, id_file = launch(
        tmp_path, "linear.py", "run", "--with", "live_logs", extra=ON_PATH, python=python
    )
    assert process.wait(timeout=60) == 0, id_file.with_suffix(".log").read_text()
    assert list(tmp_path.glob(".metaflow/LinearFlow/*/*/*/0.task_stdout.log"))


def test_other_extensions_stay_known(tmp_path: Path) -> None:
    plugins = tmp_path / "other" / "metaflow_extensions" / "acme" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "mfextinit_acme.py").write_text(
        'STEP_DECORATORS_DESC = [("acme_says", ".says.SaysDecorator")]\n'
    )
    (plugins / "says.py").write_text(
        "from metaflow.decorators import StepDecorator\n"
        "class SaysDecorator(StepDecorator):\n"
        "    name = 'acme_says'\n"
        "    def task_pre_step(self, *_):\n"
        "        print('acme says hello')\n"
    )
    both = {"PYTHONPATH": python_path(str(tmp_path / "other"))}
    run, code = run_flow(tmp_path, "linear.py", "--with", "acme_says", extra=both)
    assert code == 0
    log = tmp_path / ".metaflow" / "LinearFlow" / run / "start" / "1" / "0.task_stdout.log"
    assert b"acme says hello" in log.read_bytes()


def test_installed_and_on_the_path_at_once_it_is_known_once(tmp_path: Path) -> None:
    # The wheel has the same files by the name of `flowtui`; an editable install has none of them.
    elsewhere = None
    if not any((Path(folder) / "metaflow_extensions" / "flowtui").is_dir() for folder in sys.path):
        installed = tmp_path / "site" / "metaflow_extensions"
        installed.mkdir(parents=True)
        (installed / "flowtui").symlink_to(
            extension_path() / "metaflow_extensions" / "flowtui_launched"
        )
        elsewhere = str(tmp_path / "site")
    run, code = run_flow(tmp_path, "linear.py", extra={"PYTHONPATH": python_path(elsewhere)})
    assert code == 0
    log = tmp_path / ".metaflow" / "LinearFlow" / run / "start" / "1" / "0.task_stdout.log"
    assert b"]" in log.read_bytes()


CHANGED = """
from metaflow import FlowSpec, live_logs, step
class F(FlowSpec):
    @live_logs
    @step
    def start(self):
        print("hello")
        self.next(self.end)
    @step
    def end(self):
        print("bye")
if __name__ == "__main__":
    F()
"""


def test_a_flow_that_has_it_already_takes_it_again(tmp_path: Path) -> None:
    flow_file = tmp_path / "flow.py"
    flow_file.write_text(CHANGED)
    run, code = run_flow(tmp_path, str(flow_file))
    assert code == 0
    assert logs(tmp_path / ".metaflow" / "F" / run) == {
        "start/1/0 stdout": [b"hello"],
        "start/1/0 stderr": [],
        "end/2/0 stdout": [b"bye"],
        "end/2/0 stderr": [],
    }
    assert len(list(tmp_path.glob(".metaflow/F/*/*/*/0.task_stdout.log"))) == 2


def test_the_greatest_size_of_a_log_is_that_of_the_run(tmp_path: Path) -> None:
    flow_file = tmp_path / "flow.py"
    flow_file.write_text(CHANGED.replace("@live_logs", "").replace('"hello"', '"x\\n" * 30_000'))
    run, code = run_flow(tmp_path, str(flow_file), "--max-log-size", "1")
    process, id_file = launch(tmp_path, str(flow_file), "run", "--max-log-size", "1", extra=ON_PATH)
    assert (code, process.wait(timeout=60)) == (0, 0)
    of_flow = tmp_path / ".metaflow" / "F"
    assert logs(of_flow / run) == logs(of_flow / id_file.read_text())
    assert logs(of_flow / run)["start/1/0 stdout"][-1].startswith(b"[TRUNCATED")


def test_a_later_decorator_may_choose_the_python_of_the_task(tmp_path: Path) -> None:
    """@conda puts another interpreter in the first place of the command, before or after."""
    plugins = tmp_path / "other" / "metaflow_extensions" / "acme" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "mfextinit_acme.py").write_text(
        'STEP_DECORATORS_DESC = [("chosen", ".chosen.Chosen")]\n'
    )
    (plugins / "chosen.py").write_text(
        "from metaflow.decorators import StepDecorator\n"
        "class Chosen(StepDecorator):\n"
        "    name = 'chosen'\n"
        "    def runtime_step_cli(self, cli_args, *_):\n"
        f"        cli_args.entrypoint[0] = {str(tmp_path / 'chosen')!r}\n"
    )
    (tmp_path / "chosen").symlink_to(sys.executable)
    (tmp_path / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())
    flow_file = tmp_path / "flow.py"
    says = '__import__("sys").orig_argv[0]'
    flow_file.write_text(CHANGED.replace("@live_logs", "").replace('"hello"', says))
    extra = {
        "PYTHONPATH": os.pathsep.join(
            [python_path(str(tmp_path / "other")), *(p for p in sys.path if "site-packages" in p)]
        )
    }
    for order in (["chosen", "live_logs"], ["live_logs", "chosen"]):
        process, id_file = launch(
            tmp_path, str(flow_file), "run", "--with", order[0], "--with", order[1], extra=extra
        )
        assert process.wait(timeout=60) == 0, id_file.with_suffix(".log").read_text()
        log = tmp_path / ".metaflow" / "F" / id_file.read_text() / "start/1/0.task_stdout.log"
        (line,) = mflog.merge_logs([log.read_bytes()])
        assert line.msg == str(tmp_path / "chosen").encode()


def test_a_resumed_run_has_live_logs(tmp_path: Path, state_home: Path) -> None:
    process, id_file = launch(tmp_path, "failed.py", "run")
    assert process.wait(timeout=60) == 1
    resume = plan(
        RunDescription("FailedFlow", id_file.read_text(), "local"),
        FLOWS / "failed.py",
        cwd=tmp_path,
        environment=flow_environment(tmp_path, FIXED),
    )
    assert resume.argv[-2:] == ("--with", "live_logs")
    started = start(resume)
    eventually(lambda: started.exit_code() is not None, "the resumed run ends", 60)
    assert started.exit_code() == 0, started.log_path.read_text()
    resumed = tmp_path / ".metaflow" / "FailedFlow" / str(started.poll_run_id())
    assert list(resumed.glob("end/*/0.task_stdout.log"))
