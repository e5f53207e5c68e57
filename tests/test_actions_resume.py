"""Resume: which flow file, which command, which interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowtui.actions.resume import (
    ActionError,
    ResumeOptions,
    check_flow_file,
    interpreter,
    plan,
    propose_flow_file,
)
from flowtui.live_logs import extension_path, python_path
from flowtui.model import Graph, Node, RunDescription


def described(run: str = "17", graph: Graph | None = None) -> RunDescription:
    return RunDescription("FailedFlow", run, "local", graph=graph or Graph())


# --- the flow file --------------------------------------------------------------------------------


def recorded(*files: str, name: str = "flow.py") -> RunDescription:
    nodes = tuple(Node(f"step{at}", source_file=file) for at, file in enumerate(files))
    return described(graph=Graph(nodes, file=name))


def test_the_recorded_file_of_most_steps_is_proposed(tmp_path: Path) -> None:
    here, base = tmp_path / "flow.py", tmp_path / "base" / "flow.py"
    base.parent.mkdir()
    for path in (here, base):
        path.touch()
    run = recorded(str(base), str(here), str(here), str(tmp_path / "mixin.py"))
    assert propose_flow_file(run, tmp_path) == here


def test_a_recorded_file_of_another_machine_gives_way_to_one_here(tmp_path: Path) -> None:
    run = recorded("/home/ada/flow.py")
    assert propose_flow_file(run, tmp_path) == Path("/home/ada/flow.py")
    (tmp_path / "flow.py").touch()
    assert propose_flow_file(run, tmp_path) == tmp_path / "flow.py"


def test_nothing_is_proposed_out_of_nothing(tmp_path: Path) -> None:
    assert propose_flow_file(described(graph=Graph()), tmp_path) is None
    assert propose_flow_file(recorded(name="../../etc/passwd"), tmp_path) is None
    assert propose_flow_file(recorded("/x\0/flow.py", "/" + "x" * 9000), tmp_path) == Path(
        "/x\0/flow.py"
    )


FLOW = "import metaflow\nclass FailedFlow(metaflow.FlowSpec):\n    pass\n"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (FLOW, None),
        ("class FailedFlow(Base):\n    pass\n", None),
        ("if True:\n  class FailedFlow: pass\n", None),
        ("raise SystemExit('was run')\n" + FLOW, None),
        ("", "has no flow named FailedFlow (it holds no flow at all)."),
        (
            FLOW.replace("FailedFlow", "Other") + "class Third(FlowSpec): pass\nclass X: pass\n",
            "has no flow named FailedFlow (the flows in it: Other, Third).",
        ),
        ("x = (\n", "is not Python: '(' was never closed at line 1."),
        ("x = 1\ny y\n", "is not Python: invalid syntax at line 2."),
        ("x = '\0'", "is not Python"),
    ],
)
def test_a_file_is_checked_without_running_it(
    tmp_path: Path, content: str, complaint: str | None
) -> None:
    path = tmp_path / "flow.py"
    path.write_text(content)
    if complaint is None:
        check_flow_file(path, "FailedFlow")
        return
    with pytest.raises(ActionError) as error:
        check_flow_file(path, "FailedFlow")
    assert str(error.value).startswith(f"{path} {complaint}")


def test_a_file_too_large_for_a_flow_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    path.write_bytes(b"#" * 5_000_001)
    with pytest.raises(ActionError, match="is larger than 5 MB"):
        check_flow_file(path, "FailedFlow")


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="is a directory"):
        check_flow_file(tmp_path, "F")
    with pytest.raises(ActionError, match="does not exist"):
        check_flow_file(tmp_path / "gone.py", "F")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ActionError, match="is not a regular file"):
        check_flow_file(tmp_path / "fifo", "F")
    for unusable in (Path("/" + "x" * 9000), Path("/x\0")):
        with pytest.raises(ActionError, match=r"does not exist|cannot be read"):
            check_flow_file(unusable, "F")


# --- the command ----------------------------------------------------------------------------------


TAG = ResumeOptions(tags=("x",))


def test_the_command_is_metaflow_s_resume_with_the_options_last(tmp_path: Path) -> None:
    file = tmp_path / "it's a $(flow).py"
    resume = plan(described(), file, cwd=tmp_path, environment={"A": "b"}, options=TAG)
    assert resume.argv[1:] == (
        str(file),
        "resume",
        "--origin-run-id",
        "17",
        *("--with", "live_logs"),
        "--tag=x",
    )
    assert (resume.origin, resume.environment) == (
        "FailedFlow/17",
        {"A": "b", "PYTHONPATH": python_path(os.getenv("PYTHONPATH"))},
    )


REPORT = """
import json, os, sys
names = ("PYTHONPATH", "PATH", "METAFLOW_A", "METAFLOW_B")
print(json.dumps([sys.argv, os.getcwd(), {name: os.environ.get(name) for name in names}]))
"""


@pytest.mark.parametrize("python_path", [None, "", "/mine:/it's $HOME"])
@pytest.mark.parametrize("folder", ["here", "else where"])
def test_the_command_line_does_in_a_shell_what_is_planned(
    folder: str, python_path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METAFLOW_A", "as it was")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if python_path is not None:
        monkeypatch.setenv("PYTHONPATH", python_path)
    for name in ("here", folder):
        (tmp_path / name).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "here")
    file = tmp_path / folder / "it's a $(flow).py"
    file.write_text(REPORT)
    resume = plan(
        described(graph=Graph((Node("start", "split-parallel"),))),
        file,
        cwd=tmp_path / "here",
        environment={"METAFLOW_A": "as it was", "METAFLOW_B": "$x 'y'"},
    )
    told = subprocess.run(
        ["/bin/sh", "-c", resume.command_line], capture_output=True, text=True, check=True
    )
    argv, cwd, environment = json.loads(told.stdout)
    assert argv == list(resume.argv[1:])
    assert cwd == str(resume.cwd) == str(tmp_path / folder)
    assert environment == {name: resume.environment[name] for name in environment}
    assert environment["PATH"] == f"{Path(sys.executable).parent}:/usr/bin:/bin"
    # Only what is not so anyway, and nothing twice.
    assert "METAFLOW_A" not in resume.command_line
    assert resume.command_line.count("/usr/bin") == 0
    assert ("cd " in resume.command_line) == (folder != "here")


LOCAL = {"METAFLOW_DEFAULT_METADATA": "local"}


def test_a_local_run_is_resumed_with_live_logs_which_the_command_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/mine:/ours")
    resume = plan(described(), Path("f.py"), cwd=tmp_path, environment=LOCAL, options=TAG)
    assert resume.argv[4:] == ("17", "--with", "live_logs", "--tag=x")
    assert resume.command_line.endswith("resume --origin-run-id 17 --with live_logs --tag=x")
    assert f' PYTHONPATH={extension_path()}:"$PYTHONPATH" ' in f" {resume.command_line}"
    assert resume.environment["PYTHONPATH"] == f"{extension_path()}:/mine:/ours"

    monkeypatch.delenv("PYTHONPATH")
    resume = plan(described(), Path("f.py"), cwd=tmp_path, environment=LOCAL)
    assert resume.environment == {**LOCAL, "PYTHONPATH": str(extension_path())}


def test_live_logs_are_asked_for_once(tmp_path: Path) -> None:
    asked = ("--with", "retry", "--with", "live_logs")
    for options in (ResumeOptions(arguments=asked), ResumeOptions(decorators=asked[1::2])):
        resume = plan(described(), Path("f.py"), cwd=tmp_path, environment=LOCAL, options=options)
        assert resume.argv[5:] == asked


SERVICE = {"METAFLOW_DEFAULT_METADATA": "service"}
S3 = {"METAFLOW_DEFAULT_DATASTORE": "s3"}


@pytest.mark.parametrize(
    ("ours", "given", "live"),
    [
        ({}, {}, True),
        ({}, SERVICE, True),
        ({}, {**LOCAL, **S3}, False),
        (S3, LOCAL, False),
        (S3, {"METAFLOW_DEFAULT_DATASTORE": "local"}, True),
        # What the option `--datastore` would say goes before its default.
        ({"METAFLOW_DATASTORE": "s3"}, {}, False),
        ({"METAFLOW_DATASTORE": "local"}, S3, True),
    ],
)
def test_live_logs_are_for_local_data_wherever_the_metadata_is(
    ours: dict[str, str],
    given: dict[str, str],
    live: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    resume = plan(described(), Path("f.py"), cwd=tmp_path, environment=given)
    assert resume.argv[5:] == (("--with", "live_logs") if live else ())
    assert ("PYTHONPATH" in resume.environment) == live


@pytest.mark.parametrize("configured", ["local", "s3"])
def test_the_datastore_may_be_that_of_a_profile(
    configured: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config_work.json").write_text(
        json.dumps({"METAFLOW_DEFAULT_DATASTORE": configured})
    )
    asked = subprocess.run(
        [
            sys.executable,
            "-c",
            "from flowtui.actions.command import stores_logs_at_the_end\n"
            "print(stores_logs_at_the_end({}))",
        ],
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("METAFLOW_")},
            "METAFLOW_HOME": str(tmp_path),
            "METAFLOW_PROFILE": "work",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert asked.stdout == f"{configured == 'local'}\n"


def test_live_logs_can_be_left_out(tmp_path: Path) -> None:
    resume = plan(described(), Path("f.py"), cwd=tmp_path, environment=LOCAL, live_logs=False)
    assert resume.argv[3:] == ("--origin-run-id", "17")
    assert resume.environment == LOCAL


def test_a_python_path_that_has_the_extension_already_is_kept(tmp_path: Path) -> None:
    (tmp_path / "metaflow_extensions" / "flowtui_launched").mkdir(parents=True)
    for current in (f"/mine:{tmp_path}", str(extension_path())):
        assert python_path(current) == current
    assert python_path("") == python_path(None) == str(extension_path())


def test_it_runs_here_when_the_file_lies_below_and_beside_the_file_otherwise(
    tmp_path: Path,
) -> None:
    here = tmp_path / "here"

    def folder(file: str) -> Path:
        return plan(described(), Path(file), cwd=here, environment={}).cwd

    assert folder("flow.py") == here
    assert folder("flows/flow.py") == here
    assert folder("../flow.py") == tmp_path
    assert folder("/elsewhere/flow.py") == Path("/elsewhere")


def test_a_file_never_reads_as_an_option(tmp_path: Path) -> None:
    resume = plan(described(), Path("-c"), cwd=tmp_path, environment={})
    assert resume.argv[1] == str(tmp_path / "-c")


@pytest.mark.parametrize("run", ["17", "argo-flow.prod-abc12", "sfn-0a1b", "my_run", "a=b@c+d:e"])
def test_run_ids_of_metaflow_are_taken(run: str, tmp_path: Path) -> None:
    assert run in plan(described(run), Path("f.py"), cwd=tmp_path, environment={}).argv


@pytest.mark.parametrize(
    "run", ["", "-17", "--help", "1\n2", "1 2", "a/b", "..", "$(id)", "\x1b[31m", "x" * 256]
)
def test_a_run_id_that_metaflow_never_gave_is_refused(run: str, tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="is no run id that Metaflow could have given"):
        plan(described(run), Path("f.py"), cwd=tmp_path, environment={})


def test_a_run_of_dagster_is_refused_with_its_own_command(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="dagster resume --run-id dagster-0a1b2c`"):
        plan(described("dagster-0a1b2c"), Path("f.py"), cwd=tmp_path, environment={})


def test_the_active_virtual_environment_runs_flows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    assert interpreter() == sys.executable
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    assert interpreter() == str(tmp_path / "bin" / "python")
    monkeypatch.delenv("VIRTUAL_ENV")
    assert interpreter() == sys.executable
