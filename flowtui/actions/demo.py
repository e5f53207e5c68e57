"""Starts the bundled demo flow, with metadata and data of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flowtui.actions.command import interpreter, with_live_logs
from flowtui.actions.errors import ActionError
from flowtui.actions.launch import Launch, start_flow
from flowtui.folders import own_folder

FLOW_NAME = "DemoFlow"
FLOW_FILE = Path(__file__).parents[1] / "demo" / "flow.py"


@dataclass(frozen=True, slots=True)
class DemoRun:
    """The started demo. Whoever reads its run needs `environment` too, before importing metaflow.

    `root` holds its metadata and data.
    """

    launch: Launch
    root: Path
    environment: Mapping[str, str]


def demo_root() -> Path:
    """Where the demo's metadata and data are kept: `demo` in the user's data directory.

    Raises ActionError where there is none.
    """
    data = own_folder("data")
    if data is None:
        raise ActionError("There is no home directory for the demo. Set HOME or XDG_DATA_HOME.")
    return data / "demo"


def demo_environment(root: Path) -> dict[str, str]:
    """Metaflow settings that keep all of the demo under `root`, whatever the user has configured.

    Metaflow takes an empty METAFLOW_PROFILE for none, and refuses to run without a user other than
    root (`metaflow.util.get_username`).
    """
    environment = {
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_ENVIRONMENT": "local",
        "METAFLOW_DEFAULT_DECOSPECS": "",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(root),
        "METAFLOW_HOME": str(root / "config"),
        "METAFLOW_PROFILE": "",
    }
    names = ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER")
    if not any(os.environ.get(name, "root") not in ("", "root") for name in names):
        environment["METAFLOW_USER"] = "demo"
    return environment


def start_demo() -> DemoRun:
    """Start the demo flow, detached; it runs for about half a minute. Raises `ActionError`.

    It fails at its last but one step, and succeeds once that run is resumed.
    """
    root = demo_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ActionError(
            f"{root} cannot be written to: {error.strerror}. "
            "Make room there, or set XDG_DATA_HOME to another directory."
        ) from error
    environment = demo_environment(root)
    # Two workers, so that tasks are seen waiting, running and done at the same time.
    options, settings = with_live_logs(("--max-workers", "2"), environment)
    argv = (interpreter(), str(FLOW_FILE), "run", *options)
    launch = start_flow(argv, cwd=root, environment=settings)
    return DemoRun(launch, root, environment)
