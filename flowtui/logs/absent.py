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
        if "runtime:dev" in run.system_tags:
            return "Nothing yet: Metaflow stores a local attempt's log when the attempt ends."
        return f"Nothing on {stream} yet."
    if attempt.state is State.LOST:
        return "No log was stored: whatever ran this attempt went away before it could."
    return f"This attempt wrote nothing to {stream}."
