"""Which records would be read, and how: what `flowtui info` says of the provider."""

from __future__ import annotations

from collections.abc import Sequence

from flowtui.sources.provider import Provider
from flowtui.sources.registry import Where, source_name
from flowtui.sources.service_api import ServiceApi

Line = tuple[str, str]
"""A name and what there is to say of it."""

_HOW = {
    "client": "Metaflow's client, one question per task: always right, slow for thousands of tasks",
    "local": "files of local metadata, what changed since the last look",
}


def about(where: Where) -> Sequence[Line]:
    """The provider, the namespace and the source; raises as `open_source` does."""
    provider = Provider(where.metadata, where.namespace)
    name = source_name(where, provider)
    lines = [
        ("provider", str(provider)),
        ("namespace", provider.namespace or "all namespaces"),
    ]
    if name == "service":
        return [*lines, *_of_service(provider)]
    return [*lines, ("source", f"{name}: {_HOW[name]}")]


def _of_service(provider: Provider) -> Sequence[Line]:
    # Of a run that there cannot be: what matters is how the service answers, not what.
    api = ServiceApi(provider, "flowtui", "0")
    able = api.abilities()
    api.close()
    if not able.pages:
        how = "as the client does, slow for thousands of tasks: this service has no pages"
    elif not able.queries:
        how = "the newest rows; the first look reads all of them: this service has no queries"
    else:
        how = "queries for the first look, then the newest rows"
    return [("service", api.version or "of unknown version"), ("source", f"service: {how}")]
