"""What attempts stored: artifacts as they are registered, and the values of those of plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowtui.model import Artifact, Artifacts
from flowtui.sizes import size
from flowtui.sources import plain_pickle
from flowtui.sources.base import SourceError, Unsupported
from flowtui.sources.datastore import Datastore
from flowtui.sources.metadata_rows import Rows

MAX_VALUE = 1024 * 1024
"""Bytes of a pickle beyond which its value is not read: what follows holds up every thread."""

_CLASS = "<class '"


def gather(rows: Rows, datastore: Datastore, step: str, task: str, attempt: int) -> Artifacts:
    """The artifacts that these rows register, with what the attempt noted of them elsewhere."""
    if not rows:
        return Artifacts()
    noted: Mapping[str, Any] = {}
    trouble = None
    stored_in = (str(rows[0].get("ds_type")), str(rows[0].get("location")))
    try:
        noted = _mapping(_mapping(datastore.noted(step, task, attempt, stored_in)).get("info"))
    except SourceError as error:
        trouble = str(error)
    listed = [_artifact(row, noted, step, task, attempt) for row in rows if row.get("name")]
    return Artifacts(tuple(sorted(listed, key=lambda found: found.name)), trouble)


def value(datastore: Datastore, artifact: Artifact) -> Any:
    """The value of an artifact that is plain data.

    Raises Unsupported, with the type and size, for any other, and Unreachable.
    """
    kind = artifact.type or "object"
    if (artifact.size or 0) > MAX_VALUE:
        raise Unsupported(_too_large(kind, artifact.size or 0))
    row = {"ds_type": artifact.kind, "location": artifact.root, "sha": artifact.sha}
    blob = datastore.blob(row, most=MAX_VALUE)
    if len(blob) > MAX_VALUE:
        raise Unsupported(_too_large(kind, len(blob)))
    try:
        return plain_pickle.loads(blob)
    except plain_pickle.NotPlain as error:
        raise Unsupported(
            f"<{kind}, {size(len(blob))}>: only plain data is read, and nothing is unpickled."
        ) from error


def _too_large(kind: str, count: int) -> str:
    return f"<{kind}, {size(count)}>: values of more than {size(MAX_VALUE)} are not read."


def _artifact(
    row: Mapping[str, Any], noted: Mapping[str, Any], step: str, task: str, attempt: int
) -> Artifact:
    name = str(row["name"])
    known = _mapping(noted.get(name))
    kind, count = known.get("type"), known.get("size")
    if isinstance(kind, str):
        kind = kind.removeprefix(_CLASS).removesuffix("'>")
    return Artifact(
        *(step, task, attempt, name),
        type=kind if isinstance(kind, str) else None,
        size=count if type(count) is int and count >= 0 else None,
        sha=str(row.get("sha")),
        kind=str(row.get("ds_type")),
        root=str(row.get("location")),
    )


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}
