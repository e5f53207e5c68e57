"""`flowtui serve`: the app in a browser, who is let in, and how it ends."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil
from selenium.webdriver.common.keys import Keys

from tests.browser import browser
from tests.program import PROGRAM
from tests.runs import RecordedRun, eventually, flow_environment

ENDED_WITHIN = 5.0
"""Seconds on a busy machine; half a second else."""


@dataclass
class Served:
    """A `flowtui serve` that serves; `said` is what it printed by then."""

    process: subprocess.Popen[str]
    said: str
    url: str

    @property
    def port(self) -> int:
        return int(re.search(r":(\d+)/", self.url)[1])  # type: ignore[index]

    def ask(self, path: str = "/", **headers: str) -> tuple[int, str]:
        """The status and text of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@contextmanager
def serving(run: RecordedRun, *options: str, **extra: str) -> Iterator[Served]:
    """`flowtui serve` of a run on a free port."""
    command = [str(PROGRAM), "serve", run.pathspec, "--namespace", "", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        env=flow_environment(run.root, extra),
        cwd=run.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if "Serving" in line:
                break
        found = re.search(r"http://\S+", said)
        assert found is not None, said
        yield Served(process, said, found[0])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def refused(run: RecordedRun, *arguments: str, **extra: str) -> tuple[int, str]:
    """The exit code and the sentence of a `flowtui serve` that does not come to serve."""
    ended = subprocess.run(
        [PROGRAM, "serve", *arguments],
        env=flow_environment(run.root, extra),
        cwd=run.root,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


def sessions(served: Served) -> list[psutil.Process]:
    return psutil.Process(served.process.pid).children(recursive=True)


def test_a_run_is_watched_in_a_browser_with_no_way_to_act_on_it(
    runs: dict[str, RecordedRun], tmp_path: Path
) -> None:
    run = runs["failed"]
    with serving(run, "--palette", "colour-blind") as served, browser(tmp_path) as page:
        page.open(served.url)
        page.wait_for(run.pathspec, "✗ failed", "✓ start", "first failure")
        assert "resume" not in page.text()
        page.press("r?")
        page.wait_for("esc closes", "Everywhere", "Find a command")
        assert "Resume" not in page.text()
        page.press(Keys.ESCAPE)
        page.wait_until(lambda text: "esc closes" not in text, "the help is closed")
        page.press("!")
        page.press(Keys.ENTER)
        page.wait_for("stdout", "stderr", "back")
        # A log is saved where the person is, not on the server.
        before = set(run.root.iterdir())
        page.press("s", ctrl=True)
        saved = tmp_path / "downloads"
        eventually(lambda: list(saved.glob("FailedFlow-*.log")), "the log is downloaded")
        assert set(run.root.iterdir()) == before
        here = f"http://127.0.0.1:{served.port}/"
        assert {url for url in page.requested() if not url.startswith(here)} == set()

        [session] = sessions(served)
        assert "--read-only" in session.cmdline()
        assert "--palette=colour-blind" in session.cmdline()
        begun = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(10) == 143
        assert time.monotonic() - begun < ENDED_WITHIN
        assert not session.is_running()
        assert served.process.stdout is not None
        assert served.process.stdout.read() == ""


def test_a_session_ends_with_a_server_that_is_killed(runs: dict[str, RecordedRun]) -> None:
    with (
        serving(runs["linear"]) as served,
        socket.create_connection(("127.0.0.1", served.port)) as connection,
    ):
        connection.sendall(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        drawn = b""
        while b"LinearFlow" not in drawn:
            drawn += connection.recv(65536)
        [session] = sessions(served)
        served.process.kill()
        eventually(lambda: not session.is_running(), "the session has ended", 10)


def test_other_sites_are_refused(runs: dict[str, RecordedRun]) -> None:
    with serving(runs["linear"]) as served:
        assert served.ask()[0] == 200
        assert served.ask(Host="localhost:9000")[0] == 200, "behind ssh -L 9000:127.0.0.1:…"
        assert served.ask(Host="rebound.example")[0] == 403
        assert served.ask(Host="[")[0] == 403
        assert served.ask("/ws", Origin="http://evil.example")[0] == 403
        assert served.ask("/ws", Origin="http://127.0.0.1:1")[0] == 403
        assert sessions(served) == []
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(10) == 130


def test_actions_are_for_who_has_the_printed_address(runs: dict[str, RecordedRun]) -> None:
    with serving(runs["linear"], "--allow-actions") as served:
        query = served.url.rpartition("/")[2]
        assert query.startswith("?token=")
        assert served.ask()[0] == 403
        assert served.ask("/ws")[0] == 403
        assert served.ask("/?token=wrong")[0] == 403
        assert served.ask(f"/{query}")[0] == 200
        cookie = f"flowtui={query.removeprefix('?token=')}"
        assert served.ask("/", Cookie=cookie)[0] == 200


def test_serving_others_is_said(runs: dict[str, RecordedRun]) -> None:
    with serving(runs["linear"], "--host", "0.0.0.0") as served:
        assert "Who can reach this port can read these runs" in served.said
        assert served.ask(Host="a-name-of-this-machine")[0] == 200


def test_what_cannot_be_served_is_said_before(runs: dict[str, RecordedRun], tmp_path: Path) -> None:
    run = runs["linear"]
    here = (run.pathspec, "--namespace", "")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, sentence = refused(run, *here, "--port", str(port))
    assert (code, f"Port {port} of 127.0.0.1 is taken." in sentence) == (1, True)
    code, sentence = refused(run, *here, "--host", "192.0.2.1")
    assert (code, "192.0.2.1" in sentence) == (1, True)
    code, sentence = refused(run, "LinearFlow/404", "--namespace", "")
    assert (code, "has no run '404'" in sentence) == (3, True)
    code, sentence = refused(run, *here, "--allow-actions", "--read-only")
    assert (code, "--read-only takes away" in sentence) == (2, True)
    code, sentence = refused(run, *here, "--allow-actions", FLOWTUI_READ_ONLY="true")
    assert (code, "FLOWTUI_READ_ONLY" in sentence) == (2, True)
