"""Tells a run that succeeded by its terminal step alone: a few records, however many tasks it has.

The rule is that of every source, the ledger's: the outcome of the terminal step comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flowtui.model import Graph, Ms, RunDescription, RunStatus, State
from flowtui.sources.client import ProviderRecords
from flowtui.sources.datastore import Datastore
from flowtui.sources.graph_info import read_graph
from flowtui.sources.ledger import Ledger
from flowtui.sources.provider import Provider
from flowtui.sources.values import Values
from flowtui.status import TaskEvidence, Vital


class RunEnds:
    """Looks at the ends of runs; the graph that runs of a flow share is read once."""

    def __init__(
        self, provider: Provider, records: Callable[[str, str], ProviderRecords] | None = None
    ) -> None:
        """`records` are those of a flow's run, where there is a quicker way than the provider's."""
        self._provider = provider
        self._records = records or partial(ProviderRecords, provider)
        self._graphs: dict[str, tuple[str, Graph]] = {}

    def success(self, flow: str, run: str) -> RunStatus | None:
        """The run's status if it has succeeded; None where that takes more to say.

        Raises Unreachable.
        """
        graph = self._graph(flow, run)
        end = graph.by_name.get(graph.end_step or "")
        # Whether @catch handled its failure is told by its artifacts, which are not read here.
        if end is None or end.decorator("catch") is not None:
            return None
        ledger, records = Ledger(), self._records(flow, run)
        for row in self._provider.list("step", "task", flow, run, end.name):
            task = str(row["task_id"])
            fields = records.origin(run, end.name, task)
            if fields.origin_task is not None:
                return None
            ledger.record(TaskEvidence(end.name, task, fields.attempts))
        description = RunDescription(flow, run, "", graph=graph)
        status = ledger.changes(description, Vital(Ms(0)), heartbeats=False).status
        return status if status is not None and status.state is State.SUCCEEDED else None

    def _graph(self, flow: str, run: str) -> Graph:
        artifact = self._records(flow, run).parameters().get("_graph_info")
        if artifact is None:
            return Graph()
        sha, graph = self._graphs.get(flow, ("", Graph()))
        if sha != str(artifact.get("sha")):
            values = Values(Datastore(self._provider, flow, run))
            graph, _ = read_graph(values.plain(artifact))
            self._graphs[flow] = (str(artifact.get("sha")), graph)
        return graph
