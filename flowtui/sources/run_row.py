"""Reads a run's own row, as every provider returns it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowtui.model import RunDescription
from flowtui.sources.metadata_rows import moment


def read_run(flow: str, run: str, source: str, row: Mapping[str, Any]) -> RunDescription:
    """What the row tells of a run: when it was registered, its tags, and by them its user."""
    tags = [str(tag) for tag in row.get("system_tags") or ()]
    users = [tag.removeprefix("user:") for tag in tags if tag.startswith("user:")]
    return RunDescription(
        flow=flow,
        run=run,
        source=source,
        user=users[0] if users else None,
        tags=tuple(sorted(str(tag) for tag in row.get("tags") or ())),
        system_tags=tuple(sorted(tags)),
        created_at=moment(row.get("ts_epoch")),
    )
