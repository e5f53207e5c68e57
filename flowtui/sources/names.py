"""The names that a provider has below a flow, run or step, for those who type them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from flowtui.sources.local_tree import Damaged, entries, load
from flowtui.sources.metadata_rows import moment
from flowtui.sources.provider import ANY_NAMESPACE, Provider
from flowtui.sources.registry import Where

_BELOW = (
    ("root", "flow", "flow_id"),
    ("flow", "run", "run_number"),
    ("run", "step", "step_name"),
    ("step", "task", "task_id"),
)

_USER_VARIABLES = ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER")
"""Where Metaflow takes the user's name from, the first one that is set."""


def names_below(where: Where, path: Sequence[str]) -> Sequence[str]:
    """The flows, or the runs of a flow, newest first, or the steps of a run, or a step's tasks.

    Runs are those of the namespace. Raises what `open_source` raises, and OSError.
    """
    root = _plainly_local(where.metadata)
    if root is not None:
        return _in_folder(root, where.namespace, path)
    provider = Provider(where.metadata, where.namespace)
    kind, part, name = _BELOW[len(path)]
    rows = provider.list(kind, part, *path)
    if part == "run":
        rows = _newest_first(rows, provider.namespace)
    return [str(row[name]) for row in rows]


def names_in_time(where: Where, path: Sequence[str], seconds: float) -> Sequence[str]:
    """`names_below`, or none when the provider fails or takes longer."""
    found: list[str] = []

    def ask() -> None:
        with suppress(Exception):  # Whatever it is: who types a name does not want to read of it.
            found.extend(names_below(where, path))

    if _plainly_local(where.metadata) is None:
        import metaflow  # noqa: F401  What this takes is no delay of the provider's.

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return found


def _plainly_local(metadata: str | None) -> Path | None:
    """The `.metaflow` folder where that can be told without Metaflow, which takes half a second to
    import: no file of Metaflow's settings has a say in it."""
    home = Path(os.environ.get("METAFLOW_HOME", "~/.metaflowconfig")).expanduser()
    here = Path.cwd()
    above = next((at for at in (here, *here.parents) if (at / ".metaflow").is_dir()), here)
    if any(home.glob("config*.json")) or (above / ".metaflow" / "config.json").exists():
        return None
    configured = os.environ.get("METAFLOW_DEFAULT_METADATA", "local")
    kind, _, folder = (configured if metadata is None else metadata).partition("@")
    if kind != "local":
        return None
    sysroot = os.environ.get("METAFLOW_DATASTORE_SYSROOT_LOCAL")
    return Path(folder or sysroot or above, ".metaflow")


def _in_folder(root: Path, namespace: str | None, path: Sequence[str]) -> Sequence[str]:
    folder = root.joinpath(*path)
    names = [name for name in entries(str(folder)) if (folder / name / "_meta").is_dir()]
    if len(path) != 1:
        return sorted(names)
    rows = list(_rows(folder, names))
    chosen = _own_namespace() if namespace is None else namespace
    wanted = None if chosen == ANY_NAMESPACE else chosen
    return [str(row["run_number"]) for row in _newest_first(rows, wanted)]


def _rows(folder: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        with suppress(Damaged):
            yield load(f"{folder}/{name}/_meta/_self.json") | {"run_number": name}


def _own_namespace() -> str:
    """The namespace that Metaflow starts with."""
    token = os.environ.get("METAFLOW_PRODUCTION_TOKEN")
    if token:
        return f"production:{token}"
    users = (os.environ.get(name) for name in _USER_VARIABLES)
    return f"user:{next((user for user in users if user and user != 'root'), None)}"


def _newest_first(rows: Sequence[Any], namespace: str | None) -> Sequence[Any]:
    """The rows of runs in a namespace; None is for all."""
    inside = [
        row
        for row in rows
        if namespace is None
        or namespace in (*(row.get("tags") or ()), *(row.get("system_tags") or ()))
    ]
    return sorted(inside, key=lambda row: moment(row.get("ts_epoch")) or 0, reverse=True)
