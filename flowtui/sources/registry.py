"""Chooses the source that reads a target: by the configured provider, or as asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flowtui.model import Target
from flowtui.sources.base import RunSource, Unsupported
from flowtui.sources.client import ClientSource
from flowtui.sources.provider import Provider

SOURCES: Sequence[str] = ("client",)
"""The names that `--source` takes."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where to look for runs: `--metadata`, `--namespace` and `--source`; None is the default."""

    metadata: str | None = None
    namespace: str | None = None
    source: str | None = None


def open_source(
    target: Target, where: Where, *, clock: Callable[[], float] = time.time
) -> tuple[Target, RunSource]:
    """The target with its run resolved, and a source for it; `clock` is this machine's, in seconds.

    Raises NotFound, Unreachable or Unsupported. Imports Metaflow, which takes a third of a second.
    """
    if where.source is not None and where.source not in SOURCES:
        raise Unsupported(f"There is no source {where.source!r}. Pass {' or '.join(SOURCES)}.")
    provider = Provider(where.metadata, where.namespace)
    resolved = provider.resolve(target)
    return resolved, ClientSource(provider, resolved.flow, resolved.run, clock=clock)
