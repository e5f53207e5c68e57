"""Reads the artifact `_graph_info`, in which Metaflow keeps a run's DAG as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowtui.graph.dag import order_nodes
from flowtui.model import Decorator, Graph, Node


def read_graph(info: Any) -> tuple[Graph, Sequence[str]]:
    """The graph and the parameters' names; empty for what is not a `_graph_info`.

    The artifact is remote data: each part is taken only if it has the type that Metaflow writes.
    """
    if not isinstance(info, Mapping) or not isinstance(info.get("steps"), Mapping):
        return Graph(), ()
    nodes = [
        _read_node(str(name), step)
        for name, step in info["steps"].items()
        if isinstance(step, Mapping)
    ]
    # Runs of Metaflow before 2.18 do not say which steps these are: they had fixed names then.
    start = _text(info.get("start_step")) or "start"
    end = _text(info.get("end_step")) or "end"
    graph = Graph(order_nodes(nodes, start), start, end, _text(info.get("file")))
    names = [
        str(parameter["name"])
        for parameter in _items(info.get("parameters"))
        if isinstance(parameter, Mapping) and "name" in parameter
    ]
    return graph, names


def _read_node(name: str, step: Mapping[str, Any]) -> Node:
    cases = step.get("switch_cases")
    line, parallel = step.get("line"), step.get("num_parallel")
    return Node(
        name=name,
        type=_text(step.get("type")) or "unknown",
        next=tuple(str(other) for other in _items(step.get("next"))),
        decorators=tuple(
            _read_decorator(deco)
            for deco in _items(step.get("decorators"))
            if isinstance(deco, Mapping)
        ),
        foreach_artifact=_text(step.get("foreach_artifact")),
        num_parallel=parallel if isinstance(parallel, int) else None,
        condition=_text(step.get("condition")),
        switch_cases=(
            {str(case): str(other) for case, other in cases.items()}
            if isinstance(cases, Mapping)
            else {}
        ),
        matching_join=_text(step.get("matching_join")),
        doc=_text(step.get("doc")) or "",
        line=line if isinstance(line, int) else None,
        source_file=_text(step.get("source_file")),
    )


def _read_decorator(deco: Mapping[str, Any]) -> Decorator:
    attributes = deco.get("attributes")
    return Decorator(
        name=str(deco.get("name")),
        attributes=(
            {str(key): value for key, value in attributes.items()}
            if isinstance(attributes, Mapping)
            else {}
        ),
    )


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
