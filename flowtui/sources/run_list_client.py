"""The reference list of runs: all that Metaflow's public Client API lists, in each poll.

Works with any metadata provider, also one that an extension brings; slow at scale, always right.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from flowtui.run_summary import RunKey
from flowtui.sources.base import RunSource
from flowtui.sources.client import ClientSource, ProviderRecords
from flowtui.sources.metaflow_run_list import MetaflowRunList
from flowtui.sources.provider import Provider
from flowtui.sources.run_looks import Looks
from flowtui.sources.run_row import read_run
from flowtui.sources.run_rows import YOUNG, ListedRun, RowNews

if TYPE_CHECKING:
    import metaflow


class ClientRows:
    """The rows of one flow's runs, or of all, in a namespace, as the client filters them."""

    def __init__(
        self,
        provider: Provider,
        flow: str | None,
        namespace: str | None,
        clock: Callable[[], float],
    ) -> None:
        self._provider, self._flow, self._namespace = provider, flow, namespace
        self._clock = clock
        self._known: dict[RunKey, ListedRun] = {}

    @property
    def more(self) -> bool:
        """Everything is listed in each poll."""
        return False

    @property
    def all_since(self) -> float:
        return -math.inf

    @property
    def trouble(self) -> str | None:
        """Nothing is left out: what cannot be read fails the poll."""
        return None

    def look(self, patience: float, watched: Collection[RunKey]) -> RowNews:  # noqa: ARG002
        try:
            found = {listed.key: listed for listed in self._list()}
        except Exception as error:
            raise self._provider.translated(error) from error
        news = RowNews(
            runs=tuple(it for key, it in found.items() if self._known.get(key) != it),
            gone=tuple(key for key in self._known if key not in found),
        )
        self._known = found
        return news

    def forget(self, key: RunKey) -> None:
        self._known.pop(key, None)

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _list(self) -> Iterator[ListedRun]:
        for flow in self._flows():
            for run in flow:
                created_at = round(run.created_at.timestamp() * 1000)
                tags = {"tags": run.user_tags, "system_tags": run.system_tags}
                row = read_run(
                    flow.id, run.id, ProviderRecords.name, {**tags, "ts_epoch": created_at}
                )
                yield ListedRun(row, unfinished=self._clock() * 1000 - created_at < YOUNG)

    def _flows(self) -> Iterator[metaflow.Flow]:
        from metaflow import Flow, Metaflow, namespace
        from metaflow.exception import MetaflowNamespaceMismatch, MetaflowNotFound

        # One for the whole process, as is the provider: another one may have been chosen since.
        namespace(self._namespace)
        if self._flow is None:
            yield from Metaflow()
            return
        try:
            yield Flow(self._flow)
        except (MetaflowNamespaceMismatch, MetaflowNotFound):
            return


def client_run_list(
    provider: Provider,
    namespace: str | None,
    flow: str | None = None,
    *,
    clock: Callable[[], float] = time.time,
    monotonic: Callable[[], float] = time.monotonic,
) -> MetaflowRunList:
    """The runs of whatever provider is configured; `clock` is this machine's, in seconds."""

    def open_run(flow: str, run: str) -> RunSource:
        return ClientSource(provider, flow, run, clock=clock)

    return MetaflowRunList(
        ClientRows(provider, flow, namespace, clock),
        Looks(open_run),
        namespace,
        now=lambda: int(clock() * 1000) + provider.ahead,
        monotonic=monotonic,
    )
