"""Local metadata without Metaflow, which takes half a second to import, where that is the same.

It is where no file of Metaflow's settings and no other extension of it has a say in which folder
that is and in whose namespace.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flowtui.sources.local_tree import Damaged, entries, load
from flowtui.sources.provider import ANY_NAMESPACE, Provider

_USER_VARIABLES = ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER")
"""Where Metaflow takes the user's name from (`get_username`), the first one that is set."""

_OUR_EXTENSIONS = {"flowtui", "flowtui_launched"}

_FOLDERS = ("flow", "run", "step", "task")
"""The kinds that have a folder with a row in it, each within that of the kind before."""


class LocalProvider(Provider):
    """A Provider of local metadata: it reads the rows of flows, runs, steps and tasks itself.

    Any other question is Metaflow's.
    """

    def __init__(self, root: Path, namespace: str | None) -> None:
        """`root` is the `.metaflow` folder, `namespace` a tag or None for all."""
        self._root = root
        self.namespace = namespace

    @property
    def type(self) -> str:
        return "local"

    @property
    def local_root(self) -> Path:
        return self._root

    def get(self, kind: str, part: str, *path: str, attempt: int | None = None) -> Any:
        if part == "self" and kind in _FOLDERS:
            return self._row(path)
        if part in _FOLDERS:
            folder = self._root.joinpath(*path)
            names = entries(str(folder)) if folder.is_dir() else ()
            rows = (self._row((*path, name)) for name in names)
            return [row for row in rows if row is not None]
        return self._metaflow.get(kind, part, *path, attempt=attempt)

    @cached_property
    def _metaflow(self) -> Provider:
        return Provider(f"local@{self._root.parent}", self.namespace or ANY_NAMESPACE)

    def _row(self, path: Sequence[str]) -> Mapping[str, Any] | None:
        file = self._root.joinpath(*path, "_meta", "_self.json")
        try:
            return load(str(file)) if file.exists() else None
        except Damaged as damage:
            raise self.strange() from damage


def plainly_local(metadata: str | None, namespace: str | None) -> LocalProvider | None:
    """The provider that `Provider` would be with these, if that is plainly local; else None."""
    root, inside = _plain_root(metadata), _namespace(namespace)
    if root is None or inside is None or not root.is_dir():
        return None
    return LocalProvider(root, None if inside == ANY_NAMESPACE else inside)


def _plain_root(metadata: str | None) -> Path | None:
    """The `.metaflow` folder, existing or not; None where it takes Metaflow to tell."""
    home = Path(os.environ.get("METAFLOW_HOME", "~/.metaflowconfig")).expanduser()
    here = Path.cwd()
    above = next((at for at in (here, *here.parents) if (at / ".metaflow").is_dir()), here)
    settings = [*home.glob("config*.json"), *above.glob(".metaflow/config.json")]
    if settings or os.environ.get("METAFLOW_PROFILE") or _extended():
        return None
    configured = os.environ.get("METAFLOW_DEFAULT_METADATA", "local")
    kind, _, folder = (configured if metadata is None else metadata).partition("@")
    if kind != "local":
        return None
    sysroot = os.environ.get("METAFLOW_DATASTORE_SYSROOT_LOCAL")
    return Path(folder or sysroot or above, ".metaflow")


def _extended() -> bool:
    """Whether Metaflow has extensions apart from our own."""
    found = find_spec("metaflow_extensions")
    places = found.submodule_search_locations or () if found is not None else ()
    names = {name for place in places if os.path.isdir(place) for name in os.listdir(place)}
    return any(name not in _OUR_EXTENSIONS and not name.startswith(("_", ".")) for name in names)


def _namespace(asked: str | None) -> str | None:
    """The namespace that is asked for, or that Metaflow starts with; None if there is none."""
    if asked is not None:
        return asked
    token = os.environ.get("METAFLOW_PRODUCTION_TOKEN")
    if token:
        return f"production:{token}"
    users = (os.environ.get(name) for name in _USER_VARIABLES)
    user = next((user for user in users if user and user != "root"), None)
    return f"user:{user}" if user else None
