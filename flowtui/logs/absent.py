"""Why a log is empty, in a sentence: Metaflow does not store every log, nor at every time."""

from __future__ import annotations

from flowtui.model import Attempt, RunDescription, State, Task


def why_empty(run: RunDescription, task: Task, attempt: Attempt | None, stream: str) -> str:
    """What to say in place of the log of an attempt that has no line."""
    if run.run.startswith("dagster-"):
        return "Dagster runs keep no Metaflow logs: the output is in Dagster's event log."
    if attempt is None or attempt.state is State.PENDING:
        return "Nothing yet: no attempt has started."
    if attempt.state is State.CLONED:
        return f"Cloned: its log is that of {task.origin_task}."
    control, _, node = task.id.partition("_node_")
    if node and "runtime:dev" in run.system_tags:
        return f"Metaflow keeps the output of num_parallel tasks with their control task {control}."
    if attempt.state is State.RUNNING:
        if "runtime:dev" not in run.system_tags or _is_live(run, task):
            return f"Nothing on {stream} yet."
        return (
            "Nothing yet: Metaflow stores a local attempt's log when the attempt ends, "
            "or line by line in a run started `--with live_logs`."
        )
    if attempt.state is State.LOST:
        return "No log was stored: whatever ran this attempt went away before it could."
    return f"This attempt wrote nothing to {stream}."


def _is_live(run: RunDescription, task: Task) -> bool:
    """Whether the step has the decorator by which its logs grow while its tasks run."""
    return task.step in run.graph and run.graph[task.step].decorator("live_logs") is not None
