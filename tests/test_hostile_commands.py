"""What the commands print of hostile runs and services: text, on a terminal and in a pipe."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.hostile import MARKUP, file_names, payloads, short_payloads
from tests.hostile_runs import LocalRun, graph_info, in_order, structured
from tests.program import PROGRAM
from tests.raw_terminal import assert_printed
from tests.runs import flow_environment
from tests.terminal import Terminal


@pytest.fixture
def run(tmp_path: Path) -> LocalRun:
    """Payloads as labels, tags, ids, folders, decorators, cases, parameters and lines."""
    texts = [payload.text for payload in short_payloads()]
    made = LocalRun(
        tmp_path / "metaflow",
        row={"tags": texts[::9], "system_tags": ["user:tester", f"user:{texts[5]}", *texts[1::9]]},
    )
    info = graph_info(
        {
            "doc": texts[3],
            "decorators": [{"name": text, "attributes": {text: text}} for text in texts[::60]],
        },
        file=texts[11],
        more=[{"name": "p"}],
    )
    steps = info["steps"]
    for at, payload in enumerate(file_names()[::60]):
        name = f"s{at}-{payload.text}"
        steps[name] = {**steps["work"], "type": "split-switch", "condition": payload.text}
        steps[name] |= {"next": ["end"], "switch_cases": {texts[at]: "end"}}
        made.step(name)
        made.task(name, "1", {"attempt_ok": "True"})
    made.graph(info, {"p": texts[::5]})
    made.step("start")
    made.step("work")
    made.task("start", "1", {"attempt_ok": "True", "origin-run-id": texts[8]})
    for number, payload in enumerate(file_names()[::20]):
        fields = {"attempt_ok": "False", "foreach-stack": texts[number::300]}
        made.task("work", f"{number}-{payload.text}", fields)
    made.task("work", "[@click=app.quit]x", {"attempt_ok": "False", "foreach-stack": ["[/bold]"]})
    logs = {
        "0.task_stdout.log": structured(in_order(payload.raw for payload in payloads())),
        "0.task_stderr.log": b"\n".join(payload.raw for payload in payloads()[::3]),
        "0.runtime_stdout.log": b"",
        "0.runtime_stderr.log": b"",
    }
    made.task("work", "log", {"attempt_ok": "False"}, logs=logs)
    return made


def environment(home: Path, root: Path) -> dict[str, str]:
    return flow_environment(root, {"HOME": str(home), "LANG": "C.UTF-8", "PYTHONUTF8": "1"})


def piped(run: LocalRun, *arguments: str, code: int = 0) -> bytes:
    done = subprocess.run(
        [PROGRAM, *arguments],
        env=environment(run.root, run.root),
        cwd=run.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout[-2000:]
    return done.stdout


def on_a_terminal(run: LocalRun, *arguments: str, code: int = 0) -> bytes:
    with Terminal([PROGRAM, *arguments], environment=environment(run.root, run.root)) as screen:
        assert screen.exit_code() == code, screen.raw[-2000:]
        return screen.raw


COMMANDS = {
    "show": ("show", "HostileFlow/17"),
    "logs": ("logs", "HostileFlow/17"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_printed_is_text(command: str, run: LocalRun) -> None:
    in_a_pipe = assert_printed(piped(run, *COMMANDS[command]), colours=False)
    assert "[@click=app.quit]x" in in_a_pipe.text
    shown = assert_printed(on_a_terminal(run, *COMMANDS[command]), colours=True)
    assert "[@click=app.quit]x" in shown.text


def test_ascii_is_ascii(run: LocalRun) -> None:
    piped(run, "logs", "--ascii", "HostileFlow/17/work/log").decode("ascii")


def test_json_holds_all_as_it_is_in_ascii(run: LocalRun) -> None:
    output = piped(run, "show", "--json", "HostileFlow/17")
    output.decode("ascii")
    assert_printed(output, colours=False)
    document = json.loads(output)
    assert set(document["tags"]) == {payload.text for payload in short_payloads()[::9]}
    shown = on_a_terminal(run, "show", "--json", "HostileFlow/17")
    assert_printed(shown, colours=False)


def test_names_of_runs_and_flows_in_sentences_are_text(run: LocalRun) -> None:
    names = [payload.text for payload in file_names()[::40] if payload.text.isprintable()]
    for name in [*names, "\x1b]52;c;cHduZWQ=\x07", "a\u202eb", "\x9b2J", "[bold]"]:
        if "/" not in name:
            LocalRun(run.root, "HostileFlow", name)
            LocalRun(run.root, f"Hostile{name}", "1")
    for target in ("HostileFlow/99", "Hostile/1", "HostileFlow/17/nowhere"):
        shown = on_a_terminal(run, "show", target, code=3)
        assert "flowtui: " in assert_printed(shown, colours=False).text


@pytest.mark.parametrize("target", ["\x1b]0;x\x07[/bold]/1", "a/\u202e1", "\x9b2J%s"])
def test_a_target_is_no_command_to_the_terminal(target: str, run: LocalRun) -> None:
    with Terminal([PROGRAM, "show", target], environment=environment(run.root, run.root)) as screen:
        assert screen.exit_code() in (2, 3)
    assert "flowtui: " in assert_printed(screen.raw, colours=False).text


# A service that says whatever it likes


@contextmanager
def service(answer: bytes) -> Iterator[str]:
    """Gives these bytes to whoever connects; its address."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    connection.recv(65536)
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


EVIL = b"\x1b]52;c;cHduZWQ=\x07\xc2\x9b2J\xff[/bold]\xe2\x80\xae" + MARKUP[4].encode()
BODY = b'{"detail": "\\u001b]0;pwned\\u0007", "traceback": "' + EVIL + b'"}'


def answered(status: bytes, *headers: bytes, body: bytes = BODY) -> bytes:
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join([b"HTTP/1.1 " + status, *headers, length, b"Connection: close", b"", body])


ANSWERS = {
    "an error": answered(b"500 " + EVIL),
    "not found": answered(b"404 " + EVIL),
    "no status": EVIL * 100,
    "a version": answered(b"200 OK", b"METADATA_SERVICE_VERSION: 2.5.1" + EVIL, body=b'["pong"]'),
    "rows": answered(
        b"200 OK",
        b"METADATA_SERVICE_VERSION: 2.5.1",
        b"X-Limit: 1",
        body=b'[{"flow_id": "\\u001b]0;x\\u0007", "run_number": "\\u009b\\ud800", "ts_epoch": 1}]',
    ),
    "elsewhere": answered(b"302 " + EVIL, b"Location: http://127.0.0.1:1/" + EVIL),
    "a header": answered(b"200 OK", EVIL + b": " + EVIL),
    "a bad length": b"HTTP/1.1 200 OK\r\nContent-Length: " + EVIL + b"\r\n\r\n{}",
    "a bad coding": answered(b"200 OK", b"Content-Encoding: gzip", b"Transfer-Encoding: " + EVIL),
}


@pytest.mark.parametrize("which", ANSWERS)
def test_what_a_service_answers_does_nothing(which: str, tmp_path: Path) -> None:
    command = (PROGRAM, "show", "HostileFlow/17", "--metadata")
    with (
        service(ANSWERS[which]) as url,
        Terminal(
            [*command, f"service@{url}"], environment=environment(tmp_path, tmp_path)
        ) as screen,
    ):
        assert screen.exit_code() in (2, 3, 4), screen.raw
    text = assert_printed(screen.raw, colours=True).text
    assert "flowtui: " in text
    assert "Traceback" not in text
