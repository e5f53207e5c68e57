"""A launched flow is on its own: detached, private, exactly its arguments, one per origin run."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowtui.actions.errors import ActionError
from flowtui.actions.launch import TAIL_LINES, Launch, LaunchedRun, start_flow
from tests.runs import eventually

# Stands in for a flow file where only the process counts: takes `--run-id-file` as Metaflow does.
REPORT = """
import json, os, sys
id_file = sys.argv[sys.argv.index("--run-id-file") + 1]
fds = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
       if os.path.exists(f"/proc/self/fd/{fd}")}
json.dump({"argv": sys.argv, "environ": dict(os.environ), "fds": fds, "cwd": os.getcwd(),
           "leads": os.getsid(0) == os.getpid()}, open("report.json", "w"))
open(id_file, "w").write("17")
"""

# Has a run at once, then lives for as long as the file `gate` is in its working directory.
GATED = """
import os, sys, time
open(sys.argv[sys.argv.index("--run-id-file") + 1], "w").write("18")
while os.path.exists("gate"):
    time.sleep(0.02)
open("finished", "w").close()
"""


@pytest.fixture
def here(tmp_path: Path, state_home: Path) -> Path:
    (tmp_path / "report.py").write_text(REPORT)
    (tmp_path / "gated.py").write_text(GATED)
    return tmp_path


def start(here: Path, script: str, *arguments: str, **options: Any) -> Launch:
    argv = [sys.executable, str(here / script), *arguments]
    return start_flow(argv, cwd=here, environment=options.pop("environment", {}), **options)


def ended(launch: Launch) -> int:
    eventually(lambda: launch.exit_code() is not None, "the process ends")
    code = launch.exit_code()
    assert code is not None
    return code


def report(here: Path, *arguments: str, **options: Any) -> Any:
    assert ended(start(here, "report.py", *arguments, **options)) == 0
    return json.loads((here / "report.json").read_text())


def test_the_run_id_is_learnt_and_is_no_failure(here: Path) -> None:
    launch = start(here, "report.py")
    assert ended(launch) == 0
    assert launch.poll_run_id() == "17"
    assert launch.failure() is None


def test_arguments_reach_the_flow_as_they_are(here: Path) -> None:
    hostile = ["a b", "it's", '"', "$(touch owned)", "`id`", "line\nbreak", "-x", "; rm -rf .", "*"]
    got = report(here, *hostile)["argv"]
    assert got[1:-2] == hostile
    assert got[-2] == "--run-id-file"
    assert not (here / "owned").exists()


def test_the_flow_gets_this_environment_with_its_interpreter_first_on_path(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWTUI_TEST_INHERITED", "yes")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    environ = report(here, environment={"METAFLOW_DEFAULT_METADATA": "local"})["environ"]
    assert environ["FLOWTUI_TEST_INHERITED"] == "yes"
    assert environ["METAFLOW_DEFAULT_METADATA"] == "local"
    assert environ["PATH"] == f"{Path(sys.executable).parent}:/usr/bin:/bin"


def test_the_flow_shares_no_terminal_session_or_descriptor(here: Path) -> None:
    leak = os.open(here / "report.py", os.O_RDONLY)
    os.set_inheritable(leak, True)
    got = report(here, exclusive="FailedFlow/17")
    os.close(leak)
    assert got["leads"]
    assert got["cwd"] == str(here)
    assert got["fds"].pop("0") == "/dev/null"
    assert got["fds"].pop("1") == got["fds"].pop("2")
    assert [Path(target).suffix for target in got["fds"].values()] == [".lock"]


def test_what_is_written_is_private(here: Path, state_home: Path) -> None:
    launch = start(here, "report.py", exclusive="FailedFlow/17")
    ended(launch)
    written = [path for path in (state_home / "flowtui").rglob("*") if path.is_file()]
    assert launch.log_path in written
    assert {path.suffix for path in written} == {".log", ".lock", ""}
    for folder in {path.parent for path in written} | {state_home / "flowtui"}:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in written:
        if path.name != "run-id":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_flow_that_ends_without_a_run_says_so_with_the_end_of_its_output(here: Path) -> None:
    (here / "broken.py").write_text(
        "import sys\n"
        "print('\\n\\n'.join(f'line {n}' for n in range(50)), flush=True)\n"
        "sys.exit('\\x1b[31m[/red]no such run\\x07')\n"
    )
    launch = start(here, "broken.py")
    assert ended(launch) == 1
    failure = launch.failure()
    assert failure is not None
    assert failure.sentence == (
        f"The flow ended with exit code 1 before it had a run. Its output is in {launch.log_path}."
    )
    assert len(failure.tail) == TAIL_LINES
    assert failure.tail[-2] == "line 49"
    assert failure.tail[-1].startswith("[/red]no such run")
    assert not any("\x1b" in line or "\x07" in line for line in failure.tail)


# Tells of its run as Metaflow does, in two pieces; then reports what it was started with.
TELLING = """
import json, os, sys, time
with open(sys.argv[sys.argv.index("--runner-attribute-file") + 1], "w") as told:
    whole = json.dumps({"run_id": "19", "flow_name": "F", "metadata": "local@/data"})
    told.write(whole[:20])
    told.flush()
    while os.path.exists("gate"):
        time.sleep(0.02)
    told.write(whole[20:])
json.dump(sys.argv, open("report.json", "w"))
"""


def test_with_arguments_the_run_is_known_with_its_flow_and_provider(here: Path) -> None:
    (here / "telling.py").write_text(TELLING)
    (here / "gate").touch()
    launch = start(here, "telling.py", "run", arguments=["--alpha", "--beta"])
    told = launch.log_path.with_name("run-id")
    eventually(lambda: told.exists() and told.stat().st_size, "it has begun to tell")
    assert launch.poll_run() is None
    (here / "gate").unlink()
    assert ended(launch) == 0
    assert launch.poll_run() == LaunchedRun("19", "F", "local@/data")
    assert launch.failure() is None
    argv = json.loads((here / "report.json").read_text())
    assert argv[1:] == ["run", "--runner-attribute-file", str(told), "--alpha", "--beta"]


@pytest.mark.parametrize("heeds", [True, False])
def test_a_flow_can_be_stopped_with_what_it_started(
    heeds: bool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not heeds:
        monkeypatch.setattr("flowtui.actions.launch.STOP_SECONDS", 0.2)
    (here / "family.py").write_text(
        "import signal, subprocess, sys, time\n"
        f"signal.signal(signal.SIGINT, signal.{'default_int_handler' if heeds else 'SIG_IGN'})\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    launch = start(here, "family.py")
    child = here / "child"
    eventually(lambda: child.exists() and child.read_text(), "it has a child")
    family = psutil.Process(int(child.read_text()))
    launch.stop()
    assert launch.exit_code() in ([1, -signal.SIGINT] if heeds else [-signal.SIGKILL])
    eventually(
        lambda: not family.is_running() or family.status() == psutil.STATUS_ZOMBIE,
        "its child is gone",
    )
    launch.stop()


def test_a_living_flow_has_no_failure_and_a_killed_one_names_its_signal(here: Path) -> None:
    (here / "idle.py").write_text("import time\ntime.sleep(60)\n")
    launch = start(here, "idle.py")
    assert launch.failure() is None
    assert launch.poll_run_id() is None
    os.kill(launch.pid, signal.SIGKILL)
    assert ended(launch) == -9
    failure = launch.failure()
    assert failure is not None
    assert "by signal 9" in failure.sentence
    assert failure.tail == ()


def test_a_second_launch_of_the_same_origin_is_refused_while_the_first_lives(here: Path) -> None:
    (here / "gate").touch()
    first = start(here, "gated.py", exclusive="FailedFlow/17")
    with pytest.raises(ActionError) as refusal:
        start(here, "report.py", exclusive="FailedFlow/17")
    assert str(refusal.value).startswith(
        f"FailedFlow/17 is already being resumed (process {first.pid})."
    )
    assert ended(start(here, "report.py", exclusive="FailedFlow/18")) == 0
    (here / "gate").unlink()
    ended(first)
    assert ended(start(here, "report.py", exclusive="FailedFlow/17")) == 0


def test_locks_of_hostile_names_are_distinct_files_in_the_lock_folder(
    here: Path, state_home: Path
) -> None:
    names = ["../../x/17", "a b/17", "a-b/17", "$(id)/\n", "-rf/17", "x" * 5000, "é/\udcff"]
    for name in names:
        ended(start(here, "report.py", exclusive=name))
    assert len(list((state_home / "flowtui" / "locks").iterdir())) == len(names)


def test_a_flow_outlives_a_killed_flowtui_and_still_holds_its_lock(here: Path) -> None:
    (here / "gate").touch()
    other_flowtui = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path\n"
            "from flowtui.actions.launch import start_flow\n"
            "here = Path(sys.argv[1])\n"
            "argv = [sys.executable, str(here / 'gated.py')]\n"
            "launch = start_flow(argv, cwd=here, environment={}, exclusive='FailedFlow/17')\n"
            "print(launch.pid, flush=True); time.sleep(60)\n",
            str(here),
        ],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    with other_flowtui:
        assert other_flowtui.stdout is not None
        flow = psutil.Process(int(other_flowtui.stdout.readline()))
        other_flowtui.kill()
    assert flow.is_running()
    with pytest.raises(ActionError, match=rf"already being resumed \(process {flow.pid}\)"):
        start(here, "report.py", exclusive="FailedFlow/17")
    (here / "gate").unlink()
    eventually((here / "finished").exists, "the flow goes on to its end")
    eventually(lambda: _free(here), "its end frees the lock")


def _free(here: Path) -> bool:
    try:
        return ended(start(here, "report.py", exclusive="FailedFlow/17")) == 0
    except ActionError:
        return False


def test_a_state_directory_that_takes_no_file_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "report.py"))
    with pytest.raises(ActionError, match=r"report\.py/flowtui cannot be written to: Not a dir"):
        start(here, "report.py")


@pytest.mark.parametrize(
    ("python", "folder"), [("no-python", "."), (sys.executable, "gone"), ("a\0b", ".")]
)
def test_what_cannot_be_started_is_said(here: Path, python: str, folder: str) -> None:
    with pytest.raises(ActionError, match="could not be started with"):
        start_flow([python, "flow.py"], cwd=here / folder, environment={})
