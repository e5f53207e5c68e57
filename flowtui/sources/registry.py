"""Chooses the source that reads a target: by the configured provider, or as asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from flowtui.model import Target
from flowtui.sources.base import RunSource, Unsupported
from flowtui.sources.local_provider import plainly_local
from flowtui.sources.provider import Provider
from flowtui.sources.run_list import Listing, RunList


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

    Raises NotFound, Unreachable or Unsupported.
    """
    provider = open_provider(where)
    name = source_name(where, provider)
    resolved = provider.resolve(target)
    return resolved, _opener(name)(provider, resolved.flow, resolved.run, clock=clock)


def open_run_list(
    where: Where, flow: str | None = None, *, clock: Callable[[], float] = time.time
) -> RunList:
    """The runs of a flow, or of all, that the provider and the namespace show.

    Raises NotFound where there is no such flow, and what `open_source` raises. Another namespace
    takes another list.
    """
    return open_listing(where, flow, clock=clock)[1]


def open_listing(
    where: Where, flow: str | None = None, *, clock: Callable[[], float] = time.time
) -> tuple[Listing, RunList]:
    """The like, and where that list is from."""
    provider = open_provider(where)
    name = source_name(where, provider)
    if flow is not None:
        provider.require_flow(flow)
    runs = _list_opener(name)(provider, provider.namespace, flow, clock=clock)
    return Listing(str(provider), provider.namespace, name), runs


def open_provider(where: Where) -> Provider:
    """The provider to read; raises what `Provider` raises. Without Metaflow where that will do."""
    plain = plainly_local(where.metadata, where.namespace) if where.source != "client" else None
    return plain or Provider(where.metadata, where.namespace)


def source_name(where: Where, provider: Provider) -> str:
    """The source for a provider: the one asked for, else the fastest; raises Unsupported."""
    if where.source is None:
        return provider.type if provider.type in ("local", "service") else "client"
    if where.source not in ("client", provider.type):
        raise Unsupported(
            f"The source {where.source} cannot read {provider}. Pass --source client or --metadata."
        )
    return where.source


def _opener(name: str) -> Callable[..., RunSource]:
    """Imports the source alone that is opened: HTTP takes a tenth of a second to import."""
    if name == "local":
        from flowtui.sources.local import LocalSource

        return LocalSource
    if name == "service":
        from flowtui.sources.service import ServiceSource

        return ServiceSource
    from flowtui.sources.client import ClientSource

    return ClientSource


def _list_opener(name: str) -> Callable[..., RunList]:
    if name == "local":
        from flowtui.sources.run_list_local import local_run_list

        return local_run_list
    if name == "service":
        from flowtui.sources.run_list_service import service_run_list

        return service_run_list
    from flowtui.sources.run_list_client import client_run_list

    return client_run_list
