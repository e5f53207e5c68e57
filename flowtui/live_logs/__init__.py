"""`live_logs`, a Metaflow extension: logs of local attempts that grow while the attempt runs.

Metaflow finds extensions as `metaflow_extensions.<organisation>` on `sys.path`. Installed with
flowtui this one is `metaflow_extensions.flowtui`. For flows that run in an environment without
flowtui the same files are below `extension_path()`, there by another name: Metaflow refuses to
start when it meets one name twice.
"""

from __future__ import annotations

import os
from pathlib import Path

NAME = "live_logs"
"""The decorator's name, as `--with` takes it."""


def extension_path() -> Path:
    """The folder that makes Metaflow know `live_logs` once it is on PYTHONPATH.

    What it holds needs Metaflow and Python 3.8 or later, nothing else.
    """
    return Path(__file__).resolve().parent


def python_path(current: str | None) -> str:
    """A PYTHONPATH with `extension_path()` first, followed by what `current` has.

    A folder that already brings the extension, another flowtui's, is left as the one that does.
    """
    here = str(extension_path())
    entries = current.split(os.pathsep) if current else []
    brought = any(
        os.path.isdir(os.path.join(entry, "metaflow_extensions", "flowtui_launched"))
        for entry in entries
        if entry
    )
    return os.pathsep.join(entries if brought else [here, *entries])
