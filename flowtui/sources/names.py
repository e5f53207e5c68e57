"""The names that a provider has below a flow, run or step, for those who type them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from flowtui.sources.local_provider import plainly_local
from flowtui.sources.metadata_rows import moment
from flowtui.sources.registry import Where, open_provider

_BELOW = (
    ("root", "flow", "flow_id"),
    ("flow", "run", "run_number"),
    ("run", "step", "step_name"),
    ("step", "task", "task_id"),
)


def names_below(where: Where, path: Sequence[str]) -> Sequence[str]:
    """The flows, or the runs of a flow, newest first, or the steps of a run, or a step's tasks.

    Runs are those of the namespace. Raises what `open_source` raises, and OSError.
    """
    provider = open_provider(where)
    kind, part, name = _BELOW[len(path)]
    rows = provider.list(kind, part, *path)
    if part != "run":
        return sorted(str(row[name]) for row in rows)
    return [str(row[name]) for row in _newest_first(rows, provider.namespace)]


def names_in_time(where: Where, path: Sequence[str], seconds: float) -> Sequence[str]:
    """`names_below`, or none when the provider fails or takes longer."""
    found: list[str] = []

    def ask() -> None:
        with suppress(Exception):  # Whatever it is: who types a name does not want to read of it.
            found.extend(names_below(where, path))

    if plainly_local(where.metadata, where.namespace) is None:
        import metaflow  # noqa: F401  What this takes is no delay of the provider's.

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return found


def _newest_first(rows: Sequence[Any], namespace: str | None) -> Sequence[Any]:
    """The rows of runs in a namespace; None is for all."""
    inside = [
        row
        for row in rows
        if namespace is None
        or namespace in (*(row.get("tags") or ()), *(row.get("system_tags") or ()))
    ]
    return sorted(inside, key=lambda row: moment(row.get("ts_epoch")) or 0, reverse=True)
