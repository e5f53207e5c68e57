"""Values of a run's artifacts, read without running anything that they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowtui.sources import plain_pickle
from flowtui.sources.base import SourceError
from flowtui.sources.datastore import Datastore


class Values:
    """Artifacts' values where they are plain data; an artifact is the row that registers it."""

    def __init__(self, datastore: Datastore) -> None:
        self._datastore = datastore
        self._known: dict[str, Any] = {}

    def plain(self, artifact: Mapping[str, Any]) -> Any:
        """The value if it is plain data and can be read, else None."""
        try:
            return plain_pickle.loads(self._datastore.blob(artifact))
        except (plain_pickle.NotPlain, SourceError):
            return None

    def plain_once(self, artifact: Mapping[str, Any]) -> Any:
        """Like `plain`; equal values are stored once, under one key, and read once."""
        sha = str(artifact.get("sha"))
        if sha not in self._known:
            self._known[sha] = self.plain(artifact)
        return self._known[sha]

    def shown(self, artifact: Mapping[str, Any]) -> Any:
        """The value, or in place of what is no plain data a few words on it."""
        try:
            blob = self._datastore.blob(artifact)
        except SourceError:
            return "<unreadable>"
        try:
            return plain_pickle.loads(blob)
        except plain_pickle.NotPlain:
            return f"<object, {len(blob)} bytes>"
