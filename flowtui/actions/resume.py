"""Resumes a run: finds its flow file, plans the command, starts it."""

from __future__ import annotations

import ast
import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flowtui.actions.command import (
    interpreter,
    shell_line,
    stores_logs_at_the_end,
    with_live_logs,
)
from flowtui.actions.errors import ActionError
from flowtui.actions.launch import Launch, start_flow
from flowtui.actions.preview import StepPreview, preview
from flowtui.actions.resume_options import ORIGIN_OPTION, ResumeOptions, check_options
from flowtui.model import RunDescription

__all__ = [
    "ActionError",
    "Launch",
    "ResumeOptions",
    "ResumePlan",
    "StepPreview",
    "check_flow_file",
    "interpreter",
    "plan",
    "preview",
    "propose_flow_file",
    "read_flow_file",
    "start",
    "stores_logs_at_the_end",
]

FLOW_FILE_LIMIT = 5_000_000
"""Bytes; a larger file is not looked into."""

_RUN_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@=+-]{0,254}")
_NAMES_SHOWN = 5
_AS_IT_WAS = ResumeOptions()


@dataclass(frozen=True, slots=True)
class ResumePlan:
    """A resume that can be shown and started.

    `origin` is the pathspec of the run it continues, `environment` what is set on top of the
    environment of flowtui.
    """

    origin: str
    flow_file: Path
    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]

    @property
    def command_line(self) -> str:
        """The resume as one would type it into a POSIX shell where flowtui was started."""
        return shell_line(self.argv, self.environment, self.cwd)


def propose_flow_file(description: RunDescription, cwd: Path) -> Path | None:
    """Where the run's flow file probably is; for a person to see and change, not to be run unasked.

    The file that `_graph_info` records for most steps if it exists here, else one of its name in
    `cwd`, else the recorded one although it is not here, else None.
    """
    graph = description.graph
    if not graph.file:
        return None
    name = Path(graph.file).name
    recorded = Counter(
        node.source_file
        for node in graph.nodes
        if node.source_file and Path(node.source_file).name == name
    )
    candidates = [Path(path) for path, _ in recorded.most_common(1)]
    candidates = [path for path in candidates if path.is_absolute()] + [cwd / name]
    for candidate in candidates:
        if _is_file(candidate):
            return candidate
    return candidates[0] if len(candidates) > 1 else None


def _is_file(path: Path) -> bool:
    # A recorded path may be nothing that this system takes for one: too long, or unreadable.
    try:
        return path.is_file()
    except OSError:
        return False


def check_flow_file(path: Path, flow_name: str) -> None:
    """Raise `ActionError` unless the file defines a class of that name; it is only parsed."""
    source = read_flow_file(path)
    classes = [node for node in ast.walk(_parse(path, source)) if isinstance(node, ast.ClassDef)]
    if any(node.name == flow_name for node in classes):
        return
    flows = [node.name for node in classes if _looks_like_a_flow(node)]
    others = ", ".join(flows[:_NAMES_SHOWN]) + (" and more" if len(flows) > _NAMES_SHOWN else "")
    holds = f"the flows in it: {others}" if flows else "it holds no flow at all"
    raise ActionError(f"{path} has no flow named {flow_name} ({holds}).")


def read_flow_file(path: Path) -> bytes:
    """The source of a flow file. Raises `ActionError` when it is not there or cannot be one."""
    try:
        if path.is_dir():
            raise ActionError(f"{path} is a directory. Give the flow's Python file.")
        if not path.exists():
            raise ActionError(f"{path} does not exist. Give the flow's Python file.")
        if not path.is_file():
            raise ActionError(f"{path} is not a regular file. Give the flow's Python file.")
        with path.open("rb") as file:
            source = file.read(FLOW_FILE_LIMIT + 1)
    except (OSError, ValueError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise ActionError(f"{path} cannot be read: {what}.") from error
    if len(source) > FLOW_FILE_LIMIT:
        raise ActionError(f"{path} is larger than 5 MB, so it is not taken for a flow.")
    return source


def _parse(path: Path, source: bytes) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        where = f" at line {error.lineno}" if error.lineno else ""
        raise ActionError(f"{path} is not Python: {error.msg}{where}.") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ActionError(f"{path} is not Python that can be read: {error}.") from error


def _looks_like_a_flow(node: ast.ClassDef) -> bool:
    return any(ast.unparse(base).rpartition(".")[2].endswith("FlowSpec") for base in node.bases)


def plan(
    description: RunDescription,
    flow_file: Path,
    *,
    cwd: Path,
    environment: Mapping[str, str],
    options: ResumeOptions = _AS_IT_WAS,
    live_logs: bool = True,
) -> ResumePlan:
    """The command that resumes a run with `flow_file`, a path relative to `cwd` or absolute.

    It runs in `cwd` when the file lies in or below it, so that a flow finds there what it found
    before, else beside the file. `environment` holds the metadata provider's settings. Where data
    is local the command gets `--with live_logs`, so that its logs can be followed, whatever the run
    was started with: `resume` does not remember that. With `live_logs=False` that is left out.
    Nothing is started. Raises `ActionError` for a run or for options that `resume` cannot take.
    """
    run = description.run
    if not _RUN_ID.fullmatch(run):
        raise ActionError(f"{run!r} is no run id that Metaflow could have given, so it is not run.")
    if run.startswith("dagster-"):
        raise ActionError(
            f"{description.pathspec} ran under Dagster. Resume it with "
            f"`python flow.py dagster resume --run-id {run}`; flowtui cannot do that yet."
        )
    check_options(options, description)
    base = Path(os.path.abspath(cwd))
    file = Path(os.path.abspath(base / flow_file))
    words, settings = options.words, {**environment, **_path_of_mappers(description)}
    if live_logs and stores_logs_at_the_end(settings):
        words, settings = with_live_logs(words, settings)
    step = () if options.step is None else (options.step,)
    return ResumePlan(
        origin=description.pathspec,
        flow_file=file,
        argv=(interpreter(), str(file), "resume", *step, ORIGIN_OPTION, run, *words),
        cwd=base if file.is_relative_to(base) else file.parent,
        environment=settings,
    )


def _path_of_mappers(description: RunDescription) -> dict[str, str]:
    """A PATH whose `python` is the one of the flow, where a num_parallel step asks for it."""
    python = Path(interpreter())
    path = os.environ.get("PATH", os.defpath)
    parallel = any(node.type == "split-parallel" for node in description.graph.nodes)
    if not parallel or shutil.which("python", path=path) == str(python.with_name("python")):
        return {}
    return {"PATH": f"{python.parent}{os.pathsep}{path}"}


def start(resume: ResumePlan) -> Launch:
    """Start the resume, detached. Raises `ActionError`: one at a time per origin run."""
    return start_flow(
        resume.argv, cwd=resume.cwd, environment=resume.environment, exclusive=resume.origin
    )
