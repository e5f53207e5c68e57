"""Starts a Metaflow flow as a process of its own, which goes on when flowtui ends."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from flowtui.actions.errors import ActionError
from flowtui.folders import LAUNCHES, own_folder
from flowtui.logs.sanitise import plain_text

TAIL_LINES = 12
"""Lines of output that a failure carries."""

RUN_ID_OPTION, ATTRIBUTES_OPTION = "--run-id-file", "--runner-attribute-file"
"""Options of Metaflow's `run` and `resume`: where to write the new run's id, or more about it."""

STOP_SECONDS = 5.0
"""How long a flow may take to end once it is interrupted."""

_TAIL_BYTES = 64 * 1024
_TOLD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LaunchedRun:
    """What Metaflow tells of a run it has begun; `metadata` is `local@DIR` or `service@URL`.

    Of a flow whose name was known before, only the run's id is asked for.
    """

    run: str
    flow: str | None = None
    metadata: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A launch that ended before its run had an id.

    `sentence` says how it ended; `tail` is the end of its output, at most `TAIL_LINES` non-empty
    lines made safe to show (no escape sequences, no control characters).
    """

    sentence: str
    tail: tuple[str, ...]


class Launch:
    """A flow that flowtui started; the process does not depend on this object. Thread-safe."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        log_path: Path,
        told_path: Path,
        told: Callable[[bytes], LaunchedRun | None],
    ) -> None:
        self.log_path = log_path
        self._process = process
        self._told_path = told_path
        self._told = told

    @property
    def pid(self) -> int:
        """The process id of the flow's launcher, which leads a session of its own."""
        return self._process.pid

    def poll_run(self) -> LaunchedRun | None:
        """The new run once Metaflow has told of it, before any task starts; None until then."""
        try:
            with self._told_path.open("rb") as file:
                return self._told(file.read(_TOLD_BYTES))
        except OSError:
            return None

    def poll_run_id(self) -> str | None:
        """The new run's id, when `poll_run` gives one."""
        launched = self.poll_run()
        return launched.run if launched is not None else None

    def exit_code(self) -> int | None:
        """The launcher's exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End the flow as Ctrl-C does, or by force when it takes too long; returns when it has."""
        if self.exit_code() is not None:
            return
        ended = False
        try:
            with suppress(subprocess.TimeoutExpired, ProcessLookupError):
                os.killpg(self.pid, signal.SIGINT)
                self._process.wait(STOP_SECONDS)
                ended = True
        finally:
            if not ended:
                with suppress(ProcessLookupError):
                    os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()

    def failure(self) -> Failure | None:
        """Why there is no run: set once the process has ended without a run id."""
        code = self.exit_code()
        # In this order: an id written just before the end is still seen.
        if code is None or self.poll_run_id() is not None:
            return None
        how = f"with exit code {code}" if code >= 0 else f"by signal {-code}"
        return Failure(
            f"The flow ended {how} before it had a run. Its output is in {self.log_path}.",
            _tail(self.log_path),
        )


def start_flow(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    exclusive: str | None = None,
    arguments: Sequence[str] | None = None,
) -> Launch:
    """Start `argv`, the command line of a flow, in `cwd`, detached from flowtui.

    The option that makes Metaflow tell of the run is appended: its id, or, when `arguments` are
    given, its flow and provider too, and then `arguments` follow. The process leads its own
    session, reads nothing, and writes its output to a private file under the user's state
    directory. It gets this process's environment, overlaid with `environment`, and its
    interpreter's folder first on PATH: Metaflow starts num_parallel mappers as plain `python`.

    `exclusive` is the pathspec of an origin run: while a launch of it lives, whoever started it,
    another one is refused. Raises `ActionError`.
    """
    folder = _private_folder(LAUNCHES)
    with _writing_to(folder):
        own = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=folder))
    log_path, told_path = own / "output.log", own / "run-id"
    option, told = RUN_ID_OPTION, _run_id
    if arguments is not None:
        # In front: behind an option that lacks its value it would be taken for one.
        option, told = ATTRIBUTES_OPTION, _attributes
    command = [*argv, option, str(told_path), *(arguments or ())]
    with _origin_lock(exclusive) as lock, _writing_to(own):
        output = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            process = _spawn(command, cwd, environment, output, lock)
        finally:
            os.close(output)
        if lock is not None:
            _describe_holder(lock, process.pid, command)
    return Launch(process, log_path, told_path, told)


def _run_id(written: bytes) -> LaunchedRun | None:
    run = written.decode("utf-8", "replace").strip()
    return LaunchedRun(run) if run else None


def _attributes(written: bytes) -> LaunchedRun | None:
    """Of a document that is being written, nothing."""
    try:
        told = json.loads(written)
        return LaunchedRun(str(told["run_id"]), str(told["flow_name"]), str(told["metadata"]))
    except (ValueError, TypeError, KeyError):
        return None


def _spawn(
    command: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    output: int,
    lock: int | None,
) -> subprocess.Popen[bytes]:
    child_environment = {**os.environ, **environment}
    path = child_environment.get("PATH", os.defpath)
    child_environment["PATH"] = f"{Path(command[0]).parent}{os.pathsep}{path}"
    try:
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=child_environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
        )
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise ActionError(
            f"The flow could not be started with {command[0]} in {cwd}: {what}."
        ) from error


@contextmanager
def _origin_lock(pathspec: str | None) -> Iterator[int | None]:
    """A locked descriptor for the child to inherit; the lock lives until its last holder ends."""
    if pathspec is None:
        yield None
        return
    folder = _private_folder("locks")
    with _writing_to(folder):
        lock = os.open(folder / _lock_name(pathspec), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with _writing_to(folder):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _refuse(lock, pathspec)
            os.ftruncate(lock, 0)
        yield lock
    finally:
        # Not LOCK_UN: that would release the child's lock too, closing only gives up ours.
        os.close(lock)


def _lock_name(pathspec: str) -> str:
    """A file name for any text: readable where it can be, distinct by its digest."""
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", pathspec)[:80]
    digest = hashlib.sha256(pathspec.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{readable}-{digest}.lock"


def _describe_holder(lock: int, pid: int, command: Sequence[str]) -> None:
    """Leave word for who is refused; the lock holds without it, so that a full disk is no error."""
    with suppress(OSError):
        os.pwrite(lock, f"{pid}\n{shlex.join(command)}\n".encode("utf-8", "replace"), 0)


def _refuse(lock: int, pathspec: str) -> NoReturn:
    first_line = os.pread(lock, 100, 0).partition(b"\n")[0]
    holder = f" (process {first_line.decode()})" if first_line.isdigit() else ""
    raise ActionError(f"{pathspec} is already being resumed{holder}. Wait until that has ended.")


def _private_folder(name: str) -> Path:
    """`<user state directory>/flowtui/<name>`, made if need be, open to this user alone."""
    state = own_folder("state")
    if state is None:
        raise ActionError("There is no home directory for output. Set HOME or XDG_STATE_HOME.")
    with _writing_to(state):
        for folder in (state, state / name):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return state / name


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ActionError(
            f"{folder} cannot be written to: {error.strerror}. "
            "Make room there, or set XDG_STATE_HOME to another directory."
        ) from error


def _tail(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read(_TAIL_BYTES).split(b"\n")
    except OSError:
        return ()
    shown = (plain_text(line).rstrip() for line in lines)
    return tuple([line for line in shown if line][-TAIL_LINES:])
