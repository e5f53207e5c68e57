"""Completion of flows, runs and values, as shells ask for it and as seen at their prompts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.program import PROGRAM
from tests.runs import flow_environment
from tests.service import metaflow_service
from tests.terminal import Terminal

HOSTILE = [
    "Evil$(touch pwned)",
    "Evil;reboot",
    "Evil\nEvilLine",
    "Evil,comma",
    "Evil\x1b[31m",
    "-Evil",
]

OFFERED_WITHIN = 10.0
"""Seconds, on a busy machine, for an answer that waits a second for its provider; a request may
take 20."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Local metadata of two flows, three runs and names that a shell would take for more."""
    root = tmp_path_factory.mktemp("completion")
    for created_at, run, user in ((1, "1001", "tester"), (2, "1002", "tester"), (3, "77", "ada")):
        register(root, "TrainFlow", run, created_at=created_at, user=user)
        for step, task in (("start", "1"), ("split", "2"), ("split", "3")):
            folder = root / ".metaflow/TrainFlow" / run / step
            write_row(folder, {"step_name": step})
            write_row(folder / task, {"step_name": step, "task_id": task})
    register(root, "TestFlow", "1", created_at=1, user="tester")
    for name in HOSTILE:
        register(root, name, name, created_at=1, user="tester")
        register(root, "EvilRuns", name, created_at=1, user="tester")
    return root


def register(root: Path, flow: str, run: str, *, created_at: int, user: str) -> None:
    """Write the rows of a flow and a run of it, as Metaflow does."""
    for folder, row in (
        (root / ".metaflow" / flow, {"flow_id": flow, "ts_epoch": 0}),
        (
            root / ".metaflow" / flow / run,
            {"run_number": run, "ts_epoch": created_at, "system_tags": [f"user:{user}"]},
        ),
    ):
        write_row(folder, row)


def write_row(folder: Path, row: Mapping[str, object]) -> None:
    (folder / "_meta").mkdir(parents=True, exist_ok=True)
    (folder / "_meta" / "_self.json").write_text(json.dumps(row))


def offered(line: str, root: Path, **extra: str) -> list[str]:
    """What bash is told at the end of a line; nothing may be said beside it."""
    answer = subprocess.run(
        [PROGRAM],
        env=asking(root, COMP_WORDS=line, _FLOWTUI_COMPLETE="bash_complete", **extra),
        cwd=root,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.stderr == ""
    return [item.removeprefix("plain,") for item in answer.stdout.splitlines() if item]


def asking(root: Path, **extra: str) -> dict[str, str]:
    return flow_environment(root, extra)


def test_a_target_is_offered_level_by_level(root: Path) -> None:
    assert offered("flowtui Tr", root) == ["TrainFlow/"]
    assert offered("flowtui show T", root) == ["TestFlow/", "TrainFlow/"]
    runs = [f"TrainFlow/{run}" for run in ("@latest", "1002", "1001")]
    assert offered("flowtui TrainFlow/", root) == runs
    assert offered("flowtui logs TrainFlow/1002/", root) == [
        "TrainFlow/1002/split",
        "TrainFlow/1002/start",
    ]
    assert offered("flowtui TrainFlow/@latest/split/", root) == [
        "TrainFlow/@latest/split/2",
        "TrainFlow/@latest/split/3",
    ]
    assert offered("flowtui TrainFlow/1002/split/2/", root) == []
    assert offered("flowtui NoFlow/", root) == []
    resumed = "flowtui resume TrainFlow/@latest --step "
    assert offered(resumed, root) == ["split", "start"]
    assert offered(f"{resumed}sp", root) == ["split"]


def test_commands_and_options_are_offered_where_a_target_may_stand(root: Path) -> None:
    assert {"show", "logs", "resume", "TrainFlow/"} <= set(offered("flowtui ", root))
    assert {"--help", "--version", "--metadata", "--read-only"} <= set(offered("flowtui --", root))


def test_what_is_typed_before_is_heeded(root: Path, tmp_path: Path) -> None:
    register(tmp_path, "OtherFlow", "5", created_at=1, user="ada")
    there = f"--metadata local@{tmp_path}"
    assert offered(f"flowtui {there} ", root) == ["OtherFlow/"]
    assert offered(f"flowtui {there} OtherFlow/", root) == []
    assert offered(f"flowtui show {there} --namespace '' OtherFlow/5", root) == ["OtherFlow/5"]
    ada = [f"TrainFlow/{run}" for run in ("@latest", "77")]
    assert offered("flowtui --namespace user:ada TrainFlow/", root) == ada


def test_metaflow_is_asked_where_its_settings_have_a_say(root: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(root), "METAFLOW_USER": "ada"})
    )
    changed = asking(root, METAFLOW_HOME=str(tmp_path), COMP_WORDS="flowtui TrainFlow/")
    changed["_FLOWTUI_COMPLETE"] = "bash_complete"
    del changed["METAFLOW_DATASTORE_SYSROOT_LOCAL"], changed["METAFLOW_USER"]
    answer = subprocess.run(
        [PROGRAM], env=changed, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
    )
    assert answer.stdout.split() == ["plain,TrainFlow/@latest", "plain,TrainFlow/77"]


def test_values_of_options_are_offered(root: Path, tmp_path: Path) -> None:
    assert offered("flowtui --metadata ", root) == ["local@", "service@"]
    (tmp_path / "project").mkdir()
    (tmp_path / "pro ject").mkdir()
    assert offered(f"flowtui --metadata local@{tmp_path}/pro", root) == [
        f"local@{tmp_path}/project/"
    ]
    assert "nord" in offered("flowtui --theme no", root)
    assert offered("flowtui --palette c", root) == ["colour-blind"]
    assert offered("flowtui --source s", root) == ["service"]
    for line in ("flowtui run ", "flowtui resume TrainFlow/1001 --file ", "flowtui --config "):
        assert offered(line, root) == ["file,"], line


def test_names_that_a_shell_would_take_for_more_are_not_offered(root: Path) -> None:
    assert offered("flowtui Evil", root) == ["EvilRuns/"]
    assert offered("flowtui EvilRuns/E", root) == []
    assert offered("flowtui show ../", root) == []


def test_a_service_that_does_not_answer_is_waited_for_a_moment(root: Path) -> None:
    with metaflow_service(root) as service:
        asked = service.environment()
        assert offered("flowtui Tr", root, **asked) == ["TrainFlow/"]
        service.answers.clear()
        begun = time.monotonic()
        assert offered("flowtui Tr", root, **asked) == []
        assert time.monotonic() - begun < OFFERED_WITHIN
        service.answers.set()


def test_completion_of_a_line_that_is_wrong_says_nothing(root: Path) -> None:
    for line in (
        "flowtui Train//x ",
        "flowtui resume --wrong ",
        "flowtui 'open",
        "flowtui show a b ",
    ):
        offered(line, root)
    assert offered("flowtui x", root, METAFLOW_DEFAULT_METADATA="none-such") == []


CLEAR = "\x15"
"""Ctrl+U empties the line in all of them."""

SHELLS: Mapping[str, list[str]] = {
    "bash": ["bash", "--norc", "--noprofile"],
    "zsh": ["zsh", "-f"],
    "fish": ["fish", "--no-config"],
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_person_completes_a_target_at_the_prompt(shell: str, root: Path, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    environment = asking(root, HOME=str(tmp_path), PS1="ready> ", TERM="xterm-256color")
    environment["PATH"] = f"{PROGRAM.parent}{os.pathsep}{environment['PATH']}"
    (tmp_path / "elsewhere").mkdir()
    script = {
        "bash": 'eval "$(flowtui completion bash)"',
        "zsh": 'autoload -U compinit; compinit -u; eval "$(flowtui completion zsh)"',
        "fish": "function fish_prompt; echo 'ready> '; end; flowtui completion fish | source",
    }[shell]
    with Terminal(SHELLS[shell], environment=environment, size=(200, 30), cwd=root) as prompt:
        prompt.press(f"{script}; clear; echo begun", "enter")
        prompt.wait_until(lambda text: text.startswith("begun"), "a clean screen")
        prompt.press("flowtui TrainF", "tab")
        prompt.wait_for("flowtui TrainFlow/")
        prompt.press("@l", "tab")
        prompt.wait_for("flowtui TrainFlow/@latest")
        # Behind a whole target a blank has been put, behind a part of one none.
        prompt.press("--namesp", "tab")
        prompt.wait_for("flowtui TrainFlow/@latest --namespace")
        prompt.press(CLEAR)
        prompt.press(f"flowtui show --metadata local@{tmp_path}/elsew", "tab")
        prompt.wait_for(f"--metadata local@{tmp_path}/elsewhere/")
        prompt.press(CLEAR)
        prompt.press("flowtui logs TrainFlow/@latest/sp", "tab")
        prompt.wait_for("flowtui logs TrainFlow/@latest/split")
        prompt.press(CLEAR)
        prompt.press("flowtui TrainFlow/", "tab", "tab")
        prompt.wait_for("1001", "1002", "@latest")
