"""`flowtui watch`: progress until a run ends, as lines or as a picture, and how it ended."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from tests.contract import LiveRun, held
from tests.metadata_service import MetadataService
from tests.program import SMALL, modes_changed, monitor, running_flow
from tests.runs import RecordedRun, eventually, flow_environment
from tests.terminal import PATIENCE
from tests.test_cli import (
    DONE,
    INTERRUPTED,
    NOT_FOUND,
    PROGRAM,
    TERMINATED,
    UNREACHABLE,
    UNSUCCESSFUL,
    Cli,
    cli,
    complaint,
)

__all__ = ["cli"]

STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ")


def happened(stderr: str) -> list[str]:
    """What lines say, behind the times that all of them begin with."""
    lines = stderr.splitlines()
    assert all(STAMP.match(line) for line in lines), stderr
    assert "\x1b" not in stderr
    return [STAMP.sub("", line, count=1) for line in lines]


# A run that is over


def test_of_a_run_that_is_over_all_that_happened_is_told(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    run = runs["catch"].pathspec
    ended = cli("watch", run, "--exit-status")
    assert (ended.returncode, ended.stdout) == (DONE, f"{run}\tsucceeded\n")
    *events, end = happened(ended.stderr)
    assert events == [
        "✓ succeeded  start  1 of 1 task succeeded",
        "✗ failed     divide/2 divisors=0 attempt 0  attempt_ok=False, attempt 1 followed",
        "✗ failed     divide/2 divisors=0 attempt 1  attempt_ok=False, attempt 2 followed",
        "◆ caught     divide/2 divisors=0 attempt 2  @catch stored it in divide_failed",
        "◆ caught     divide  1 of 3 tasks caught",
        "✓ succeeded  join  1 of 1 task succeeded",
        "✓ succeeded  end  1 of 1 task succeeded",
    ]
    assert re.fullmatch(
        rf"✓ succeeded  {run}  0:\d\d  1 caught  5 succeeded  end/6 attempt 0: attempt_ok=True", end
    )


def test_compact_tells_what_did_not_go_well_and_the_end(
    cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    run = runs["retry"].pathspec
    told = happened(cli("watch", run, "--compact", "--ascii").stderr)
    assert [line.split()[:3] for line in told[:2]] == [["x", "failed", "flaky/2"]] * 2
    assert told[2].startswith(f"+ succeeded  {run}  0:")
    assert len(told) == 3


def test_a_retry_that_helps_is_told(cli: Cli, runs: dict[str, RecordedRun]) -> None:
    told = happened(cli("watch", runs["retry"].pathspec).stderr)
    assert "✓ succeeded  flaky/2 attempt 2  attempt_ok=True" in told


@pytest.mark.parametrize(("options", "code"), [((), DONE), (("--exit-status",), UNSUCCESSFUL)])
def test_a_failed_run_ends_it_as_asked(
    options: tuple[str, ...], code: int, cli: Cli, runs: dict[str, RecordedRun]
) -> None:
    run = runs["failed"].pathspec
    ended = cli("watch", run, *options)
    assert (ended.returncode, ended.stdout) == (code, f"{run}\tfailed\n")


def test_what_is_not_there_or_does_not_answer_ends_it_at_once(cli: Cli) -> None:
    complaint(cli("watch", "LinearFlow/12"), NOT_FOUND)
    with MetadataService() as service:
        away = service.environment
    complaint(cli("watch", "LinearFlow/1", **away), UNREACHABLE)


# A run that goes on


class Watching:
    """`flowtui watch` of a run, its lines as they come."""

    def __init__(self, live: LiveRun, root: Path, *options: str, **extra: str) -> None:
        self.process = subprocess.Popen(
            [PROGRAM, "watch", f"{live.flow}/@latest", "--interval", "0.1", *options],
            env=flow_environment(root, extra) | {"PYTHONUTF8": "1"},
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)

    def until(self, text: str) -> list[str]:
        """What happened up to the next line that holds a text, behind the times."""
        lines: list[str] = []
        while not lines or text not in lines[-1]:
            lines += happened(self._lines.get(timeout=PATIENCE))
        return lines

    def ended(self) -> tuple[int, str]:
        """The exit code and what was printed."""
        assert self.process.stdout is not None
        return self.process.wait(PATIENCE), self.process.stdout.read()


@contextmanager
def watching(live: LiveRun, root: Path, *options: str, **extra: str) -> Iterator[Watching]:
    found = Watching(live, root, *options, **extra)
    try:
        yield found
    finally:
        found.process.kill()
        found.process.wait()


def test_each_event_is_a_line_as_it_comes(tmp_path: Path) -> None:
    with held(tmp_path) as live, watching(live, tmp_path) as watch:
        run = f"KilledFlow/{live.run}"
        first, *_ = watch.until("start  1 of 1 task succeeded")
        assert re.match(rf"(● running  |· pending  )  {run}  0:\d\d", first)
        live.gate.unlink()
        assert watch.until("✓ succeeded  KilledFlow")[:-1] == [
            "✓ succeeded  wait  1 of 1 task succeeded",
            "✓ succeeded  end  1 of 1 task succeeded",
        ]
        assert watch.ended() == (DONE, f"{run}\tsucceeded\n")


def test_an_outage_is_told_once_and_when_it_is_over(tmp_path: Path) -> None:
    with (
        MetadataService() as service,
        held(tmp_path, service.environment) as live,
        watching(live, tmp_path, **service.environment) as watch,
    ):
        watch.until("start  1 of 1 task succeeded")
        service.fault = "503"
        [told] = watch.until("no news")
        assert told == (
            f"no news: service@{service.url} answers with an error, HTTP status 503. "
            "It is tried again."
        )
        service.reset()
        eventually_asked(service, 2)
        service.fault = None
        [again] = watch.until("news again")
        assert re.fullmatch(r"news again, after \S+s", again)
        live.gate.unlink()
        watch.until("✓ succeeded  KilledFlow")
        assert watch.ended()[0] == DONE


def eventually_asked(service: MetadataService, times: int) -> None:
    """Wait until the service, out of order, has been asked some times more."""
    eventually(lambda: len(service.requests) >= times, "it is tried again")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)]
)
def test_a_signal_ends_it_without_a_result(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    with held(tmp_path) as live, watching(live, tmp_path) as watch:
        watch.until("start  1 of 1 task succeeded")
        watch.process.send_signal(number)
        assert watch.ended() == (code, "")


# On a terminal


def test_a_terminal_shows_a_picture_that_changes_in_its_place(tmp_path: Path) -> None:
    gates = tmp_path / "gates"
    gates.mkdir()
    flow = running_flow(
        "watched.py", "run", "--gates", str(gates), root=tmp_path, home=tmp_path / "flow"
    )
    with flow as (_, run):
        options = ("--interval", "0.1", "--exit-status")
        target = f"WatchedFlow/{run}"
        with monitor(
            "watch", target, *options, root=tmp_path, home=tmp_path / "home", size=SMALL
        ) as screen:
            screen.wait_for_line("● start")
            (gates / "start").touch()
            screen.wait_for_line("● train/2 countries=FI")
            for gate in ("FI-0", "SE-0", "NO-0"):
                (gates / gate).touch()
            screen.wait_until(
                lambda text: "● train/4 countries=NO" in text and "FI" not in text,
                "the failed task tried again, and no row for what went well",
            )
            assert screen.lines()[0].startswith(f"{target}  ● running  0:")
            (gates / "NO-1").touch()
            assert screen.exit_code() == UNSUCCESSFUL
            rows = screen.lines()
            assert rows[0].startswith(f"{target}  ✗ failed  0:")
            assert [row.split()[:2] for row in rows[1:3]] == [["✓", "start"], ["✗", "train"]]
            assert rows[3].startswith("      ✗ train/4 countries=NO")
            assert screen.text().count("running") == 0, "the picture was drawn over"
            assert f"{target}  failed".split() in [row.split() for row in rows]
            assert modes_changed(screen.raw) == set()


def test_ctrl_c_leaves_the_picture_and_the_cursor(tmp_path: Path) -> None:
    with (
        held(tmp_path) as live,
        monitor(
            "watch", f"KilledFlow/{live.run}", "--compact", root=tmp_path, home=tmp_path / "home"
        ) as screen,
    ):
        screen.wait_for_line("● wait/2")
        assert "start" not in screen.text(), "compact"
        screen.press("ctrl+c")
        assert screen.exit_code() == INTERRUPTED
        assert "● wait/2" in screen.text()
        assert modes_changed(screen.raw) == set()
        assert screen.attributes_after == screen.attributes_before
