"""The metadata provider that Metaflow is configured with; errors are sentences."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowtui.model import Target
from flowtui.sources.base import NotFound, SourceError, Unreachable, Unsupported
from flowtui.sources.metadata_rows import moment

ANY_NAMESPACE = ""
"""The value of `--namespace` that stands for all namespaces, Metaflow's `namespace(None)`."""

_IDS: Mapping[str, str] = {
    "flow": "flow_id",
    "run": "run_number",
    "step": "step_name",
    "task": "task_id",
    "artifact": "name",
}
"""What a row of each kind is told by; a row without it is none."""


class Provider:
    """Metaflow's metadata provider and namespace; both are global within Metaflow's client."""

    def __init__(self, metadata: str | None = None, namespace: str | None = None) -> None:
        """Choose the provider (`local@DIR`, `service@URL`, None for the configured one) and the
        namespace (None for the user's own, `ANY_NAMESPACE` for all).

        Raises NotFound when there is no local metadata, Unsupported for an unknown provider.
        """
        import metaflow
        from metaflow import Metaflow
        from metaflow.exception import MetaflowException

        try:
            if metadata is not None:
                _select(metaflow, metadata)
            if namespace is not None:
                metaflow.namespace(None if namespace == ANY_NAMESPACE else namespace)
            self.namespace: str | None = metaflow.get_namespace()
        except MetaflowException as error:
            raise Unsupported(f"{_sentence(error)} Pass --namespace.") from error
        self._backend = _configured() if metadata is None else Metaflow().metadata
        if self._backend.TYPE == "service":
            if not self._backend.INFO:
                raise Unsupported(
                    "No metaflow-service is configured. Set METAFLOW_SERVICE_URL, or pass "
                    "--metadata service@URL or --metadata local@DIR."
                )
            _make_impatient()
        if self.is_away():
            raise NotFound(self._no_root())

    @property
    def type(self) -> str:
        """Metaflow's name for its kind: `local`, `service`, or what an extension brings."""
        return str(self._backend.TYPE)

    @property
    def is_local(self) -> bool:
        return self.type == "local"

    @property
    def service_url(self) -> str | None:
        """The address of the metaflow-service, or None for another kind."""
        return str(self._backend.INFO).rstrip("/") if self.type == "service" else None

    @property
    def local_root(self) -> Path | None:
        """The `.metaflow` folder that local metadata is read from."""
        from metaflow.plugins.datastores.local_storage import LocalStorage

        root = LocalStorage.datastore_root or LocalStorage.get_datastore_root_from_config(
            lambda *_, **__: None, create_on_absent=False
        )
        return Path(root) if root else None

    @property
    def ahead(self) -> int:
        """Milliseconds that a metaflow-service's clock is ahead of this machine's; else 0."""
        if self.type != "service":
            return 0
        from flowtui.sources.impatient import Impatient

        return Impatient.ahead

    def is_away(self) -> bool:
        """Whether the whole local root has gone, as when what it was mounted from has."""
        return self.is_local and not (self.local_root and self.local_root.is_dir())

    def __str__(self) -> str:
        return f"local@{self.local_root}" if self.is_local else str(self._backend.metadata_str())

    def environment(self) -> Mapping[str, str]:
        """The variables that point a flow's process at this provider."""
        chosen = {"METAFLOW_DEFAULT_METADATA": self.type}
        if self.is_local and self.local_root is not None:
            chosen["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = str(self.local_root.parent)
        elif self.service_url is not None:
            chosen["METAFLOW_SERVICE_URL"] = self.service_url
        return chosen

    def get(self, kind: str, part: str, *path: str, attempt: int | None = None) -> Any:
        """The provider's `get_object`; raises Unreachable for whatever goes wrong below it."""
        try:
            return self._backend.get_object(kind, part, {}, attempt, *path)
        except Exception as error:
            raise self.translated(error) from error

    def list(
        self, kind: str, part: str, *path: str, attempt: int | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Like `get`, always as a list of rows: one row alone may come bare, none as None."""
        rows = self.get(kind, part, *path, attempt=attempt)
        if isinstance(rows, Mapping):
            rows = [rows]
        if rows is not None and not isinstance(rows, Sequence):
            raise self.strange()
        needed = _IDS.get(kind if part == "self" else part)
        return [
            row
            for row in rows or ()
            if isinstance(row, Mapping) and (needed is None or row.get(needed) is not None)
        ]

    def row(self, kind: str, *path: str) -> Mapping[str, Any] | None:
        """What the provider knows of one flow, run, step or task; None when there is none."""
        row = self.get(kind, "self", *path)
        if row and not isinstance(row, Mapping):
            raise self.strange()
        return row or None

    def resolve(self, target: Target) -> Target:
        """The target with `@latest` replaced; raises NotFound with what there is instead."""
        if target.run == "@latest":
            return Target(target.flow, self._latest(target.flow), target.step, target.task)
        row = self.row("run", target.flow, target.run)
        if not row:
            raise NotFound(self._no_run(target))
        if not self._in_namespace(row):
            raise NotFound(
                f"Run {target.flow}/{target.run} is not in namespace {self.namespace!r}. "
                "Pass --namespace '' to look in all namespaces."
            )
        return target

    def require_flow(self, flow: str) -> None:
        """Raise NotFound, with what there is instead, if there is no such flow."""
        if not self.row("flow", flow):
            raise NotFound(self._no_flow(flow))

    def _latest(self, flow: str) -> str:
        rows = self.list("flow", "run", flow)
        inside = [row for row in rows if self._in_namespace(row)]
        if not inside:
            raise NotFound(self._no_latest(flow, elsewhere=bool(rows)))
        newest = max(inside, key=_created)
        return str(newest["run_number"])

    def _in_namespace(self, row: Mapping[str, Any]) -> bool:
        tags = [*(row.get("tags") or ()), *(row.get("system_tags") or ())]
        return self.namespace is None or self.namespace in tags

    def _no_root(self) -> str:
        set_root = os.environ.get("METAFLOW_DATASTORE_SYSROOT_LOCAL")
        if set_root:
            return (
                f"No Metaflow metadata in {set_root}: METAFLOW_DATASTORE_SYSROOT_LOCAL points "
                "there, but it has no .metaflow folder."
            )
        return (
            "No Metaflow metadata here: there is no .metaflow folder in this directory or above. "
            "Run flowtui where the flow ran, or pass --metadata local@DIR."
        )

    def _no_flow(self, flow: str) -> str:
        names = [str(row["flow_id"]) for row in self.list("root", "flow")]
        if not names:
            return f"There is no flow {flow!r}: {self} holds no runs yet."
        near = difflib.get_close_matches(flow, names, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known flows: {_some(sorted(names))}."
        return f"There is no flow {flow!r} in {self}. {hint}"

    def _no_run(self, target: Target) -> str:
        rows = [row for row in self.list("flow", "run", target.flow) if self._in_namespace(row)]
        if not rows and not self.row("flow", target.flow):
            return self._no_flow(target.flow)
        newest = sorted(rows, key=_created, reverse=True)
        known = _some([str(row["run_number"]) for row in newest])
        hint = f"Newest runs: {known}." if known else "It has no runs in this namespace."
        return f"Flow {target.flow} has no run {target.run!r}. {hint}"

    def _no_latest(self, flow: str, *, elsewhere: bool) -> str:
        if elsewhere:
            return (
                f"Flow {flow} has no runs in namespace {self.namespace!r}. "
                "Pass --namespace '' to look in all namespaces."
            )
        if self.row("flow", flow):
            return f"Flow {flow} has no runs yet."
        return self._no_flow(flow)

    def translated(self, error: Exception) -> SourceError:
        """What went wrong below the provider, as a sentence."""
        if isinstance(error, SourceError):
            return error
        # What is no JSON: another kind of server, or a file that is just being written.
        if isinstance(error, ValueError):
            return self.strange()
        if (code := getattr(error, "http_code", None)) is not None:
            return self.refused(code)
        return Unreachable(f"{self} does not answer: {_sentence(error)}")

    def refused(self, code: int) -> Unreachable:
        """The error for an answer with an HTTP status of 400 or more."""
        return Unreachable(f"{self} answers with an error, HTTP status {code}.")

    def strange(self) -> Unreachable:
        """The error for an answer that no provider gives."""
        if self.is_local:
            return Unreachable(f"{self} cannot be read: a metadata file in it is damaged.")
        return Unreachable(
            f"{self} does not answer as a metadata provider does. Is the address right?"
        )


def configured_kind(metadata: str | None) -> str:
    """The kind of the provider that would be read, without asking it; raises Unsupported."""
    return str(_configured().TYPE) if metadata is None else metadata.partition("@")[0]


def _configured() -> Any:
    """The provider that Metaflow's configuration names."""
    from metaflow import Metaflow
    from metaflow.metaflow_config import DEFAULT_METADATA

    try:
        return Metaflow().metadata
    except Exception as error:
        raise Unsupported(
            f"Metaflow is configured to use a metadata provider {DEFAULT_METADATA!r}, which "
            "cannot be had here. Pass --metadata local@DIR or service@URL."
        ) from error


def _select(metaflow: Any, metadata: str) -> None:
    from metaflow.plugins import METADATA_PROVIDERS

    kind, _, info = metadata.partition("@")
    known = [provider.TYPE for provider in METADATA_PROVIDERS]
    if kind not in known:
        raise Unsupported(f"There is no metadata provider {kind!r}. Pass local@DIR or service@URL.")
    if kind == "service":
        _make_impatient()
    try:
        # Checks what it is given: that the folder exists, that the service answers.
        metaflow.metadata(metadata)
    except Exception as error:
        if kind == "local":
            sentence = f"No Metaflow metadata in {info}: it has no .metaflow folder."
            raise NotFound(sentence) from error
        from flowtui.sources.impatient import interrupted

        # Metaflow takes Ctrl-C for one of the ways in which a service may fail to answer.
        if interrupted.is_set():
            raise KeyboardInterrupt from None
        raise Unreachable(f"{metadata} does not answer: {_sentence(error)}") from error


def _make_impatient() -> None:
    """Give Metaflow's service client a time-out and one try: flowtui backs off by itself."""
    from metaflow.plugins.metadata_providers import service

    from flowtui.sources.impatient import make_impatient

    service.SERVICE_RETRY_COUNT = 1
    make_impatient(service.ServiceMetadataProvider._session)


def _created(row: Mapping[str, Any]) -> int:
    return moment(row.get("ts_epoch")) or 0


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown


def _sentence(error: Exception) -> str:
    """An error in a few words, else by its first line, with a full stop."""
    import requests

    from flowtui.sources.impatient import TIMEOUT

    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT:g} s."
    if isinstance(error, requests.ConnectionError):
        return "no connection to it."
    lines = (str(getattr(error, "message", "")) or str(error)).strip().splitlines()
    text = lines[0].strip() if lines else type(error).__name__
    return text if text.endswith(".") else f"{text}."
