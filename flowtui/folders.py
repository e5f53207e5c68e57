"""The person's own folders, where the platform has them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

LAUNCHES = "launches"
"""The folder below the one for state that holds the output of flows that flowtui started."""


def own_folder(of: Literal["config", "data", "state"]) -> Path | None:
    """flowtui's folder for settings, data or state; None where there is no home directory.

    It need not exist.
    """
    from platformdirs import PlatformDirs

    try:
        path = Path(getattr(PlatformDirs("flowtui"), f"user_{of}_dir"))
    except RuntimeError:
        return None
    # Without a home directory older versions leave the `~` in it.
    return path if path.is_absolute() else None
