"""Chooses the source that reads a target: by the configured provider, or as asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flowtui.model import Target
from flowtui.sources.base import RunSource, Unsupported
from flowtui.sources.client import ClientSource
from flowtui.sources.local import LocalSource
from flowtui.sources.provider import Provider
from flowtui.sources.service import ServiceSource

_SOURCES: Mapping[str, Callable[..., RunSource]] = {
    "client": ClientSource,
    "local": LocalSource,
    "service": ServiceSource,
}
"""What `--source` takes, and what it opens."""


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
    provider = Provider(where.metadata, where.namespace)
    name = source_name(where, provider)
    resolved = provider.resolve(target)
    return resolved, _SOURCES[name](provider, resolved.flow, resolved.run, clock=clock)


def source_name(where: Where, provider: Provider) -> str:
    """The source for a provider: the one asked for, else the fastest; raises Unsupported."""
    if where.source is None:
        return provider.type if provider.type in _SOURCES else "client"
    if where.source not in ("client", provider.type):
        raise Unsupported(
            f"The source {where.source} cannot read {provider}. Pass --source client or --metadata."
        )
    return where.source
